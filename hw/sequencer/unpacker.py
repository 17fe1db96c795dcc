"""Takes what the sequencer reads apart: descriptor words, bias words, state words."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.streams.width import Downsizer, Upsizer

__all__ = ["BeatsToWords"]


class BeatsToWords(wiring.Component):
    """Turns beats of any bus into 128-bit words.

    Only whole words leave: a read is a whole number of words and of beats.

    Throughput: one word per cycle, or as many as the beats give.
    Latency: on a bus narrower than a word, a word is out in the cycle after its last beat; else its
    words are out from the cycle in which a beat comes.

    Parameters
    ----------
    config : Config
        Gives the bus.

    Members
    -------
    i : stream of beats
    o : stream of 128-bit words
    """

    def __init__(self, config: Config):
        self._width = config.bus_width
        super().__init__(
            {"i": In(stream.Signature(config.bus_width)), "o": Out(stream.Signature(128))}
        )

    def elaborate(self, platform):
        """Up or down, whichever it takes."""
        m = Module()
        if self._width <= 128:
            m.submodules.join = join = Upsizer(self._width, 128 // self._width)
            wiring.connect(m, wiring.flipped(self.i), join.i)
            wiring.connect(m, join.o, wiring.flipped(self.o))
        else:
            factor = self._width // 128
            m.submodules.split = split = Downsizer(128, factor)
            m.d.comb += [
                split.i.valid.eq(self.i.valid),
                split.i.payload.data.eq(self.i.payload),
                split.i.payload.keep.eq(factor),
                self.i.ready.eq(split.i.ready),
                self.o.valid.eq(split.o.valid),
                self.o.payload.eq(split.o.payload.data),
                split.o.ready.eq(self.o.ready),
            ]
        return m
