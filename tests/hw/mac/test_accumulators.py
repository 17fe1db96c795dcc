"""The two memories of sums against a dictionary."""

import random

import pytest

from hw.mac.accumulators import AccumulatorBank


@pytest.mark.parametrize("hidden", [1, 2, 5, 16])
def test_sums_are_read_where_they_were_written_and_hold(play, small, hidden):
    config = small(max_hidden=hidden)
    low, high = -(1 << config.acc_width - 1), (1 << config.acc_width - 1) - 1
    blocks, expected, bases = config.max_blocks, [], []

    def script():
        rng, held, base = random.Random(hidden), {}, None
        out = coming = None
        for _ in range(150):
            w_block, r_block = rng.randrange(blocks), rng.randrange(blocks)
            w_hidden = rng.randrange(2)
            row = {"w_en": (rng.random() < 0.7) << w_hidden, "w_block": w_block, "r_block": r_block}
            row["w_totals"] = [rng.choice([low, high, rng.randint(low, high)]) for _ in range(8)]
            b_hidden, b_block = rng.randrange(2), rng.randrange(blocks)
            row["base_block"] = b_block
            writes_it = row["w_en"] and (w_hidden, w_block) == (b_hidden, b_block)
            reads = (b_hidden, b_block) in held and not writes_it and rng.random() < 0.5
            row["base_en"] = reads << b_hidden
            bases.append(base)
            known = (0, r_block) in held and (1, r_block) in held
            clash = row["w_en"] and w_block == r_block
            row["r_en"] = known and not clash and rng.random() < 0.7
            expected.append(out)
            yield row
            out = coming
            if row["base_en"]:
                base = held[b_hidden, b_block]
            if row["w_en"]:
                held[w_hidden, w_block] = row["w_totals"]
            if row["r_en"]:
                coming = (held[0, r_block], held[1, r_block])

    seen = play(AccumulatorBank(config), script())
    pairs = [(row["acc_x"], row["acc_h"]) for row in seen]
    assert any(expected) and all(e in (None, p) for e, p in zip(expected, pairs, strict=True))
    read = [row["base"] for row in seen]
    assert any(bases) and all(e in (None, b) for e, b in zip(bases, read, strict=True))


def test_sums_can_be_read_in_the_cycle_after_they_were_written(play, small):
    totals = [-3, 7, 0, -8388, 1, 2, 3, 4]
    write = {"w_en": 0b10, "w_block": 5, "w_totals": totals}
    seen = play(AccumulatorBank(small()), [write, {"r_en": 1, "r_block": 5}, {}, {}, {}])
    assert [row["acc_h"] for row in seen[3:]] == [totals, totals]
    assert seen[4]["acc_x"] == [0] * 8


def test_each_step_of_a_group_has_sums_of_x_of_its_own(play, small):
    config, blocks = small(lookahead=4), range(small().max_blocks)
    places = [(slot, block) for slot in range(4) for block in blocks]
    totals = {place: [number] * 8 for number, place in enumerate(places)}

    def script():
        for (slot, block), sums in totals.items():
            yield {"w_en": 1, "w_slot": slot, "w_block": block, "w_totals": sums}
        for block in blocks:
            yield {
                "w_en": 0b10,
                "w_slot": 3,
                "w_block": block,
                "w_totals": [-block] * 8,
            }
        for slot, block in places:
            yield {"r_en": 1, "r_slot": slot, "r_block": block}
            yield {}
            seen = yield {}
            assert (seen["acc_x"], seen["acc_h"]) == (totals[slot, block], [-block] * 8)
        for block in blocks:
            yield {"base_en": 1, "base_block": block}
            assert (yield {})["base"] == totals[0, block]

    play(AccumulatorBank(config), script())
