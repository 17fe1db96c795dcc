"""One lane's arithmetic on its own, for measuring what it costs."""

from amaranth.hdl import Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.multipliers.family import Multiplier, Nets

__all__ = ["ACC_WIDTH", "FixedProduct", "Operator"]

ACC_WIDTH = 26
"""Bits of the accumulator of a lane: 1024 events of 9 bits and weights of 8."""


def _level_port(multiplier: Multiplier, level: int | None) -> dict:
    if level is None and multiplier.level_width:
        return {"level": In(unsigned(multiplier.level_width))}
    return {}


def _level_of(part, level: int | None):
    return part.level if "level" in part.signature.members else Const(level or 0, 8)


class FixedProduct(wiring.Component):
    """A multiplier's gates; with a level given, those that this level needs.

    Members
    -------
    operand, weight, product
        As in ``Product``.
    level : In
        Only where no level is given and there are several.
    """

    def __init__(self, multiplier: Multiplier, value_width: int = 9, level: int | None = None):
        self._multiplier, self._fixed = multiplier, level
        super().__init__(
            {
                "operand": In(multiplier.operand_layout(value_width)),
                "weight": In(unsigned(multiplier.weight_width)),
                **_level_port(multiplier, level),
                "product": Out(multiplier.product_layout(value_width)),
            }
        )

    def elaborate(self, platform):
        """The gates; the synthesiser removes what a fixed level does not use."""
        m = Module()
        level = _level_of(self, self._fixed)
        bits = self._multiplier.gates(Nets(m), self.operand, self.weight, level)
        m.d.comb += self.product.as_value().eq(bits)
        return m


class Operator(wiring.Component):
    """Operand registers, product, product register, adder and accumulator, always at work.

    Latency: ``total`` includes a product three cycles after its operands.

    Members
    -------
    operand, weight, level : In
        As in ``FixedProduct``.
    first : In
        The product, two cycles later, starts a sum.
    total : Out
        The sum; signed.
    """

    def __init__(
        self,
        multiplier: Multiplier,
        value_width: int = 9,
        acc_width: int = ACC_WIDTH,
        level: int | None = None,
    ):
        self._multiplier, self._value_width, self._fixed = multiplier, value_width, level
        super().__init__(
            {
                "operand": In(multiplier.operand_layout(value_width)),
                "weight": In(unsigned(multiplier.weight_width)),
                **_level_port(multiplier, level),
                "first": In(1),
                "total": Out(signed(acc_width)),
            }
        )

    def elaborate(self, platform):
        """Registers that no reset reaches."""
        m = Module()
        multiplier = self._multiplier
        operand = Signal(multiplier.operand_layout(self._value_width), reset_less=True)
        weight = Signal.like(self.weight, reset_less=True)
        product = Signal(multiplier.product_layout(self._value_width), reset_less=True)
        total = Signal.like(self.total, reset_less=True)
        bits = multiplier.gates(Nets(m), operand, weight, _level_of(self, self._fixed))
        start = Mux(self.first, 0, total)[: len(total)].as_signed()
        m.d.sync += [
            operand.eq(self.operand),
            weight.eq(self.weight),
            product.as_value().eq(bits),
            total.eq(multiplier.accumulate(start, product)),
        ]
        m.d.comb += self.total.eq(total)
        return m
