"""Marks the columns of a beat of ``x`` that are events."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.events.references import keeps_references
from hw.events.rows import place_layout
from hw.events.view import MODE
from hw.job import job_layout, zero_bits
from hw.modes import Mode

__all__ = ["BeatMarker", "marked_layout"]


def marked_layout(config: Config) -> data.StructLayout:
    """Layout of a beat whose events are known.

    Members
    -------
    values : of each value of the beat, what its event would be worth.
    marks : which of them are events.
    base : column of the first.
    final : last beat of its row.
    mode : of the row.
    """
    return data.StructLayout(
        {
            "values": data.ArrayLayout(signed(config.value_width), config.beat_codes),
            "marks": config.beat_codes,
            "base": unsigned(column_width(config)),
            "final": 1,
            "mode": MODE,
        }
    )


class BeatMarker(wiring.Component):
    """Compares all columns of a beat with their references, and keeps the references.

    Which columns are events, and which become references, is defined in ``docs/modes.md``.

    Throughput: one beat per cycle. A beat's references are read when it is taken, so a delta beat
    must not be taken while the same beat of the row before is among the ``DEPTH`` that are inside.
    Latency: a beat taken in cycle t is at ``o`` from t + ``DEPTH`` on.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Forget the beats inside.
    i : In
        Beats: ``codes``, their ``place`` in the row, the row's ``mode``.
    o : Out
        Beats with marks.
    busy : Out
        Beats are inside.
    """

    DEPTH = 3
    """Stages: references, comparison, marks."""

    def __init__(self, config: Config):
        self._config = config
        beat = data.StructLayout(
            {"codes": config.bus_width, "place": place_layout(config), "mode": MODE}
        )
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "i": In(stream.Signature(beat)),
                "o": Out(stream.Signature(marked_layout(config))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        """Three stages; each moves when the one in front of it does, or is free."""
        m = Module()
        held, free = Signal(self.DEPTH), Signal(self.DEPTH + 1)
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            free[-1].eq(self.o.ready),
            self.i.ready.eq(free[0]),
            self.o.valid.eq(held[-1]),
            self.busy.eq(held.any()),
        ]
        for k in range(self.DEPTH):
            m.d.comb += free[k].eq(~held[k:].all() | self.o.ready)
            with m.If(free[k]):
                m.d.sync += held[k].eq(held[k - 1] if k else taken)
        with m.If(self.start):
            m.d.sync += held.eq(0)
        # A reference stage that waits holds the memory's output.
        write, reference = self._keep(m, taken)
        first, second = Signal.like(self.i.payload), Signal.like(self.i.payload)
        origins = Signal.like(reference)
        limit = signed(self._config.threshold_width + 1)
        low, high = Signal(limit), Signal(limit)
        with m.If(taken):
            m.d.sync += first.eq(self.i.payload)
        with m.If(held[0] & free[1]):
            zero = zero_bits(self.job.x_zero, self._config.act_width)
            zeros = zero.replicate(self._config.beat_codes)
            delta = first.mode == Mode.DELTA
            m.d.sync += second.eq(first)
            m.d.sync += [
                high.eq(Mux(delta, self.job.x_threshold, 0)),
                low.eq(Mux(delta, -self.job.x_threshold, 0)),
            ]
            m.d.sync += origins.eq(Mux(first.mode == Mode.DELTA, reference, zeros))
        limits = low, high
        self._mark(m, second, origins, limits, held[1] & free[2], write, held[2] & free[3])
        return m

    def _keep(self, m, taken):
        """The references, a row's beats in order; those of the beat that is taken are read."""
        place, width = self.i.payload.place, self._config.act_width
        m.submodules.references = references = memory.Memory(
            shape=width * self._config.beat_codes, depth=1 << len(place.beat), init=[]
        )
        write, read = references.write_port(granularity=width), references.read_port()
        m.d.comb += [
            read.addr.eq(place.beat),
            read.en.eq(taken & (self.i.payload.mode == Mode.DELTA)),
        ]
        return write, read.data

    def _mark(self, m, beat, origins, limits, marking, write, leaving):
        """Which columns moved, which are events; an event's code becomes the reference."""
        job, count = self.job, self._config.beat_codes
        delta, fresh = beat.mode == Mode.DELTA, ~beat.mode[0]
        low, high = limits
        values = data.ArrayLayout(signed(self._config.value_width), count)
        value, moved, always = Signal(values), Signal(count), Signal(count)
        columns = beat.place.columns
        # The last column of a fresh row is always an event: a sum needs one to begin with.
        last = columns & ~(columns >> 1) & beat.place.final.replicate(count)
        m.d.comb += always.eq(Mux(fresh, Mux(job.zero_skip, last, columns), 0))
        width = self._config.act_width
        room = self._config.code_width
        codes = Cat(beat.codes.word_select(k, room)[:width] for k in range(count))
        for k in range(count):
            code, origin = (word.word_select(k, width).as_signed() for word in (codes, origins))
            m.d.comb += [
                value[k].eq(code - origin),
                moved[k].eq((value[k] > high) | (value[k] < low)),
            ]
        marks = columns & (moved | always) & (beat.mode != Mode.SKIP).replicate(count)
        # No reference is kept that no step will ask for.
        kept, known = Signal(count), (keeps_references(job) & ~job.fresh_x).replicate(count)
        with m.If(marking):
            m.d.sync += [
                self.o.payload.values.eq(value),
                self.o.payload.marks.eq(marks),
                self.o.payload.base.eq(beat.place.base),
                self.o.payload.final.eq(beat.place.final),
                self.o.payload.mode.eq(beat.mode),
                kept.eq(known & columns & Mux(fresh, ~0, Mux(delta, moved, 0))),
                write.addr.eq(beat.place.beat),
                write.data.eq(codes),
            ]
        m.d.comb += write.en.eq(kept & leaving.replicate(count))
