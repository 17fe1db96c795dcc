"""Requantisation in NumPy against plain integer arithmetic written as gemmlowp writes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.numbers.requantize import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
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
