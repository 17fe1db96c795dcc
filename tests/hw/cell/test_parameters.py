"""Cell parameters: made from scales, refused where the gates cannot take them."""

import dataclasses

import numpy as np
import pytest

from hw.cell.parameters import CellParameters

SCALES = {
    "x_scale": 2.0**-6,
    "W_scale": (2.0**-7, 2.0**-8, 3 * 2.0**-9, 2.0**-10),
    "h_scale": 2.0**-7,
    "R_scale": (2.0**-9, 2.0**-8, 2.0**-7, 2.0**-6),
    "c_power": -11,
}


def test_scales_become_multipliers_and_shifts():
    params = CellParameters.from_scales(**SCALES, cell_clip=100, h_zero=-3)
    one, three = 1 << 30, 3 << 29
    assert params == CellParameters(
        x_multiplier=(one, one, three, one),
        x_shift=(0, -1, -1, -3),
        h_multiplier=(one, one, one, one),
        h_shift=(-3, -2, -1, 0),
        output_multiplier=one,
        output_shift=-22,
        product_shift=19,
        tanh_shift=1,
        cell_clip=100,
        h_zero=-3,
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x_scale": 2048.0}, "x_shift must be from -31 to 15, not 17"),
        ({"R_scale": (1024.0,) * 4}, "h_shift must be from -31 to 15, not 16"),
        ({"h_scale": 2.0**-30}, "output_shift must be from -31 to 0, not 1"),
        ({"c_power": -20}, "product_shift must be from 11 to 30, not 10"),
        ({"c_power": 1}, "product_shift must be from 11 to 30, not 31"),
        ({"cell_clip": 40000}, "cell_clip must be from 0 to 32767, not 40000"),
        ({"cell_clip": -1}, "cell_clip must be from 0 to 32767, not -1"),
        ({"h_zero": 128}, "h_zero must be from -128 to 127, not 128"),
        ({"x_scale": -1.0}, "a scale must be a finite number of at least 0, not -32.0"),
        ({"W_scale": (0.1,) * 3}, "W_scale must be four scales, not 3"),
    ],
)
def test_scales_that_the_gates_cannot_take_are_refused(change, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        CellParameters.from_scales(**{**SCALES, **change})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"x_multiplier": (1, 2)}, r"x_multiplier must be four integers, not \(1, 2\)"),
        (
            {"h_multiplier": (0, 0, 0, 1 << 31)},
            "h_multiplier must be from 0 to 2147483647, not 2147483648",
        ),
        ({"output_multiplier": -1}, "output_multiplier must be from 0 to 2147483647, not -1"),
        ({"tanh_shift": 13}, "tanh_shift must be from -7 to 12, not 13"),
    ],
)
def test_parameters_that_the_gates_cannot_take_are_refused(change, sentence):
    params = CellParameters.from_scales(**SCALES)
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        dataclasses.replace(params, **change)


def rows(gates, hidden=3):
    return np.array(gates)[:, None] * np.array([[1, 3, 0.25]])[:, :hidden]


def test_scales_of_rows_give_multipliers_of_rows():
    params = CellParameters.from_scales(
        **{**SCALES, "W_scale": rows(SCALES["W_scale"]), "R_scale": rows(SCALES["R_scale"])}
    )
    assert params.by_row
    one = CellParameters.from_scales(**SCALES)
    for name in ("x", "h"):
        real = params.rows(f"{name}_multiplier") * 2.0 ** params.rows(f"{name}_shift")
        gates = one.rows(f"{name}_multiplier") * 2.0 ** one.rows(f"{name}_shift")
        assert real.shape == (4, 3) and gates.shape == (4, 1)
        assert real == pytest.approx(rows(gates[:, 0]), rel=2.0**-26)
        assert not (params.rows(f"{name}_multiplier") % 32).any()


def test_if_one_part_has_scales_of_rows_the_other_has_multipliers_of_rows_too():
    params = CellParameters.from_scales(**{**SCALES, "R_scale": rows(SCALES["R_scale"])})
    both = CellParameters.from_scales(
        **{
            **SCALES,
            "W_scale": np.repeat(np.array(SCALES["W_scale"])[:, None], 3, axis=1),
            "R_scale": rows(SCALES["R_scale"]),
        }
    )
    assert params == both


def test_a_row_that_the_gates_cannot_take_is_refused():
    with pytest.raises(ValueError, match="h_shift must be from -31 to 15, not 16"):
        CellParameters.from_scales(**{**SCALES, "R_scale": np.full((4, 2), 1024.0)})
