"""What the cell unit must know of one LSTM direction: multipliers, shifts and limits."""

from dataclasses import dataclass, fields

import numpy as np

from hw.numbers.activation import MAX_TANH_SHIFT, MIN_TANH_SHIFT
from hw.numbers.requantize import (
    MAX_LEFT_SHIFT,
    MAX_RIGHT_SHIFT,
    MULTIPLIER_WIDTH,
    quantize_multiplier,
)

__all__ = ["MAX_PRODUCT_SHIFT", "MIN_PRODUCT_SHIFT", "CellParameters"]

GATE_FRACTION_BITS = 12
"""Gate pre-activations are Q3.12."""

ACTIVATION_FRACTION_BITS = 15
"""Gate activations are Q0.15."""

MIN_PRODUCT_SHIFT = 2 * ACTIVATION_FRACTION_BITS - 19
MAX_PRODUCT_SHIFT = 2 * ACTIVATION_FRACTION_BITS
"""Right shifts of ``i * g`` that the gates take: cell scales from 2**-19 to 1."""

_RANGES = {
    "x_multiplier": (0, (1 << MULTIPLIER_WIDTH) - 1),
    "h_multiplier": (0, (1 << MULTIPLIER_WIDTH) - 1),
    "output_multiplier": (0, (1 << MULTIPLIER_WIDTH) - 1),
    "x_shift": (-MAX_RIGHT_SHIFT, MAX_LEFT_SHIFT),
    "h_shift": (-MAX_RIGHT_SHIFT, MAX_LEFT_SHIFT),
    "output_shift": (-MAX_RIGHT_SHIFT, 0),
    "product_shift": (MIN_PRODUCT_SHIFT, MAX_PRODUCT_SHIFT),
    "tanh_shift": (MIN_TANH_SHIFT, MAX_TANH_SHIFT),
    "cell_clip": (0, (1 << 15) - 1),
    "h_zero": (-128, 127),
    "h_width": (4, 8),
}


@dataclass(frozen=True, kw_only=True)
class CellParameters:
    """Integers that turn a unit's accumulators into ``c`` and ``h``.

    Every value is refused with a ``ValueError`` that names it where the gates cannot take it.

    Parameters
    ----------
    x_multiplier, x_shift : 4 ints, in gate order
        Requantise ``W (x - x_zero) + bias`` to Q3.12. A positive shift is to the left.
    h_multiplier, h_shift : 4 ints, in gate order
        Requantise ``R (h - h_zero)`` to Q3.12.
    output_multiplier, output_shift : int
        Requantise ``o * tanh(c)`` to ``h`` codes.
    product_shift : int
        ``i * g`` is shifted right by this to become ``c`` codes: ``30 + c_power``.
    tanh_shift : int
        tanh takes ``c * 3`` shifted left by this (right where negative): ``12 + c_power``.
    cell_clip : int
        ``c`` is clamped to plus or minus this many codes; 0 for no clamp.
    h_zero : int
        Zero point of ``h``.
    h_width : int
        Bits of ``h``.

    References
    ----------
    TFLite-Micro, ``micro/kernels/lstm_eval_common.cc``: ``PrepareGateParametersInteger``.
    """

    x_multiplier: tuple[int, int, int, int]
    x_shift: tuple[int, int, int, int]
    h_multiplier: tuple[int, int, int, int]
    h_shift: tuple[int, int, int, int]
    output_multiplier: int
    output_shift: int
    product_shift: int
    tanh_shift: int
    cell_clip: int
    h_zero: int
    h_width: int = 8

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is not int and (not isinstance(value, tuple) or len(value) != 4):
                raise ValueError(f"{field.name} must be four integers, not {value!r}")
            low, high = _RANGES[field.name]
            for item in (value,) if field.type is int else value:
                if not low <= item <= high:
                    raise ValueError(f"{field.name} must be from {low} to {high}, not {item}")
        limit = 1 << self.h_width - 1
        if not -limit <= self.h_zero < limit:
            raise ValueError(f"h_zero must be from {-limit} to {limit - 1}, not {self.h_zero}")

    @classmethod
    def from_scales(
        cls,
        *,
        x_scale: float,
        W_scale: tuple[float, float, float, float],
        h_scale: float,
        R_scale: tuple[float, float, float, float],
        c_power: int,
        cell_clip: int = 0,
        h_zero: int = 0,
        h_width: int = 8,
    ) -> "CellParameters":
        """Parameters of a direction whose tensors have these scales (``c``: ``2**c_power``)."""
        for name, scales in (("W_scale", W_scale), ("R_scale", R_scale)):
            if len(scales) != 4:
                raise ValueError(f"{name} must be four scales, not {len(scales)}")
        x_pairs = [_gate_multiplier(x_scale, scale) for scale in W_scale]
        h_pairs = [_gate_multiplier(h_scale, scale) for scale in R_scale]
        output = 2.0 ** (-2 * ACTIVATION_FRACTION_BITS) / float(np.float32(h_scale))
        output_multiplier, output_shift = quantize_multiplier(output)
        return cls(
            x_multiplier=tuple(multiplier for multiplier, _ in x_pairs),
            x_shift=tuple(shift for _, shift in x_pairs),
            h_multiplier=tuple(multiplier for multiplier, _ in h_pairs),
            h_shift=tuple(shift for _, shift in h_pairs),
            output_multiplier=output_multiplier,
            output_shift=output_shift,
            product_shift=2 * ACTIVATION_FRACTION_BITS + c_power,
            tanh_shift=GATE_FRACTION_BITS + c_power,
            cell_clip=cell_clip,
            h_zero=h_zero,
            h_width=h_width,
        )


def _gate_multiplier(scale: float, weight_scale: float) -> tuple[int, int]:
    """Multiplier from accumulator codes to Q3.12."""
    # Scales are float32 in the file; their product is not rounded to float32.
    product = float(np.float32(scale)) * float(np.float32(weight_scale))
    return quantize_multiplier(product * 2**GATE_FRACTION_BITS)
