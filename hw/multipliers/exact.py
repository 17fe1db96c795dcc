"""Exact multipliers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Const, Value

from hw.multipliers.compressor import sum_columns
from hw.multipliers.family import Nets
from hw.multipliers.forms import SignMagnitude, TwosComplement

__all__ = ["BaughWooley", "Exact", "magnitude_array"]


def magnitude_array(net: Nets, value: Value, weight: Value) -> Value:
    """Product of two unsigned values: AND gates and a tree of adders."""
    columns = [[] for _ in range(len(value) + len(weight))]
    for low, bit in enumerate(weight):
        for high, other in enumerate(value):
            columns[low + high].append(net(other & bit))
    return sum_columns(net, columns, len(columns))


@dataclass(frozen=True, kw_only=True)
class Exact(SignMagnitude):
    """Exact product of an event value and a weight, both as sign and magnitude.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    tree : bool
        Write the multiplier out as AND gates and a tree of adders. Without, it is an operator:
        the synthesiser chooses, DSP blocks on an FPGA.
    """

    family: ClassVar[str] = "exact"
    summary: ClassVar[str] = "exact, sign and magnitude"

    tree: bool = False

    @property
    def shares_operand(self) -> bool:
        """Gates that are written out need no register for each lane."""
        return self.tree

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Products, int64, of magnitudes, int64."""
        return value * weight

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """The product of two magnitudes."""
        return magnitude_array(net, value, weight) if self.tree else value * weight

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of a value of ``value_width`` signed bits exceeds."""
        return (2 ** (value_width - 1) - 1) * self.weight_limit


@dataclass(frozen=True, kw_only=True)
class BaughWooley(TwosComplement):
    """Exact product of an event value and a weight, both in two's complement.

    The bits of the array that have negative weight enter inverted, and constants make up for it.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    tree : bool
        Write the array out. Without, it is a signed multiplication operator.

    References
    ----------
    C. R. Baugh and B. A. Wooley, "A two's complement parallel array multiplication algorithm",
    IEEE Trans. Computers C-22(12), 1973.
    """

    family: ClassVar[str] = "baugh-wooley"
    summary: ClassVar[str] = "exact, two's complement"

    tree: bool = True

    @property
    def shares_operand(self) -> bool:
        """Gates that are written out need no register for each lane."""
        return self.tree

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        self.check_level(level)
        return np.asarray(value, np.int64) * np.asarray(weight, np.int64)

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of a value of ``value_width`` signed bits exceeds."""
        return (2 ** (value_width - 1) - 1) * -self.least_weight

    def signed_product(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """Product modulo ``2**product_width``."""
        if not self.tree:
            return value * weight
        width = len(value) + len(weight)
        columns = [[] for _ in range(width)]
        for low, bit in enumerate(weight):
            for high, other in enumerate(value):
                negative = (low == len(weight) - 1) != (high == len(value) - 1)
                dot = ~(other & bit) if negative else other & bit
                columns[low + high].append(net(dot[0]))
        # -2^k b = 2^k (1 - b) - 2^k, summed over the inverted bits.
        for place in (len(value) - 1, len(weight) - 1, width - 1):
            columns[place].append(Const(1, 1))
        return sum_columns(net, columns, width)
