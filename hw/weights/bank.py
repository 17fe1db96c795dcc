"""The weight memory: resident blocks, and a ring that streamed words pass through."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import RING_GUARD, Config
from hw.counting import count
from hw.weights.address import weight_address_width

__all__ = ["WeightBank"]


class WeightBank(wiring.Component):
    """Column words in one memory, so that the lanes have one place to read from.

    Words ``0`` to ``weight_words - 1`` hold resident blocks. The ``stream_words`` behind them are a
    ring: streamed words are written as they arrive and handed out in order.

    Throughput: one word written and one read per cycle.
    Latency: a streamed word can be handed out one cycle after it was taken from ``i``; ``r_data``
    follows ``r_en`` by one cycle and holds. A word that was handed out in cycle t can be read up to
    t + 4; the ring takes four words less than it has.

    Parameters
    ----------
    config : Config
        Gives depth and width.

    Members
    -------
    i : stream of column words
        From DRAM.
    load : In
        Words on ``i`` go to the resident part, one address after the other (else to the ring).
    load_addr : In
        Where the first of them goes; taken while ``load`` is low.
    streamed_ready, streamed_addr : Out
        Whether the ring has a word to hand out, and its address.
    streamed_take : In
        Hand it out.
    part_words : In
        Words of the ``x`` part of a block; stable while words are handed out.
    part_ready : Out
        The ring holds so many words: those from ``streamed_addr`` on, which wraps to word
        ``weight_words``, can be read any number of times.
    part_take : In
        Hand them out at once. Nothing may be handed out in the cycle that follows.
    r_en, r_addr, r_data : In, In, Out
        Read port.
    """

    def __init__(self, config: Config):
        self._config = config
        self._word = unsigned(8 * config.column_bytes)
        address = unsigned(weight_address_width(config))
        super().__init__(
            {
                "i": In(stream.Signature(self._word)),
                "load": In(1),
                "load_addr": In(address),
                "streamed_ready": Out(1),
                "streamed_addr": Out(address),
                "streamed_take": In(1),
                "part_words": In(range(config.stream_words)),
                "part_ready": Out(1),
                "part_take": In(1),
                "r_en": In(1),
                "r_addr": In(address),
                "r_data": Out(self._word),
            }
        )

    def elaborate(self, platform):
        """A memory; where the next word goes; how many the ring holds."""
        m = Module()
        config = self._config
        m.submodules.words = words = memory.Memory(
            shape=self._word, depth=config.weight_words + config.stream_words, init=[]
        )
        write = words.write_port()
        read = words.read_port()
        loaded_addr = Signal.like(self.load_addr)
        ring_write, level = self._ring(m)
        m.d.comb += [
            self.i.ready.eq(self.load | (level < config.stream_words - RING_GUARD)),
            write.en.eq(self.i.valid & self.i.ready),
            write.addr.eq(Mux(self.load, loaded_addr, ring_write)),
            write.data.eq(self.i.payload),
            read.en.eq(self.r_en),
            read.addr.eq(self.r_addr),
            self.r_data.eq(read.data),
        ]
        with m.If(~self.load):
            m.d.sync += loaded_addr.eq(self.load_addr)
        with m.Elif(write.en):
            m.d.sync += loaded_addr.eq(loaded_addr + 1)
        return m

    def _ring(self, m):
        config = self._config
        level = Signal(range(config.stream_words + 1))
        ring_write = Signal.like(self.streamed_addr, init=config.weight_words)
        ring_read = Signal.like(self.streamed_addr, init=config.weight_words)
        put = self.i.valid & self.i.ready & ~self.load
        last = config.weight_words + config.stream_words - 1
        for moves, address in ((put, ring_write), (self.streamed_take, ring_read)):
            with m.If(moves):
                m.d.sync += address.eq(Mux(address == last, config.weight_words, address + 1))
        count(m, level, up=put, down=self.streamed_take)
        m.d.comb += self.streamed_addr.eq(ring_read)
        # A register of its own: whether a word is there decides whether anything moves.
        with m.If(put ^ self.streamed_take):
            m.d.sync += self.streamed_ready.eq(put | (level != 1))
        if config.lookahead > 1:
            self._part(m, put, ring_read, level)
        return ring_write, level

    def _part(self, m, put, ring_read, level):
        """Whether the words of a part are there; they leave together."""
        config, words = self._config, self.part_words
        behind, taken = Signal.like(ring_read), Signal()
        past = ring_read + words >= config.weight_words + config.stream_words
        m.d.sync += [
            behind.eq(ring_read + words - Mux(past, config.stream_words, 0)),
            taken.eq(self.part_take),
            self.part_ready.eq((level >= words) & ~self.part_take & ~self.streamed_take),
        ]
        with m.If(self.part_take):
            m.d.sync += [
                ring_read.eq(behind),
                level.eq(level - words + put),
                self.streamed_ready.eq(0),
            ]
        with m.If(taken):
            m.d.sync += self.streamed_ready.eq(put | (level != 0))
