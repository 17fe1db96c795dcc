"""Requantisation in float64 equals the integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.cell.reference import multiply_by_power
from hw.numbers.requantize import (
    multiply_by_quantized_multiplier,
    multiply_by_reduced_multiplier,
)
from sim.model.scaling import (
    divide_rounding_twice,
    find_row_scalings,
    find_scaling,
    find_wide_scalings,
)

MULTIPLIERS = st.one_of(
    st.integers(1 << 30, (1 << 31) - 1),
    # Powers of two and their neighbours: the products that tie.
    st.integers(1, 255).map(lambda k: (1 << 30) | k << 22),
    st.just(0),
)


@settings(max_examples=40, deadline=None)
@given(MULTIPLIERS, st.integers(-25, 7), st.integers(1, 1 << 24), st.integers(0, 99))
def test_proved_constants_equal_the_integers(multiplier, shift, bound, seed):
    scaling = find_scaling(multiplier, shift, bound)
    value = np.random.default_rng(seed).integers(-bound, bound + 1, 20000)
    value[:3] = -bound, 0, bound
    wanted = multiply_by_quantized_multiplier(value, multiplier, shift)
    inside = np.abs(wanted) <= 1 << 15
    if scaling.exact:
        assert np.array_equal(scaling.compute(value)[inside], wanted[inside])
        assert (np.abs(scaling.compute(value)[~inside]) >= 1 << 15).all()
    assert scaling.saturates == bool(abs(wanted[0]) > 1 << 15 or wanted[2] >= 1 << 15)


@pytest.mark.parametrize("multiplier", [1 << 30, (1 << 31) - 1, 1518500250, 3 << 29])
@pytest.mark.parametrize("shift", [-23, -8, -1, 0, 1])
def test_every_value_of_a_small_domain_is_equal(multiplier, shift):
    bound = 1 << 18
    scaling = find_scaling(multiplier, shift, bound, 31)
    value = np.arange(-bound, bound + 1)
    wanted = multiply_by_quantized_multiplier(value, multiplier, shift)
    assert scaling.exact
    assert np.array_equal(scaling.compute(value), wanted)


def test_wide_scalings_that_are_exact_equal_the_integers():
    rng = np.random.default_rng(0)
    multipliers = rng.integers(1 << 30, 1 << 31, (4, 300))
    multipliers[0], shifts = 1 << 30, rng.integers(-31, 0, (4, 300))
    bounds = rng.integers(1 << 20, 1 << 36, (4, 300))
    value = rng.integers(-bounds, bounds + 1, (500, 4, 300))
    # Halves, which are rounded up.
    value[::2, 0] = (2 * rng.integers(-9, 9, (250, 300)) + 1) << np.maximum(-shifts[0], 0)
    scaling = find_wide_scalings(multipliers, shifts, np.abs(value).max(axis=0))
    wanted = multiply_by_reduced_multiplier(value, multipliers, shifts)
    assert not scaling.exact  # some wrap
    inside = np.abs(value * scaling.first) < (1 << 31) - 1
    assert np.array_equal(np.floor(value * scaling.first + 0.5)[inside], wanted[inside])
    small = find_wide_scalings(multipliers, shifts - 1, bounds >> 10)
    assert small.exact and small.saturates


def test_usual_scales_have_a_proof():
    rng = np.random.default_rng(0)
    for multiplier in rng.integers(1 << 30, 1 << 31, 20):
        for shift in (-9, -3, -1, 0):
            assert find_scaling(int(multiplier), shift, 1 << 23).exact
        assert find_scaling(int(multiplier), -22, 1 << 30, 10).exact


def test_a_formula_that_is_not_equal_has_no_proof(monkeypatch):
    find_scaling.cache_clear()
    # Without the push, halves round to even instead of away from zero.
    monkeypatch.setattr("sim.model.scaling._AWAY", 1.0)
    assert not find_scaling(1 << 30, -4, 1 << 20).exact
    find_scaling.cache_clear()


@pytest.mark.parametrize("shift", range(15, 31))
def test_powers_of_two_round_twice(shift):
    # Around every tie that is in reach, and at the ends.
    ties = np.arange(-(1 << 30), 1 << 30, max(1 << (shift - 1), 1 << 18))
    value = np.clip(ties[:, None] + np.arange(-40, 41), -(1 << 30), 1 << 30).ravel()
    product = value.astype(np.int32)
    divide_rounding_twice(product, shift, np.empty_like(product))
    assert np.array_equal(product, multiply_by_power(value, shift))


@settings(max_examples=40, deadline=None)
@given(st.integers(-31, 15), st.integers(1, 26), st.booleans(), st.integers(0, 999))
def test_constants_of_rows_equal_the_integers(shift, bits, few_bits, seed):
    rng = np.random.default_rng(seed)
    bound = (1 << min(bits, 31 - max(shift, 0))) - 1
    multipliers = rng.integers(1 << 25, 1 << 26, (4, 3)) << 5
    if few_bits:
        # Their products tie.
        multipliers = (rng.integers(128, 256, (4, 3))) << 23
    shifts = np.clip(shift + rng.integers(-2, 1, (4, 3)), -31, 15)
    scaling = find_row_scalings(multipliers, shifts, np.full((4, 3), bound))
    assert scaling.exact
    value = rng.integers(-bound, bound + 1, (4000, 4, 3))
    value[0], value[1] = -bound, bound
    found = np.rint(np.rint(value * scaling.first + scaling.nudge) * scaling.second)
    wanted = multiply_by_quantized_multiplier(value, multipliers, shifts)
    assert np.array_equal(found, wanted)
    assert scaling.saturates == bool(wanted.min() < -(1 << 15) or wanted.max() >= 1 << 15)


def test_rows_with_larger_sums_than_float64_holds_products_of_are_not_exact():
    one = np.full((4, 1), 1 << 30)
    assert not find_row_scalings(one, 0 * one, np.full((4, 1), 1 << 26)).exact
