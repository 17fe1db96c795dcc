"""The event memory against a dictionary."""

import random

import pytest

from hw.events.list import EventList


@pytest.mark.parametrize("depth", [1, 2, 5, 16])
def test_events_are_read_where_they_were_written(play, small, depth):
    expected = []

    def script():
        rng, held, out = random.Random(depth), {}, {"column": 0, "value": 0}
        for _ in range(300):
            write = (rng.randrange(2), rng.randrange(depth))
            event = {"column": rng.randrange(16), "value": rng.choice([-255, 255, -1, 0, 77])}
            row = {"w_bank": write[0], "w_index": write[1], "w_event": event}
            row["w_en"] = rng.random() < 0.7
            read = (rng.randrange(2), rng.randrange(depth))
            row |= {"r_bank": read[0], "r_index": read[1]}
            row["r_en"] = read != write and read in held and rng.random() < 0.7
            expected.append(out)
            yield row
            out = held[read] if row["r_en"] else out
            if row["w_en"]:
                held[write] = event

    seen = play(EventList(small(), depth=depth), script())
    assert [row["r_event"] for row in seen] == expected


def test_an_event_can_be_read_in_the_cycle_after_it_was_written_and_holds(play, small):
    event = {"column": 3, "value": -200}
    write = {"w_en": 1, "w_bank": 1, "w_index": 2, "w_event": event}
    read = {"r_en": 1, "r_bank": 1, "r_index": 2}
    seen = play(EventList(small(), depth=4), [write, read, {}, {}])
    assert [row["r_event"] for row in seen[2:]] == [event, event]
