"""An exact multiplier beside an approximate one."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from amaranth import Cat, Value
from amaranth.lib import data

from hw.multipliers.drum import Drum
from hw.multipliers.exact import BaughWooley, Exact
from hw.multipliers.family import Multiplier, Nets
from hw.multipliers.forms import SignMagnitude

__all__ = ["Switched"]


@dataclass(frozen=True, kw_only=True)
class Switched(Multiplier):
    """Level 0 is exact; the others are those of a multiplier without an exact level.

    Both multipliers are there; the operands of the one that is not chosen are held at 0.

    Parameters
    ----------
    inner : Multiplier
        The approximate multiplier.
    """

    family: ClassVar[str] = "switched"
    summary: ClassVar[str] = "an exact multiplier beside an approximate one"

    inner: Multiplier = field(default_factory=Drum)

    @property
    def weight_width(self) -> int:
        """Bits of a weight, sign included."""
        return self.inner.weight_width

    @property
    def least_weight(self) -> int:
        """The least weight that can be stored."""
        return self.inner.least_weight

    @property
    def extends_sign(self) -> bool:
        """As the weights of the approximate multiplier."""
        return self.inner.extends_sign

    @property
    def levels(self) -> tuple[str, ...]:
        """``exact``, then the levels of the approximate multiplier."""
        return ("exact", *self.inner.levels)

    @property
    def verilog(self) -> dict[str, str]:
        """Files that the approximate multiplier uses."""
        return self.inner.verilog

    @property
    def _exact(self) -> Multiplier:
        if isinstance(self.inner, SignMagnitude):
            return Exact(weight_width=self.weight_width)
        return BaughWooley(weight_width=self.weight_width, tree=False)

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        self.check_level(level)
        if level:
            return self.inner.compute(value, weight, level - 1)
        return self._exact.compute(value, weight)

    def effective_weight(self, weight: np.ndarray, level: int = 0) -> np.ndarray | None:
        """Weights themselves at level 0, else those of the approximate multiplier."""
        return self.inner.effective_weight(weight, level - 1) if level else weight.astype(np.int64)

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights."""
        return self.inner.encode(weight)

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Signed weights, int8, of bit patterns."""
        return self.inner.decode(code)

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of a value of ``value_width`` signed bits exceeds."""
        multipliers = (self.inner, self._exact)
        return max(each.product_limit(value_width) for each in multipliers)

    def operand_layout(self, value_width: int) -> data.StructLayout:
        """What the lanes are sent for an event value of ``value_width`` signed bits."""
        return self.inner.operand_layout(value_width)

    def operand(self, value: Value) -> Value:
        """Bits of ``operand_layout`` for a signed event value."""
        return self.inner.operand(value)

    def product_layout(self, value_width: int) -> data.StructLayout:
        """What a lane keeps: that of the approximate multiplier, which is never the shorter."""
        return self.inner.product_layout(value_width)

    def gates(self, net: Nets, operand: data.View, weight: Value, level: Value) -> Value:
        """Both multipliers behind gates."""
        layout = operand.shape()
        exact = net(level == 0)
        found = []
        for multiplier, used in ((self._exact, exact), (self.inner, net(~exact))):
            value = net(operand.as_value() & used.replicate(layout.size))
            code = net(weight & used.replicate(len(weight)))
            bits = multiplier.gates(net, data.View(layout, value), code, net(level - 1))
            found.append(net(bits & used.replicate(len(bits))))
        return _merge(*found, isinstance(self.inner, SignMagnitude))

    def accumulate(self, total: Value, product: data.View) -> Value:
        """``total`` plus the product, at the width of ``total``."""
        return self.inner.accumulate(total, product)


def _merge(exact: Value, other: Value, sign_above: bool) -> Value:
    """Either product: the one that is not chosen is 0."""
    missing = len(other) - len(exact)
    if sign_above:
        exact = Cat(exact[:-1], [0] * missing, exact[-1])
    else:
        exact = Cat(exact, exact[-1].replicate(missing))
    return exact | other
