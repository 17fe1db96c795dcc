"""What the cell unit must know of one LSTM direction: multipliers, shifts and limits."""

from dataclasses import dataclass, fields

import numpy as np

from hw.numbers.activation import MAX_TANH_SHIFT, MIN_TANH_SHIFT
from hw.numbers.requantize import (
    MAX_LEFT_SHIFT,
    MAX_RIGHT_SHIFT,
    MULTIPLIER_WIDTH,
    ROW_MULTIPLIER_WIDTH,
    WIDE_LEFT_SHIFT,
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

PerGate = tuple[int, int, int, int] | tuple[tuple[int, ...], ...]
"""A value for each gate, or for each row of each gate."""

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
    "h_width": (4, 16),
}


@dataclass(frozen=True, kw_only=True)
class CellParameters:
    """Integers that turn a unit's accumulators into ``c`` and ``h``.

    Every value is refused with a ``ValueError`` that names it where the gates cannot take it.

    Parameters
    ----------
    x_multiplier, x_shift : 4 ints, in gate order; or 4 tuples of an int for each row
        Requantise ``W (x - x_zero) + bias`` to Q3.12. A positive shift is to the left.
    h_multiplier, h_shift : as those of x
        Requantise ``R (h - h_zero)`` to Q3.12. All four are by gate, or all four by row; the lowest
        bits of multipliers by row are zero.
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
        Bits of ``h``, 4 to 8 or 16.

    References
    ----------
    TFLite-Micro, ``micro/kernels/lstm_eval_common.cc``: ``PrepareGateParametersInteger``.
    """

    x_multiplier: PerGate
    x_shift: PerGate
    h_multiplier: PerGate
    h_shift: PerGate
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
            if self.wide and field.name in ("x_shift", "h_shift"):
                high = WIDE_LEFT_SHIFT
            for item in np.ravel(value).tolist():
                if not low <= item <= high:
                    raise ValueError(f"{field.name} must be from {low} to {high}, not {item}")
        limit = 1 << self.h_width - 1
        if not -limit <= self.h_zero < limit:
            raise ValueError(f"h_zero must be from {-limit} to {limit - 1}, not {self.h_zero}")

    @property
    def wide(self) -> bool:
        """Sums are those of 16-bit activations: more than 32 bits, and requantised as such."""
        return self.h_width > 8

    @property
    def by_row(self) -> bool:
        """Each row has multipliers and shifts of its own."""
        return isinstance(self.x_multiplier[0], tuple)

    def rows(self, name: str) -> np.ndarray:
        """A value for each gate, int64 [4, 1], or for each row, int64 [4, H]."""
        return np.array(getattr(self, name), np.int64).reshape(4, -1)

    @classmethod
    def from_scales(
        cls,
        *,
        x_scale: float,
        W_scale: tuple[float, float, float, float] | np.ndarray,
        h_scale: float,
        R_scale: tuple[float, float, float, float] | np.ndarray,
        c_power: int,
        cell_clip: int = 0,
        h_zero: int = 0,
        h_width: int = 8,
    ) -> "CellParameters":
        """Parameters of a direction whose tensors have these scales (``c``: ``2**c_power``).

        Weight scales are by gate, or float64 [4, H] by row. If one of the two is by row, then the
        multipliers of both are.
        """
        for name, scales in (("W_scale", W_scale), ("R_scale", R_scale)):
            if len(scales) != 4:
                raise ValueError(f"{name} must be four scales, not {len(scales)}")
        (x_multiplier, x_shift), (h_multiplier, h_shift) = (
            _multipliers(scale, each)
            for scale, each in zip(
                (x_scale, h_scale), _alike(np.asarray(W_scale), np.asarray(R_scale)), strict=True
            )
        )
        output = 2.0 ** (-2 * ACTIVATION_FRACTION_BITS) / float(np.float32(h_scale))
        output_multiplier, output_shift = quantize_multiplier(output)
        return cls(
            x_multiplier=x_multiplier,
            x_shift=x_shift,
            h_multiplier=h_multiplier,
            h_shift=h_shift,
            output_multiplier=output_multiplier,
            output_shift=output_shift,
            product_shift=2 * ACTIVATION_FRACTION_BITS + c_power,
            tanh_shift=GATE_FRACTION_BITS + c_power,
            cell_clip=cell_clip,
            h_zero=h_zero,
            h_width=h_width,
        )


def _alike(W_scale: np.ndarray, R_scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both by gate, [4], or both by row, [4, H]."""
    if W_scale.ndim == R_scale.ndim:
        return W_scale, R_scale
    return tuple(np.broadcast_arrays(*(each.reshape(4, -1) for each in (W_scale, R_scale))))


def _multipliers(scale: float, weight_scales: np.ndarray) -> tuple[PerGate, PerGate]:
    """Multipliers and shifts from accumulator codes to Q3.12, by gate or by row."""
    if weight_scales.ndim == 1:
        return tuple(zip(*(_gate_multiplier(scale, each) for each in weight_scales), strict=True))
    gates = [_multipliers_of_rows(scale, rows) for rows in weight_scales]
    return tuple(zip(*gates, strict=True))


def _multipliers_of_rows(scale: float, rows: np.ndarray) -> tuple[tuple[int, ...], ...]:
    pairs = (_gate_multiplier(scale, each, ROW_MULTIPLIER_WIDTH) for each in rows)
    return tuple(zip(*pairs, strict=True))


def _gate_multiplier(
    scale: float, weight_scale: float, width: int = MULTIPLIER_WIDTH
) -> tuple[int, int]:
    """Multiplier from accumulator codes to Q3.12."""
    # Scales are float32 in the file; their product is not rounded to float32.
    product = float(np.float32(scale)) * float(np.float32(weight_scale))
    return quantize_multiplier(product * 2**GATE_FRACTION_BITS, width)
