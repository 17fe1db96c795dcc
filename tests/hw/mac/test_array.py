"""The lanes together against NumPy, with weights as the packer lays them out."""

import random

import numpy as np
import pytest

from hw.mac.array import MacArray
from hw.multipliers.booth import Booth
from hw.multipliers.dsp_pair import DspPair
from hw.multipliers.exact import BaughWooley, Exact
from hw.multipliers.forms import SignMagnitude
from hw.multipliers.masked import Cut, MaskedArray
from hw.multipliers.switched import Switched


def column_word(codes, config, beats):
    """A column word: the sign, then the lowest bits first, some of all codes after some of all."""
    width, size, word = config.multiplier.weight_width, config.plane_bits, 0
    for bit in range(beats // config.plane_beats * size):
        for lane, code in enumerate(codes):
            plane, place = divmod(bit, size)
            at = (plane * config.lanes + lane) * size + place
            word |= (int(code) >> (bit - 1 if bit else width - 1) & 1) << at
    return word


def operand(multiplier, value):
    """An event value in the form of a multiplier."""
    if isinstance(multiplier, SignMagnitude):
        return {"magnitude": abs(value), "sign": value < 0}
    return {"value": value}


def array_script(config, beats, sums, gaps, rng, expected):
    """Play ``sums``, each a list of (value, weights); notes when which totals must come."""
    cycle, width = 0, config.multiplier.weight_width
    levels = len(config.multiplier.levels)
    answer = [0] * config.lanes
    for number, events in enumerate(sums):
        fresh = rng.randrange(2)
        # Each lane goes on from a sum of its own.
        base = rng.choice([0, -1, 1000, -1000]) + 3 * np.arange(config.lanes)
        total = np.zeros(config.lanes, int) if fresh else base.copy()
        level = rng.randrange(levels)
        for index, (value, weights) in enumerate(events):
            while rng.random() < gaps:
                row = {"weights": rng.getrandbits(config.lanes * width), "base": answer}
                yield row | {"beats": rng.getrandbits(config.word_beats)}
                answer = [rng.getrandbits(12)] * config.lanes
                cycle += 1
            control = {
                "first": index == 0,
                "last": index == len(events) - 1,
                "fresh": fresh,
                "hidden": number % 2,
                "block": number // 2 % config.max_blocks,
                "block_end": number % 2 and index == len(events) - 1,
                "level": level,
                "slot": number % config.lookahead,
            }
            word = column_word(config.multiplier.encode(weights), config, beats)
            noise = rng.getrandbits(config.lanes * width) >> beats * config.bus_width
            yield {
                "base": answer,
                "beats": (1 << beats) - 1,
                "i_valid": 1,
                "operand": operand(config.multiplier, value),
                "weights": word | noise << beats * config.bus_width,
                "control": control,
            }
            noise = [rng.getrandbits(12)] * config.lanes
            answer = base.tolist() if index == 0 and not fresh else noise
            total += config.multiplier.compute(np.array(value), weights, level)
            cycle += 1
        expected.append((cycle + 2, total.tolist(), control))
    for _ in range(5):
        yield {"base": answer}
        answer = [0] * config.lanes


LEVELS = MaskedArray(cuts=(Cut(), Cut(columns=5), Cut(rows=2)))


@pytest.mark.parametrize(
    "multiplier, lanes, planes, gaps",
    [
        (Exact(), 8, 1, 0),
        (Exact(), 8, 1, 0.4),
        (Exact(), 32, 4, 0.4),
        (Exact(), 32, 3, 0.4),
        (Exact(), 32, 1, 0),
        (Exact(), 128, 5, 0.4),
        (Exact(weight_width=4), 16, 1, 0),
        (Exact(weight_width=6), 32, 3, 0.4),
        (Exact(weight_width=6), 32, 2, 0.4),
        (Exact(weight_width=5), 64, 5, 0.4),
        (LEVELS, 8, 1, 0),
        (LEVELS, 32, 2, 0.4),
        (Exact(tree=True), 8, 1, 0.4),
        (BaughWooley(), 32, 2, 0.4),
        (Switched(inner=Booth()), 16, 1, 0.4),
        (DspPair(), 8, 1, 0.4),
        (DspPair(), 32, 2, 0.4),
        (DspPair(weight_width=5), 64, 4, 0),
    ],
)
def test_sums_match_the_multiplier_three_cycles_after_their_last_operand(
    play, small, multiplier, lanes, planes, gaps
):
    """Words have some planes; whatever is where the others would be does not matter."""
    width = multiplier.weight_width
    rng, draw = random.Random(width), np.random.default_rng(width)
    config = small(lanes=lanes, multiplier=multiplier, max_hidden=64, lookahead=2)
    limit = 2 ** (planes * config.plane_bits - 1) - 1
    beats, sums = planes * config.plane_beats, []
    for length in (1, 1, 2, 5, 1, 16):
        values = [rng.choice([-255, 255, 0, rng.randrange(-255, 256)]) for _ in range(length)]
        sums.append([(value, draw.integers(-limit, limit + 1, lanes)) for value in values])
    expected = []
    seen = play(MacArray(config), array_script(config, beats, sums, gaps, rng, expected))
    came = [
        (cycle, row["totals"], row["o_control"]) for cycle, row in enumerate(seen) if row["o_valid"]
    ]
    assert came == expected
    # An enable for each memory of sums.
    written = [row["o_sums"] for row in seen if row["o_sums"]]
    assert written == [1 << control["hidden"] for _, _, control in expected]
    assert all(bool(row["o_sums"]) == row["o_valid"] for row in seen)
