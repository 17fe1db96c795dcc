"""The watchdog against a count of cycles."""

import random

import pytest

from hw.axi.watchdog import Watchdog


def quiet(limit, cycles):
    """A bus that owes an answer for so many cycles."""
    return [{"limit": limit, "owed": 1}] * cycles


@pytest.mark.parametrize("limit", [1, 2, 3, 17])
def test_it_expires_behind_so_many_cycles_without_a_move(play, limit):
    seen = play(Watchdog(8), [{"limit": limit}, {"limit": limit}, *quiet(limit, 3 * limit + 3)])
    expired = [cycle - 2 for cycle, row in enumerate(seen) if row["expired"]]
    # The first cycle of the silence is number 0, its last limit - 1.
    assert expired == [limit - 1 + 2 + k * limit for k in range(len(expired))]
    assert len(expired) >= 2


@pytest.mark.parametrize("change", [{"owed": 1, "moved": 1}, {"owed": 0}])
def test_a_move_and_an_idle_bus_begin_anew(play, change):
    pause = {"limit": 5, **change}
    seen = play(Watchdog(8), [pause, pause, *[*quiet(5, 4), pause] * 10])
    assert not any(row["expired"] for row in seen)


def test_zero_never_expires(play):
    assert not any(row["expired"] for row in play(Watchdog(4), quiet(0, 100)))


def test_it_expires_exactly_when_a_count_says_so(play):
    rng, silence, expected = random.Random(0), 0, [0, 0]
    rows = [{"limit": 6}] * 2
    for _ in range(2000):
        row = {"limit": 6, "owed": rng.random() < 0.9, "moved": rng.random() < 0.15}
        rows.append(row)
        silence = silence + 1 if row["owed"] and not row["moved"] else 0
        expected.append(silence and silence % 6 == 0)
    seen = [row["expired"] for row in play(Watchdog(3), rows)]
    assert seen[2:] == [int(bool(each)) for each in expected[:-2]]
    assert sum(seen) > 20
