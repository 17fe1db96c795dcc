"""The near-test against its formula."""

import random

import pytest

from hw.modes import DISTANCE_ONE
from hw.similarity.near import NearTest
from hw.similarity.reference import is_near

WIDTH = 21
"""Bits of the sums of 4096 columns, and one more."""


def cases(rng):
    """Limits and sums, many of them at the border."""
    top = (1 << WIDTH) - 1
    yield from ((0, 0, 0), (0, 1, 0), (DISTANCE_ONE - 1, 0, 0), (0, 0, top), (0, 1, top))
    yield from ((DISTANCE_ONE - 1, top, top), (DISTANCE_ONE - 1, top - 32, top))
    for _ in range(60):
        limit, norm = rng.randrange(DISTANCE_ONE), rng.randrange(1 << rng.randint(1, WIDTH))
        border = limit * norm // DISTANCE_ONE
        for distance in (border - 1, border, border + 1, rng.randrange(norm + 1)):
            if 0 <= distance <= top:
                yield limit, distance, norm


def test_the_answer_is_exact_and_there_after_the_latency(play):
    def script():
        for limit, distance, norm in cases(random.Random(0)):
            row = {"limit": limit, "distance": distance, "norm": norm}
            yield row | {"start": 1}
            for _ in range(NearTest.LATENCY - 1):
                seen = yield row
                assert not seen["ready"]
            for _ in range(2):
                seen = yield row
                assert seen["ready"]
                assert seen["near"] == is_near((distance, norm), limit), row

    play(NearTest(WIDTH), script())


@pytest.mark.parametrize("distance, norm", [(0, 0), (3, 3), (3, 10), (10, 3)])
def test_the_formula_is_the_normalised_distance(distance, norm):
    for limit in (0, 19660, 19661, DISTANCE_ONE - 1):
        share = distance / norm if norm else 0
        assert is_near((distance, norm), limit) == (share <= limit / DISTANCE_ONE)
