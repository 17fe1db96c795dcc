"""One multiply-accumulate lane."""

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config

__all__ = ["Lane"]


class Lane(wiring.Component):
    """Multiplies one operand with one weight and adds the product to a sum.

    Registers in front of the multiplier and of the adder hold while nothing comes.

    Throughput: one product per cycle.
    Latency: ``total`` includes a product three cycles after its ``i_valid``.

    Parameters
    ----------
    config : Config
        Gives the multiplier and the widths.

    Members
    -------
    i_valid : In
        An operand and a weight are here.
    operand : In
        Event value in the multiplier's form.
    weight : In
        Weight's bit pattern.
    level : In
        Level of the multiplier, one cycle behind the operand: shared by all lanes.
    operand_valid, product_valid : In
        ``i_valid`` one and two cycles earlier: shared by all lanes.
    product_first, base : In
        The product starts a sum, and what it is added to.
    total : Out
        The sum; signed.
    """

    def __init__(self, config: Config):
        self._multiplier = config.multiplier
        self._value_width = config.value_width
        super().__init__(
            {
                "i_valid": In(1),
                "operand": In(config.multiplier.operand_layout(config.value_width)),
                "weight": In(unsigned(config.multiplier.weight_width)),
                "level": In(unsigned(config.multiplier.level_width)),
                "operand_valid": In(1),
                "product_valid": In(1),
                "product_first": In(1),
                "base": In(signed(config.acc_width)),
                "total": Out(signed(config.acc_width)),
            }
        )

    def elaborate(self, platform):
        """Operands, product, sum: a register each."""
        m = Module()
        multiplier = self._multiplier
        operand = Signal.like(self.operand)
        weight = Signal.like(self.weight)
        product = Signal(multiplier.product_layout(self._value_width))
        m.submodules.multiply = multiply = multiplier.component(self._value_width)
        m.d.comb += [
            multiply.operand.eq(operand),
            multiply.weight.eq(weight),
            multiply.level.eq(self.level),
        ]
        with m.If(self.i_valid):
            m.d.sync += [operand.eq(self.operand), weight.eq(self.weight)]
        with m.If(self.operand_valid):
            m.d.sync += product.eq(multiply.product)
        with m.If(self.product_valid):
            start = Mux(self.product_first, self.base, self.total)
            m.d.sync += self.total.eq(multiplier.accumulate(start, product))
        return m
