"""Saturation, wrapping and rounding shifts."""

from fractions import Fraction

import numpy as np
import pytest

from hw.numbers.rounding import divide_by_power, saturate, wrap


def test_saturation_keeps_the_nearest_code():
    assert saturate(np.array([-129, -128, 0, 127, 128]), 8).tolist() == [-128, -128, 0, 127, 127]


def test_wrapping_is_modulo_a_power_of_two():
    assert wrap(np.array([-129, -128, 127, 128, 256]), 8).tolist() == [127, -128, 127, -128, 0]


@pytest.mark.parametrize("exponent", range(6))
def test_division_rounds_to_nearest_and_ties_away_from_zero(exponent):
    values = np.arange(-200, 201)
    for value, result in zip(values, divide_by_power(values, exponent), strict=True):
        exact = Fraction(int(value), 1 << exponent)
        error = abs(exact - int(result))
        assert error <= Fraction(1, 2)
        assert error < Fraction(1, 2) or abs(int(result)) > abs(exact)


def test_each_element_may_have_its_own_exponent():
    assert divide_by_power(np.array([-6, -6, 6]), np.array([0, 2, 2])).tolist() == [-6, -2, 2]
