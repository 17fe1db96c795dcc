from dataclasses import dataclass

import numpy as np
import pytest

from hw.multipliers.behaviour import STEPS_LIMIT
from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.forms import TwosComplement
from hw.multipliers.masked import Cut, MaskedArray


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
    "odd": lambda v, w: np.sign(v) * (v % 2) * w,
    "jump": lambda v, w: 3 * np.sign(v) * np.sign(w),
    "linear": lambda v, w: v * (w % 4),
    "skewed": lambda v, w: (v > 0) * (v - 1) + 0 * w,
}


@pytest.mark.parametrize(
    "error, zero, proportionate, odd, linear, safe",
    [
        ("none", True, True, True, True, "always"),
        ("constant", False, False, False, False, "never"),
        ("even", True, False, False, False, "never"),
        ("odd", True, True, True, False, "flushed"),
        ("jump", True, False, True, False, "never"),
        ("linear", True, False, True, True, "always"),
        ("skewed", True, False, False, False, "never"),
    ],
)
def test_properties_follow_from_all_products(error, zero, proportionate, odd, linear, safe):
    multiplier = Formula(error=error)
    found = multiplier.behaviour()
    assert (found.zero_preserving, found.proportionate) == (zero, proportionate)
    assert (found.odd_symmetric, found.linear) == (odd, linear)
    assert found.exact == (error == "none")
    assert found.in_delta.startswith("unsafe" if safe == "never" else "safe")
    assert multiplier.safe_in_delta(0) == (safe == "always")
    for every in (1, STEPS_LIMIT):
        assert multiplier.safe_in_delta(0, every) == (safe != "never")
    assert multiplier.safe_in_delta(0, STEPS_LIMIT + 1) == (safe == "always")


def test_the_reasons_are_named():
    assert Formula(error="constant").behaviour().in_delta == (
        "unsafe, errors accumulate: f(0, w) is not 0; f(-v, w) is not -f(v, w); "
        "the mean error is not small beside the mean absolute error"
    )
    assert Formula(error="jump").behaviour().in_delta == (
        "unsafe, errors accumulate: products of small operands are wrong by more than themselves"
    )
    assert Formula(error="odd").behaviour().in_delta == (
        "safe with a normal step at least every 64 steps: errors vanish with the operands, are odd "
        "in the event value and cancel on average"
    )


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_every_named_level_is_safe_but_for_a_constant(name):
    multiplier = find_multiplier(name)
    for level, title in enumerate(multiplier.levels):
        assert multiplier.safe_in_delta(level, 64) == ("plus" not in title)
        # Only what is linear stays bounded for ever.
        assert multiplier.safe_in_delta(level) == multiplier.behaviour(level).linear


@pytest.mark.parametrize("constant", [3, 32, 89])
def test_a_constant_is_unsafe_however_well_it_hits_the_mean(constant):
    cut = Cut(columns=5, compensation="constant", constant=constant)
    found = MaskedArray(cuts=(Cut(), cut)).behaviour(1)
    assert found.zero_preserving and found.odd_symmetric and found.unbiased
    assert not found.proportionate and not found.cancels


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


@pytest.mark.parametrize("name, level", [("truncated", 2), ("compensated", 3), ("constant", 1)])
def test_errors_that_cancel_on_average_gather_where_values_rise_slowly_and_fall_fast(name, level):
    multiplier = find_multiplier(name)
    weights = np.arange(-127, 128)
    step, rise = 3, 20

    def error(periods):
        slow = periods * rise * multiplier.compute(np.int64(step), weights, level)
        fast = periods * multiplier.compute(np.int64(-step * rise), weights, level)
        return np.abs(slow + fast).mean()

    assert error(10) == pytest.approx(10 * error(1))
    assert error(1) > 0


def test_even_errors_accumulate():
    early, late = drift(Formula(error="even"), 0)
    assert late > 5 * early


def test_a_level_that_there_is_not_is_refused():
    with pytest.raises(ValueError) as error:
        find_multiplier("truncated:4").table(2)
    assert str(error.value) == "there is no level 2; the levels are 0 (exact), 1 (columns < 4)"
