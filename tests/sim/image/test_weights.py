"""Column words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.dsp_pair import DspPair
from hw.multipliers.exact import Exact
from sim.image.weights import pack_params, pack_weights, unpack_params, unpack_weights

TINY = CONFIGS["tiny"]


def weights(rng, hidden, columns, limit=127):
    return rng.integers(-limit, limit + 1, (4, hidden, columns), np.int8)


@given(st.sampled_from(sorted(CONFIGS)), st.integers(1, 40), st.integers(1, 70), st.integers(0, 99))
def test_weights_come_back_as_they_were_packed(name, inputs, hidden, seed):
    config = CONFIGS[name]
    rng = np.random.default_rng(seed)
    W, R = weights(rng, hidden, inputs), weights(rng, hidden, hidden)
    packed = pack_weights(W, R, config)
    assert len(packed) == config.blocks(hidden) * (inputs + hidden) * config.column_bytes
    got = unpack_weights(packed, inputs, hidden, config)
    assert np.array_equal(got[0], W)
    assert np.array_equal(got[1], R)


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("family", [Exact, DspPair])
def test_narrow_weights_come_back_as_they_were_packed(family, width):
    config = replace(CONFIGS["small"], multiplier=family(weight_width=width))
    rng = np.random.default_rng(width)
    limit = 2 ** (width - 1) - 1
    W, R = weights(rng, 11, 3, limit), weights(rng, 11, 11, limit)
    got = unpack_weights(pack_weights(W, R, config), 3, 11, config)
    assert np.array_equal(got[0], W)
    assert np.array_equal(got[1], R)


def test_a_word_holds_upper_halves_then_lower_halves_of_four_gates_per_unit():
    # Two units of four gates fill the eight lanes; sign-magnitude codes are read off by eye.
    W = np.array(
        [[[0x12], [0x21]], [[-0x34], [0x43]], [[0x56], [-0x65]], [[0x78], [0x07]]], np.int8
    )
    R = np.zeros((4, 2, 2), np.int8)
    word = pack_weights(W, R, TINY)[:8]
    # Lanes 0 to 7: 12 b4 56 78 21 43 e5 07.
    assert word == bytes([0xB1, 0x75, 0x42, 0x0E, 0x42, 0x86, 0x31, 0x75])


def test_columns_of_x_go_before_columns_of_h_and_blocks_follow_each_other():
    W = np.full((4, 4, 1), 1, np.int8)
    R = np.full((4, 4, 4), 2, np.int8)
    R[:, 2:] = 3
    words = np.frombuffer(pack_weights(W, R, TINY), np.uint8).reshape(2, 5, 8)
    assert (words[:, :, :4] == 0).all()
    assert (words[:, 0, 4:] == 0x11).all()
    assert (words[0, 1:, 4:] == 0x22).all()
    assert (words[1, 1:, 4:] == 0x33).all()


def test_rows_that_pad_the_last_block_are_zero():
    W, R = np.full((4, 3, 1), 127, np.int8), np.full((4, 3, 3), 127, np.int8)
    words = np.frombuffer(pack_weights(W, R, TINY), np.uint8).reshape(2, 4, 8)
    assert (words[1] == [0x77, 0x77, 0, 0, 0xFF, 0xFF, 0, 0]).all()


@given(st.integers(1, 30), st.integers(0, 99))
def test_params_come_back_as_they_were_packed(hidden, seed):
    rng = np.random.default_rng(seed)
    bias = rng.integers(-(1 << 31), 1 << 31, (4, hidden)).astype(np.int32)
    assert np.array_equal(unpack_params(pack_params(bias)), bias)


def test_params_are_four_biases_per_unit():
    bias = np.array([[1, 5], [2, 6], [3, 7], [4, 8]], np.int32)
    assert pack_params(bias) == b"".join(k.to_bytes(4, "little") for k in range(1, 9))
