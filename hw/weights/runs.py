"""Columns that stand side by side, as one request."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.maps.layout import rank_shape

__all__ = ["RunMerger", "column_layout"]


def column_layout(config: Config) -> data.StructLayout:
    """Layout of a column of weights that is wanted.

    Members
    -------
    hidden : it is a column of ``h`` (else of ``x``).
    base : byte address of column 0 of its part of the block.
    follows : it stands right behind the one before, if that was of the same part.
    before : beats of the words in front of it.
    last : the last column that is wanted of this part of the block.
    """
    column = rank_shape(config) if config.mapped else unsigned(column_width(config))
    before = unsigned(column.width + config.word_beats.bit_length())
    return data.StructLayout(
        {
            "hidden": 1,
            "base": unsigned(config.addr_width),
            "follows": 1,
            "before": before,
            "last": 1,
        }
    )


class RunMerger(wiring.Component):
    """Requests columns, neighbours together.

    A run grows with each column that follows the one before. It is complete when the next column is
    another one, with the last of the part, or where a burst of the bus ends: waiting longer would
    give the same bursts later.

    Throughput: a column per cycle, whether or not it makes a request.
    Latency: a request stands in the cycle after the column that completes it was taken, or in that
    in which the first column behind it stands on ``i``.

    Parameters
    ----------
    config : Config
        Gives the widths and the beats of a burst.
    request : data.StructLayout
        The reader's request: ``addr`` and ``beats``.

    Members
    -------
    x_word_beats, word_beats : In
        Beats of a column of ``x`` and of ``h``; stable while there are any.
    i : In
        Columns, in the order of their use.
    o : Out
        Runs of them, in that order.
    hidden : Out
        The run on ``o`` is of ``h``.
    busy : Out
        A run grows, or waits.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        super().__init__(
            {
                "x_word_beats": In(range(config.word_beats + 1)),
                "word_beats": In(range(config.word_beats + 1)),
                "i": In(stream.Signature(column_layout(config))),
                "o": Out(stream.Signature(request)),
                "hidden": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        """The run that grows is the request, once it is complete."""
        m = Module()
        item, run = self.i.payload, self.o.payload
        bus_bits = (self._config.bus_bytes - 1).bit_length()
        there, complete, grows, taken = Signal(), Signal(), Signal(), Signal()
        place = Signal(range(self._config.burst_beats))  # of where the run ends, in a burst
        addr, begin, behind = Signal.like(run.addr), Signal.like(place), Signal.like(place)
        beats = Mux(item.hidden, self.word_beats, self.x_word_beats)
        m.d.comb += [
            grows.eq(there & ~complete & item.follows),
            self.o.valid.eq(there & (complete | (self.i.valid & ~grows))),
            self.busy.eq(there),
            self.i.ready.eq(grows | ~there | self.o.ready),
            taken.eq(self.i.valid & self.i.ready),
            addr.eq(item.base + (item.before << bus_bits)),
            begin.eq(Mux(grows, place, addr[bus_bits:])),
            behind.eq(begin + beats),
        ]
        with m.If(taken | (self.o.valid & self.o.ready)):
            m.d.sync += there.eq(taken)
        with m.If(taken):
            m.d.sync += [
                place.eq(behind),
                complete.eq(item.last | (behind == 0)),
                run.beats.eq(Mux(grows, run.beats, 0) + beats),
            ]
        with m.If(taken & ~grows):
            m.d.sync += [run.addr.eq(addr), self.hidden.eq(item.hidden)]
        return m
