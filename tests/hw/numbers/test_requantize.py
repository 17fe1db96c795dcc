"""Requantisation in NumPy against plain integer arithmetic written as gemmlowp writes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.numbers.requantize import (
    multiply_by_quantized_multiplier,
    multiply_by_reduced_multiplier,
    quantize_multiplier,
    reduce_multiplier,
    requantize,
    requantize_wide,
)


def truncated(numerator, denominator):
    """C's division."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def by_the_book(value, multiplier, shift):
    """One value, with Python's integers and C's semantics."""
    value = ((value << max(shift, 0)) + (1 << 31)) % (1 << 32) - (1 << 31)
    product = value * multiplier
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    high = truncated(product + nudge, 1 << 31)
    right = max(-shift, 0)
    mask = (1 << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> right) + ((high & mask) > threshold)


def test_numpy_equals_the_definition():
    rng = np.random.default_rng(0)
    value = rng.integers(-(1 << 31), 1 << 31, 20000) >> rng.integers(0, 32, 20000)
    multiplier = rng.integers(0, 1 << 31, 20000) >> rng.integers(0, 2, 20000)
    multiplier[::3] = 1 << 30
    shift = rng.integers(-31, 8, 20000)
    results = multiply_by_quantized_multiplier(value, multiplier, shift)
    items = zip(value.tolist(), multiplier.tolist(), shift.tolist(), strict=True)
    assert results.tolist() == [by_the_book(*item) for item in items]


def wide_by_the_book(value, multiplier, shift):
    """One value of more than 32 bits, with Python's integers and C's semantics."""
    reduced = (multiplier + (1 << 15)) >> 16 if multiplier < 0x7FFF0000 else 0x7FFF
    total = 15 - shift
    result = (value * reduced + (1 << (total - 1))) >> total
    return (result + (1 << 31)) % (1 << 32) - (1 << 31)


def test_numpy_equals_the_definition_for_wide_values():
    rng = np.random.default_rng(1)
    value = rng.integers(-(1 << 47), 1 << 47, 20000) >> rng.integers(0, 48, 20000)
    multiplier = rng.integers(0, 1 << 31, 20000) >> rng.integers(0, 2, 20000)
    multiplier[::3], multiplier[1::9] = 1 << 30, (1 << 31) - 1
    shift = rng.integers(-31, 8, 20000)
    results = multiply_by_reduced_multiplier(value, multiplier, shift)
    items = zip(value.tolist(), multiplier.tolist(), shift.tolist(), strict=True)
    assert results.tolist() == [wide_by_the_book(*item) for item in items]
    assert requantize_wide(value, multiplier, shift).tolist() == [
        max(min(result, 32767), -32768) for result in results.tolist()
    ]


def test_a_reduced_multiplier_keeps_15_bits():
    found = reduce_multiplier(
        [0, 1 << 30, (1 << 30) + (1 << 15), 0x7FFEFFFF, 0x7FFF8000, 2**31 - 1]
    )
    assert found.tolist() == [0, 1 << 14, (1 << 14) + 1, 0x7FFF, 0x7FFF, 0x7FFF]


def test_results_saturate_to_the_width():
    assert requantize(np.array([-40000, 7, 40000]), 1 << 30, 1).tolist() == [-32768, 7, 32767]
    assert requantize(np.array([-200, 7, 200]), 1 << 30, 1, 8).tolist() == [-128, 7, 127]


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (0.0, 0, 0),
        (1.0, 1 << 30, 1),
        (0.5, 1 << 30, 0),
        (0.75, 3 << 29, 0),
        (2.0**-30, 1 << 30, -29),
        (2.0**-32, 1 << 30, -31),
        (2.0**-33, 0, 0),
        (1 - 2.0**-40, 1 << 30, 1),
        (100.0, 100 << 24, 7),
    ],
)
def test_a_real_multiplier_becomes_31_bits_and_a_shift(real, multiplier, shift):
    assert quantize_multiplier(real) == (multiplier, shift)


@pytest.mark.parametrize("real", [-1.0, float("inf"), float("nan")])
def test_a_scale_that_is_none_is_refused(real):
    sentence = f"^a scale must be a finite number of at least 0, not {real!r}$"
    with pytest.raises(ValueError, match=sentence):
        quantize_multiplier(real)


@given(st.floats(2.0**-31, 2.0**14))
def test_a_multiplier_of_fewer_bits_is_the_nearest_one(real):
    multiplier, shift = quantize_multiplier(real, 26)
    assert multiplier % 32 == 0 and 1 << 30 <= multiplier < 1 << 31
    assert abs(multiplier * 2.0 ** (shift - 31) - real) <= 2.0 ** (shift - 27)
