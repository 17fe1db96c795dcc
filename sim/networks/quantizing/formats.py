"""Formats of activations and of the cell state, from ranges."""

from collections.abc import Iterable
from math import ceil, log2

import numpy as np

from sim.networks.codes import round_half_away
from sim.networks.network import NetworkError, Quantization

__all__ = ["C_POWERS", "activation_format", "cell_power", "percentile_range", "single"]

C_POWERS = range(-15, 1)
"""Powers of two that are chosen as the cell state's scale; files may have finer ones."""

_LARGEST = 2.0**60
"""Range of values that is certainly a mistake."""
_SMALLEST = 2.0**-60
"""Range below which nothing but zeros was seen, and any step will do."""


def single(scale: float) -> float:
    """The nearest scale that a .tflite file can hold."""
    return float(np.float32(scale))


def percentile_range(arrays: Iterable[np.ndarray], percentile: float) -> tuple[float, float]:
    """Range of the arrays' values between ``100 - percentile`` and this percentile."""
    values = np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)
    low, high = np.percentile(values, (100 - percentile, percentile))
    return float(low), float(high)


def activation_format(low: float, high: float, bits: int) -> Quantization:
    """Format of so many bits that covers a range and zero: symmetric of 16 bits, else asymmetric.

    Raises
    ------
    NetworkError
        The range is so large that it is certainly a mistake.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < _SMALLEST:
        low, high = -1.0, 1.0
    if high - low > _LARGEST:
        raise NetworkError(f"values up to {max(-low, high):g} are too large to be quantised")
    if bits == 16:
        scale = single(max(-low, high) / ((1 << bits - 1) - 1))
        return Quantization(scale=scale, zero_point=0, bits=bits)
    scale = single((high - low) / ((1 << bits) - 1))
    least = -(1 << bits - 1)
    zero = int(np.clip(round_half_away(least - low / scale), least, -least - 1))
    return Quantization(scale=scale, zero_point=zero, bits=bits)


def cell_power(largest: float) -> int:
    """Exponent of the cell state's scale to begin with, for states of up to this size.

    It covers twice the largest state, for what the samples have not shown; or 8 at most, beyond
    which tanh has long saturated and a finer step is worth more.
    """
    if not largest:
        return C_POWERS[0]
    power = min(ceil(log2(2 * largest)), max(ceil(log2(largest)), 3)) - 15
    return min(max(power, C_POWERS[0]), C_POWERS[-1])
