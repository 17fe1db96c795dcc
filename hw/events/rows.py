"""Where in a row of ``x`` a beat is."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.job import job_layout

__all__ = ["RowWalk", "max_row_beats", "place_layout"]


def max_row_beats(config: Config) -> int:
    """Beats of the longest row; two segments may both end in a part of a beat."""
    return -(-config.max_input // config.beat_codes) + 1


def place_layout(config: Config) -> data.StructLayout:
    """Layout of a beat's place in its row.

    Members
    -------
    beat : its number, both segments counted, from the job's ``row_base`` on: where the machine
        keeps what it keeps of it.
    base : column of its first value.
    columns : which of its values are columns of the row.
    first, final : first and last beat of the row.
    """
    return data.StructLayout(
        {
            "beat": range(config.row_beats),
            "base": unsigned(column_width(config)),
            "columns": config.beat_codes,
            "first": 1,
            "final": 1,
        }
    )


class RowWalk(wiring.Component):
    """Follows the beats of a sequence's rows, one or two segments each, padded to whole beats.

    Latency: ``place`` is that of the next beat from the cycle after ``next`` on.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    next : In
        Pulse: a beat goes by.
    place : Out
        Where it is.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "next": In(1),
                "place": Out(place_layout(config)),
            }
        )

    def elaborate(self, platform):
        """The next column, and how many are left of the segment."""
        m = Module()
        job, place, codes = self.job, self.place, self._config.beat_codes
        column, remaining = Signal.like(job.input_size), Signal.like(job.input_size)
        beat, first = Signal.like(place.beat), Signal()
        in_tail, short = Signal(), remaining <= codes
        split, tail_size = Signal(), Signal.like(job.input_size)
        # Stable long before a sequence starts.
        m.d.sync += [
            split.eq(job.x_head_size != job.input_size),
            tail_size.eq(job.input_size - job.x_head_size),
        ]
        to_tail = split & ~in_tail
        m.d.comb += [
            place.beat.eq(beat),
            place.first.eq(first),
            place.base.eq(column),
            place.columns.eq(Cat(remaining > k for k in range(codes))),
            place.final.eq(short & ~to_tail),
        ]
        with m.If(self.next):
            m.d.sync += [
                beat.eq(Mux(place.final, job.row_base, beat + 1)),
                first.eq(place.final),
                column.eq(Mux(place.final, 0, column + Mux(short, remaining, codes))),
                remaining.eq(remaining - codes),
            ]
            with m.If(short):
                m.d.sync += in_tail.eq(to_tail)
                m.d.sync += remaining.eq(Mux(to_tail, tail_size, job.x_head_size))
        with m.If(self.start):
            m.d.sync += [
                beat.eq(job.row_base),
                first.eq(1),
                column.eq(0),
                remaining.eq(job.x_head_size),
                in_tail.eq(0),
            ]
        return m
