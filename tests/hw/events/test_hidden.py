"""Events of h against the units that came."""

import random

import pytest

from hw.events.hidden import HiddenEvents


class UnitSource:
    """Gives units with random gaps, at most two lists ahead of the user as the machine is."""

    def __init__(self, dut, steps, idle, user, rng):
        self.dut, self.idle, self.user, self.rng = dut, idle, user, rng
        self.size = len(steps[0])
        self.units = [h for step in steps for h in step]
        self.given = []

    @property
    def done(self):
        """Whether all units were given."""
        return not self.units

    def drive(self, ctx, cycle):
        """Give the next unit, or none."""
        room = len(self.given) // self.size < len(self.user.used) + 2
        self.valid = bool(self.units) and room and self.rng.random() >= self.idle
        ctx.set(self.dut.valid, self.valid)
        if self.valid:
            ctx.set(self.dut.h, self.units[0])

    def sample(self, ctx, cycle):
        """Check what is said of the unit, and that it is written at once."""
        assert ctx.get(self.dut.w_en) == self.valid
        if self.valid:
            unit = len(self.given) % self.size
            assert ctx.get(self.dut.unit) == unit
            assert ctx.get(self.dut.step_end) == (unit == self.size - 1)
            self.given.append(cycle)
            self.units.pop(0)


@pytest.mark.parametrize("size", [1, 2, 7, 16])
@pytest.mark.parametrize("idle", [(0, 0), (0.5, 0), (0, 0.8)])
def test_lists_match_the_units(bench, small, job_of, start, after, list_user, size, idle):
    rng = random.Random(size)
    zero = rng.choice([-128, 127, 5])
    steps = [[rng.choice([-128, 127, rng.randrange(-128, 128)]) for _ in range(size)]]
    steps += [[rng.randrange(-128, 128) for _ in range(size)] for _ in range(6)]
    config = small()
    dut = HiddenEvents(config)
    b = bench(dut, seed=size)
    b.add(start(dut, job_of(config, hidden_size=size, h_zero=zero)))
    user = b.add(list_user(dut, 7, idle[1], rng))
    source = after(b, b.add(UnitSource(dut, steps, idle[0], user, rng)))
    b.run()
    assert user.used == [[(k, h - zero) for k, h in enumerate(step)] for step in steps]
    if idle == (0, 0) and size > 2:
        assert source.given == list(range(1, 1 + 7 * size))


def test_a_list_is_ready_in_the_cycle_after_its_last_unit(play, small, job_of):
    config = small()
    rows = [{"job": job_of(config, hidden_size=2), "start": 1}]
    seen = play(HiddenEvents(config), [*rows, {"valid": 1}, {}, {"valid": 1}, {}])
    assert [row["ready"] for row in seen] == [0, 0, 0, 0, 1]
    assert seen[4]["last"] == 1


def test_a_start_begins_again_in_bank_0_at_unit_0(play, small, job_of):
    config = small()
    first = [{"job": job_of(config, hidden_size=2), "start": 1}, *[{"valid": 1}] * 3]
    seen = play(HiddenEvents(config), first * 2)
    assert [row["w_bank"] for row in seen if row["w_en"]] == [0, 0, 1] * 2
    assert [row["unit"] for row in seen if row["w_en"]] == [0, 1, 0] * 2
    assert not seen[5]["ready"]
