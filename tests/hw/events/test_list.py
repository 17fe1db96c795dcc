"""The event memory against a dictionary."""

import random

import pytest

from hw.events.list import EventList


@pytest.mark.parametrize("depth", [1, 2, 5, 16])
def test_events_are_read_where_they_were_written(play, small, depth):
    expected = {"r": [], "r2": []}

    def script():
        rng, held = random.Random(depth), {}
        out = {port: {"column": 0, "value": 0} for port in expected}
        for _ in range(300):
            write = (rng.randrange(2), rng.randrange(depth))
            event = {"column": rng.randrange(16), "value": rng.choice([-255, 255, -1, 0, 77])}
            row = {"w_bank": write[0], "w_index": write[1], "w_event": event}
            row["w_en"] = rng.random() < 0.7
            for port, outputs in expected.items():
                read = (rng.randrange(2), rng.randrange(depth))
                row |= {f"{port}_bank": read[0], f"{port}_index": read[1]}
                row[f"{port}_en"] = read != write and read in held and rng.random() < 0.7
                outputs.append(out[port])
                if row[f"{port}_en"]:
                    out[port] = held[read]
            yield row
            if row["w_en"]:
                held[write] = event

    seen = play(EventList(small(), depth=depth), script())
    for port, outputs in expected.items():
        assert [row[f"{port}_event"] for row in seen] == outputs


@pytest.mark.parametrize("port", ["r", "r2"])
def test_an_event_can_be_read_in_the_cycle_after_it_was_written_and_holds(play, small, port):
    event = {"column": 3, "value": -200}
    write = {"w_en": 1, "w_bank": 1, "w_index": 2, "w_event": event}
    read = {f"{port}_en": 1, f"{port}_bank": 1, f"{port}_index": 2}
    seen = play(EventList(small(), depth=4), [write, read, {}, {}])
    assert [row[f"{port}_event"] for row in seen[2:]] == [event, event]
