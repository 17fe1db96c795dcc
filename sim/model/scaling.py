"""Requantisation in float64, proved equal to the integers before it is used."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hw.numbers.requantize import (
    REDUCED_WIDTH,
    ROW_MULTIPLIER_WIDTH,
    multiply_by_quantized_multiplier,
    reduce_multiplier,
    requantize,
)

__all__ = [
    "RowScalings",
    "Scaling",
    "WideScalings",
    "divide_rounding_twice",
    "find_row_scalings",
    "find_scaling",
    "find_wide_scalings",
]

_AWAY = 1 + 2.0**-40
"""Pushes exact halves away from zero, and nothing else that fits 32 bits over a half."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """``rint(rint(a * first + nudge) * second)``: a requantisation as four float64 operations.

    The first rounding is the doubling high product (ties up: ``nudge``), the second one is the
    rounding right shift (ties away from zero: ``second`` is a hair above its power of two).

    Members
    -------
    first, nudge, second : float
        Constants.
    saturates : bool
        A value within the bound can leave 16 bits.
    exact : bool
        The formula equals the integers for every value within the bound.
    """

    first: float
    nudge: float
    second: float
    saturates: bool
    exact: bool

    def compute(self, value: np.ndarray) -> np.ndarray:
        """The formula on any array, float64 with integer values, not saturated."""
        return np.rint(np.rint(value * self.first + self.nudge) * self.second)


@lru_cache(maxsize=1024)
def find_scaling(multiplier: int, shift: int, bound: int, width: int = 16) -> Scaling:
    """Constants for integers of magnitude up to ``bound``, saturated to ``width`` bits after.

    Proof of ``exact``: both sides never fall as the value rises, so they are equal everywhere if
    they are equal on both sides of every step of the integer one. Each step is looked up within
    the few values around the place where the real product says it is.
    """
    left, right = max(shift, 0), max(-shift, 0)
    zeros = (multiplier & -multiplier).bit_length() - 1 if multiplier else 31
    granule = zeros + left
    tie_in_reach = granule <= 30 and bound >> (30 - granule)
    first = multiplier * 2.0 ** (left - 31)
    nudge = 2.0 ** (granule - 32) if tie_in_reach else 0.0
    ends = requantize(np.array([-bound, bound]), multiplier, shift, 64)
    limit = 1 << (width - 1)
    saturates = bool(ends[0] < -limit or ends[1] >= limit)
    second = 2.0**-right * (_AWAY if right else 1.0)
    scaling = Scaling(first=first, nudge=nudge, second=second, saturates=saturates, exact=True)
    if _is_exact(scaling, multiplier, shift, bound, limit):
        return scaling
    return Scaling(first=first, nudge=nudge, second=second, saturates=saturates, exact=False)


def _is_exact(scaling: Scaling, multiplier: int, shift: int, bound: int, limit: int) -> bool:
    ends = np.array([-bound, bound])
    low, high = multiply_by_quantized_multiplier(ends, multiplier, shift)
    steps = np.arange(max(low, -limit) + 1, min(high, limit) + 1)
    if not steps.size:
        return np.array_equal(scaling.compute(ends), [low, high])
    real = multiplier * 2.0 ** (shift - 31)
    near = np.floor((steps - 0.5) / real).astype(np.int64)
    around = np.clip(near[:, None] + np.arange(-2, 3), -bound, bound)
    wanted = multiply_by_quantized_multiplier(around, multiplier, shift)
    found = (wanted[:, 0] < steps) & (wanted[:, -1] >= steps)
    return bool(found.all()) and np.array_equal(scaling.compute(around), wanted)


@dataclass(frozen=True, kw_only=True)
class RowScalings:
    """What ``Scaling`` is, for each row.

    Members
    -------
    first, nudge, second : float64 [4, H]
        Constants.
    saturates : bool
        A value of some row can leave 16 bits.
    exact : bool
        The formula equals the integers in all rows.
    """

    first: np.ndarray
    nudge: np.ndarray
    second: np.ndarray
    saturates: bool
    exact: bool


def find_row_scalings(
    multipliers: np.ndarray, shifts: np.ndarray, bounds: np.ndarray
) -> RowScalings:
    """Constants for rows, each with integers of magnitude up to its bound, saturated after.

    Proof of ``exact``: a multiplier of a row has 26 bits, so float64 holds a value below ``2**26``
    times it without an error, and half of the product's last place beside it, which is ``nudge``.
    That moves a tie up and nothing else over one. What is rounded then has at most 32 bits, so
    ``second`` pushes ties away from zero and nothing else.

    Parameters
    ----------
    multipliers, shifts : int64 [4, H]
        As of ``CellParameters`` by row.
    bounds : int64 [4, H]
        Largest magnitudes.
    """
    left, right = np.maximum(shifts, 0), np.maximum(-shifts, 0)
    place = np.ldexp(1.0, left - ROW_MULTIPLIER_WIDTH)
    ends = requantize(np.stack([-bounds, bounds]), multipliers, shifts, 64)
    return RowScalings(
        first=np.ldexp(multipliers.astype(np.float64), left - 31),
        # Without a fraction there is no tie.
        nudge=np.where(place < 1, place / 2, 0.0),
        second=np.ldexp(np.where(right > 0, _AWAY, 1.0), -right),
        saturates=bool(ends.min() < -(1 << 15) or ends.max() >= 1 << 15),
        exact=bool(bounds.max() < 1 << ROW_MULTIPLIER_WIDTH),
    )


@dataclass(frozen=True, kw_only=True)
class WideScalings:
    """``floor(a * first + 1/2)``: requantisation of wide sums as three float64 operations.

    Members
    -------
    first : float64 [4, 1] or [4, H]
        Constants.
    saturates : bool
        A value within the bounds can leave 16 bits.
    exact : bool
        The formula equals the integers for every value within the bounds.
    """

    first: np.ndarray
    saturates: bool
    exact: bool


def find_wide_scalings(
    multipliers: np.ndarray, shifts: np.ndarray, bounds: np.ndarray
) -> WideScalings:
    """Constants for wide sums of magnitude up to their bounds, saturated to 16 bits after.

    Proof of ``exact``: a sum below ``2**37`` times a multiplier of 15 bits has 52 bits, which
    float64 holds without an error, and half of the place at which it is rounded beside them. What
    is rounded wraps at 32 bits in the integers, and so must be below them.

    Parameters
    ----------
    multipliers, shifts, bounds : int64 [4, 1] or [4, H]
        As of ``CellParameters``, and largest magnitudes.
    """
    first = np.ldexp(reduce_multiplier(multipliers).astype(np.float64), shifts - REDUCED_WIDTH)
    largest = float((bounds * first).max()) + 1
    return WideScalings(
        first=first,
        saturates=largest >= 1 << 15,
        exact=bool(bounds.max() < 1 << 37 and largest < 1 << 31),
    )


def divide_rounding_twice(product: np.ndarray, shift: int, sign: np.ndarray) -> None:
    """In place, int32 ``product / 2**shift`` rounded as a requantisation by a power of two.

    The halving rounds ties up and the rest rounds ties away from zero. Together they are one shift
    of ``product + 1 + 2**(shift - 1)``, less 2 where the product is negative. ``sign`` is scratch
    space; magnitudes are up to ``2**30``.
    """
    np.right_shift(product, 31, out=sign)
    sign <<= 1
    product += sign
    product += 1 + (1 << (shift - 1))
    product >>= shift
