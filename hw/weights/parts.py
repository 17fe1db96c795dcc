"""Of which part the column words are that come from DRAM: words of x and of h differ in length."""

from amaranth import Module, Mux, Shape, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.streams.fifo import Fifo

__all__ = ["PartTracker"]


_REQUESTS = 64
"""Requests that may wait for data, at the least: more of them would fetch nothing earlier."""


def _words(config: Config, columns: int) -> Shape:
    """Shape of the words of a part: of a block, or, with a map, of all resident ones."""
    return unsigned(max(columns, config.weight_words if config.mapped else 0).bit_length())


class PartTracker(wiring.Component):
    """Keeps the part of each request until its last beat came, and counts words that are loaded.

    Throughput: a request and a word per cycle.
    Latency: the answer to a request may come four cycles after it was taken, or later.

    Parameters
    ----------
    config : Config
        Gives the widths, and how many requests can wait for data.

    Members
    -------
    asked, asked_hidden : In
        A request for streamed words was taken, of ``h`` (else of ``x``).
    room : Out
        One more may be taken.
    load : In
        Words are those of resident blocks (else streamed).
    x_words, h_words : In
        Words of the parts of a resident block, or, with a map, of all of them; stable while
        ``load`` is high.
    word_done, answered : In
        The last beat of a word is taken; the last beat of a request for streamed words is.
    hidden : Out
        The word that comes is of ``h``.
    """

    def __init__(self, config: Config):
        self._depth = max(_REQUESTS, config.bursts_in_flight + _REQUESTS // 8)
        super().__init__(
            {
                "asked": In(1),
                "asked_hidden": In(1),
                "room": Out(1),
                "load": In(1),
                "x_words": In(_words(config, config.max_input)),
                "h_words": In(_words(config, config.max_hidden)),
                "word_done": In(1),
                "answered": In(1),
                "hidden": Out(1),
            }
        )

    def elaborate(self, platform):
        """A queue of parts; words left of the part that is loaded."""
        m = Module()
        m.submodules.queue = queue = Fifo(unsigned(1), self._depth)
        loaded, left = Signal(), Signal(max(len(self.x_words), len(self.h_words)))
        m.d.comb += [
            queue.i.payload.eq(self.asked_hidden),
            queue.i.valid.eq(self.asked),
            self.room.eq(queue.i.ready),
            queue.o.ready.eq(self.answered),
            self.hidden.eq(Mux(self.load, loaded, queue.o.payload)),
        ]
        with m.If(~self.load):
            m.d.sync += [loaded.eq(0), left.eq(self.x_words)]
        with m.Elif(self.word_done):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += [loaded.eq(~loaded), left.eq(Mux(loaded, self.x_words, self.h_words))]
        return m
