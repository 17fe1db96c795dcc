import itertools
import random

import pytest

from boards.dram.litedram import InitStep
from boards.dram.starter import Starter

STEPS = (InitStep(512, 12, 0), InitStep(0, 0x400, 7), InitStep(3, 1, 0), InitStep(0, 1, 2))


class Bus:
    """Takes writes; ``seen`` are cycle, word and value of each."""

    def __init__(self, dut, wait):
        self.dut, self.wait, self.seen = dut, wait, []
        self.rng = random.Random(0)
        self.left = 60 * len(STEPS)

    @property
    def done(self):
        """Long after all must have come."""
        return self.left <= 0

    def drive(self, ctx, cycle):
        """Take, or let it wait."""
        ctx.set(self.dut.taken, self.rng.random() >= self.wait)

    def sample(self, ctx, cycle):
        """See a write."""
        self.left -= 1
        if ctx.get(self.dut.valid) and ctx.get(self.dut.taken):
            self.seen.append((cycle, ctx.get(self.dut.word), ctx.get(self.dut.value)))


@pytest.mark.parametrize("wait", [0.0, 0.7])
def test_every_step_is_written_once_and_in_order(bench, wait):
    dut = Starter(STEPS)
    b = bench(dut)
    bus = b.add(Bus(dut, wait))
    b.run()
    assert [seen[1:] for seen in bus.seen] == [(s.word, s.value) for s in STEPS]


def test_a_step_takes_its_cycles_and_three(bench):
    dut = Starter(STEPS)
    b = bench(dut)
    bus = b.add(Bus(dut, 0.0))
    b.run()
    cycles = [seen[0] for seen in bus.seen]
    waits = [after - before for before, after in itertools.pairwise(cycles)]
    assert waits == [step.cycles + 3 for step in STEPS[:-1]]


def test_nothing_to_start_is_refused():
    with pytest.raises(ValueError) as refusal:
        Starter(())
    assert str(refusal.value) == "steps must be at least one, not none"
