"""One multiply-accumulate lane."""

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Lane", "lane_members"]


def lane_members(multiplier, value_width: int, acc_width: int, lanes: int) -> dict:
    """Ports of a component that holds ``lanes`` neighbouring lanes of an array.

    Members
    -------
    i_valid : In
        An operand and weights are here.
    operand : In
        Event value in the multiplier's form; a cycle late, and it holds, where the multiplier
        ``shares_operand``.
    weights : In
        Weights' bit patterns, the lowest lane's first.
    level : In
        Level of the multiplier, one cycle behind the operand: shared by all lanes.
    operand_valid, product_valid : In
        ``i_valid`` one and two cycles earlier: shared by all lanes.
    product_first, bases : In
        The products start sums, and what they are added to.
    totals : Out
        The sums; signed.
    """
    sums = data.ArrayLayout(signed(acc_width), lanes)
    return {
        "i_valid": In(1),
        "operand": In(multiplier.operand_layout(value_width)),
        "weights": In(unsigned(lanes * multiplier.weight_width)),
        "level": In(unsigned(multiplier.level_width)),
        "operand_valid": In(1),
        "product_valid": In(1),
        "product_first": In(1),
        "bases": In(sums),
        "totals": Out(sums),
    }


class Lane(wiring.Component):
    """Multiplies one operand with one weight and adds the product to a sum.

    Registers in front of the multiplier and of the adder hold while nothing comes.

    Throughput: one product per cycle.
    Latency: ``totals`` include a product three cycles after its ``i_valid``.

    Parameters
    ----------
    multiplier : Multiplier
        What is multiplied with.
    value_width, acc_width : int
        Bits of an event's signed value and of a sum.

    Members
    -------
    Those of ``lane_members``, for one lane.
    """

    def __init__(self, multiplier, value_width: int, acc_width: int):
        self._multiplier = multiplier
        self._value_width = value_width
        super().__init__(lane_members(multiplier, value_width, acc_width, 1))

    def elaborate(self, platform):
        """Operands, product, sum: a register each."""
        m = Module()
        multiplier = self._multiplier
        operand = self.operand if multiplier.shares_operand else Signal.like(self.operand)
        weight = Signal.like(self.weights)
        product = Signal(multiplier.product_layout(self._value_width))
        total = self.totals[0]
        m.submodules.multiply = multiply = multiplier.component(self._value_width)
        m.d.comb += [
            multiply.operand.eq(operand),
            multiply.weight.eq(weight),
            multiply.level.eq(self.level),
        ]
        with m.If(self.i_valid):
            m.d.sync += weight.eq(self.weights)
            if not multiplier.shares_operand:
                m.d.sync += operand.eq(self.operand)
        with m.If(self.operand_valid):
            m.d.sync += product.eq(multiply.product)
        with m.If(self.product_valid):
            start = Mux(self.product_first, self.bases[0], total)
            m.d.sync += total.eq(multiplier.accumulate(start, product))
        return m
