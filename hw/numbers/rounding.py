"""Saturation, wrapping and rounding shifts of integers, in NumPy."""

import numpy as np

__all__ = ["divide_by_power", "limits", "saturate", "wrap"]


def limits(width: int) -> tuple[int, int]:
    """Smallest and largest value of a signed ``width``-bit number."""
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def saturate(value: np.ndarray, width: int) -> np.ndarray:
    """Values clamped to signed ``width`` bits."""
    return np.clip(value, *limits(width))


def wrap(value: np.ndarray, width: int) -> np.ndarray:
    """Values modulo ``2**width``, read as signed."""
    low, _ = limits(width)
    return ((value - low) & ((1 << width) - 1)) + low


def divide_by_power(value: np.ndarray, exponent: np.ndarray | int) -> np.ndarray:
    """``value / 2**exponent``, rounded to nearest, ties away from zero.

    Reference: ``RoundingDivideByPOT`` of gemmlowp, ``fixedpoint/fixedpoint.h``.
    """
    exponent = np.asarray(exponent, np.int64)
    half = (np.int64(1) << exponent) >> 1
    return (value + half - ((value < 0) & (exponent > 0))) >> exponent
