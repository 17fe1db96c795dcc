"""The follower's own rates; what it asks for is tested through the fetcher."""

import pytest

from hw.weights.follower import ListFollower


def steady(final, cycles, turn="x_turn", **ports):
    """The same list in every cycle; -1 is a list without events, None one that is not there."""
    row = {"last": 1, "addr": 0x100, "o.ready": 1, "word_beats": 1, "x_word_beats": 1, **ports}
    if turn is not None:
        row[turn] = 1
    if final is not None:
        view = {"ready": 1, "empty": final < 0, "last": max(final, 0), "single": final == 0}
        row["h_list" if turn == "h_turn" else "x_list"] = view
    return [row] * cycles


def pulses(seen, name):
    """Cycles in which a port is up."""
    return [cycle for cycle, row in enumerate(seen) if row[name]]


def test_a_column_stands_four_cycles_after_its_list_is_ready(play, small):
    ends = [*steady(1, 2), *steady(1, 2, turn="h_turn", addr=0x120)] * 2
    seen = play(ListFollower(small()), ends)
    assert pulses(seen, "list_en") == list(range(8))
    assert [row["list_index"] for row in seen] == [0, 1] * 4
    assert pulses(seen, "o.valid") == [4, 5, 6, 7]
    assert [row["o.payload"]["base"] for row in seen[4:]] == [0x100, 0x100, 0x120, 0x120]
    assert pulses(seen, "done") == pulses(seen, "move") == [1, 3, 5, 7]


def test_what_stands_in_front_of_a_column_is_counted_in_beats(play, small):
    steps = [*steady(1, 2), *steady(1, 4, "h_turn"), *steady(None, 4, turn=None)]
    # A column is there a cycle after it was asked for, so the last one stands in the cycle behind.
    rows = [
        row | {"x_column": 5, "h_column": 9, "x_word_beats": 3, "word_beats": 2} for row in steps
    ]
    seen = play(ListFollower(small(lanes=64)), rows)
    columns = [row["o.payload"] for row in seen if row["o.valid"]]
    assert [each["before"] for each in columns] == [15, 15, 18, 18, 18, 18]
    assert [each["hidden"] for each in columns] == [0, 0, 1, 1, 1, 1]


def test_a_column_is_told_to_follow_the_one_before(play, small):
    given = [3, 4, 5, 7, 8, 8]
    rows = steady(15, 6) + steady(None, 6, turn=None)
    for row, column in zip(range(1, 7), given, strict=True):
        rows[row] = rows[row] | {"x_column": column}
    seen = play(ListFollower(small()), rows)
    columns = [row["o.payload"] for row in seen if row["o.valid"]]
    assert [each["follows"] for each in columns[1:]] == [1, 1, 0, 1, 0]
    assert [each["before"] for each in columns] == given


def test_every_block_but_the_last_ends_without_ending_the_list(play, small):
    seen = play(ListFollower(small()), [*steady(2, 6, last=0), *steady(2, 3)])
    assert pulses(seen, "move") == [2, 5, 8]
    assert pulses(seen, "done") == [8]


@pytest.mark.parametrize("resident", [0, 1])
def test_a_list_without_events_takes_a_cycle_at_any_block(play, small, resident):
    seen = play(ListFollower(small()), steady(-1, 3, last=0, resident=resident))
    assert pulses(seen, "done") == [0, 1, 2]
    assert not pulses(seen, "list_en")


def test_resident_blocks_are_passed_without_a_list_but_the_last(play, small):
    seen = play(ListFollower(small()), steady(None, 4, last=0, resident=1))
    assert pulses(seen, "move") == [0, 1, 2, 3]
    assert not pulses(seen, "done")
    seen = play(ListFollower(small()), steady(None, 4, resident=1))
    assert not pulses(seen, "done")
    seen = play(ListFollower(small()), steady(3, 4, resident=1))
    assert pulses(seen, "done") == [0, 1, 2, 3]


def test_it_waits_for_its_list(play, small):
    rows = [
        *steady(None, 3),
        *steady(0, 1),
        *steady(None, 3, turn="h_turn"),
        *steady(0, 1, turn="h_turn"),
    ]
    seen = play(ListFollower(small()), rows)
    assert pulses(seen, "list_en") == [3, 7]


def test_no_more_columns_are_read_than_the_queue_holds(play, small):
    stopped = [row | {"o.ready": 0} for row in steady(15, 20)]
    seen = play(ListFollower(small()), [*stopped, *steady(15, 20)])
    assert pulses(seen, "list_en")[:9] == [*range(8), 21]


def test_it_does_nothing_while_no_list_is_in_its_turn(play, small):
    seen = play(ListFollower(small()), steady(1, 5, turn=None))
    for name in ("list_en", "move", "done", "o.valid"):
        assert not pulses(seen, name)
