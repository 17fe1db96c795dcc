"""Booth multipliers of radix 4, some of whose digits may be dropped."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Const, Value

from hw.multipliers.choose import Enables
from hw.multipliers.compressor import sum_columns
from hw.multipliers.family import Nets
from hw.multipliers.forms import TwosComplement

__all__ = ["Booth"]


@dataclass(frozen=True, kw_only=True)
class Booth(TwosComplement):
    """Two's complement; the weight is recoded into digits from -2 to 2.

    Dropping the ``d`` lowest digits multiplies with the weight rounded to the nearest multiple of
    ``4**d`` (halves upwards), without further gates. The error is linear in the event value.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    dropped : tuple of ints
        Digits dropped, one number for each level; 0 is exact.

    References
    ----------
    O. L. MacSorley, "High-speed arithmetic in binary computers", Proc. IRE 49(1), 1961.
    """

    family: ClassVar[str] = "booth"
    summary: ClassVar[str] = "two's complement, radix-4 digits; the lowest may be dropped"

    dropped: tuple[int, ...] = (0,)

    def __post_init__(self):
        super().__post_init__()
        for number in self.dropped:
            if not isinstance(number, int) or not 0 <= number < self._digits:
                raise ValueError(
                    f"dropped must be from 0 to {self._digits - 1} digits, not {number!r}"
                )
        if not self.dropped:
            raise ValueError("dropped must hold at least one number, not none")

    @property
    def _digits(self) -> int:
        return (self.weight_width + 1) // 2

    @property
    def levels(self) -> tuple[str, ...]:
        """How many digits each level drops."""
        return tuple(f"digits < {count}" if count else "exact" for count in self.dropped)

    def effective_weight(self, weight: np.ndarray, level: int = 0) -> np.ndarray | None:
        """Weights less the value of the dropped digits."""
        wide = np.asarray(weight, np.int64)
        period = 4 ** self.dropped[level]
        return (wide + period // 2) // period * period

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        self.check_level(level)
        return np.asarray(value, np.int64) * self.effective_weight(weight, level)

    def signed_product(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """A row of the value, doubled, negated or 0, for each digit."""
        width = len(value) + len(weight)
        columns = [[] for _ in range(width)]
        enables = Enables(net, level, len(self.dropped))
        bits = [Const(0, 1), *weight, weight[-1]]
        correction = 0
        for digit in range(self._digits):
            used = enables(lambda number, digit=digit: self.dropped[number] <= digit)
            if used is None:
                continue
            _add_row(net, columns, value, [net(b) for b in bits[2 * digit :][:3]], digit, used)
            correction -= 1 << len(value) + 2 * digit
        for place in range(width):
            if correction >> place & 1:
                columns[place].append(Const(1, 1))
        return sum_columns(net, columns, width)


def _add_row(net, columns, value, bits, digit, used):
    """One digit's row; its sign bit enters inverted, for which the caller subtracts a constant."""
    below, low, high = bits
    one = net((low ^ below) & used)
    two = net(((high & ~low & ~below) | (~high & low & below)) & used)
    negative = net(high & ~(low & below) & used)
    extended = [Const(0, 1), *value, value[-1]]
    for place in range(len(value) + 1):
        chosen = (extended[place + 1] & one) | (extended[place] & two)
        bit = chosen ^ negative
        if place == len(value):
            bit = (~bit)[0]
        if place + 2 * digit < len(columns):
            columns[place + 2 * digit].append(net(bit))
    columns[2 * digit].append(negative)
