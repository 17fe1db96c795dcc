"""One lane against a running sum."""

import random

import numpy as np
import pytest

from hw.multipliers.exact import Exact
from hw.multipliers.lane import Lane

BASE = -1234
"""What a new sum goes on from."""


def lane_rows(products, gaps, rng):
    """Inputs of a lane, cycle by cycle, for ``(value, weight bits, first)``; noise in the gaps."""
    stages = [None, None, None]
    queue = list(products)
    while queue or any(stages):
        take = queue and rng.random() >= gaps
        stages = [queue.pop(0) if take else None, *stages[:2]]
        value, weight = rng.randrange(-255, 256), rng.randrange(256)
        if stages[0]:
            value, weight, _ = stages[0]
        yield {
            "i_valid": stages[0] is not None,
            "operand": {"magnitude": abs(value), "sign": value < 0},
            "weights": weight,
            "operand_valid": stages[1] is not None,
            "product_valid": stages[2] is not None,
            "product_first": stages[2][2] if stages[2] else rng.randrange(2),
            "bases": [BASE if stages[2] and stages[2][2] else rng.randrange(-9, 9)],
        }


def pattern(weight, width):
    """Bits of a weight."""
    return int(Exact(weight_width=width).encode(np.array([weight]))[0])


@pytest.mark.parametrize("gaps", [0, 0.5])
@pytest.mark.parametrize("width", [8, 4])
def test_a_sum_includes_a_product_three_cycles_later_and_holds(play, gaps, width):
    rng, limit = random.Random(width), 2 ** (width - 1) - 1
    choices = [(v, w) for v in (-255, 0, 255) for w in (-limit, 0, limit)]
    choices += [(rng.randrange(-255, 256), rng.randint(-limit, limit)) for _ in range(40)]
    products = [(v, w, k == 0 or rng.random() < 0.2) for k, (v, w) in enumerate(choices)]
    rows = list(lane_rows([(v, pattern(w, width), f) for v, w, f in products], gaps, rng))
    totals, total, left = [0, 0, 0], 0, list(products)
    for row in rows:
        if row["i_valid"]:
            value, weight, first = left.pop(0)
            total = value * weight + (BASE if first else total)
        totals.append(total)
    seen = play(Exact(weight_width=width).lanes(9, 26), rows)
    assert [row["totals"][0] for row in seen] == totals[: len(seen)]


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_longest_sum_of_extreme_products_does_not_overflow(play, small, sign):
    width = small().acc_width
    rows = lane_rows(
        [(255, pattern(sign * 127, 8), k == 0) for k in range(16)], 0, random.Random(0)
    )
    seen = play(Lane(Exact(), 9, width), [*rows, {}])
    assert seen[-1]["totals"] == [sign * 16 * 255 * 127 + BASE]
    assert 2 ** (width - 2) <= 16 * 255 * 127 < 2 ** (width - 1)
