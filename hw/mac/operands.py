"""From an operation to an operand and its weights at the lanes."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import event_layout
from hw.mac.array import control_layout, hand_on
from hw.replay.operation import operation_layout
from hw.weights.address import weight_address_width

__all__ = ["OperandFetch"]


class OperandFetch(wiring.Component):
    """Looks up an operation's event, then the weights of the event's column.

    A fixed-latency pipeline without stalls: list memory, choice, address sum, weight memory.

    Throughput: one operation per cycle.
    Latency: four cycles, after which the column word is at the weight memory's output.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    block_base : In
        Added to the block of ``control``; stable while active.
    i_valid, i_op : In
        An operation. ``hidden``, ``streamed``, ``slot``, ``fresh``, ``block`` and ``level`` are
        those of the first one of its part; so is ``weight_base``, unless it is ``streamed`` or
        ``placed``.
    list_en : Out
        Read the lists at ``i_op``'s bank and index in this cycle.
    x_event, h_event : In
        What the lists answer, one cycle later.
    weight_en, weight_addr, weight_hidden : Out
        Word to read in this cycle, and whether it is of ``h``.
    o_valid, operand, control : Out
        An operand, in the cycle in which its word is read out.
    base_en : Out
        It starts a sum that goes on from the one of ``x``, or of ``h``: registers, as they enable a
        register for each bit of all sums.
    """

    def __init__(self, config: Config):
        self._config = config
        event = event_layout(config)
        super().__init__(
            {
                "block_base": In(control_layout(config)["block"].shape),
                "i_valid": In(1),
                "i_op": In(operation_layout(config)),
                "list_en": Out(1),
                "x_event": In(event),
                "h_event": In(event),
                "weight_en": Out(1),
                "weight_addr": Out(unsigned(weight_address_width(config))),
                "weight_hidden": Out(1),
                "o_valid": Out(1),
                "base_en": Out(2),
                "operand": Out(config.multiplier.operand_layout(config.value_width)),
                "control": Out(control_layout(config)),
            }
        )

    def elaborate(self, platform):
        """Stages: the lists' output, the event, its address and operand, at the lanes."""
        m = Module()
        multiplier = self._config.multiplier
        listed, valid = Signal(), Signal()
        listed_op, op = Signal.like(self.i_op), Signal.like(self.i_op)
        # A block memory answers late in its cycle: nothing stands between it and a register.
        x_event, h_event = Signal.like(self.x_event), Signal.like(self.h_event)
        m.d.comb += self.list_en.eq(self.i_valid)
        m.d.sync += [listed.eq(self.i_valid), valid.eq(listed)]
        rests = multiplier.shares_operand
        hand_on(m, self.i_valid, self.i_op, listed_op, rests=rests)
        hand_on(m, listed, listed_op, op, rests=rests)
        with m.If(listed & ~listed_op.hidden):
            m.d.sync += x_event.eq(self.x_event)
        with m.If(listed & listed_op.hidden):
            m.d.sync += h_event.eq(self.h_event)
        event = data.View(self.x_event.shape(), Mux(op.hidden, h_event, x_event))

        operand = Signal.like(self.operand)
        control = Signal.like(self.control)
        mapped = self._config.mapped
        column = Mux((op.streamed | op.placed) if mapped else op.streamed, 0, event.column)
        value = Mux(op.null, 0, event.value) if mapped else event.value
        addr = self._address(m, listed, listed_op, op, column)
        m.d.sync += self.weight_en.eq(valid)
        m.d.comb += self.weight_hidden.eq(control.hidden)
        with m.If(valid):
            m.d.sync += [
                self.weight_addr.eq(addr),
                operand.eq(multiplier.operand(value)),
            ]
        hand_on(m, valid, op, control, rests=rests)
        with m.If(valid & (op.first if rests else 1)):
            m.d.sync += control.block.eq(op.block + self.block_base)

        starts = self.weight_en & control.first
        goes_on = starts & ~control.fresh
        m.d.sync += [
            self.o_valid.eq(self.weight_en),
            self.base_en.eq(Cat(goes_on & ~control.hidden, goes_on & control.hidden)),
        ]
        with m.If(self.weight_en):
            m.d.sync += self.operand.eq(operand)
        hand_on(m, self.weight_en, control, self.control, rests=rests)
        return m

    def _address(self, m, listed, listed_op, op, column):
        """Address of a column: in the ring of streamed words the first word follows the last."""
        config = self._config
        if config.lookahead == 1:
            return op.weight_base + column
        words = config.weight_words + config.stream_words
        left = Signal(range(words + 1))
        with m.If(listed):
            m.d.sync += left.eq(words - listed_op.weight_base)
        wrapped = op.weight_base + column - config.stream_words
        return Mux(column < left, op.weight_base + column, wrapped)
