"""Sigmoid and tanh on 16-bit fixed point, as TFLite-Micro computes them.

Both read one table of the sigmoid at steps of 1/24 and interpolate linearly;
``tanh(x) = 2 sigmoid(2 x) - 1``. Outputs are Q0.15.

Reference: ``Logistic`` and ``Tanh`` for int16 in TFLite-Micro,
``lite/kernels/internal/reference/integer_ops``.
"""

from functools import cache

import numpy as np

__all__ = [
    "MAX_TANH_SHIFT",
    "MIN_TANH_SHIFT",
    "SIGMOID_TABLE",
    "sigmoid",
    "sigmoid_codes",
    "tanh",
    "tanh_codes",
]

MIN_TANH_SHIFT = -7
MAX_TANH_SHIFT = 12
"""Shifts of the tanh input that the gates take: cell scales from 2**-19 to 1."""


def _sigmoid_table() -> np.ndarray:
    """The sigmoid at steps of 1/24, 1.0 as 65536.

    A chord lies below the curve by up to ``step**2 / 8 * |f''|``. The table is raised by half of
    that, so that the interpolation errs as far to either side; its last entry is full scale.
    """
    step = 1 / 24
    value = 1 / (1 + np.exp(-step * np.arange(256)))
    curvature = value * (1 - value) * (2 * value - 1)
    table = np.round(65536 * (value + step**2 / 16 * curvature)).astype(np.int64)
    table[-1] = 65535
    return table


SIGMOID_TABLE = _sigmoid_table()
"""256 entries; entry ``k`` is ``sigmoid(k / 24)`` with 16 fraction bits."""
SIGMOID_TABLE.setflags(write=False)


def _interpolate(magnitude: np.ndarray, fraction_bits: int, limit: int) -> np.ndarray:
    """Table value at ``magnitude``, with ``16 + fraction_bits`` fraction bits."""
    index = magnitude >> fraction_bits
    lower = SIGMOID_TABLE[np.minimum(index, 254)]
    upper = SIGMOID_TABLE[np.minimum(index, 254) + 1]
    fraction = magnitude & ((1 << fraction_bits) - 1)
    inside = (lower << fraction_bits) + fraction * (upper - lower)
    return np.where(index >= 255, limit, inside)


def sigmoid_codes(code: np.ndarray) -> np.ndarray:
    """Sigmoid of Q3.12 codes, computed element by element."""
    scaled = np.asarray(code, np.int64) * 3
    value = _interpolate(np.abs(scaled), 9, 0x7FFF << 10)
    return np.where(scaled >= 0, value + 512, (1 << 25) - value + 511) >> 10


def tanh_codes(code: np.ndarray, shift: int = 0) -> np.ndarray:
    """Tanh of codes in units of ``2**(shift - 12)``, computed element by element."""
    scaled = np.asarray(code, np.int64) * 3
    scaled = scaled << shift if shift >= 0 else (scaled + (1 << (-shift - 1))) >> -shift
    value = _interpolate(np.abs(scaled), 8, 0xFFFF << 8)
    return np.where(scaled >= 0, value - (1 << 23) + 128, (1 << 23) - value + 127) >> 8


@cache
def _lookup(shift: int | None) -> np.ndarray:
    """Outputs for all 65536 codes, in the order of the codes read as unsigned."""
    codes = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int64)
    outputs = sigmoid_codes(codes) if shift is None else tanh_codes(codes, shift)
    outputs = outputs.astype(np.int16)
    outputs.setflags(write=False)
    return outputs


def sigmoid(code: np.ndarray) -> np.ndarray:
    """Sigmoid, int16 Q0.15, of int16 Q3.12 codes: one look-up per element."""
    return _lookup(None)[np.asarray(code).astype(np.uint16)]


def tanh(code: np.ndarray, shift: int = 0) -> np.ndarray:
    """Tanh, int16 Q0.15, of int16 codes in units of ``2**(shift - 12)``: one look-up each."""
    return _lookup(shift)[np.asarray(code).astype(np.uint16)]
