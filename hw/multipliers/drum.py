"""DRUM: a short multiplier behind segments that begin at the leading one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Cat, Const, Value

from hw.multipliers.family import Nets
from hw.multipliers.forms import SignMagnitude
from hw.multipliers.leading import encode_one_hot, leading_one

__all__ = ["Drum"]


@dataclass(frozen=True, kw_only=True)
class Drum(SignMagnitude):
    """Multiplies the ``segment`` highest bits of each magnitude, the lowest of them set to 1.

    A magnitude of up to ``segment`` bits is taken as it is. The relative error is nearly unbiased.
    There is no exact level; ``Switched`` puts one beside.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    segment : int
        Bits of a segment, 3 to 8.

    References
    ----------
    S. Hashemi, R. I. Bahar, S. Reda, "DRUM: a dynamic range unbiased multiplier for approximate
    applications", ICCAD 2015.
    """

    family: ClassVar[str] = "drum"
    summary: ClassVar[str] = "the leading bits of each magnitude, unbiased"

    segment: int = 4

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.segment, int) or not 3 <= self.segment <= 8:
            raise ValueError(f"segment must be an integer from 3 to 8, not {self.segment!r}")

    @property
    def levels(self) -> tuple[str, ...]:
        """One level."""
        return (f"segments of {self.segment} bits",)

    def _segments(self, magnitude: np.ndarray) -> np.ndarray:
        """Magnitudes with the bits below their segment cleared."""
        shift = np.maximum(np.frexp(magnitude)[1].astype(np.int64) - self.segment, 0)
        return np.where(shift > 0, (magnitude >> shift | 1) << shift, magnitude)

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Products, int64, of both segments."""
        return self._segments(value) * self._segments(weight)

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """Segments, their product, and the shift of both put together."""
        one, left = self._segment(net, value)
        other, right = self._segment(net, weight)
        shifted = net((one * other) << net(left + right))
        return shifted[: len(value) + len(weight)]

    def _segment(self, net: Nets, magnitude: Value) -> tuple[Value, Value]:
        """A magnitude's segment, and by how much it is to be shifted."""
        size = self.segment
        if len(magnitude) <= size:
            return magnitude, Const(0, 1)
        leading = leading_one(net, magnitude)
        chosen = magnitude[:size] & (~Cat(leading[size:]).any()).replicate(size)
        for place in range(size, len(magnitude)):
            taken = Cat(Const(1, 1), magnitude[place - size + 2 : place + 1])
            chosen = chosen | taken & leading[place].replicate(size)
        return net(chosen[:size]), encode_one_hot(net, leading, size - 1)
