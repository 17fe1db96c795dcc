"""Events of h against the units that came."""

import random

import pytest

from hw.events.hidden import HiddenEvents
from hw.modes import Mode, Plan

MIXED = {"plan": Plan.MIDDLE, "skip": 1}
"""A job whose steps may be of any mode."""


class UnitSource:
    """Gives units with random gaps while the mode of their list is known."""

    def __init__(self, dut, steps, idle, rng):
        self.dut, self.idle, self.rng = dut, idle, rng
        self.size = len(steps[0])
        self.units = [h for step in steps for h in step]
        self.given, self.known = [], []
        self.written, self.grew = None, False

    @property
    def done(self):
        """Whether all units were given."""
        return not self.units

    def drive(self, ctx, cycle):
        """Give the next unit, or none."""
        known = cycle and ctx.get(self.dut.known)
        self.valid = bool(self.units) and bool(known) and self.rng.random() >= self.idle
        ctx.set(self.dut.valid, self.valid)
        if self.valid:
            ctx.set(self.dut.h, self.units[0])

    def sample(self, ctx, cycle):
        """Check what is said of the unit."""
        self.known.append(ctx.get(self.dut.known))
        self.watch_growth(ctx)
        if self.valid:
            unit = len(self.given) % self.size
            assert ctx.get(self.dut.unit) == unit
            assert ctx.get(self.dut.step_end) == (unit == self.size - 1)
            self.given.append(cycle)
            self.units.pop(0)

    def watch_growth(self, ctx):
        """The list that grows has its newest event written in this cycle at the latest."""
        dut, some = self.dut, ctx.get(self.dut.growing.some)
        if ctx.get(dut.w_en):
            self.written = ctx.get(dut.w_bank), ctx.get(dut.w_index)
        if some or self.grew:
            assert (ctx.get(dut.growing.bank), ctx.get(dut.growing.newest)) == self.written
        assert not (self.grew and some and ctx.get(dut.unit) == 0)
        self.grew = some


class Run:
    """One sequence through the component."""

    def __init__(self, tools, steps, modes, idle=(0, 0, 0), rng=None, follow=0, **fields):
        bench, small, job_of, start, after, list_user = tools
        rng = rng or random.Random(0)
        config = small()
        dut = HiddenEvents(config)
        b = bench(dut, seed=len(steps))
        b.add(start(dut, job_of(config, hidden_size=len(steps[0]), **fields)))
        self.user = b.add(list_user(dut, len(steps), idle[1], rng, follow))
        self.source = after(b, b.add(UnitSource(dut, steps, idle[0], rng)))
        self.fed = after(b, b.feed(dut.modes, modes[1:], idle[2]))
        b.run()


@pytest.fixture
def run(bench, small, job_of, start, after, list_user):
    """Run a sequence."""
    tools = bench, small, job_of, start, after, list_user
    return lambda *args, **options: Run(tools, *args, **options)


def random_steps(rng, nearby, size, zero, number):
    """Codes of some steps, many of them like the step before."""
    steps = [[rng.choice([-128, 127, rng.randrange(-128, 128)]) for _ in range(size)]]
    while len(steps) < number:
        steps.append(nearby(rng, steps[-1], zero))
    return steps


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("idle", [(0, 0, 0), (0.5, 0, 0.3), (0, 0.8, 0), (0.1, 0.1, 0.9)])
@pytest.mark.parametrize("zero_skip, follow", [(0, 0), (1, 1)])
def test_lists_match_the_units(run, part, nearby, size, idle, zero_skip, follow):
    rng = random.Random(100 * size + follow)
    zero, threshold = rng.choice([-128, 127, 5]), rng.choice([0, 1, 3, 127, 254, 255])
    steps = random_steps(rng, nearby, size, zero, 24)
    modes = [Mode.NORMAL, *(rng.choice([*Mode, Mode.DELTA]) for _ in steps[1:])]
    options = {"h_zero": zero, "h_threshold": threshold, "zero_skip": zero_skip, **MIXED}
    seen = run(steps, modes, idle, rng, follow, **options)
    model = part(zero, threshold, zero_skip)
    expected = [model.events(h, mode) for h, mode in zip(steps, modes, strict=True)]
    for reader in seen.user.readers:
        assert reader.used == expected
        assert reader.modes == modes


@pytest.mark.parametrize("threshold", [0, 1, 128, 254, 255])
def test_a_unit_is_an_event_beyond_the_threshold_only(run, part, threshold):
    """Every distance around the threshold, in both directions."""
    gaps = [gap for gap in (threshold - 1, threshold, threshold + 1) if 0 <= gap <= 255]
    for low, sign in ((-128, 1), (127, -1)):
        steps = [[low] * len(gaps), [low + sign * gap for gap in gaps]]
        modes = [Mode.NORMAL, Mode.DELTA]
        seen = run(steps, modes, h_threshold=threshold, h_zero=3, **MIXED)
        expected = [(k, sign * gap) for k, gap in enumerate(gaps) if gap > threshold]
        assert seen.user.used[1] == expected


@pytest.mark.parametrize("mode", list(Mode))
def test_a_step_takes_a_unit_a_cycle_and_the_next_begins_five_cycles_later(run, mode):
    seen = run([[k] * 8 for k in range(4)], [Mode.NORMAL, *[mode] * 3], **MIXED)
    assert seen.source.given == [1 + 12 * step + unit for step in range(4) for unit in range(8)]
    first = [1 + 12 * step for step in range(1, 4)]
    # Falls in the cycle after the last unit; rises PRIME cycles after the mode was taken.
    assert [cycle - HiddenEvents.PRIME for cycle in first] == seen.fed.cycles
    assert not any(seen.source.known[cycle - 3] for cycle in first)
    # A list is ready two cycles after its last unit.
    assert seen.user.ready_cycles == [8 + 2 + 12 * step for step in range(4)]


def test_a_unit_is_written_in_the_cycle_after_it_came(run):
    seen = run([[7] * 5], [Mode.NORMAL])
    assert seen.user.write_cycles == [cycle + 1 for cycle in seen.source.given]


def test_a_list_is_not_begun_before_a_bank_is_free(run):
    """Without a user that is done, two lists are all there is."""
    rng = random.Random(1)
    seen = run([[1, 2]] * 12, [Mode.NORMAL] * 12, (0, 0.95, 0), rng, 1)
    assert seen.user.used == [[(0, 1), (1, 2)]] * 12


def test_a_start_begins_again_in_bank_0_at_unit_0(play, small, job_of):
    config = small()
    first = [{"job": job_of(config, hidden_size=2), "start": 1}, *[{"valid": 1}] * 2]
    first += [{"modes.valid": 1}, {}, {}, {}, {"valid": 1}, {}]
    seen = play(HiddenEvents(config), first * 2)
    assert [row["w_bank"] for row in seen if row["w_en"]] == [0, 0, 1] * 2
    assert [row["w_event"]["column"] for row in seen if row["w_en"]] == [0, 1, 0] * 2
    known = [row["known"] for row in seen]
    assert known == [0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    ready = [row["current"]["ready"] for row in seen]
    assert ready == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1]


def test_a_sequence_begins_in_normal_mode_after_a_delta_step(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=1, h_zero=3, h_threshold=9, **MIXED)
    delta = {"modes.valid": 1, "modes.payload": Mode.DELTA}
    first = [{"job": job, "start": 1}, {"valid": 1, "h": 50}, delta, *[{}] * 3]
    seen = play(HiddenEvents(config), [*first, {"valid": 1, "h": 60}, delta, *[{}] * 3, *first])
    values = [row["w_event"]["value"] for row in seen if row["w_en"]]
    assert values == [47, 10, 47]


@pytest.mark.parametrize("mode", list(Mode))
def test_units_that_were_kept_come_in_the_mode_of_their_step(play, small, job_of, mode):
    """Behind a sequence of one step: what its list took over is the reference, and stays so."""
    config, kept, now = small(), [10, 20, 30], [10, 23, 33]
    job = job_of(config, hidden_size=3, block_base=2, h_threshold=2, h_zero=1, **MIXED)
    again = job | {"resume": 1}
    places, events = [], []

    def units(job, modes, codes):
        """A sequence's lists; the events of each, and where the machine keeps each unit."""
        for start in (0, 0, 0, 1):
            yield {"job": job, "start": start}
        for each, row in zip(modes, codes, strict=True):
            if each is not None:
                seen = yield {"modes.valid": 1, "modes.payload": each}
                while not seen["modes.ready"]:
                    seen = yield {"modes.valid": 1, "modes.payload": each}
            seen = yield {}
            while not seen["known"]:
                seen = yield {}
            found = []
            for h in row[-1:] if seen["last_only"] else row:
                places.append(seen["place"])
                seen = yield {"valid": 1, "h": h}
                seen = yield {}
                if seen["w_en"]:
                    found.append((seen["w_event"]["column"], seen["w_event"]["value"]))
            events.append(found)

    def script():
        yield from units(job, [None, Mode.SKIP], [kept, now])
        yield from units(again, [mode], [now])

    play(HiddenEvents(config), script())
    fresh = [(k, code - 1) for k, code in enumerate(now)]
    wanted = {Mode.DELTA: [(1, 3), (2, 3)], Mode.SKIP: []}.get(mode, fresh)
    assert events == [[(k, code - 1) for k, code in enumerate(kept)], [], wanted]
    assert places[:6] == [4, 5, 6] * 2
    assert len(places) == (7 if mode == Mode.SKIP else 9)
