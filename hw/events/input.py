"""Makes the events of x while x is loaded."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import event_layout
from hw.events.ledger import ListLedger
from hw.events.marker import BeatMarker, marked_layout
from hw.events.queue import GroupLedger
from hw.events.rows import RowWalk
from hw.events.view import MODE, growing_view, x_list_view
from hw.job import job_layout
from hw.modes import Mode
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
        """Where a row is behind the first one of its sequence; both segments are as far."""
        m = Module()
        job, request = self.job, self.request
        codes = self._config.beat_codes
        moved = Signal(self._config.addr_width)
        tail, active = Signal(), Signal()
        step = Signal.like(job.steps)  # from 1 on
        split, sizes = Signal(), (job.x_head_size, job.input_size - job.x_head_size)
        beats = Signal(data.ArrayLayout(len(job.input_size), 2))
        # Stable long before a sequence starts.
        m.d.sync += split.eq(job.x_head_size != job.input_size)
        m.d.sync += [beats[k].eq((sizes[k] + codes - 1) // codes) for k in range(2)]
        m.d.comb += [
            request.valid.eq(active),
            request.payload.addr.eq(moved + Mux(tail, job.x_tail_addr, job.x_addr)),
            request.payload.beats.eq(Mux(tail, beats[1], beats[0])),
        ]
        with m.If(active & request.ready):
            m.d.sync += tail.eq(split & ~tail)
            with m.If(tail | ~split):
                m.d.sync += [
                    moved.eq(moved + job.x_step_stride),
                    step.eq(step + 1),
                    active.eq(step != job.steps),
                ]
        with m.If(self.start):
            m.d.sync += [
                moved.eq(self.offset),
                step.eq(1),
                tail.eq(0),
                active.eq(1),
            ]
        return m


class InputEvents(wiring.Component):
    """Turns beats of ``x`` into a list of events per step, a few lists ahead.

    All columns of a beat are compared at once, those that are events are marked, and one marked
    column leaves per cycle. Which columns are events, and what their values are, is defined in
    ``docs/modes.md``.

    Throughput: one event per cycle, or one beat per cycle where a beat has no event. A row begins
    three cycles after the last beat of the row before was taken at the earliest; a delta row of up
    to three beats five cycles after, as its references must have been written.
    Latency: a beat taken in cycle t gives its first event to the list in t + 5, or later if events
    of earlier beats are in front of it; a list is ready in the cycle after its last event, or in
    t + 6 if its last beat, taken in t, has none. Three beats may wait behind the one whose events
    leave.

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
    rows : In
        Rows of ``x``, segments padded to whole beats.
    modes : In
        The mode of each row; taken before the row's first beat is.
    w_en, w_bank, w_index, w_event : Out
        To the event list.
    done, follow, fetched : In
        Of the list's readers: see ``ListLedger``.
    place, move : In
        Where steps go in groups, the list that the replayer wants: see ``ListQueue``.
    current, ahead : Out
        The lists in turn: see ``ListLedger``.
    growing : Out
        The list being made. An event is written by the cycle in which the next is its newest.
    """

    def __init__(self, config: Config):
        self._config = config
        view = x_list_view(config)
        index = unsigned((config.max_input - 1).bit_length() or 1)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "rows": In(stream.Signature(config.bus_width)),
                "modes": In(stream.Signature(MODE)),
                "w_en": Out(1),
                "w_bank": Out(range(config.x_lists)),
                "w_index": Out(index),
                "w_event": Out(event_layout(config)),
                "done": In(1),
                "follow": In(1),
                "fetched": In(1),
                "place": In(unsigned(config.slot_width or 1)),
                "move": In(1),
                "current": Out(view),
                "ahead": Out(view),
                "growing": Out(growing_view(index.width)),
            }
        )

    def elaborate(self, platform):
        """Rows begin when they have a mode and a bank; beats are marked; events are picked."""
        m = Module()
        m.submodules.ledger = ledger = self._ledger(m)
        m.submodules.marker = marker = BeatMarker(self._config)
        m.d.comb += [
            marker.job.eq(self.job),
            marker.start.eq(self.start),
            ledger.clear.eq(self.start),
            ledger.done.eq(self.done),
            ledger.follow.eq(self.follow),
            ledger.fetched.eq(self.fetched),
            self.w_bank.eq(ledger.bank),
            self.current.eq(ledger.current),
            self.ahead.eq(ledger.ahead),
        ]
        self._take(m, ledger, marker)
        self._pick(m, ledger, marker.o)
        return m

    def _ledger(self, m):
        config, index_width = self._config, len(self.w_index)
        if config.lookahead == 1:
            return ListLedger(index_width)
        ledger = GroupLedger(index_width, config.x_lists)
        m.d.comb += [
            ledger.grouped.eq(self.job.steps_ahead != 0),
            ledger.place.eq(self.place),
            ledger.move.eq(self.move),
        ]
        return ledger

    def _take(self, m, ledger, marker):
        """Beats with place and mode, to be marked."""
        m.submodules.walk = walk = RowWalk(self._config)
        mode, known, waits, may_go = Signal(MODE), Signal(), Signal(), Signal()
        taken = self.rows.valid & self.rows.ready
        place = walk.place
        short, begins = Signal(), Signal()
        # A register, as whether a beat is taken decides about much.
        m.d.sync += begins.eq(known & ledger.room & ~(waits & marker.busy))
        m.d.sync += short.eq(self.job.input_size <= marker.DEPTH * self._config.beat_codes)
        m.d.comb += [
            may_go.eq(~place.first | begins),
            self.rows.ready.eq(may_go & marker.i.ready),
            marker.i.valid.eq(may_go & self.rows.valid),
            marker.i.payload.codes.eq(self.rows.payload),
            marker.i.payload.place.eq(place),
            marker.i.payload.mode.eq(mode),
            walk.job.eq(self.job),
            walk.start.eq(self.start),
            walk.next.eq(taken),
            ledger.begin.eq(taken & place.first),
            self.modes.ready.eq(~known),
        ]
        with m.If(self.modes.valid & self.modes.ready):
            given = self.modes.payload
            next_mode = Mux(self.job.fresh_x & (given == Mode.DELTA), Mode.NORMAL, given)
            m.d.sync += [
                known.eq(1),
                mode.eq(next_mode),
                waits.eq(short & (next_mode == Mode.DELTA)),
            ]
        with m.If((taken & place.final) | self.start):
            m.d.sync += [known.eq(0), begins.eq(0)]

    def _pick(self, m, ledger, marked):
        """Of a marked beat, one event a cycle; a cycle later it is written."""
        # A sequence's start clears what matters: a reset would be one level of logic more.
        beat = Signal(marked_layout(self._config), reset_less=True)
        active, more = Signal(reset_less=True), Signal(reset_less=True)
        left = beat.marks  # of the events behind the one that leaves
        # That one: chosen a cycle ahead, as column and value follow from it.
        picked = Signal.like(left, reset_less=True)
        m.d.comb += marked.ready.eq(~more)
        # Registered: whether a beat may move decides much in the same cycle.
        m.d.sync += [Cat(picked, left).eq(Cat(_split(left))), more.eq(at_least(left, 2))]
        with m.If(~more):
            m.d.sync += active.eq(marked.valid)
        with m.If(marked.valid & marked.ready):
            given = marked.payload.marks
            m.d.sync += [
                beat.eq(marked.payload),
                Cat(picked, left).eq(Cat(_split(given))),
                more.eq(at_least(given, 2)),
            ]
        with m.If(self.start):
            m.d.sync += [active.eq(0), left.eq(0), picked.eq(0), more.eq(0)]
        is_event, list_end = picked.any(), active & ~more & beat.final
        width = self._config.value_width
        value = any_of([beat.values[k] & picked[k].replicate(width) for k in range(len(picked))])
        offset = any_of([Mux(picked[k], k, 0) for k in range(len(picked))])
        with m.If(is_event):
            m.d.sync += self.w_event.column.eq(beat.base + offset)
            m.d.sync += self.w_event.value.eq(value)
        m.d.sync += ledger.complete_mode.eq(beat.mode)
        self._number(m, ledger, is_event, list_end)

    def _number(self, m, ledger, is_event, list_end):
        """An event's index in its list; how long the list is."""
        index, found = Signal.like(self.w_index, reset_less=True), Signal(reset_less=True)
        m.d.sync += [self.w_en.eq(is_event), ledger.complete.eq(list_end)]
        m.d.comb += [
            ledger.complete_last.eq(self.w_index),
            self.growing.some.eq(found),
            self.growing.newest.eq(self.w_index),
        ]
        with m.If(is_event):
            m.d.sync += [self.w_index.eq(index), index.eq(index + 1), found.eq(1)]
        with m.If(list_end):
            m.d.sync += [ledger.complete_empty.eq(~(found | is_event)), index.eq(0), found.eq(0)]
        with m.If(self.start):
            m.d.sync += [index.eq(0), found.eq(0), ledger.complete.eq(0), self.w_en.eq(0)]


def _split(marks):
    """The lowest bit that is set, alone, and all but that."""
    below = [marks[:k].any() for k in range(len(marks))]
    first = Cat(mark & ~other for mark, other in zip(marks, below, strict=True))
    return first, Cat(mark & other for mark, other in zip(marks, below, strict=True))
