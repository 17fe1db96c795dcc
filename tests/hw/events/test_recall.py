"""Which units are named, and when; what they become is tested with the maker of events."""

import pytest

from hw.events.recall import UnitRecall
from hw.modes import Mode, Plan

JOB = {"plan": Plan.MIDDLE, "skip": 1, "hidden_size": 13, "block_base": 1, "h_threshold": 5}
"""Seven blocks of two units, the last of one, behind the first block of the machine."""


@pytest.fixture
def named(play, small, job_of):
    """Cycles from the mode to each unit that is named, by the unit; notes ``moved`` before."""

    def run(mode, moved=(), nonzero=(), **fields):
        config = small()
        job = job_of(config, **{**JOB, **fields})
        rows = [{"job": job}] * 3
        for unit in range(13):
            marks = {"moved": int(unit in moved), "nonzero": int(unit in nonzero)}
            rows.append({"note": 1, "place": 2 + unit, "note_end": int(unit == 12), **marks})
        rows += [{}, {}, {"start": 1}, {}, {"take": 1, "mode": mode}, *[{}] * 20]
        seen = play(UnitRecall(config), rows)
        begin = len(rows) - 21
        return {row["o_place"] - 2: k - begin for k, row in enumerate(seen) if row["o_valid"]}

    return run


def test_a_block_without_units_takes_a_cycle(named):
    assert named(Mode.DELTA) == {12: 2 + 6}


def test_a_block_takes_a_cycle_for_each_of_its_units(named):
    # Blocks of 0 and 1, 2 and 3, ...: three units of the first two, none of the next two.
    assert named(Mode.DELTA, moved={0, 1, 3, 8}) == {0: 2, 1: 3, 3: 4, 8: 7, 12: 9}


def test_all_units_are_named_one_per_cycle(named):
    assert named(Mode.NORMAL) == {unit: 2 + unit for unit in range(13)}


def test_of_a_skipped_step_the_last_unit_comes_at_once(named):
    assert named(Mode.SKIP, moved={1, 2}, nonzero={5}) == {12: 2}


@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.REDUCED])
def test_fresh_sums_want_what_is_not_zero_if_zeros_are_skipped(named, mode):
    wanted = named(mode, moved={3}, nonzero={4, 12}, zero_skip=1, plan=Plan.NORMAL)
    assert wanted == {4: 4, 12: 8}


def test_fresh_sums_want_all_that_become_references(named):
    """A delta step may come, and asks for what the sums account for: zeros, too."""
    assert named(Mode.NORMAL, nonzero={4}, zero_skip=1) == {unit: 2 + unit for unit in range(13)}
