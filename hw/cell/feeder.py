"""Feeds the cell unit with the sums of finished blocks."""

from amaranth import Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.job import job_layout
from hw.select import pick

__all__ = ["CellFeeder"]


class CellFeeder(wiring.Component):
    """Reads a finished block's sums once and hands them on, ``cell_lanes`` gate rows at a time.

    Throughput: ``cell_lanes`` gate rows in ``row_cycles`` cycles, also across blocks; units that
    hold their state pass as many rows per cycle.
    Latency: ``block_done`` in cycle t, ``block_taken`` in t + 1, first rows at ``o_valid`` in
    t + 3 + ``row_cycles``.

    Parameters
    ----------
    config : Config
        Gives the lanes, and for how many cycles rows are taken.
    in_flight : int
        Units that may be on their way through the cell unit to where ``unit_left`` is told.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    block_done : In
        Pulse: the next block's sums are in the accumulator bank.
    known : In
        The first block of a step may be taken.
    frozen : In
        The step's units hold their state: no rows are sent. Steady while its blocks are taken.
    block_taken, slot, block : Out
        Read request to the bank; the block may be overwritten from the next cycle on. ``slot`` is
        the place of its step in its group.
    slot_end : Out
        It is the last of a group.
    acc_x, acc_h : In
        The bank's answer two cycles later, held.
    state_en, rows_en, unit : Out
        Read requests to the unit store, which answers as the first rows of a unit leave: for its
        state, and for what its rows have of their own, which a unit that holds its state does
        without. Units from the job's ``block_base`` on.
    o_valid, o_phase, o_acc_x, o_acc_h : Out
        Sums of ``cell_lanes`` gate rows; which of a unit's rows they are.
    o_held : Out
        Pulse instead of the last rows of a unit that holds its state.
    unit_left : In
        Pulse: a unit has left the far end.
    """

    def __init__(self, config: Config, *, in_flight: int):
        self._config = config
        self._in_flight = in_flight
        self._phases = 4 // config.cell_lanes
        totals = data.ArrayLayout(signed(config.acc_width), config.lanes)
        rows = data.ArrayLayout(signed(config.acc_width), config.cell_lanes)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "block_done": In(1),
                "known": In(1),
                "frozen": In(1),
                "block_taken": Out(1),
                "block": Out(unsigned((config.max_blocks - 1).bit_length() or 1)),
                "slot": Out(unsigned(config.slot_width or 1)),
                "slot_end": Out(1),
                "acc_x": In(totals),
                "acc_h": In(totals),
                "state_en": Out(1),
                "rows_en": Out(1),
                "unit": Out(unsigned((config.max_hidden - 1).bit_length() or 1)),
                "o_valid": Out(1),
                "o_held": Out(1),
                "o_phase": Out(range(self._phases)),
                "o_acc_x": Out(rows),
                "o_acc_h": Out(rows),
                "unit_left": In(1),
            }
        )

    def elaborate(self, platform):
        """A slot is ``cell_lanes`` rows of the block that the bank holds on its outputs."""
        m = Module()
        slots = self._config.lanes // self._config.cell_lanes
        slot, last_slot = Signal(range(slots)), Signal(range(slots))
        at_end = Signal()  # slot is last_slot
        # One bit per slot: choosing by it is three levels of logic, however many slots there are.
        chosen = Signal(slots, init=1)
        loaded, go, block_end = Signal(), Signal(), Signal()
        phase = slot % self._phases
        unit_end = phase == self._phases - 1
        unit, last_unit = Signal.like(self.unit), Signal.like(self.unit)
        # Stable long before a sequence starts.
        m.d.sync += last_unit.eq(self.job.hidden_size - 1)
        ready = loaded & self._turn(m, loaded, go)
        m.d.comb += [
            go.eq(ready & self._room(m, ready & unit_end)),
            block_end.eq(go & at_end),
        ]
        with m.If(go):
            m.d.sync += at_end.eq(slot + 1 == last_slot)
            m.d.sync += [
                slot.eq(Mux(block_end, 0, slot + 1)),
                chosen.eq(Mux(block_end, 1, chosen << 1)),
            ]
            with m.If(unit_end):
                end = block_end & (unit == last_unit)
                m.d.sync += unit.eq(Mux(end, 0, unit + 1))
        self._take_blocks(m, loaded, block_end, last_slot, at_end)
        with m.If(self.start):
            m.d.sync += [slot.eq(0), chosen.eq(1), unit.eq(0), self.unit.eq(0)]
        self._choose(m, go, chosen, phase, unit, unit_end)
        return m

    def _choose(self, m, go, chosen, phase, unit, unit_end):
        """The bank answers a cycle behind its request's register, so the choice comes as late."""
        late = Signal.like(chosen)
        late_phase, late_end, held = Signal.like(self.o_phase), Signal(), Signal()
        sent = Signal()
        base = self.job.block_base << (self._config.units_per_block - 1).bit_length()
        m.d.sync += sent.eq(go)
        # The store holds its answer for the rows behind the first.
        m.d.comb += [
            self.state_en.eq(sent & (late_phase == 0)),
            self.rows_en.eq(self.state_en & ~held),
        ]
        with m.If(go):
            m.d.sync += [
                late.eq(chosen),
                late_phase.eq(phase),
                late_end.eq(unit_end),
                held.eq(self.frozen),
                self.unit.eq(unit + base),
            ]
        width = len(self.o_acc_x.as_value())
        m.d.sync += [
            self.o_valid.eq(sent & ~held),
            self.o_held.eq(sent & held & late_end),
        ]
        with m.If(sent):
            m.d.sync += [
                self.o_phase.eq(late_phase),
                self.o_acc_x.eq(pick(self.acc_x.as_value(), late, width)),
                self.o_acc_h.eq(pick(self.acc_h.as_value(), late, width)),
            ]

    def _take_blocks(self, m, loaded, block_end, last_slot, at_end):
        """Read the next finished block as the last slot of the one before leaves."""
        waiting, some = Signal.like(self.job.blocks), Signal()
        last_block, tail = Signal.like(self.block), Signal()
        m.d.sync += last_block.eq(self.job.blocks - 1)
        m.d.comb += tail.eq(self.block == last_block)
        inside = Signal()  # block is not 0
        units = Mux(tail, self.job.tail_units, self._config.units_per_block)
        may_take = some & (self.known | inside)
        m.d.comb += self.block_taken.eq(may_take & (~loaded | block_end))
        m.d.sync += loaded.eq(self.block_taken | (loaded & ~block_end))
        count(m, waiting, up=self.block_done, down=self.block_taken)
        with m.If(self.block_done ^ self.block_taken):
            m.d.sync += some.eq(self.block_done | (waiting != 1))
        with m.If(self.block_taken):
            m.d.sync += [
                self.block.eq(Mux(tail, 0, self.block + 1)),
                inside.eq(~tail),
                last_slot.eq(units * self._phases - 1),
                at_end.eq(units * self._phases == 1),
            ]
        with m.If(self.start):
            m.d.sync += [waiting.eq(0), some.eq(0), loaded.eq(0), self.block.eq(0), inside.eq(0)]
        m.d.comb += self.slot_end.eq(self.slot == self.job.steps_ahead)
        if self._config.lookahead > 1:
            with m.If(self.block_taken & tail):
                m.d.sync += self.slot.eq(Mux(self.slot_end, 0, self.slot + 1))
            with m.If(self.start):
                m.d.sync += self.slot.eq(0)

    def _turn(self, m, loaded, go):
        """Rows may go: those before them have been taken for as long as they are to be."""
        if self._config.row_cycles == 1:
            return Const(1)
        turn = Signal()
        m.d.sync += turn.eq(loaded & ~go)
        return turn | self.frozen

    def _room(self, m, unit_end):
        """Fewer units on their way than the far end can hold."""
        under_way = Signal(range(self._in_flight + 1))
        full, sent = Signal(), Signal()
        m.d.comb += sent.eq(unit_end & ~full)
        count(m, under_way, up=sent, down=self.unit_left)
        with m.If(sent ^ self.unit_left):
            m.d.sync += full.eq(sent & (under_way == self._in_flight - 1))
        with m.If(self.start):
            m.d.sync += [under_way.eq(0), full.eq(0)]
        return ~full
