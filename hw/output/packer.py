"""Packs hidden units into rows of DRAM beats."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.axi.writer import write_item
from hw.cell.store import unit_layout
from hw.config import Config
from hw.job import job_layout

__all__ = ["BeatPacker", "OutputPacker"]


class BeatPacker(wiring.Component):
    """Joins items to beats with byte strobes; a beat that ``last`` ends early is not full.

    Throughput: one item per cycle.
    Latency: the beat is out in the cycle after its last item.

    Parameters
    ----------
    item_width : int
        Bits of an item, whole bytes.
    config : Config
        Gives the beat.

    Members
    -------
    i_valid, i_ready, i_item, i_last : In
        Items of a row.
    o : Out
        Beats: ``data`` and ``strb``.
    """

    def __init__(self, item_width: int, config: Config):
        self._items = config.bus_width // item_width
        self._strobe = item_width // 8
        super().__init__(
            {
                "i_valid": In(1),
                "i_ready": Out(1),
                "i_item": In(item_width),
                "i_last": In(1),
                "o": Out(stream.Signature(write_item(config.bus_width))),
            }
        )

    def elaborate(self, platform):
        """Items go to their place; a full beat waits until it is taken."""
        m = Module()
        place = Signal(range(self._items))
        taken = Signal()
        ends = self.i_last | (place == self._items - 1)
        beat = self.o.payload
        m.d.comb += [
            self.i_ready.eq(~self.o.valid | self.o.ready),
            taken.eq(self.i_valid & self.i_ready),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(taken):
            m.d.sync += [self.o.valid.eq(ends), place.eq(Mux(ends, 0, place + 1))]
            strobes = Cat((place == k).replicate(self._strobe) for k in range(self._items))
            m.d.sync += beat.strb.eq(Mux(place == 0, strobes, beat.strb | strobes))
            m.d.sync += beat.data.word_select(place, len(self.i_item)).eq(self.i_item)
        return m


class OutputPacker(wiring.Component):
    """Writes a row of ``h`` per step and, if asked, the state behind a sequence's last step.

    Throughput: one unit per cycle while the writer takes requests and beats, but a row takes at
    least two cycles. Units are taken from three cycles behind ``start`` on.
    Latency: a row is asked for in the cycle after its first unit; a beat is out in the cycle after
    its last unit.

    Parameters
    ----------
    config : Config
        Gives the widths.
    request : data.StructLayout
        The writer's request: ``addr`` and ``beats``.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    h_offset, state_offset : In
        Byte offsets of the sequence's rows and state.
    units : In
        Hidden units in order.
    h_request, h_beats : Out
        To the writer.
    state_request, state_beats : Out
        To the writer; nothing comes where the machine has no states.
    active : Out
        Something of the sequence has not been given to the writer.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        beats = stream.Signature(write_item(config.bus_width))
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "h_offset": In(unsigned(config.addr_width)),
                "state_offset": In(unsigned(config.addr_width)),
                "units": In(stream.Signature(unit_layout(config))),
                "h_request": Out(stream.Signature(request)),
                "h_beats": Out(beats),
                "state_request": Out(stream.Signature(request)),
                "state_beats": Out(beats),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        """Two packers fed by the same units, or one; a position; requests."""
        m = Module()
        m.submodules.h = h = BeatPacker(self._config.code_width, self._config)
        wiring.connect(m, h.o, wiring.flipped(self.h_beats))
        row_start, row_end, final, rows_left = Signal(), Signal(), Signal(), Signal()
        placing = Signal(2)  # the address of the first row is being summed
        taken = self.units.valid & self.units.ready
        asking = self.h_request.valid | self.state_request.valid | placing.any()
        request_waits = row_start & asking
        unit = self.units.payload
        code = Signal(signed(self._config.code_width))
        room = h.i_ready
        if self._config.states:
            room &= self._pack_state(m, taken & final, Cat(unit.c, code), row_end) | ~final
        m.d.comb += [
            self.units.ready.eq(room & ~request_waits),
            code.eq(unit.h),
            h.i_valid.eq(taken),
            h.i_item.eq(code),
            h.i_last.eq(row_end),
            self.active.eq(
                rows_left
                | h.o.valid
                | self.state_beats.valid
                | self.h_request.valid
                | self.state_request.valid
            ),
        ]
        self._count(m, taken, row_start, row_end, final, rows_left)
        self._request(m, taken & row_start, final, placing)
        return m

    def _pack_state(self, m, taken, item, row_end):
        """Units of the last row go to a packer of their own as well; whether it takes one."""
        m.submodules.state = state = BeatPacker(32, self._config)
        wiring.connect(m, state.o, wiring.flipped(self.state_beats))
        m.d.comb += [
            state.i_valid.eq(taken),
            state.i_item.eq(item),
            state.i_last.eq(row_end),
        ]
        return state.i_ready

    def _count(self, m, taken, row_start, row_end, final, rows_left):
        """What the next unit is in its row, and its row in the sequence: all in registers, since
        whether a unit may go decides about everything up to the cell unit.
        """
        job = self.job
        index, steps_left = Signal.like(job.hidden_size), Signal.like(job.steps)
        single, second_last = Signal(), Signal.like(index)
        # Stable long before a sequence starts.
        m.d.sync += [single.eq(job.hidden_size == 1), second_last.eq(job.hidden_size - 2)]
        with m.If(taken):
            m.d.sync += [
                index.eq(Mux(row_end, 0, index + 1)),
                row_start.eq(row_end),
                row_end.eq(Mux(row_end, single, index == second_last)),
            ]
            with m.If(row_end):
                m.d.sync += [
                    steps_left.eq(steps_left - 1),
                    rows_left.eq(steps_left != 1),
                    final.eq(job.store_state & (steps_left == 2)),
                ]
        with m.If(self.start):
            m.d.sync += [
                index.eq(0),
                row_start.eq(1),
                row_end.eq(job.hidden_size == 1),
                steps_left.eq(job.steps),
                rows_left.eq(1),
                final.eq(job.store_state & (job.steps == 1)),
            ]

    def _request(self, m, row_start, final, placing):
        """A row is asked for with its first unit, since it may be longer than the buffer."""
        job, codes, h = self.job, self._config.beat_codes, self.h_request
        addr = Signal(unsigned(self._config.addr_width))
        # What follows from the job alone, in registers: it is stable long before.
        m.d.comb += h.payload.addr.eq(addr)
        m.d.sync += h.payload.beats.eq((job.hidden_size + codes - 1) // codes)
        if self._config.states:
            self._request_state(m, row_start, final)
        with m.If(h.ready):
            m.d.sync += h.valid.eq(0)
        # One adder: the offset and the first row are added one after the other.
        more = Mux(placing[0], self.h_offset, Mux(placing[1], job.h_addr, job.h_step_stride))
        m.d.sync += placing.eq(Cat(self.start, placing[0]))
        with m.If(placing.any() | (h.valid & h.ready)):
            m.d.sync += addr.eq(addr + more)
        with m.If(row_start):
            m.d.sync += h.valid.eq(1)
        with m.If(self.start):
            m.d.sync += addr.eq(0)

    def _request_state(self, m, row_start, final):
        """The state is asked for with the first unit of the last row."""
        job, bus, state = self.job, self._config.bus_bytes, self.state_request
        m.d.sync += [
            state.payload.beats.eq((4 * job.hidden_size + bus - 1) // bus),
            state.payload.addr.eq(job.state_out_addr + self.state_offset),
        ]
        with m.If(state.ready):
            m.d.sync += state.valid.eq(0)
        with m.If(row_start):
            m.d.sync += state.valid.eq(final)
