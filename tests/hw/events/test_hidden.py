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
        if self.valid:
            unit = len(self.given) % self.size
            assert ctx.get(self.dut.unit) == unit
            assert ctx.get(self.dut.step_end) == (unit == self.size - 1)
            self.given.append(cycle)
            self.units.pop(0)


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
    seen.user.check_growth(modes)


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


BASE = 4
"""Where the machine keeps the first unit of the jobs below: behind two blocks of two units."""


class Keeper:
    """Gives units one after the other, or from where they are kept; says what became of them."""

    def __init__(self, job):
        self.job = job
        self.places = []

    def sequence(self, modes, steps, **changes):
        """A sequence of these steps: the events of each list."""
        job = self.job | changes
        for start in (0, 0, 0, 1, 0):
            yield {"job": job, "start": start}
        lists = []
        if job["resume"]:
            lists.append((yield from self._recall(modes[0], steps[0])))
            modes, steps = modes[1:], steps[1:]
        for mode, codes in zip(modes, steps, strict=True):
            lists.append((yield from self._list(mode, codes)))
        return lists

    def _take(self, mode):
        told = {"modes.valid": 1, "modes.payload": mode}
        seen = yield told
        while not seen["modes.ready"]:
            seen = yield told

    def _list(self, mode, codes):
        if mode is not None:
            yield from self._take(mode)
            seen = yield {}
            while not seen["known"]:
                seen = yield {}
        events = []
        for h in codes:
            seen = yield {"valid": 1, "h": h}
            self.places.append(seen["place"])
            events += _written((yield {}))
        return events

    def _recall(self, mode, codes):
        """What is asked for comes two cycles later."""
        yield from self._take(mode)
        coming, events, ended = [None, None], [], False
        while not ended:
            place = coming.pop(0)
            row = {} if place is None else {"valid": 1, "h": codes[place - BASE]}
            seen = yield row
            events += _written(seen)
            coming.append(seen["recall_place"] if seen["recall"] else None)
            if row:
                assert seen["known"]
                assert (seen["place"], seen["unit"]) == (place, place - BASE)
                self.places.append(place)
                ended = seen["step_end"]
        return events + _written((yield {}))


def _written(seen):
    event = seen["w_event"]
    return [(event["column"], event["value"])] if seen["w_en"] else []


@pytest.fixture
def recalled(play, small, job_of):
    """Of each case, events of a step that goes on, and the units that it looked at."""

    def run(mode, cases, *, then=None):
        """Behind a sequence that left ``now``, whose references are ``kept``."""
        config = small()
        options = {"h_threshold": 2, "h_zero": 1, **MIXED, "keeper": 3, "block_base": 2}
        found = []

        def script():
            for kept, now, skip in cases:
                size = len(now)
                keeper = Keeper(job_of(config, hidden_size=size, zero_skip=skip, **options))
                yield from keeper.sequence([None, Mode.SKIP], [kept, now], resume=0)
                assert keeper.places == [*range(BASE, BASE + size)] * 2
                keeper.places.clear()
                lists = yield from keeper.sequence([mode], [now], resume=1, **then or {})
                found.append((lists[0], [place - BASE for place in keeper.places]))

        play(HiddenEvents(config), script())
        return found

    return run


@pytest.mark.parametrize("mode", list(Mode))
def test_units_that_were_kept_come_in_the_mode_of_their_step(recalled, part, nearby, mode):
    """What the list of the step before took over is the reference, and stays so."""
    rng, cases = random.Random(mode), []
    for size in (1, 2, 3, 6, 7, 12):
        for skip in (0, 1):
            kept = [rng.randrange(-128, 128) for _ in range(size)]
            cases.append((kept, nearby(rng, kept, 1), skip))
    for (kept, now, skip), (events, units) in zip(cases, recalled(mode, cases), strict=True):
        model = part(1, 2, skip)
        model.events(kept, Mode.NORMAL)
        wanted = {
            Mode.DELTA: [k for k, code in enumerate(now) if abs(code - kept[k]) > 2],
            Mode.SKIP: [],
        }.get(mode, range(len(now)))
        assert events == model.events(now, mode)
        assert units == sorted({*wanted, len(now) - 1})


@pytest.mark.parametrize("threshold, units", [(1, range(6)), (2, [1, 4, 5]), (9, [1, 4, 5])])
def test_units_are_looked_at_again_under_a_lower_threshold(recalled, threshold, units):
    """Those that were noted are not all that a lower one wants; of a higher one they are more."""
    kept, now = [10, 20, 30, 40, 50, 60], [12, 23, 28, 40, 60, 60]
    [(events, seen)] = recalled(Mode.DELTA, [(kept, now, 0)], then={"h_threshold": threshold})
    moves = [(0, 2), (1, 3), (2, -2), (4, 10)]
    assert events == [(k, value) for k, value in moves if abs(value) > threshold]
    assert seen == [*units]


def test_a_direction_finds_what_was_noted_of_it(play, small, job_of):
    """Another one, with a keeper and places of its own, ends in between."""
    config = small()
    job = {"h_threshold": 2, "h_zero": 1, **MIXED}
    mine = Keeper(job_of(config, hidden_size=5, block_base=2, keeper=1, **job))
    other = Keeper(job_of(config, hidden_size=3, block_base=5, keeper=0, **job))
    kept, now = [10, 20, 30, 40, 50], [10, 23, 30, 40, 50]
    found = []

    def script():
        yield from mine.sequence([None, Mode.SKIP], [kept, now], resume=0)
        behind = [None, Mode.SKIP], [[1, 2, 3], [4, 5, 6]]
        yield from other.sequence(*behind, resume=0, h_threshold=9)
        mine.places.clear()
        found.extend((yield from mine.sequence([Mode.DELTA], [now], resume=1)))

    play(HiddenEvents(config), script())
    assert found == [[(1, 3)]]
    assert [place - BASE for place in mine.places] == [1, 4]
