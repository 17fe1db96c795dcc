"""Which stored words of streamed blocks a step's lists ask for, in layers with a map."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.view import h_list_view, x_list_view
from hw.job import job_layout
from hw.maps.scanner import ListScanner, read_signature
from hw.weights.address import beats_of
from hw.weights.runs import column_layout

__all__ = ["MapFollower"]


class MapFollower(wiring.Component):
    """Goes through each list once for every streamed block, past the words that are not stored.

    Throughput: a word per cycle, if a part has one in 64 columns at least; a cycle for an empty
    list and for a resident block.
    Latency: that of ``ListScanner`` and a cycle.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active. Without a map nothing is done.
    start : In
        Begin a sequence.
    resident : In
        The current block lives in the weight memory.
    x_word_beats, word_beats : In
        Beats of a word of ``x`` and of ``h``; stable while there are any.
    x_list, h_list : In
        Views of the lists in their turn.
    read : Out
        Of the map and of the marks.
    move, restart : Out
        Pulses: go to the next block, and to block 0.
    x_done, h_done : Out
        Pulses: gone through that list.
    o : Out
        Words, in the order of their use.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "resident": In(1),
                "x_word_beats": In(range(config.word_beats + 1)),
                "word_beats": In(range(config.word_beats + 1)),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "read": Out(read_signature(config)),
                "move": Out(1),
                "restart": Out(1),
                "x_done": Out(1),
                "h_done": Out(1),
                "o": Out(stream.Signature(column_layout(config))),
            }
        )

    def elaborate(self, platform):
        """A scanner, and where its hits' words are."""
        m = Module()
        m.submodules.scanner = scanner = ListScanner(self._config, ahead=True)
        given = ("job", "start", "resident", "x_list", "h_list")
        shown = ("move", "restart", "x_done", "h_done")
        wiring.connect(m, scanner.read, wiring.flipped(self.read))
        hit, out = scanner.o, self.o
        column = hit.payload
        behind = Signal.like(column.place)
        beats = Mux(column.hidden, self.word_beats, self.x_word_beats)
        m.d.comb += [
            *(getattr(scanner, name).eq(getattr(self, name)) for name in given),
            *(getattr(self, name).eq(getattr(scanner, name)) for name in shown),
            hit.ready.eq(~out.valid | out.ready),
        ]
        with m.If(hit.ready):
            # A part without hits fetches nothing.
            m.d.sync += [
                out.valid.eq(hit.valid & ~column.null),
                out.payload.hidden.eq(column.hidden),
                out.payload.base.eq(
                    Mux(column.hidden, self.job.h_stream_addr, self.job.x_stream_addr)
                ),
                out.payload.follows.eq(column.place == behind),
                out.payload.before.eq(beats_of(column.place, beats)),
                out.payload.last.eq(column.last),
            ]
        with m.If(hit.ready & hit.valid & ~column.null):
            m.d.sync += behind.eq(column.place + 1)
        return m
