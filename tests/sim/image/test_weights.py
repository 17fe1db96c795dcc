"""Column words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.dsp_pair import DspPair
from hw.multipliers.exact import BaughWooley, Exact
from sim.image.weights import fewest_beats, pack_weights, unpack_weights

TINY = CONFIGS["tiny"]


def weights(rng, hidden, columns, limit=127):
    return rng.integers(-limit, limit + 1, (4, hidden, columns), np.int8)


@given(st.sampled_from(sorted(CONFIGS)), st.integers(1, 40), st.integers(1, 70), st.integers(0, 99))
def test_weights_come_back_as_they_were_packed(name, inputs, hidden, seed):
    config = CONFIGS[name]
    rng = np.random.default_rng(seed)
    W, R = weights(rng, hidden, inputs), weights(rng, hidden, hidden)
    beats = (config.word_beats,) * 2
    packed = pack_weights(W, R, config, beats)
    assert len(packed) == config.blocks(hidden) * (inputs + hidden) * config.column_bytes
    got = unpack_weights(packed, inputs, hidden, config, beats)
    assert np.array_equal(got[0], W)
    assert np.array_equal(got[1], R)


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("family", [Exact, DspPair])
def test_narrow_weights_come_back_as_they_were_packed(family, width):
    config = replace(CONFIGS["small"], multiplier=family(weight_width=width))
    rng = np.random.default_rng(width)
    limit = 2 ** (width - 1) - 1
    W, R = weights(rng, 11, 3, limit), weights(rng, 11, 11, limit)
    beats = (config.word_beats,) * 2
    got = unpack_weights(pack_weights(W, R, config, beats), 3, 11, config, beats)
    assert np.array_equal(got[0], W)
    assert np.array_equal(got[1], R)


@given(
    st.sampled_from(["small", "edge", "long", "odd"]),
    st.sampled_from([Exact, BaughWooley, DspPair]),
    st.tuples(st.integers(0, 7), st.integers(0, 7)),
    st.integers(0, 99),
)
def test_words_with_the_fewest_beats_lose_nothing(name, family, bits, seed):
    config = CONFIGS.get(name, CONFIGS["tiny"])
    changes = {"long": {"lanes": 128}, "odd": {"lanes": 64}}.get(name, {})
    width = 7 if name == "odd" else 8
    config = replace(config, multiplier=family(weight_width=width), **changes)
    rng = np.random.default_rng(seed)
    limits = [2 ** min(each, width - 1) - 1 for each in bits]
    W, R = weights(rng, 9, 5, limits[0]), weights(rng, 9, 9, limits[1])
    W[0, 0, 0], R[0, 0, 0] = limits
    beats = fewest_beats(W, R, config)
    for limit, each in zip(limits, beats, strict=True):
        planes = each // config.plane_beats
        needed = limit.bit_length() + 1
        assert (planes - 1) * config.plane_bits < needed <= planes * config.plane_bits
    packed = pack_weights(W, R, config, beats)
    words = 5 * beats[0] + 9 * beats[1]
    assert len(packed) == config.blocks(9) * words * config.bus_bytes
    got = unpack_weights(packed, 5, 9, config, beats)
    assert np.array_equal(got[0], W)
    assert np.array_equal(got[1], R)


def test_a_short_word_is_the_beginning_of_a_long_one():
    """In both forms: what it lacks is zero, or the sign."""
    rng = np.random.default_rng(1)
    W, R = weights(rng, 8, 1, 7), weights(rng, 8, 8, 7)
    for family in (Exact, BaughWooley):
        config = replace(CONFIGS["small"], multiplier=family())
        short, long = (
            np.frombuffer(pack_weights(W, R, config, (beats, beats)), np.uint8).reshape(9, -1)
            for beats in (2, 4)
        )
        assert np.array_equal(short, long[:, :16])


def test_a_word_holds_four_gates_per_unit_the_sign_below_the_other_bits():
    # Two units of four gates fill the eight lanes; sign-magnitude codes are read off by eye.
    W = np.array(
        [[[0x12], [0x21]], [[-0x34], [0x43]], [[0x56], [-0x65]], [[0x78], [0x07]]], np.int8
    )
    R = np.zeros((4, 2, 2), np.int8)
    word = pack_weights(W, R, TINY, (1, 1))[:8]
    # Lanes 0 to 7: 12 b4 56 78 21 43 e5 07.
    assert word == bytes([0x24, 0x69, 0xAC, 0xF0, 0x42, 0x86, 0xCB, 0x0E])


def test_planes_hold_the_same_bits_of_all_weights():
    """Of 32 lanes a beat of 64 bits holds two bits each: sign and lowest bit, then the next two."""
    config = CONFIGS["small"]
    W = np.zeros((4, 8, 1), np.int8)
    W[0, 0], W[1, 0], W[3, 7] = -0b1001101, 0b0110010, -1
    word = np.frombuffer(pack_weights(W, np.zeros((4, 8, 8), np.int8), config, (4, 4)), "<u8")[:4]
    lanes = [[int(beat) >> 2 * lane & 3 for beat in word] for lane in (0, 1, 31)]
    assert lanes == [[0b11, 0b10, 0b01, 0b10], [0b00, 0b01, 0b10, 0b01], [0b11, 0, 0, 0]]


def test_columns_of_x_go_before_columns_of_h_and_blocks_follow_each_other():
    W = np.full((4, 4, 1), 1, np.int8)
    R = np.full((4, 4, 4), 2, np.int8)
    R[:, 2:] = 3
    words = np.frombuffer(pack_weights(W, R, TINY, (1, 1)), np.uint8).reshape(2, 5, 8)
    assert (words[:, 0] == 0x02).all()
    assert (words[0, 1:] == 0x04).all()
    assert (words[1, 1:] == 0x06).all()


def test_rows_that_pad_the_last_block_are_zero():
    W, R = np.full((4, 3, 1), 127, np.int8), np.full((4, 3, 3), 127, np.int8)
    words = np.frombuffer(pack_weights(W, R, TINY, (1, 1)), np.uint8).reshape(2, 4, 8)
    assert (words[1] == [0xFE, 0xFE, 0xFE, 0xFE, 0, 0, 0, 0]).all()
