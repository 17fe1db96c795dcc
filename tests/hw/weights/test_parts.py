"""Of which part words are, against queues and counters in Python."""

import random
from collections import deque

import pytest

from hw.weights.parts import PartTracker


@pytest.mark.parametrize("seed", range(4))
def test_the_part_of_a_request_stands_until_its_last_beat_came(play, small, seed):
    rng = random.Random(seed)
    asked, answers = deque(), rng.choice([0.2, 0.5, 0.9])

    def script():
        waiting, seen = deque(), None
        for cycle in range(400):
            row = {}
            if (seen is None or seen["room"]) and rng.random() < 0.6:
                row = {"asked": 1, "asked_hidden": rng.randrange(2)}
            # The memory takes four cycles at the least.
            if waiting and waiting[0][0] <= cycle and rng.random() < answers:
                row["answered"] = 1
            seen = yield row
            if row.get("asked") and seen["room"]:
                waiting.append((cycle + 4, row["asked_hidden"]))
                asked.append(row["asked_hidden"])
            if row.get("answered"):
                _, part = waiting.popleft()
                assert seen["hidden"] == part == asked.popleft()
            assert len(waiting) <= 72

    play(PartTracker(small(lanes=32)), script())


def test_there_is_room_for_as_many_requests_as_help(play, small):
    seen = play(PartTracker(small(lanes=32, bursts_in_flight=4)), [{"asked": 1}] * 80)
    assert sum(row["room"] for row in seen) == 64
    seen = play(PartTracker(small(lanes=32, bursts_in_flight=128)), [{"asked": 1}] * 160)
    assert sum(row["room"] for row in seen) == 136


@pytest.mark.parametrize("x, h", [(1, 1), (3, 2), (1, 4)])
def test_words_that_are_loaded_are_counted_block_by_block(play, small, x, h):
    rng = random.Random(x)
    sizes = {"x_words": x, "h_words": h}
    expected = ([0] * x + [1] * h) * 3

    def script():
        for _ in range(2):
            for _ in range(2):
                yield sizes
            for part in expected:
                while rng.random() < 0.3:
                    assert (yield sizes | {"load": 1})["hidden"] == part
                assert (yield sizes | {"load": 1, "word_done": 1})["hidden"] == part

    play(PartTracker(small(lanes=32)), script())
