"""The exact multiplier, on sign-magnitude operands."""

from dataclasses import dataclass

import numpy as np
from amaranth import Cat, Value, unsigned
from amaranth.lib import data

__all__ = ["Exact"]


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Exact product of an event value and a weight, both as sign and magnitude.

    Sign and magnitude keep the upper bits of small values of alternating sign quiet, which is
    what the operands of an LSTM are. The sign is applied where the product is accumulated.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8. The most negative two's complement code does not
        exist.
    """

    weight_width: int = 8

    def __post_init__(self):
        if not isinstance(self.weight_width, int) or not 4 <= self.weight_width <= 8:
            raise ValueError(
                f"weight_width must be an integer from 4 to 8, not {self.weight_width!r}"
            )

    def compute(self, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        return value.astype(np.int64) * weight.astype(np.int64)

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights: sign above magnitude."""
        limit = 2 ** (self.weight_width - 1) - 1
        outside = weight[np.abs(weight.astype(np.int64)) > limit]
        if outside.size:
            raise ValueError(f"weights must be within ±{limit}, not {int(outside.flat[0])}")
        sign = (weight < 0).astype(np.uint8) << (self.weight_width - 1)
        return sign | np.abs(weight).astype(np.uint8)

    def operand_layout(self, value_width: int) -> data.StructLayout:
        """What the lanes are sent for an event value of ``value_width`` signed bits."""
        return data.StructLayout({"magnitude": unsigned(value_width - 1), "sign": 1})

    def operand(self, value: Value) -> Value:
        """Bits of ``operand_layout`` for a signed event value other than its most negative."""
        sign = value[-1]
        magnitude = (value ^ sign.replicate(len(value))) + sign
        return Cat(magnitude[: len(value) - 1], sign)

    def product_layout(self, value_width: int) -> data.StructLayout:
        """What a lane keeps between multiplying and accumulating."""
        width = value_width - 1 + self.weight_width - 1
        return data.StructLayout({"magnitude": unsigned(width), "sign": 1})

    def product(self, operand: data.View, weight: Value) -> Value:
        """Bits of ``product_layout`` for an operand and a weight's bit pattern."""
        magnitude = operand.magnitude * weight[:-1]
        return Cat(magnitude, operand.sign ^ weight[-1])

    def accumulate(self, total: Value, product: data.View) -> Value:
        """``total`` plus the product, at the width of ``total``.

        A negative product is added as its complement and a carry; the carry enters below the
        lowest bit, so that one carry chain does both.
        """
        wide = Cat(product.magnitude, *[0] * (len(total) - len(product.magnitude)))
        term = Cat(product.sign, wide ^ product.sign.replicate(len(total)))
        return (Cat(1, total) + term)[1 : len(total) + 1]
