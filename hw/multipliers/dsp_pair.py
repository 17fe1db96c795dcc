"""Two products of one event value in one DSP block."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring

from hw.multipliers.exact import BaughWooley
from hw.multipliers.lane import lane_members

__all__ = ["DspPair", "LanePair"]

_PORT_WIDTH = 25


@dataclass(frozen=True, kw_only=True)
class DspPair(BaughWooley):
    """Exact, two's complement; two lanes share a multiplier of 25 by 18 bits.

    Both lanes multiply the same event value ``v``, so one multiplication makes both products::

        v (w1 2^k + w0)  =  v w1 2^k  +  v w0          k bits hold any signed v w0

    The sum ``w1 2^k + w0`` costs no adder, because weights are stored in pairs: the pattern of the
    upper lane is ``w1 - 1`` where ``w0`` is negative, so that the fields put side by side, the
    lower one with its sign extended, are the sum. The upper product comes out one too small where
    the lower one is negative; the upper lane's accumulator adds that bit as its carry.

    Parameters
    ----------
    weight_width : int
        Bits of a weight, sign included, 4 to 8. The most negative code does not exist.

    References
    ----------
    Xilinx, "Deep learning with INT8 optimization on Xilinx devices", WP486, 2017 (two products with
    a shared operand in one DSP block).
    """

    family: ClassVar[str] = "dsp-pair"
    summary: ClassVar[str] = "exact, two lanes in one DSP block"

    lanes_together: ClassVar[int] = 2

    tree: bool = False

    def lanes(self, value_width: int, acc_width: int) -> "LanePair":
        """Two lanes that share a DSP block."""
        return LanePair(self, value_width, acc_width)

    def check_values(self, value_width: int):
        """Refuse values whose products with two weights do not fit a DSP block."""
        self.field_width(value_width)

    def field_width(self, value_width: int) -> int:
        """Bits of the lower product: any signed product of a value and a weight."""
        width = value_width + self.weight_width - 1
        if width + self.weight_width > _PORT_WIDTH:
            raise ValueError(
                f"two weights of {self.weight_width} bits and values of {value_width} bits need a "
                f"port of {width + self.weight_width} bits, and a DSP block has {_PORT_WIDTH}"
            )
        return width

    @property
    def least_weight(self) -> int:
        """The least weight that can be stored."""
        return -self.weight_limit

    def encode(self, weight: np.ndarray) -> np.ndarray:
        """Bit patterns, uint8; the last axis holds neighbouring lanes, an even number of them."""
        if weight.shape[-1] % 2:
            raise ValueError(
                f"weights are stored in pairs, and {weight.shape[-1]} lanes are not even"
            )
        outside = weight[np.abs(weight.astype(np.int64)) > self.weight_limit]
        if outside.size:
            raise ValueError(
                f"weights must be within ±{self.weight_limit}, not {int(outside.flat[0])}"
            )
        stored = weight.astype(np.int64)
        stored[..., 1::2] -= stored[..., 0::2] < 0
        return (stored & 2**self.weight_width - 1).astype(np.uint8)

    def decode(self, code: np.ndarray) -> np.ndarray:
        """Signed weights, int8, of bit patterns: ``encode`` undone."""
        weight = super().decode(code).astype(np.int64)
        weight[..., 1::2] += weight[..., 0::2] < 0
        return weight.astype(np.int8)

    def pair_layout(self, value_width: int) -> data.StructLayout:
        """Both products as they come out of one multiplier."""
        width = self.field_width(value_width)
        return data.StructLayout({"low": signed(width), "high": signed(width)})

    def pair_product(self, value: Value, codes: Value) -> Value:
        """Bits of ``pair_layout`` for a signed value and two patterns, the lower lane's first."""
        width = self.field_width(len(value))
        low, high = codes[: self.weight_width], codes[self.weight_width :]
        joined = Cat(low, low[-1].replicate(width - self.weight_width), high).as_signed()
        return (value * joined)[: 2 * width]

    def accumulate_high(self, total: Value, pair: data.View) -> Value:
        """``total`` plus the upper product; the missing 1 enters as a carry below."""
        term = Cat(pair.low[-1], pair.high).as_signed()
        return (Cat(1, total).as_signed() + term)[1 : len(total) + 1]


class LanePair(wiring.Component):
    """Two lanes that multiply one operand with two weights, in one DSP block.

    Registers in front of the multiplier and of the adders hold while nothing comes. The registers
    of operands and products lie where a DSP block has its own.

    Throughput: two products per cycle.
    Latency: ``totals`` include a product three cycles after its ``i_valid``.

    Parameters
    ----------
    multiplier : DspPair
        The pair's arithmetic.
    value_width, acc_width : int
        Bits of an event's signed value and of a sum.

    Members
    -------
    Those of ``lane_members``, for two lanes.
    """

    def __init__(self, multiplier: DspPair, value_width: int, acc_width: int):
        self._multiplier = multiplier
        self._pair = multiplier.pair_layout(value_width)
        super().__init__(lane_members(multiplier, value_width, acc_width, 2))

    def elaborate(self, platform):
        """Operands, product, sums: a register each."""
        m = Module()
        multiplier = self._multiplier
        operand = Signal.like(self.operand)
        weights = Signal.like(self.weights)
        pair = Signal(self._pair)
        with m.If(self.i_valid):
            m.d.sync += [operand.eq(self.operand), weights.eq(self.weights)]
        with m.If(self.operand_valid):
            m.d.sync += pair.as_value().eq(multiplier.pair_product(operand.value, weights))
        with m.If(self.product_valid):
            low, high = (
                Mux(self.product_first, base, total)
                for base, total in zip(self.bases, self.totals, strict=True)
            )
            m.d.sync += [
                self.totals[0].eq(low + pair.low),
                self.totals[1].eq(multiplier.accumulate_high(high, pair)),
            ]
        return m
