from dataclasses import dataclass

import numpy as np
import pytest

from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.forms import TwosComplement


@dataclass(frozen=True, kw_only=True)
class Formula(TwosComplement):
    """A multiplier by name of its error.

    Parameters
    ----------
    error : str
        Key of ``ERRORS``.
    """

    error: str

    def compute(self, value, weight, level=0):
        return value * weight + ERRORS[self.error](value, weight)


ERRORS = {
    "none": lambda v, w: 0 * v * w,
    "constant": lambda v, w: 0 * v * w + 3,
    "even": lambda v, w: np.abs(v) + 0 * w,
    "odd": lambda v, w: np.sign(v) * (v % 2) + 0 * w,
    "linear": lambda v, w: v * (w % 4),
    "skewed": lambda v, w: (v > 0) * (v - 1) + 0 * w,
}


@pytest.mark.parametrize(
    "error, zero, odd, linear, safe",
    [
        ("none", True, True, True, True),
        ("constant", False, False, False, False),
        ("even", True, False, False, False),
        ("odd", True, True, False, True),
        ("linear", True, True, True, True),
        ("skewed", True, False, False, False),
    ],
)
def test_properties_follow_from_all_products(error, zero, odd, linear, safe):
    found = Formula(error=error).behaviour()
    assert (found.zero_preserving, found.odd_symmetric, found.linear) == (zero, odd, linear)
    assert found.safe_in_delta == safe == Formula(error=error).safe_in_delta(0)
    assert found.exact == (error == "none")
    assert found.in_delta.startswith("safe" if safe else "unsafe")


def test_the_reasons_are_named():
    assert Formula(error="constant").behaviour().in_delta == (
        "unsafe, errors accumulate: f(0, w) is not 0; f(-v, w) is not -f(v, w); "
        "the mean error is not small beside the mean absolute error"
    )


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_every_named_level_is_safe(name):
    multiplier = find_multiplier(name)
    assert all(multiplier.safe_in_delta(level) for level in range(len(multiplier.levels)))


def drift(multiplier, level, steps=400):
    """Largest error of a sum of products of differences, and of the last value's own product."""
    rng = np.random.default_rng(1)
    values = np.clip(np.cumsum(rng.integers(-20, 21, (steps, 64)), 0), -120, 120)
    weights = rng.integers(-127, 128, 64)
    products = multiplier.compute(np.diff(values, axis=0), weights, level)
    error = np.cumsum(products, axis=0) - (values[1:] - values[0]) * weights
    return np.abs(error[20:40]).mean(), np.abs(error[-20:]).mean()


@pytest.mark.parametrize("name, level", [("booth", 2), ("rounded", 2), ("perforated", 1)])
def test_linear_errors_telescope(name, level):
    early, late = drift(find_multiplier(name), level)
    assert late < 5 * early


def test_even_errors_accumulate():
    early, late = drift(Formula(error="even"), 0)
    assert late > 5 * early


def test_a_level_that_there_is_not_is_refused():
    with pytest.raises(ValueError) as error:
        find_multiplier("truncated:4").table(2)
    assert str(error.value) == "there is no level 2; the levels are 0 (exact), 1 (columns < 4)"
