"""The cell arithmetic of one LSTM step in NumPy: what the gates of the cell unit must equal.

Reference: TFLite-Micro, ``micro/kernels/lstm_eval.h``: ``CalculateLstmGate``, ``UpdateLstmCell``
and ``UpdateLstmHidden``.
"""

import numpy as np

from hw.cell.parameters import CellParameters
from hw.numbers.activation import sigmoid, tanh
from hw.numbers.requantize import (
    ACC_WIDTH,
    multiply_by_quantized_multiplier,
    requantize,
    requantize_wide,
)
from hw.numbers.rounding import saturate, wrap

__all__ = ["cell_step", "multiply_by_power", "next_state", "pre_activations"]

_UNIT = 1 << 30
"""The multiplier of a scale that is a power of two."""


def pre_activations(
    params: CellParameters, acc_x: np.ndarray, acc_h: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    """Q3.12 gate pre-activations, int64 [..., 4, H]; both sums saturate before they are added.

    Sums of 8-bit activations have 32 bits; those of 16-bit ones have as many as they need.
    """
    x_sum, quantized = acc_x + bias, requantize_wide
    if not params.wide:
        x_sum, quantized = wrap(x_sum, ACC_WIDTH), requantize
    x_part = quantized(x_sum, params.rows("x_multiplier"), params.rows("x_shift"))
    h_part = quantized(acc_h, params.rows("h_multiplier"), params.rows("h_shift"))
    return saturate(x_part + h_part, 16)


def multiply_by_power(product: np.ndarray, shift: int) -> np.ndarray:
    """``product / 2**shift`` as int16, rounded twice as any other requantisation is."""
    return requantize(product, _UNIT, 1 - shift)


def next_state(
    params: CellParameters,
    i: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    o: np.ndarray,
    c: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """``(h, c)`` from Q0.15 activations, int64, and the cell state before."""
    kept = multiply_by_power(f * c, 15)
    added = multiply_by_power(i * g, params.product_shift)
    c = saturate(kept + added, 16)
    if params.cell_clip:
        c = np.clip(c, -params.cell_clip, params.cell_clip)

    product = o * tanh(c, params.tanh_shift)
    h = multiply_by_quantized_multiplier(product, params.output_multiplier, params.output_shift)
    code = np.int16 if params.wide else np.int8
    return saturate(h + params.h_zero, params.h_width).astype(code), c.astype(np.int16)


def cell_step(
    params: CellParameters,
    acc_x: np.ndarray,
    acc_h: np.ndarray,
    bias: np.ndarray,
    c: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """``(h, c)`` of the next step, int8 (int16 where ``h`` has 16 bits) and int16 [..., H].

    Parameters
    ----------
    params : CellParameters
        Of this direction.
    acc_x : int [..., 4, H]
        ``W (x - x_zero)``, gates in the order input, forget, cell, output.
    acc_h : int [..., 4, H]
        ``R (h - h_zero)``.
    bias : int32 [4, H]
        Bias without any zero point folded in.
    c : int16 [..., H]
        Cell state of the step before.
    """
    gates = pre_activations(params, acc_x, acc_h, bias)
    i, f, o = (sigmoid(gates[..., gate, :]).astype(np.int64) for gate in (0, 1, 3))
    g = tanh(gates[..., 2, :]).astype(np.int64)
    return next_state(params, i, f, g, o, c)
