"""Rows and states in memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from sim.image.memory import Rows, States, align, state_bytes


@pytest.mark.parametrize(("value", "multiple", "up"), [(0, 8, 0), (1, 8, 8), (8, 8, 8), (9, 8, 16)])
def test_align_goes_up_to_the_next_multiple(value, multiple, up):
    assert align(value, multiple) == up


@given(
    st.integers(1, 40), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(0, 99)
)
def test_rows_come_back_as_they_were_packed(codes, steps, sequences, gap, seed):
    rows = Rows(
        addr=64, codes=codes, stride=align(codes, 8) + 8 * gap, steps=steps, sequences=sequences
    )
    values = np.random.default_rng(seed).integers(-128, 128, (sequences, steps, codes), np.int8)
    packed = rows.pack(values)
    assert len(packed) == rows.end - rows.addr
    assert np.array_equal(rows.unpack(packed, base=64), values)
    assert np.array_equal(rows.unpack(bytes(64) + packed), values)


def test_a_row_is_padded_with_zeros():
    rows = Rows(addr=0, codes=3, stride=8, steps=1, sequences=1)
    assert rows.pack(np.array([[[1, -1, 2]]], np.int8)) == bytes([1, 255, 2, 0, 0, 0, 0, 0])


def test_a_backward_walk_starts_at_the_last_row():
    rows = Rows(addr=256, codes=3, stride=8, steps=5, sequences=2)
    assert rows.walk(False) == (256, 8, 40)
    assert rows.walk(True) == (256 + 32, -8, 40)


@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_states_come_back_as_they_were_packed(units, sequences, seed):
    rng = np.random.default_rng(seed)
    states = States(addr=128, units=units, stride=align(4 * units, 16), sequences=sequences)
    h = rng.integers(-128, 128, (sequences, units), np.int8)
    c = rng.integers(-(1 << 15), 1 << 15, (sequences, units), np.int16)
    packed = states.pack(h, c)
    assert len(packed) == states.end - states.addr
    got_h, got_c = states.unpack(packed, base=128)
    assert np.array_equal(got_h, h)
    assert np.array_equal(got_c, c)


def test_values_of_two_bytes_are_little_endian():
    rows = Rows(addr=0, codes=3, stride=8, steps=1, sequences=1, code_bytes=2)
    values = np.array([[[1, -2, 0x1234]]], np.int16)
    packed = rows.pack(values)
    assert packed == bytes([1, 0, 254, 255, 0x34, 0x12, 0, 0])
    assert np.array_equal(rows.unpack(packed), values) and rows.unpack(packed).dtype == np.int16


def test_a_state_of_a_wide_h_is_c_then_h():
    states = States(addr=0, units=2, stride=16, sequences=1, code_bytes=2)
    h, c = np.array([[0x1234, -1]], np.int16), np.array([[-2, 3]], np.int16)
    packed = states.pack(h, c)
    assert packed[:8] == bytes([254, 255, 0x34, 0x12, 3, 0, 255, 255])
    assert packed[8:] == bytes(8)
    got_h, got_c = states.unpack(packed)
    assert np.array_equal(got_h, h) and np.array_equal(got_c, c) and got_h.dtype == np.int16


def test_a_state_is_c_then_h_then_zero():
    states = States(addr=0, units=1, stride=16, sequences=1)
    packed = states.pack(np.array([[-2]], np.int8), np.array([[0x1234]], np.int16))
    assert packed == bytes([0x34, 0x12, 0xFE, 0]) + bytes(12)


def test_states_are_read_in_whole_words_of_four_units():
    assert state_bytes(CONFIGS["tiny"]) == 16
    assert state_bytes(CONFIGS["chip"]) == 32
