"""Operations become operands at the lanes and addresses at the weight memory."""

import random

import pytest

from hw.mac.operands import OperandFetch
from hw.multipliers.masked import MaskedArray
from hw.multipliers.rounded import RoundedWeights

CONTROL = ("first", "last", "fresh", "hidden", "block", "block_end", "slot", "level")
"""What walks beside an operand."""


COMMON = ("hidden", "streamed", "fresh", "block", "slot", "level")
"""What the operations of a part have in common, beside the address of words that are resident."""


def random_op(rng):
    """Any operation."""
    bits = ("hidden", "bank", "streamed", "first", "last", "fresh", "block_end")
    return {
        **{name: rng.randrange(2) for name in bits},
        "index": rng.randrange(16),
        "block": rng.randrange(8),
        "weight_base": rng.randrange(64),
        "slot": rng.randrange(2),
        "level": rng.randrange(4),
    }


def random_event(rng):
    """Any event, extreme values included."""
    value = rng.choice([-255, -1, 0, 255, rng.randrange(-255, 256)])
    return {"column": rng.randrange(16), "value": value}


def answer(op, event):
    """Word, operand and control that an operation must become."""
    return {
        "weight_addr": op["weight_base"] + (0 if op["streamed"] else event["column"]),
        "operand": {"magnitude": abs(event["value"]), "sign": event["value"] < 0},
        "control": {k: op[k] for k in CONTROL},
    }


@pytest.mark.parametrize("multiplier", [MaskedArray(), RoundedWeights(tree=True)])
@pytest.mark.parametrize("gaps", [0, 0.5])
def test_an_operation_reads_list_word_and_lanes_one_after_the_other(play, small, gaps, multiplier):
    expected = {}

    def script():
        rng, asked, part = random.Random(1), None, None
        for cycle in range(200):
            op, valid = random_op(rng), rng.random() >= gaps
            if part is None or part["last"]:
                op["first"] = 1
            elif not op["first"]:
                op |= {name: part[name] for name in COMMON}
                if not op["streamed"]:
                    op["weight_base"] = part["weight_base"]
            part = op if valid else part
            x, h = random_event(rng), random_event(rng)
            seen = yield {"i_valid": valid, "i_op": op, "x_event": x, "h_event": h}
            assert seen["list_en"] == valid
            if asked:
                expected[cycle - 1] = answer(asked, h if asked["hidden"] else x)
            asked = op if valid else None

    seen = play(OperandFetch(small(multiplier=multiplier, lookahead=2)), script())
    shown = [
        {"weight_addr": cycle - 1, "operand": cycle, "control": cycle} for cycle in range(len(seen))
    ]
    words = {cycle - 3 for cycle, row in enumerate(seen) if row["weight_en"]}
    lanes = {cycle - 4 for cycle, row in enumerate(seen) if row["o_valid"]}
    assert words == {cycle for cycle in expected if cycle + 3 < len(seen)}
    assert lanes == {cycle for cycle in expected if cycle + 4 < len(seen)}
    assert not any(row["base_en"] for row in seen if not row["o_valid"])
    for cycle in lanes:
        control = expected[cycle]["control"]
        goes_on = control["first"] and not control["fresh"]
        assert seen[cycle + 4]["base_en"] == goes_on << control["hidden"]
        at = shown[cycle + 4]
        assert {name: seen[at[name]][name] for name in at} == expected[cycle]


def test_operand_and_control_hold_while_nothing_comes(play, small):
    rng = random.Random(2)
    op, event = random_op(rng) | {"first": 1}, random_event(rng)
    rows = [{"i_valid": 1, "i_op": op}, {"x_event": event, "h_event": event}]
    config = small(multiplier=MaskedArray(), lookahead=2)
    seen = play(OperandFetch(config), [*rows, *[{"i_op": random_op(rng)}] * 6])
    expected = answer(op, event)
    for row in seen[4:]:
        assert (row["operand"], row["control"]) == (expected["operand"], expected["control"])
    assert [row["o_valid"] for row in seen] == [0, 0, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    "base, column, addr", [(64, 15, 79), (79, 0, 79), (79, 1, 64), (70, 12, 66)]
)
def test_behind_the_last_word_of_the_ring_stands_the_first(play, small, base, column, addr):
    """Words 64 to 79 are the ring; a word of another base goes right before."""
    before = {"i_valid": 1, "i_op": {"weight_base": 64, "first": 1}}
    event = {"x_event": {"column": column}}
    rows = [
        before,
        {"i_valid": 1, "i_op": {"weight_base": base, "first": 1}} | event,
        event,
        {},
        {},
    ]
    seen = play(OperandFetch(small(weight_words=64, stream_words=16, lookahead=2)), rows)
    assert seen[4]["weight_en"] and seen[4]["weight_addr"] == addr
