"""Mitchell's logarithmic multiplier."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Cat, Const, Mux, Value

from hw.multipliers.family import Nets
from hw.multipliers.forms import SignMagnitude
from hw.multipliers.leading import encode_one_hot, leading_one

__all__ = ["Mitchell"]

_CORRECTION, _CORRECTION_SHIFT = 10, 7


@dataclass(frozen=True, kw_only=True)
class Mitchell(SignMagnitude):
    """Adds the logarithms of both magnitudes, each a straight line between powers of two.

    With ``2**k (1 + x)`` a magnitude, a product is ``2**(k1 + k2) (1 + x1 + x2)``, or
    ``2**(k1 + k2 + 1) (x1 + x2)`` where ``x1 + x2 >= 1``: never above the exact one. There is no
    exact level; ``Switched`` puts one beside.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    corrected : bool
        Add ``10/128 * 2**(k1 + k2)``, rounded down, which removes the mean error. Products of the
        largest magnitudes then need one bit more.

    References
    ----------
    J. N. Mitchell, "Computer multiplication and division using binary logarithms", IRE Trans.
    Electronic Computers EC-11(4), 1962.
    H. Saadat, H. Bokhari, S. Parameswaran, "Minimally biased multipliers for approximate integer
    and floating-point multiplication", IEEE TCAD 37(11), 2018.
    """

    family: ClassVar[str] = "mitchell"
    summary: ClassVar[str] = "sum of logarithms, with or without a correction of the mean"

    corrected: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """One level."""
        return ("logarithmic, corrected" if self.corrected else "logarithmic",)

    def magnitude_width(self, value_width: int) -> int:
        """Bits of the product of two magnitudes."""
        return super().magnitude_width(value_width) + self.corrected

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Products, int64, of two magnitudes."""
        one, other = _characteristic(value), _characteristic(weight)
        base = np.int64(1) << one + other
        part = ((value - (1 << one)) << other) + ((weight - (1 << other)) << one)
        found = np.where(part < base, base + part, 2 * part)
        if self.corrected:
            found = found + (_CORRECTION * base >> _CORRECTION_SHIFT)
        return np.where((value == 0) | (weight == 0), 0, found)

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """Two logarithms, their sum, and the power of two of it."""
        fraction = max(len(value) - 1, len(weight) - 1, _CORRECTION_SHIFT)
        one, other = _logarithm(net, value, fraction), _logarithm(net, weight, fraction)
        total = net(one + other)
        mantissa = Cat(total[:fraction], Const(1, 1))
        if self.corrected:
            # The exponent has grown by one where the fractions' sum carried.
            plain = one[fraction:] + other[fraction:]
            carried = net(total[fraction] ^ plain[0])
            extra = _CORRECTION << fraction - _CORRECTION_SHIFT
            mantissa = mantissa + Mux(carried, extra // 2, extra)
        both = net(value.any() & weight.any())
        shifted = (net(mantissa) << total[fraction:])[fraction:]
        return shifted & both.replicate(len(shifted))


def _characteristic(magnitude: np.ndarray) -> np.ndarray:
    return np.maximum(np.frexp(magnitude)[1].astype(np.int64) - 1, 0)


def _logarithm(net: Nets, magnitude: Value, fraction: int) -> Value:
    """Position of the leading one above what stands behind it, ``fraction`` bits."""
    hot = leading_one(net, magnitude)
    below = Const(0, fraction)
    for place, bit in enumerate(hot):
        taken = Cat(Const(0, fraction - place), magnitude[:place])
        below = below | taken & bit.replicate(fraction)
    return net(Cat(below[:fraction], encode_one_hot(net, hot)))
