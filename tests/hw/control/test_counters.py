"""Counters against sums."""

import random

import pytest

from hw.control.counters import READ_CYCLES, Counters
from hw.registers import COUNTERS

WIDTHS = {name: 1 + k for k, name in enumerate(COUNTERS)}
SCALES = {"read_bytes": 3, "stall_drain": 16}


class Drive:
    """Random increments and enables, clears now and then, and reads of any words.

    A read must give the sum of some cycle between its own and that in which it is done.
    """

    def __init__(self, dut, cycles, rng, *, share=0.7, begin=None):
        self.dut, self.cycles, self.rng, self.share = dut, cycles, rng, share
        self.done, self.pending, self.waits = False, None, []
        self.sums = dict.fromkeys(COUNTERS, 0) | (begin or {})
        self.cleared = 0

    def drive(self, ctx, cycle):
        """Set this cycle's increments; ask for a word where none is awaited."""
        dut = self.dut
        clear = self.pending is None and self.rng.random() < 0.004
        enable = self.rng.random() < self.share
        ctx.set(dut.clear, clear)
        ctx.set(dut.enable, enable)
        asks = self.pending is None and not clear and self.rng.random() < 0.05
        if asks:
            self.word = self.rng.randrange(2 * len(COUNTERS))
            self.pending = [cycle, self._half()]
            ctx.set(dut.r_word, self.word)
        ctx.set(dut.r_en, asks)
        for name, width in dut.widths.items():
            step = self.rng.choice([0, 1, 2**width - 1])
            ctx.set(dut.increments[name], step)
            if clear:
                self.sums[name] = 0
            elif enable:
                self.sums[name] += step << dut.scales[name]
        self.cleared += clear
        if self.pending is not None:
            self.pending.append(self._half())

    def _half(self):
        name = COUNTERS[self.word // 2]
        return self.sums[name] >> 32 * (self.word % 2) & 0xFFFFFFFF

    def sample(self, ctx, cycle):
        """Compare what is read."""
        if self.pending is not None and ctx.get(self.dut.r_done):
            began, *values = self.pending
            assert ctx.get(self.dut.r_data) in values
            self.waits.append(cycle - began)
            self.pending = None
        self.done = cycle >= self.cycles


@pytest.mark.parametrize("share", [0.02, 0.7, 1])
def test_what_is_read_is_the_sum_of_all_increments(bench, share):
    dut = Counters(WIDTHS, SCALES)
    b = bench(dut)
    watch = b.add(Drive(dut, 4000, random.Random(0), share=share))
    b.run()
    assert len(watch.waits) > 60 and watch.cleared > 3
    assert max(watch.waits) <= READ_CYCLES


def test_the_low_word_carries_into_the_high_word(bench):
    dut = Counters(dict.fromkeys(COUNTERS, 16), dict.fromkeys(COUNTERS, 8))
    b = bench(dut)
    watch = b.add(Drive(dut, 6000, random.Random(2), share=1))
    b.run()
    assert max(watch.sums.values()) > 1 << 34 or watch.cleared


def test_before_the_first_run_all_counters_are_zero(play):
    rows = [{"r_en": 1, "r_word": 3}, *[{"r_en": 0}] * READ_CYCLES]
    seen = play(Counters(WIDTHS), rows)
    assert [row["r_data"] for row in seen if row["r_done"]] == [0]


def test_a_missing_counter_is_refused():
    with pytest.raises(ValueError) as error:
        Counters({name: 1 for name in COUNTERS if name != "cycles"})
    assert str(error.value) == "widths must name every counter once; check cycles"


def test_an_increment_that_is_too_wide_is_refused():
    with pytest.raises(ValueError) as error:
        Counters({**WIDTHS, "cycles": 17})
    assert str(error.value) == "the width of cycles must be 1 to 16, not 17"
