"""Exact products with weights of fewer bits."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Cat, Const, Mux, Value

from hw.multipliers.choose import select
from hw.multipliers.exact import magnitude_array
from hw.multipliers.family import Nets
from hw.multipliers.forms import SignMagnitude

__all__ = ["RoundedWeights"]

_METHODS = ("nearest", "centre")


@dataclass(frozen=True, kw_only=True)
class RoundedWeights(SignMagnitude):
    """Sign and magnitude; a level multiplies with the weight rounded to fewer bits.

    The error is linear in the event value.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    bits : tuple of ints
        Bits of the rounded weight, sign included, one number for each level; ``weight_width`` is
        exact.
    method : str
        ``nearest``: to the nearest multiple of the step, halves away from 0, the largest magnitudes
        to the largest multiple. It looks at one bit below the bits that it keeps. ``centre``: to
        the centre of the interval that the kept bits stand for. It looks at no other bit, so the
        rest need not be fetched; a weight of 0 becomes half a step.
    """

    family: ClassVar[str] = "rounded"
    summary: ClassVar[str] = "exact products with weights rounded to fewer bits"

    bits: tuple[int, ...] = (8, 6, 4)
    method: str = "nearest"
    tree: bool = False

    def __post_init__(self):
        super().__post_init__()
        if not self.bits:
            raise ValueError("bits must hold at least one number, not none")
        for number in self.bits:
            if not isinstance(number, int) or not 2 <= number <= self.weight_width:
                raise ValueError(
                    f"bits must be from 2 to {self.weight_width} for a weight of "
                    f"{self.weight_width} bits, not {number!r}"
                )
        if self.method not in _METHODS:
            raise ValueError(f"method must be nearest or centre, not {self.method}")

    @property
    def shares_operand(self) -> bool:
        """Gates that are written out need no register for each lane."""
        return self.tree

    @property
    def levels(self) -> tuple[str, ...]:
        """How many bits each level's weights have."""
        return tuple(
            "exact" if bits == self.weight_width else f"weights of {bits} bits"
            for bits in self.bits
        )

    def _round(self, magnitude: np.ndarray, level: int) -> np.ndarray:
        shift = self.weight_width - self.bits[level]
        if not shift:
            return magnitude
        half = 1 << shift - 1
        if self.method == "centre":
            return magnitude >> shift << shift | half
        return np.minimum(magnitude + half >> shift, self.weight_limit >> shift) << shift

    def effective_weight(self, weight: np.ndarray, level: int = 0) -> np.ndarray | None:
        """Rounded weights; a weight of 0 counts as positive."""
        wide = np.asarray(weight, np.int64)
        rounded = self._round(np.abs(wide), level)
        return np.where(wide < 0, -rounded, rounded)

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Products, int64, of the values and the rounded weights."""
        return value * self._round(weight, level)

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """An exact multiplier behind the rounding."""
        choices = [self._rounded(net, weight, bits) for bits in self.bits]
        rounded = net(select(level, choices))
        return magnitude_array(net, value, rounded) if self.tree else value * rounded

    def _rounded(self, net: Nets, weight: Value, bits: int) -> Value:
        shift = self.weight_width - bits
        if not shift:
            return weight
        kept = weight[shift:]
        if self.method == "centre":
            return Cat(Const(0, shift - 1), Const(1, 1), kept)
        # All ones stay: there is no larger multiple.
        up = net(weight[shift - 1] & ~kept.all())
        return Cat(Const(0, shift), Mux(up, kept + 1, kept)[: len(kept)])
