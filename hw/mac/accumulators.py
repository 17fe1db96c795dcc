"""Sums of a whole layer, kept between the lanes and the cell unit."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config

__all__ = ["AccumulatorBank"]


class AccumulatorBank(wiring.Component):
    """Two memories, ``acc_x`` and ``acc_h``, a word of one sum per lane for each block.

    Where steps go in groups, ``acc_x`` has a word for each block and each step of a group. The
    lanes go on only from sums of the step that is the first in its group.

    Throughput: one word written, one of each memory and one of either read per cycle.
    Latency: sums are out two cycles after a request of the cell unit, which passes a register, and
    one cycle after a request of the lanes; they hold until the next of its kind. A word can be read
    in the cycle after it was written.

    Parameters
    ----------
    config : Config
        Gives lanes, blocks and widths.

    Members
    -------
    w_en, w_slot, w_block, w_totals : In
        Write port of ``acc_x`` (bit 0 of ``w_en``) or of ``acc_h``.
    r_en, r_slot, r_block : In
        Read request to both, for the cell unit.
    acc_x, acc_h : Out
        Sums of the block read last.
    base_en, base_block : In
        Read request to ``acc_x`` (bit 0) or to ``acc_h``, for the lanes.
    base : Out
        What it asked for last.
    """

    def __init__(self, config: Config):
        self._depth = max(config.max_blocks, 2)
        self._totals = data.ArrayLayout(signed(config.acc_width), config.lanes)
        self._slot_width = config.slot_width
        block = unsigned((config.max_blocks - 1).bit_length() or 1)
        slot = unsigned(config.slot_width or 1)
        super().__init__(
            {
                "w_en": In(2),
                "w_slot": In(slot),
                "w_block": In(block),
                "w_totals": In(self._totals),
                "r_en": In(1),
                "r_slot": In(slot),
                "r_block": In(block),
                "acc_x": Out(self._totals),
                "acc_h": Out(self._totals),
                "base_en": In(2),
                "base_block": In(block),
                "base": Out(self._totals),
            }
        )

    def elaborate(self, platform):
        """The same ports twice; the write goes to one, and the base comes from one."""
        m = Module()
        hidden = Signal()
        # It enables a register for each bit of all sums.
        self._reading, self._block = Signal(), Signal.like(self.r_block)
        self._slot = Signal.like(self.r_slot)
        m.d.sync += self._reading.eq(self.r_en)
        with m.If(self.r_en):
            m.d.sync += [self._block.eq(self.r_block), self._slot.eq(self.r_slot)]
        with m.If(self.base_en.any()):
            m.d.sync += hidden.eq(self.base_en[1])
        x_base = self._memory(m, "x", self.acc_x, 0)
        h_base = self._memory(m, "h", self.acc_h, 1)
        m.d.comb += self.base.eq(Mux(hidden, h_base, x_base))
        return m

    def _memory(self, m, name, out, hidden):
        """One memory; what its port for the lanes reads."""
        slot_width = 0 if hidden else self._slot_width
        m.submodules[name] = sums = memory.Memory(
            shape=self._totals, depth=self._depth << slot_width, init=[]
        )
        write = sums.write_port()
        read, base = sums.read_port(), sums.read_port()
        m.d.comb += [
            write.en.eq(self.w_en[hidden]),
            write.addr.eq(Cat(self.w_slot[:slot_width], self.w_block)),
            write.data.eq(self.w_totals),
            read.en.eq(self._reading),
            read.addr.eq(Cat(self._slot[:slot_width], self._block)),
            out.eq(read.data),
            base.en.eq(self.base_en[hidden]),
            base.addr.eq(self.base_block << slot_width),
        ]
        return base.data.as_value()
