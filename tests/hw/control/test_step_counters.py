"""Counters per mode against sums in Python."""

import random

import pytest

from hw.control.step_counters import CLEAR_CYCLES, MODE_COUNTER_WORDS, STEP_CYCLES, StepCounters
from hw.modes import Mode
from hw.registers import MODE_COUNTERS

WRAP = 1 << 64
DENSE = {"dense_macs": 100, "dense_bytes": 200}


class Sums:
    """What the counters should be."""

    def __init__(self, bus_bytes):
        self.bus_bytes = bus_bytes
        self.totals = {mode: dict.fromkeys(MODE_COUNTERS, 0) for mode in Mode}
        self.macs = self.beats = 0

    def see(self, row):
        """The inputs of one cycle."""
        self.macs += row.get("rows", 0)
        self.beats += row.get("beats", 0)
        if not row.get("step"):
            return
        weight_bytes = self.beats * self.bus_bytes
        more = {
            "steps": 1,
            "events_x": row["events_x"],
            "events_h": row["events_h"],
            "macs_done": self.macs,
            "macs_avoided": row["dense_macs"] - self.macs,
            "weight_bytes": weight_bytes,
            "weight_bytes_avoided": row["dense_bytes"] - weight_bytes,
        }
        total = self.totals[row["mode"]]
        for name, value in more.items():
            total[name] = (total[name] + value) % WRAP
        self.macs = self.beats = 0


def steps(rng, config, count, shortest):
    """Random steps of ``shortest`` cycles and more; the last cycle of each ends it."""
    for _ in range(count):
        for _ in range(rng.choice([shortest, shortest, shortest + rng.randrange(30)]) - 1):
            yield work(rng, config)
        yield work(rng, config) | {
            "step": 1,
            "mode": rng.choice(list(Mode)),
            "events_x": rng.randrange(config.max_input + 1),
            "events_h": rng.randrange(config.max_hidden + 1),
            "dense_macs": rng.choice([5000, rng.randrange(5000, 1 << 32), (1 << 32) - 1]),
            "dense_bytes": rng.choice([5000, rng.randrange(5000, 1 << 32), (1 << 32) - 1]),
        }


def work(rng, config):
    """An operation, or none; what belongs to a step's end is anything."""
    noise = {"mode": rng.randrange(4), "events_x": 3, "events_h": 5, "dense_macs": 7}
    return noise | {
        "rows": rng.choice([0, 4, config.lanes]),
        "beats": rng.choice([0, 3, config.word_beats]),
    }


def read_all():
    """Reads of every counter's halves; returns them by mode and name."""
    seen = []
    for word in range(MODE_COUNTER_WORDS):
        yield {"r_en": 1, "r_word": word}
        # It holds, whatever the address is then.
        yield {"r_word": 63 - word}
        seen.append((yield {})["r_data"])
    totals = {}
    for mode in Mode:
        halves = seen[16 * mode : 16 * mode + 16]
        totals[mode] = {
            name: halves[2 * k] | halves[2 * k + 1] << 32 for k, name in enumerate(MODE_COUNTERS)
        }
        assert halves[14:] == [0, 0]
    return totals


@pytest.mark.parametrize("shortest", [STEP_CYCLES, 8, 30])
def test_the_counters_of_each_mode_are_the_sums_of_its_steps(play, small, shortest):
    """Most steps carry into the high half; nothing of a run is left in the next."""
    config, rng = small(lanes=32), random.Random(shortest)

    def script():
        for run in range(2):
            yield work(rng, config)
            yield work(rng, config) | {"clear": 1}
            for _ in range(CLEAR_CYCLES):
                yield {}
            sums = Sums(config.bus_bytes)
            for row in steps(rng, config, 60, shortest):
                sums.see(row)
                yield row
            for _ in range(11):
                yield {}
            assert (yield from read_all()) == sums.totals, f"run {run}"

    play(StepCounters(config), script())


def test_a_read_shows_a_step_twelve_cycles_after_its_end(play, small):
    """The last counter's high half is the last to change."""
    end = {"step": 1, "mode": Mode.SKIP, "dense_bytes": (1 << 32) - 1}
    last = 16 * Mode.SKIP + 2 * MODE_COUNTERS.index("weight_bytes_avoided") + 1

    def script(wait):
        for _ in range(2):
            yield end
            for _ in range(wait - 1):
                yield {}
        yield {"r_en": 1, "r_word": last}
        assert (yield {})["r_data"] == (wait >= 12)

    for wait in (9, 10, 11, 12, 13):
        play(StepCounters(small()), script(wait))


@pytest.mark.parametrize("at", range(1, 14))
def test_a_clear_right_behind_a_step_forgets_it(play, small, at):
    end = {"step": 1, "mode": 1, "rows": 8, "events_x": 3, "dense_macs": 1 << 31}

    def script():
        for _ in range(3):
            yield end
            for _ in range(STEP_CYCLES):
                yield {}
        yield end
        for _ in range(at - 1):
            yield {"rows": 8}
        yield {"rows": 8, "clear": 1}
        for _ in range(CLEAR_CYCLES):
            yield {}
        sums = Sums(8)
        sums.see({"step": 1, "mode": 2, "events_x": 0, "events_h": 0} | DENSE)
        yield {"step": 1, "mode": 2} | DENSE
        for _ in range(11):
            yield {}
        assert (yield from read_all()) == sums.totals

    play(StepCounters(small()), script())


def test_all_counters_are_zero_before_the_first_run(play, small):
    def script():
        assert (yield from read_all()) == Sums(8).totals

    play(StepCounters(small()), script())


def test_products_belong_to_the_step_of_their_slot_and_beats_to_the_next_that_ends(play, small):
    config, rng = small(lookahead=4), random.Random(0)
    work = [{"slot": rng.randrange(4), "rows": rng.choice([4, 8])} for _ in range(60)]
    macs = [sum(row["rows"] for row in work if row["slot"] == slot) for slot in range(4)]

    def script():
        yield {"clear": 1}
        for _ in range(CLEAR_CYCLES):
            yield {}
        yield from (row for row in work)
        yield {"beats": 5, "slot": 3}
        yield {"beats": 6, "slot": 3}
        for slot, mode in enumerate(Mode):
            yield {"slot": slot, "beats": 1}
            yield {"slot": slot, "step": 1, "rows": 8, "mode": mode}
            for _ in range(STEP_CYCLES):
                yield {"slot": rng.randrange(4)}
        for _ in range(11):
            yield {}
        totals = yield from read_all()
        assert [totals[mode]["macs_done"] for mode in Mode] == [each + 8 for each in macs]
        beats = [totals[mode]["weight_bytes"] // config.bus_bytes for mode in Mode]
        assert beats == [12, 1, 1, 1]

    play(StepCounters(config), script())
