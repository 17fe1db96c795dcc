"""Makes the events of x while x is loaded."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width, event_layout
from hw.events.ledger import ListLedger
from hw.job import job_layout
from hw.select import any_of, at_least

__all__ = ["InputEvents", "InputRequester"]


class InputRequester(wiring.Component):
    """Asks for the rows of ``x`` of a sequence, one or two segments each.

    Throughput: a request per cycle.
    Latency: the first request stands from the cycle after ``start`` on.

    Parameters
    ----------
    config : Config
        Gives the widths.
    request : data.StructLayout
        The reader's request: ``addr`` and ``beats``.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    offset : In
        Byte offset of the sequence's first row from ``x_addr`` and ``x_tail_addr``.
    request : Out
        One request per segment.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "offset": In(unsigned(config.addr_width)),
                "request": Out(stream.Signature(request)),
            }
        )

    def elaborate(self, platform):
        """Two addresses that advance by the stride."""
        m = Module()
        job, request = self.job, self.request
        bus = self._config.bus_bytes
        addr = Signal(data.ArrayLayout(self._config.addr_width, 2))
        tail, active = Signal(), Signal()
        steps_left = Signal.like(job.steps)
        tail_size = job.input_size - job.x_head_size
        split = Signal()
        m.d.comb += [
            split.eq(job.x_head_size != job.input_size),
            request.valid.eq(active),
            request.payload.addr.eq(Mux(tail, addr[1], addr[0])),
            request.payload.beats.eq((Mux(tail, tail_size, job.x_head_size) + bus - 1) // bus),
        ]
        with m.If(active & request.ready):
            m.d.sync += tail.eq(split & ~tail)
            with m.If(tail | ~split):
                m.d.sync += [
                    addr[0].eq(addr[0] + job.x_step_stride),
                    addr[1].eq(addr[1] + job.x_step_stride),
                    steps_left.eq(steps_left - 1),
                    active.eq(steps_left != 1),
                ]
        with m.If(self.start):
            m.d.sync += [
                addr[0].eq(job.x_addr + self.offset),
                addr[1].eq(job.x_tail_addr + self.offset),
                steps_left.eq(job.steps),
                tail.eq(0),
                active.eq(1),
            ]
        return m


class InputEvents(wiring.Component):
    """Turns beats of ``x`` into a list of events per step, at most two lists ahead.

    A beat's columns are marked, and one marked column leaves per cycle. In normal mode every column
    of the row is marked.

    Throughput: one event per cycle; the next beat is taken with the last event of the one before.
    Latency: a beat taken in cycle t gives its first event to the list in t + 2; ``ready``
    rises in the cycle after the list's last event.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence with empty lists.
    beats : In
        Rows of ``x``, segments padded to whole beats.
    w_en, w_bank, w_index, w_event : Out
        To the event list.
    ready, last : Out
        The list in turn is complete; index of its last event.
    done : In
        Pulse: that list has been used.
    """

    def __init__(self, config: Config):
        self._config = config
        index = unsigned((config.max_input - 1).bit_length() or 1)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "beats": In(stream.Signature(config.bus_width)),
                "w_en": Out(1),
                "w_bank": Out(1),
                "w_index": Out(index),
                "w_event": Out(event_layout(config)),
                "ready": Out(1),
                "last": Out(index),
                "done": In(1),
            }
        )

    def elaborate(self, platform):
        """Take a beat, pick a column, write an event, count lists."""
        m = Module()
        m.submodules.ledger = ledger = ListLedger(len(self.last))
        beat = Signal(self._config.bus_width)
        base = Signal(unsigned(column_width(self._config)))
        marks, picked = Signal(self._config.bus_bytes), Signal(self._config.bus_bytes)
        more, row_end = Signal(), Signal()
        # Registered: whether a beat may be taken decides much in the same cycle.
        taken = self.beats.valid & self.beats.ready
        row = self._track_row(m, taken)
        m.d.comb += [
            picked.eq(marks & (~marks + 1)),
            self.beats.ready.eq(~more & (~row.first | ledger.room)),
            ledger.clear.eq(self.start),
            ledger.begin.eq(taken & row.first),
            ledger.done.eq(self.done),
            self.w_bank.eq(ledger.bank),
            self.ready.eq(ledger.ready),
            self.last.eq(ledger.last),
        ]
        m.d.sync += [marks.eq(marks & ~picked), more.eq(at_least(marks, 3))]
        with m.If(taken):
            m.d.sync += [
                beat.eq(self.beats.payload),
                marks.eq(row.marks),
                more.eq(at_least(row.marks, 2)),
                base.eq(row.column),
                row_end.eq(row.final),
            ]
        with m.If(self.start):
            m.d.sync += [marks.eq(0), more.eq(0)]
        self._write(m, ledger, beat, base, picked, row_end & ~more)
        return m

    def _track_row(self, m, taken):
        """What the next beat is: its first column, its valid columns, its place in the row."""
        job, bus = self.job, self._config.bus_bytes
        column, remaining = Signal.like(job.input_size), Signal.like(job.input_size)
        in_tail = Signal()
        row = Signal(
            data.StructLayout({"column": column.shape(), "marks": bus, "first": 1, "final": 1})
        )
        short = remaining <= bus
        to_tail = (job.x_head_size != job.input_size) & ~in_tail
        m.d.comb += [
            row.column.eq(column),
            row.marks.eq(Cat(remaining > k for k in range(bus))),
            row.first.eq(column == 0),
            row.final.eq(short & ~to_tail),
        ]
        with m.If(taken):
            m.d.sync += [
                column.eq(Mux(row.final, 0, column + Mux(short, remaining, bus))),
                remaining.eq(remaining - bus),
            ]
            with m.If(short):
                tail_size = job.input_size - job.x_head_size
                m.d.sync += [
                    in_tail.eq(to_tail),
                    remaining.eq(Mux(to_tail, tail_size, job.x_head_size)),
                ]
        with m.If(self.start):
            m.d.sync += [column.eq(0), remaining.eq(job.x_head_size), in_tail.eq(0)]
        return row

    def _write(self, m, ledger, beat, base, picked, list_end):
        """The picked column becomes an event; a cycle later it is written."""
        codes = [beat.word_select(k, 8) & picked[k].replicate(8) for k in range(len(picked))]
        offsets = [Mux(picked[k], k, 0) for k in range(len(picked))]
        ended = Signal()
        m.d.sync += [self.w_en.eq(picked.any()), ended.eq(picked.any() & list_end)]
        with m.If(picked.any()):
            m.d.sync += [
                self.w_event.column.eq(base + any_of(offsets)),
                self.w_event.value.eq(any_of(codes).as_signed() - self.job.x_zero),
            ]
        with m.If(self.start):
            m.d.sync += self.w_index.eq(0)
        with m.Elif(self.w_en):
            m.d.sync += self.w_index.eq(Mux(ended, 0, self.w_index + 1))
        m.d.comb += [ledger.complete.eq(ended), ledger.complete_last.eq(self.w_index)]
