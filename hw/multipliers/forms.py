"""The two forms in which operands reach the lanes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Cat, Value, signed, unsigned
from amaranth.lib import data

from hw.multipliers.family import Multiplier, Nets, check_weight_width

__all__ = ["SignMagnitude", "TwosComplement"]


def _refuse_outside(weight: np.ndarray, least: int, largest: int, text: str):
    wide = weight.astype(np.int64)
    outside = wide[(wide < least) | (wide > largest)]
    if outside.size:
        raise ValueError(f"weights must be within {text}, not {int(outside.flat[0])}")


@dataclass(frozen=True, kw_only=True)
class SignMagnitude(Multiplier):
    """Operands as sign and magnitude; the sign is applied where the product is accumulated.

    This keeps the upper bits of small values of alternating sign quiet, which is what the operands
    of an LSTM are, and makes every error odd in both operands. A family defines the product of two
    magnitudes: ``magnitudes`` for the model, ``magnitude`` for the gates.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8. The most negative two's complement code does not
        exist.
    """

    weight_width: int = 8

    def __post_init__(self):
        check_weight_width(self.weight_width)

    def magnitudes(self, value: np.ndarray, weight: np.ndarray, level: int) -> np.ndarray:
        """Products, int64, of magnitudes, int64, at a level."""
        raise NotImplementedError

    def magnitude(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """The product of two magnitudes; longer than ``magnitude_width`` bits are cut."""
        raise NotImplementedError

    def magnitude_width(self, value_width: int) -> int:
        """Bits of the product of two magnitudes."""
        return value_width - 1 + self.weight_width - 1

    def compute(self, value: np.ndarray, weight: np.ndarray, level: int = 0) -> np.ndarray:
        """Products, int64, of event values and weights of any broadcastable shapes."""
        self.check_level(level)
        value, weight = np.asarray(value, np.int64), np.asarray(weight, np.int64)
        found = self.magnitudes(np.abs(value), np.abs(weight), level)
        return np.where((value < 0) != (weight < 0), -found, found)

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights: sign above magnitude."""
        limit = self.weight_limit
        _refuse_outside(weight, -limit, limit, f"±{limit}")
        sign = (weight < 0).astype(np.uint8) << (self.weight_width - 1)
        return sign | np.abs(weight).astype(np.uint8)

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Signed weights, int8, of bit patterns: ``encode`` undone."""
        magnitude = (code & self.weight_limit).astype(np.int8)
        return np.where(code >> (self.weight_width - 1) & 1, -magnitude, magnitude)

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of a value of ``value_width`` signed bits exceeds."""
        return 2 ** self.magnitude_width(value_width) - 1

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
        width = self.magnitude_width(value_width)
        return data.StructLayout({"magnitude": unsigned(width), "sign": 1})

    def gates(self, net: Nets, operand: data.View, weight: Value, level: Value) -> Value:
        """Bits of ``product_layout``: the product of the magnitudes below its sign."""
        width = self.magnitude_width(len(operand.magnitude) + 1)
        magnitude = Value.cast(self.magnitude(net, operand.magnitude, weight[:-1], level))
        missing = [0] * (width - len(magnitude))
        return Cat(magnitude[:width], *missing, operand.sign ^ weight[-1])

    def accumulate(self, total: Value, product: data.View) -> Value:
        """``total`` plus the product, at the width of ``total``.

        A negative product is added as its complement and a carry; the carry enters below the
        lowest bit, so that one carry chain does both.
        """
        wide = Cat(product.magnitude, *[0] * (len(total) - len(product.magnitude)))
        term = Cat(product.sign, wide ^ product.sign.replicate(len(total)))
        return (Cat(1, total) + term)[1 : len(total) + 1]


@dataclass(frozen=True, kw_only=True)
class TwosComplement(Multiplier):
    """Operands in two's complement.

    A family defines ``compute`` and ``signed_product``.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8.
    """

    extends_sign: ClassVar[bool] = True

    weight_width: int = 8

    def __post_init__(self):
        check_weight_width(self.weight_width)

    @property
    def least_weight(self) -> int:
        """The least weight that can be stored."""
        return -(2 ** (self.weight_width - 1))

    def signed_product(self, net: Nets, value: Value, weight: Value, level: Value) -> Value:
        """The product of two signed values; longer than ``product_width`` bits are cut."""
        raise NotImplementedError

    def product_width(self, value_width: int) -> int:
        """Bits of a product."""
        return value_width + self.weight_width

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8, that the lanes take for signed weights."""
        half = 2 ** (self.weight_width - 1)
        _refuse_outside(weight, -half, half - 1, f"{-half} and {half - 1}")
        return (weight.astype(np.int64) & (2 * half - 1)).astype(np.uint8)

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Signed weights, int8, of bit patterns: ``encode`` undone."""
        half = 2 ** (self.weight_width - 1)
        return ((code.astype(np.int64) ^ half) - half).astype(np.int8)

    def product_limit(self, value_width: int) -> int:
        """A magnitude that no product of a value of ``value_width`` signed bits exceeds."""
        return 2 ** (self.product_width(value_width) - 1) - 1

    def operand_layout(self, value_width: int) -> data.StructLayout:
        """What the lanes are sent for an event value of ``value_width`` signed bits."""
        return data.StructLayout({"value": signed(value_width)})

    def operand(self, value: Value) -> Value:
        """Bits of ``operand_layout`` for a signed event value."""
        return Value.cast(value)

    def product_layout(self, value_width: int) -> data.StructLayout:
        """What a lane keeps between multiplying and accumulating."""
        return data.StructLayout({"value": signed(self.product_width(value_width))})

    def gates(self, net: Nets, operand: data.View, weight: Value, level: Value) -> Value:
        """Bits of ``product_layout``."""
        width = self.product_width(len(operand.value))
        found = Value.cast(self.signed_product(net, operand.value, weight.as_signed(), level))
        missing = width - len(found)
        return found[:width] if missing <= 0 else Cat(found, found[-1].replicate(missing))

    def accumulate(self, total: Value, product: data.View) -> Value:
        """``total`` plus the product, at the width of ``total``."""
        return (total + product.value)[: len(total)]
