"""The follower's own rates; what it asks for is tested through the fetcher."""

from hw.weights.follower import ListFollower

JOB = {"input_size": 4}


def steady(x, h, cycles, **ports):
    """The same lists in every cycle; -1 is a list without events, None one that is not there."""
    row = {"job": JOB, "active": 1, "last": 1, "addr": 0x100, "o.ready": 1, **ports}
    for name, last in (("x", x), ("h", h)):
        if last is not None:
            view = {"ready": 1, "empty": last < 0, "last": max(last, 0), "single": last == 0}
            row[f"{name}_list"] = view
    return [row] * cycles


def pulses(seen, name):
    """Cycles in which a port is up."""
    return [cycle for cycle, row in enumerate(seen) if row[name]]


def test_a_column_stands_three_cycles_after_its_list_is_ready(play, small):
    seen = play(ListFollower(small()), steady(1, 1, 8))
    assert pulses(seen, "list_en") == list(range(8))
    assert [row["list_hidden"] for row in seen] == [0, 0, 1, 1, 0, 0, 1, 1]
    assert [row["list_index"] for row in seen] == [0, 1] * 4
    assert pulses(seen, "o.valid") == [3, 4, 5, 6, 7]
    assert [row["o.payload"]["base"] for row in seen[3:]] == [0x100, 0x100, 0x120, 0x120, 0x100]
    assert pulses(seen, "step_done") == pulses(seen, "next") == [3, 7]


def test_a_step_without_events_takes_two_cycles_at_any_block(play, small):
    seen = play(ListFollower(small()), steady(-1, -1, 6, last=0))
    assert pulses(seen, "step_done") == [1, 3, 5]
    assert not pulses(seen, "list_en")


def test_resident_blocks_are_passed_without_a_list_but_the_last(play, small):
    seen = play(ListFollower(small()), steady(None, None, 4, last=0, resident=1))
    assert pulses(seen, "next") == [0, 1, 2, 3]
    seen = play(ListFollower(small()), steady(None, None, 4, resident=1))
    assert not pulses(seen, "next")
    seen = play(ListFollower(small()), steady(3, 3, 4, resident=1))
    assert pulses(seen, "step_done") == [1, 3]


def test_it_waits_for_the_list_of_each_part(play, small):
    rows = [*steady(None, 3, 3), *steady(0, None, 3), *steady(0, 0, 1)]
    seen = play(ListFollower(small()), rows)
    assert pulses(seen, "list_en") == [3, 6]


def test_no_more_columns_are_read_than_the_queue_holds(play, small):
    stopped = [row | {"o.ready": 0} for row in steady(15, 15, 20)]
    seen = play(ListFollower(small()), [*stopped, *steady(15, 15, 20)])
    assert pulses(seen, "list_en")[:9] == [*range(8), 21]


def test_it_does_nothing_while_not_active(play, small):
    seen = play(ListFollower(small()), steady(1, 1, 5, active=0))
    for name in ("list_en", "next", "step_done", "o.valid"):
        assert not pulses(seen, name)
