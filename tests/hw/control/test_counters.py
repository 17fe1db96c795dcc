"""Counters against sums."""

import random

import pytest

from hw.control.counters import Counters, counter_values
from hw.registers import COUNTERS

WIDTHS = {name: 1 + k for k, name in enumerate(COUNTERS)}


class Drive:
    """Random increments and enables; notes every value."""

    def __init__(self, dut, cycles, clear_at, rng):
        self.dut, self.cycles, self.clear_at, self.rng = dut, cycles, clear_at, rng
        self.done = False
        self.sums = dict.fromkeys(WIDTHS, 0)
        self.expected, self.values = [], []

    def drive(self, ctx, cycle):
        """Set this cycle's increments."""
        dut = self.dut
        clear, enable = cycle == self.clear_at, self.rng.random() < 0.7
        ctx.set(dut.clear, clear)
        ctx.set(dut.enable, enable)
        for name, width in WIDTHS.items():
            step = self.rng.choice([0, 1, 2**width - 1])
            ctx.set(dut.increments[name], step)
            if clear:
                self.sums[name] = 0
            elif enable:
                self.sums[name] += step
        self.expected.append(list(self.sums.values()))

    def sample(self, ctx, cycle):
        """Note the values."""
        self.values.append([ctx.get(self.dut.values[k]) for k in range(len(COUNTERS))])
        self.done = cycle >= self.cycles


def test_an_increment_is_counted_two_cycles_later(bench):
    dut = Counters(WIDTHS)
    b = bench(dut)
    watch = b.add(Drive(dut, 300, 150, random.Random(0)))
    b.run()
    # A clear shows in the next cycle.
    for cycle, values in enumerate(watch.values[2:], 2):
        expected = watch.expected[cycle - 2]
        assert values == ([0] * len(COUNTERS) if cycle == 151 else expected)


def test_the_low_word_carries_into_the_high_word_a_cycle_later(bench):
    dut = Counters(dict.fromkeys(COUNTERS, 32))
    b = bench(dut)
    seen = []

    class Once:
        done = False

        def drive(self, ctx, cycle):
            ctx.set(dut.enable, cycle < 3)
            ctx.set(dut.increments["cycles"], 2**32 - 1)

        def sample(self, ctx, cycle):
            seen.append(ctx.get(dut.values[COUNTERS.index("cycles")]))
            self.done = cycle == 9

    b.add(Once())
    b.run()
    top = 2**32 - 1
    assert seen == [0, 0, top, top - 1, top - 2 + 2**32] + [3 * top] * 5


def test_there_is_a_value_for_every_counter():
    assert counter_values().length == len(COUNTERS)


def test_a_missing_counter_is_refused():
    with pytest.raises(ValueError) as error:
        Counters({name: 1 for name in COUNTERS if name != "cycles"})
    assert str(error.value) == "widths must name every counter once; check cycles"


def test_an_increment_wider_than_a_word_is_refused():
    with pytest.raises(ValueError) as error:
        Counters({**WIDTHS, "cycles": 33})
    assert str(error.value) == "the width of cycles must be 1 to 32, not 33"
