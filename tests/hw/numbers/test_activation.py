"""Sigmoid and tanh in NumPy: the table, the reference's own arithmetic, the real functions."""

from pathlib import Path

import numpy as np
import pytest
import tflite_micro

from hw.numbers.activation import (
    MAX_TANH_SHIFT,
    MIN_TANH_SHIFT,
    SIGMOID_TABLE,
    sigmoid,
    sigmoid_codes,
    tanh,
    tanh_codes,
)

ALL_CODES = np.arange(-(1 << 15), 1 << 15)


def test_the_formula_gives_the_table_that_tflite_micro_contains():
    start = SIGMOID_TABLE[:8].astype("<u2").tobytes()
    libraries = Path(tflite_micro.__file__).parent.rglob("*.so")
    tables = []
    for library in libraries:
        content = library.read_bytes()
        if start in content:
            tables.append(np.frombuffer(content, "<u2", 256, content.index(start)))
    assert tables
    for table in tables:
        np.testing.assert_array_equal(SIGMOID_TABLE, table)


def by_the_book_sigmoid(code):
    """One code, with the steps and constants of the C source."""
    scaled = 3 * code
    index, fraction = abs(scaled) >> 9, abs(scaled) & 0x1FF
    if index >= 255:
        result = 0x7FFF << 10
    else:
        a, b = int(SIGMOID_TABLE[index]), int(SIGMOID_TABLE[index + 1])
        result = (a << 9) + fraction * (b - a)
    result = result + 512 if scaled >= 0 else (1 << 25) - result + 512 - 1
    return result >> 10


def by_the_book_tanh(code, left_shift):
    """One code; a negative shift has the multiplier 3 and rounds, as the LSTM operator asks."""
    multiplier, right = (3 << left_shift, 0) if left_shift >= 0 else (3, -left_shift)
    scaled = (code * multiplier + ((1 << (right - 1)) if right else 0)) >> right
    index, fraction = abs(scaled) >> 8, abs(scaled) & 0xFF
    if index >= 255:
        result = 0xFFFF << 8
    else:
        a, b = int(SIGMOID_TABLE[index]), int(SIGMOID_TABLE[index + 1])
        result = (a << 8) + fraction * (b - a)
    half = 1 << (14 + 9)
    result = result - half + (1 << 7) if scaled >= 0 else -result + half + (1 << 7) - 1
    return result >> 8


def test_sigmoid_equals_the_definition_on_every_code():
    expected = [by_the_book_sigmoid(code) for code in ALL_CODES.tolist()]
    assert sigmoid_codes(ALL_CODES).tolist() == expected
    assert sigmoid(ALL_CODES).tolist() == expected


@pytest.mark.parametrize("shift", range(MIN_TANH_SHIFT, MAX_TANH_SHIFT + 1))
def test_tanh_equals_the_definition(shift):
    codes = ALL_CODES[:: 1 if shift == 0 else 5]
    expected = [by_the_book_tanh(code, shift) for code in codes.tolist()]
    assert tanh_codes(codes, shift).tolist() == expected
    assert tanh(codes.astype(np.int16), shift).tolist() == expected


def test_both_are_as_close_to_the_real_functions_as_the_table_allows():
    # Half a chord's deviation, 0.34 codes, a table entry's rounding, 0.25, and the result's, 0.5;
    # the first two count twice in tanh.
    x = ALL_CODES / 4096
    assert np.abs(sigmoid(ALL_CODES) - 32768 / (1 + np.exp(-x))).max() < 1.1
    inside = np.abs(x) < 254 / 48
    assert np.abs(tanh(ALL_CODES) - 32768 * np.tanh(x))[inside].max() < 1.7
