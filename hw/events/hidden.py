"""Makes the events of h as h is computed."""

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import event_layout
from hw.events.ledger import ListLedger
from hw.events.recall import UnitRecall
from hw.events.references import keeps_references
from hw.events.view import MODE, growing_view, list_view
from hw.job import job_layout
from hw.modes import Mode

__all__ = ["HiddenEvents"]


class HiddenEvents(wiring.Component):
    """Turns hidden units, in their order, into a list of events per step.

    The list of step t is made from the ``h`` of step t - 1 in the mode of step t, the first from
    the initial state in normal mode, unless the job goes on from another. Which units are events,
    and what their values are, is defined in ``docs/modes.md``; the references are kept here. Units
    may come while ``known``.

    Of a job that goes on from another, the first units are some of those that the machine has kept:
    ``UnitRecall`` says which. All others are no events.

    Throughput: one unit per cycle.
    Latency: a unit that comes in cycle t is written to the list in t + 1. If it is the last, the
    list is ready in t + 2; ``known`` falls in t + 1, and rises again ``PRIME`` cycles after the
    next mode was taken, which is in t + 1 if it was there. A unit that is recalled comes two cycles
    after ``recall``.

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
    modes : In
        Modes of steps 1, 2, ..., or of steps 0, 1, ... if the job goes on from another; each is
        taken when the list before it has its last unit.
    known : Out
        The list that the next unit begins or continues has its mode and a bank.
    recall, recall_place : Out
        A unit that the machine has kept is to come, from this place.
    valid, h : In
        The next unit's hidden state.
    unit : Out
        Index of that unit.
    place : Out
        Where the machine keeps what it keeps of that unit.
    step_end : Out
        It is the step's last unit.
    w_en, w_bank, w_index, w_event : Out
        To the event list.
    done, follow, fetched : In
        Of the list's readers: see ``ListLedger``.
    current, ahead : Out
        The lists in turn: see ``ListLedger``.
    growing : Out
        The list being made. An event is written by the cycle in which the next is its newest.
    """

    PRIME = 4
    """From the cycle in which a mode is taken to ``known``: the first reference is fetched."""

    def __init__(self, config: Config):
        self._config = config
        index = unsigned((config.max_hidden - 1).bit_length() or 1)
        self._units_per_block = config.units_per_block
        self._shape = signed(config.act_width)
        self._threshold_width = config.threshold_width
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "modes": In(stream.Signature(MODE)),
                "known": Out(1),
                "recall": Out(1),
                "recall_place": Out(index),
                "valid": In(1),
                "h": In(self._shape),
                "unit": Out(index),
                "place": Out(index),
                "step_end": Out(1),
                "w_en": Out(1),
                "w_bank": Out(1),
                "w_index": Out(index),
                "w_event": Out(event_layout(config)),
                "done": In(1),
                "follow": In(1),
                "fetched": In(1),
                "current": Out(list_view(index.width)),
                "ahead": Out(list_view(index.width)),
                "growing": Out(growing_view(index.width)),
            }
        )

    def elaborate(self, platform):
        """A unit counter, the mode of its list, its reference, its event."""
        m = Module()
        m.submodules.ledger = ledger = ListLedger(len(self.w_index))
        mode, primed, opening = Signal(MODE), Signal(self.PRIME), Signal()
        list_end = Signal()
        recalls = Signal()  # units come that the machine has kept
        base = self.job.block_base << (self._units_per_block - 1).bit_length()
        m.d.comb += [
            list_end.eq(self.valid & self.step_end),
            self.known.eq(primed[-1] & (ledger.room | ~opening)),
            self.modes.ready.eq(~primed.any()),
            self.w_bank.eq(ledger.bank),
            ledger.clear.eq(self.start),
            ledger.begin.eq(self.valid & opening),
            ledger.complete_mode.eq(mode),
            ledger.done.eq(self.done),
            ledger.follow.eq(self.follow),
            ledger.fetched.eq(self.fetched),
            self.current.eq(ledger.current),
            self.ahead.eq(ledger.ahead),
        ]
        # One bit walks: the mode is there, a reference is read, it is out, its limits are known.
        m.d.sync += primed.eq(Mux(primed[-1], primed, primed << 1))
        with m.If(self.modes.valid & self.modes.ready):
            m.d.sync += [mode.eq(self.modes.payload), primed.eq(1)]
        with m.If(self.valid):
            m.d.sync += [self.unit.eq(Mux(list_end, 0, self.unit + 1)), opening.eq(list_end)]
            m.d.sync += self.place.eq(Mux(list_end, base, self.place + 1))
        coming = None
        if self._config.resume:
            coming = self._recall(m, recalls)
            with m.If(coming.valid):
                m.d.sync += [self.place.eq(coming.place), self.unit.eq(coming.place - base)]
        with m.If(list_end):
            m.d.sync += [primed.eq(0), recalls.eq(0)]
        with m.If(self.start):
            m.d.sync += recalls.eq(self.job.resume)
            m.d.sync += [self.unit.eq(0), opening.eq(1), mode.eq(Mode.NORMAL), self.place.eq(base)]
            m.d.sync += primed.eq(Mux(self.job.resume, 0, 1 << self.PRIME - 1))
        self._find_end(m, list_end, coming, base)
        moved, origin = self._compare(m, mode, primed, base, recalls)
        self._write(m, ledger, mode, moved, origin, (opening, list_end))
        if self._config.resume:
            self._note(m, mode, moved, recalls)
        return m

    def _note(self, m, mode, moved, recalls):
        """Behind the last step, as behind any other, the list is that of a skipped one."""
        recall = m.submodules.recall
        m.d.comb += [
            recall.note.eq(self.valid & (mode == Mode.SKIP) & ~recalls),
            recall.place.eq(self.place),
            recall.moved.eq(moved),
            recall.nonzero.eq(self.h != self.job.h_zero),
            recall.note_end.eq(self.step_end),
        ]

    def _find_end(self, m, list_end, coming, base):
        """Whether the next unit is its step's last: a register, as it decides about the counter."""
        single, second_last = Signal(), Signal.like(self.unit)
        # Stable long before a sequence starts.
        m.d.sync += [
            single.eq(self.job.hidden_size == 1),
            second_last.eq(self.job.hidden_size - 2),
        ]
        with m.If(self.valid):
            m.d.sync += self.step_end.eq(Mux(list_end, single, self.unit == second_last))
        if coming is not None:
            last_place = Signal.like(self.place)
            m.d.sync += last_place.eq(base + self.job.hidden_size - 1)
            with m.If(coming.valid):
                m.d.sync += self.step_end.eq(coming.place == last_place)
        with m.If(self.start):
            m.d.sync += self.step_end.eq(self.job.hidden_size == 1)

    def _recall(self, m, recalls):
        """Units that are recalled: of the one named, its reference is read; then its state is."""
        m.submodules.recall = recall = UnitRecall(self._config)
        coming = Signal(data.StructLayout({"valid": 1, "place": self.place.shape()}))
        m.d.comb += [
            recall.job.eq(self.job),
            recall.start.eq(self.start),
            recall.take.eq(self.modes.valid & self.modes.ready & recalls),
            recall.mode.eq(self.modes.payload),
        ]
        m.d.sync += [
            self.recall.eq(recall.o_valid),
            self.recall_place.eq(recall.o_place),
            coming.valid.eq(self.recall),
            coming.place.eq(self.recall_place),
        ]
        return coming

    def _compare(self, m, mode, primed, place, recalls):
        """Whether the unit is further from its reference than is near; the reference."""
        job, named, named_place = self.job, Signal(), Signal.like(self.recall_place)
        if self._config.resume:
            recall = m.submodules.recall
            named, named_place = recall.o_valid, recall.o_place
        m.submodules.references = references = memory.Memory(
            shape=self._shape, depth=1 << len(self.unit), init=[]
        )
        write, read = references.write_port(), references.read_port()
        width = self._threshold_width
        known_shape, limit = signed(width + 1), signed(width + 2)
        base, origin = Signal(known_shape), Signal(known_shape)
        low, high, threshold = Signal(limit), Signal(limit), Signal(width)
        moved, ahead, advance = Signal(), Signal.like(self.unit), Signal()
        delta, fresh = (mode == Mode.DELTA) & ~self.start, ~mode[0]
        # Where the next run goes on, only units that have moved are looked at again.
        noted = (mode == Mode.SKIP) & keeps_references(job) & ~recalls & ~self.start
        compared = delta | noted
        # Units come in order, so references are read ahead: the memory puts out that of the second
        # unit behind the next one, and that of the first is in a register. All are written before
        # the first one of the next list is read. Of units that are recalled some are left out, but
        # all come at their time.
        m.d.comb += [
            advance.eq(primed[1:-1].any() | self.valid | recalls),
            read.addr.eq(Mux(recalls, named_place, ahead)),
            read.en.eq(compared & Mux(recalls, named, primed[0] | advance)),
            threshold.eq(Mux(compared, job.h_threshold, 0)),
            moved.eq((self.h < low) | (self.h > high)),
        ]
        with m.If(~primed.any()):
            m.d.sync += ahead.eq(place)
        with m.Elif(read.en):
            m.d.sync += ahead.eq(ahead + 1)
        with m.If(advance | self.start):
            m.d.sync += origin.eq(Mux(compared, read.data, job.h_zero))
            known = Mux(self.start, job.h_zero, origin)
            m.d.sync += [base.eq(known), low.eq(known - threshold), high.eq(known + threshold)]
        # No reference is kept that no step will ask for.
        kept = self.valid & keeps_references(job) & (fresh | (delta & moved))
        m.d.sync += write.en.eq(kept)
        with m.If(self.valid):
            m.d.sync += [write.addr.eq(self.place), write.data.eq(self.h)]
        return moved, base

    def _write(self, m, ledger, mode, moved, base, ends):
        """A unit becomes an event; a cycle later it is written."""
        opening, list_end = ends
        fresh, is_event = ~mode[0], Signal()
        # A sequence's start clears them: a reset would be one level of logic more.
        found = Signal(reset_less=True)
        # Whether a unit has moved is known late, so all but that is kept of any unit: its event,
        # and the place that it has if it is one; and the newest event's before it.
        hit, newest = Signal(reset_less=True), Signal.like(self.w_index)
        before = Signal.like(self.w_index, reset_less=True)
        # Fresh sums need one event to begin with.
        always = fresh & (~self.job.zero_skip | self.step_end)
        m.d.comb += [
            is_event.eq(self.valid & (mode != Mode.SKIP) & (moved | always)),
            newest.eq(Mux(hit, self.w_index, before)),
            ledger.complete_last.eq(newest),
            self.growing.some.eq(found),
            self.growing.newest.eq(newest),
        ]
        m.d.sync += [
            self.w_en.eq(is_event),
            found.eq(found | is_event),
            ledger.complete.eq(list_end),
        ]
        with m.If(self.valid):
            m.d.sync += [
                self.w_index.eq(Mux(opening, 0, self.w_index + hit)),
                self.w_event.column.eq(self.unit),
                self.w_event.value.eq(self.h - base),
                hit.eq(is_event),
                before.eq(newest),
            ]
        with m.If(list_end):
            m.d.sync += [ledger.complete_empty.eq(~(found | is_event)), found.eq(0)]
        with m.If(self.start):
            m.d.sync += [found.eq(0), ledger.complete.eq(0), self.w_en.eq(0)]
