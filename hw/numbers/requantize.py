"""Requantisation: an accumulator times a real number, as TensorFlow Lite does it in integers."""

from math import floor, frexp

import numpy as np

from hw.numbers.rounding import divide_by_power, saturate, wrap

__all__ = [
    "ACC_WIDTH",
    "MAX_LEFT_SHIFT",
    "MAX_RIGHT_SHIFT",
    "MULTIPLIER_WIDTH",
    "REDUCED_WIDTH",
    "ROW_MULTIPLIER_WIDTH",
    "WIDE_LEFT_SHIFT",
    "multiply_by_quantized_multiplier",
    "multiply_by_reduced_multiplier",
    "quantize_multiplier",
    "reduce_multiplier",
    "requantize",
    "requantize_wide",
]

ACC_WIDTH = 32
"""Bits of the signed value that is requantised."""

MULTIPLIER_WIDTH = 31
"""Bits of the unsigned multiplier."""

ROW_MULTIPLIER_WIDTH = 26
"""Bits of a multiplier that belongs to a single row: with its shift it is one 32-bit word."""

MAX_LEFT_SHIFT = 15
MAX_RIGHT_SHIFT = 31
"""Shifts that the gates take: networks of 8 bits need up to 7 to the left, those of 4 bits more;
TensorFlow Lite flushes larger right shifts to a zero multiplier."""

REDUCED_WIDTH = 15
"""Bits of the multiplier that sums of more than 32 bits are requantised with."""

WIDE_LEFT_SHIFT = 7
"""Largest shift to the left of such sums."""


def quantize_multiplier(real: float, width: int = MULTIPLIER_WIDTH) -> tuple[int, int]:
    """``(multiplier, shift)`` with ``real`` close to ``multiplier * 2**(shift - 31)``.

    The multiplier has 31 bits with the top one set, or is 0; only the upper ``width`` of them may
    be set. A positive shift is to the left.

    Raises
    ------
    ValueError
        ``real`` is negative or not finite.

    Reference: ``QuantizeMultiplier`` of TensorFlow Lite, ``internal/quantization_util.cc``.
    """
    if not 0 <= real < float("inf"):
        raise ValueError(f"a scale must be a finite number of at least 0, not {real!r}")
    if real == 0:
        return 0, 0
    fraction, shift = frexp(real)
    # floor(x + 0.5) is C's round for these positive x: they have at least 21 bits to spare.
    multiplier = floor(fraction * 2**width + 0.5) << MULTIPLIER_WIDTH - width
    if multiplier == 2**MULTIPLIER_WIDTH:
        multiplier //= 2
        shift += 1
    if shift < -MAX_RIGHT_SHIFT:
        return 0, 0
    return multiplier, shift


def multiply_by_quantized_multiplier(
    value: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int
) -> np.ndarray:
    """``value * multiplier * 2**(shift - 31)``, int64, rounded twice.

    The left shift wraps to 32 bits. The product is rounded to nearest, ties up, at bit 31; the
    right shift rounds to nearest, ties away from zero. All arguments broadcast.

    Reference: ``MultiplyByQuantizedMultiplier`` of TensorFlow Lite with double rounding,
    ``internal/common.cc``.
    """
    multiplier = np.asarray(multiplier, np.int64)
    shift = np.asarray(shift, np.int64)
    shifted = wrap(np.asarray(value, np.int64) << np.maximum(shift, 0), ACC_WIDTH)
    high = (shifted * multiplier + (1 << 30)) >> 31
    return divide_by_power(high, np.maximum(-shift, 0))


def reduce_multiplier(multiplier: np.ndarray | int) -> np.ndarray:
    """The upper 15 bits of a 31-bit multiplier, rounded to nearest and saturated, int64."""
    multiplier = np.asarray(multiplier, np.int64)
    low = MULTIPLIER_WIDTH - REDUCED_WIDTH
    return np.minimum(multiplier + (1 << low - 1) >> low, (1 << REDUCED_WIDTH) - 1)


def multiply_by_reduced_multiplier(
    value: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int
) -> np.ndarray:
    """``value * multiplier * 2**(shift - 31)`` of values up to ``2**47``, int64, rounded once.

    The multiplier is reduced to 15 bits. The product is rounded to nearest, ties up, and wraps to
    32 bits. Shifts are -31 to 7. All arguments broadcast.

    Reference: ``MultiplyByQuantizedMultiplier`` of TensorFlow Lite for int64,
    ``internal/common.cc``.
    """
    right = REDUCED_WIDTH - np.asarray(shift, np.int64)
    product = np.asarray(value, np.int64) * reduce_multiplier(multiplier)
    return wrap(product + (np.int64(1) << right - 1) >> right, ACC_WIDTH)


def requantize_wide(
    value: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int
) -> np.ndarray:
    """:func:`multiply_by_reduced_multiplier`, saturated to 16 bits."""
    return saturate(multiply_by_reduced_multiplier(value, multiplier, shift), 16)


def requantize(
    value: np.ndarray, multiplier: np.ndarray | int, shift: np.ndarray | int, width: int = 16
) -> np.ndarray:
    """:func:`multiply_by_quantized_multiplier`, saturated to signed ``width`` bits."""
    return saturate(multiply_by_quantized_multiplier(value, multiplier, shift), width)
