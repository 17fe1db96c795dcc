"""Parameters of units in memory."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.image.parameters import (
    cell_fields,
    cell_parameters,
    pack_params,
    unit_bytes,
    unpack_params,
)
from sim.model.random_network import random_network


def direction(hidden, seed, row_scales):
    network = random_network([3, hidden], seed=seed, row_scales=row_scales)
    bias = np.random.default_rng(seed).integers(-(1 << 31), 1 << 31, (4, hidden))
    return replace(network.layers[0].directions[0], bias=bias.astype(np.int32))


@given(st.integers(1, 30), st.integers(0, 99), st.booleans())
def test_params_come_back_as_they_were_packed(hidden, seed, row_scales):
    lstm = direction(hidden, seed, row_scales)
    cell = cell_parameters(lstm)
    packed = pack_params(lstm.bias, cell)
    assert len(packed) == hidden * unit_bytes(row_scales)
    found = unpack_params(packed, row_scales)
    assert np.array_equal(found.pop("bias"), lstm.bias)
    assert len(found) == 4 * row_scales
    for name, values in found.items():
        assert np.array_equal(values, cell.rows(name))


def test_params_are_four_biases_per_unit():
    bias = np.array([[1, 5], [2, 6], [3, 7], [4, 8]], np.int32)
    cell = cell_parameters(direction(2, 0, False))
    assert pack_params(bias, cell) == b"".join(k.to_bytes(4, "little") for k in range(1, 9))


def test_scales_of_rows_stand_behind_the_biases_of_their_unit():
    lstm = direction(2, 0, True)
    ones = np.ones((4, 2))
    ones[1, 1] = 2.0**-20
    lstm = replace(lstm, x=replace(lstm.x, scale=2.0**-6), h=replace(lstm.h, scale=2.0**-7))
    cell = cell_parameters(replace(lstm, W_scale=ones * 2.0**-7, R_scale=0.75 * ones))
    words = np.frombuffer(pack_params(lstm.bias, cell), "<u4").reshape(2, 3, 4)
    # A half, times two to the shift.
    assert list(words[1, 1]) == [1 << 31, (1 << 31) | (-20 & 63), 1 << 31, 1 << 31]
    assert (words[:, 2] >> 6 == 3 << 24).sum() == 8


@pytest.mark.parametrize("row_scales", [False, True])
def test_a_descriptor_has_multipliers_of_gates_or_says_that_rows_have_them(row_scales):
    fields = cell_fields(cell_parameters(direction(3, 0, row_scales)))
    assert fields["row_scales"] == row_scales
    assert (fields["x_multiplier_2"] == fields["h_multiplier_0"] == 0) == row_scales
