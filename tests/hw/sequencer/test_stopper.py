"""The stopper against one flag."""

import random

from hw.sequencer.stopper import Stopper


def test_it_halts_until_the_bus_is_idle_and_then_flushes_once(play):
    stop, idle = {"stop": 1}, {"bus_idle": 1}
    seen = play(Stopper(), [{}, stop, {}, {}, idle, idle, {}])
    assert [row["halt"] for row in seen] == [0, 0, 1, 1, 1, 1, 0]
    assert [row["flush"] for row in seen] == [0, 0, 0, 0, 0, 1, 0]


def test_an_idle_bus_is_flushed_in_the_second_cycle_of_the_halt(play):
    seen = play(Stopper(), [{"bus_idle": 1, "stop": 1}, *[{"bus_idle": 1}] * 3])
    assert [(row["halt"], row["flush"]) for row in seen] == [(0, 0), (1, 0), (1, 1), (0, 0)]


def test_any_stop_ends_in_a_flush_behind_an_idle_bus(play):
    def script():
        rng, halt, flush = random.Random(0), False, False
        for _ in range(500):
            row = {"stop": rng.random() < 0.2, "bus_idle": rng.random() < 0.3}
            seen = yield row
            assert (seen["halt"], seen["flush"]) == (halt, flush)
            flush, halt = (
                halt and row["bus_idle"] and not flush,
                not flush and (halt or row["stop"]),
            )

    play(Stopper(), script())
