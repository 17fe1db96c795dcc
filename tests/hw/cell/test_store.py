"""Biases and states against a dictionary."""

import random

import pytest

from hw.cell.store import UnitStore, unit_shape

BIAS_ENDS = (-(1 << 31), (1 << 31) - 1)


@pytest.mark.parametrize("units", [1, 2, 5, 16])
def test_a_unit_is_read_as_it_was_written_and_holds(play, small, units):
    config, expected = small(max_hidden=units), []

    def script():
        rng, held, out = random.Random(units), {"bias": {}, "state": {}}, {}
        for _ in range(250):
            at = {name: rng.randrange(units) for name in ("bias", "state", "r")}
            row = {f"{name}_unit": unit for name, unit in at.items()}
            row["bias_data"] = [rng.choice([*BIAS_ENDS, rng.randint(*BIAS_ENDS)]) for _ in range(4)]
            c = rng.choice([-32768, 32767, rng.randrange(-32768, 32768)])
            row["state_data"] = {"h": rng.randrange(-128, 128), "c": c}
            row |= {f"{name}_en": rng.random() < 0.6 for name in (*at, "rows")}
            asks = {"bias": "rows_en", "state": "r_en"}
            for name, ask in asks.items():
                row[ask] &= not (row[f"{name}_en"] and at[name] == at["r"])
            expected.append(out)
            yield row
            out = dict(out)
            for name, ask in asks.items():
                if row[ask]:
                    out.pop(name, None)
                    out |= {name: held[name][at["r"]]} if at["r"] in held[name] else {}
            for name in ("bias", "state"):
                if row[f"{name}_en"]:
                    held[name][at[name]] = row[f"{name}_data"]

    seen = play(UnitStore(config), script())
    assert any(len(row) == 2 for row in expected)
    for now, row in zip(seen, expected, strict=True):
        assert {name: now[name] for name in row} == row


def test_what_was_written_can_be_read_in_the_cycle_after(play, small):
    write = {"bias_en": 1, "bias_unit": 3, "bias_data": [-1, 2, -3, 4]}
    write |= {"state_en": 1, "state_unit": 3, "state_data": {"h": -7, "c": -5}}
    read = {"r_en": 1, "rows_en": 1, "r_unit": 3}
    seen = play(UnitStore(small()), [write, read, {}, {}])
    for row in seen[2:]:
        assert (row["bias"], row["state"]) == ([-1, 2, -3, 4], {"h": -7, "c": -5})


@pytest.mark.parametrize("units, width", [(1, 1), (2, 1), (3, 2), (16, 4), (17, 5)])
def test_an_index_takes_the_bits_of_the_last_unit(small, units, width):
    assert unit_shape(small(max_hidden=units)).width == width


def test_words_of_a_unit_are_kept_apart(play, small):
    words = {"bias": [-1, 2, -3, 4], "x_scale": [5, -6, 7, 8], "h_scale": [9, 10, 11, -12]}
    writes = [
        {
            "bias_en": 1,
            "bias_unit": unit,
            "bias_part": number,
            "bias_data": [unit * k for k in word],
        }
        for unit in (1, 3)
        for number, word in enumerate(words.values())
    ]
    reads = [{"rows_en": 1, "r_unit": 3}, {"rows_en": 1, "r_unit": 1}, {}]
    seen = play(UnitStore(small(row_scales=True)), [*writes, *reads])
    for unit, row in zip((3, 1), seen[-2:], strict=True):
        assert {name: row[name] for name in words} == {
            name: [unit * k for k in word] for name, word in words.items()
        }
