"""The weight memory: resident blocks, and a ring that streamed words pass through."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.weights.address import weight_address_width

__all__ = ["WeightBank"]


class WeightBank(wiring.Component):
    """Column words in one place, so that the lanes have one place to read from.

    Words ``0`` to ``weight_words - 1`` hold resident blocks. The ``stream_words`` behind them are a
    ring: streamed words are written as they arrive and handed out in order.

    Each beat of a word has a memory of its own, so it is written as it comes. Memories of the beats
    that a layer's words lack are neither written nor read.

    Throughput: one beat written and one word read per cycle.
    Latency: a streamed word can be handed out one cycle after its last beat was taken from ``i``;
    ``r_data`` follows ``r_en`` by one cycle and holds. A word that was handed out in cycle t can be
    read up to t + 4; the ring takes four words less than it has.

    Parameters
    ----------
    config : Config
        Gives depth and width.

    Members
    -------
    word_beats : In
        Beats of a word; stable from two cycles before the first of them on.
    x_word_beats, hidden, r_hidden : In
        For configurations whose words have several planes: ``word_beats`` is that of words of ``h``
        and this that of words of ``x``; the word on ``i``, and that which is read, is of ``h``.
    i : stream of beats
        Column words from DRAM.
    word_done : Out
        The last beat of a word is taken.
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
        Read port; what of ``r_data`` lies in beats that words lack means nothing.
    beats : Out
        A bit for each beat that the word on ``r_data`` has.
    """

    def __init__(self, config: Config):
        self._config = config
        address = unsigned(weight_address_width(config))
        count = range(config.word_beats + 1)
        parts = {"x_word_beats": In(count), "hidden": In(1), "r_hidden": In(1)}
        super().__init__(
            {
                "word_beats": In(count),
                **(parts if config.part_widths else {}),
                "i": In(stream.Signature(config.bus_width)),
                "word_done": Out(1),
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
                "r_data": Out(8 * config.column_bytes),
                "beats": Out(config.word_beats),
            }
        )

    def elaborate(self, platform):
        """Which beat comes; where the next word goes; how many the ring holds; the memories."""
        m = Module()
        loaded_addr, addr = Signal.like(self.load_addr), Signal.like(self.load_addr)
        taken, turn = Signal(), self._take_turns(m)
        reads = self._reads(m)
        ring_write, room = self._ring(m)
        m.d.comb += [
            self.i.ready.eq(self.load | room),
            taken.eq(self.i.valid & self.i.ready),
            addr.eq(Mux(self.load, loaded_addr, ring_write)),
        ]
        with m.If(~self.load):
            m.d.sync += loaded_addr.eq(self.load_addr)
        with m.Elif(self.word_done):
            m.d.sync += loaded_addr.eq(loaded_addr + 1)
        words = [
            self._memory(m, beat, taken & turn[beat], addr, reads[beat])
            for beat in range(len(turn))
        ]
        m.d.comb += self.r_data.eq(Cat(words))
        return m

    def _take_turns(self, m):
        """The beat of a word that comes next, a bit for each."""
        count = self._config.word_beats
        turn, last = Signal(count, init=1), Signal(count)
        m.d.sync += last.eq(Cat(self.word_beats == beat + 1 for beat in range(count)))
        ends = (turn & last).any()
        if self._config.part_widths:
            x_last = Signal(count)
            m.d.sync += x_last.eq(Cat(self.x_word_beats == beat + 1 for beat in range(count)))
            ends = Mux(self.hidden, ends, (turn & x_last).any())
        m.d.comb += self.word_done.eq(self.i.valid & self.i.ready & ends)
        with m.If(self.word_done):
            m.d.sync += turn.eq(1)
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += turn.eq(turn << 1)
        return turn

    def _reads(self, m):
        """Beats that the word to be read has; ``beats`` says it of the one that was read."""
        count = self._config.word_beats
        there = Signal(count)
        m.d.sync += there.eq(Cat(self.word_beats > beat for beat in range(count)))
        if not self._config.part_widths:
            m.d.comb += self.beats.eq(there)
            return there
        x_there, chosen = Signal(count), Signal(count)
        m.d.sync += x_there.eq(Cat(self.x_word_beats > beat for beat in range(count)))
        m.d.comb += chosen.eq(Mux(self.r_hidden, there, x_there))
        with m.If(self.r_en):
            m.d.sync += self.beats.eq(chosen)
        return chosen

    def _memory(self, m, beat, write_en, write_addr, there):
        """Memory of one beat of every word; what it reads."""
        config = self._config
        m.submodules[f"beats_{beat}"] = beats = memory.Memory(
            shape=unsigned(config.bus_width),
            depth=config.weight_words + config.stream_words,
            init=[],
        )
        write, read = beats.write_port(), beats.read_port()
        m.d.comb += [
            write.en.eq(write_en),
            write.addr.eq(write_addr),
            write.data.eq(self.i.payload),
            read.en.eq(self.r_en & there),
            read.addr.eq(self.r_addr),
        ]
        return read.data

    def _ring(self, m):
        config = self._config
        level = Signal(range(config.stream_words + 1))
        ring_write = Signal.like(self.streamed_addr, init=config.weight_words)
        ring_read = Signal.like(self.streamed_addr, init=config.weight_words)
        put = self.word_done & ~self.load
        last = config.weight_words + config.stream_words - 1
        for moves, address in ((put, ring_write), (self.streamed_take, ring_read)):
            with m.If(moves):
                m.d.sync += address.eq(Mux(address == last, config.weight_words, address + 1))
        count(m, level, up=put, down=self.streamed_take)
        m.d.comb += self.streamed_addr.eq(ring_read)
        # Registers of their own: whether a word is there, or room for one, decides about much.
        room = Signal(init=1)
        with m.If(put ^ self.streamed_take):
            m.d.sync += [
                self.streamed_ready.eq(put | (level != 1)),
                room.eq(self.streamed_take | (level != config.held_words - 1)),
            ]
        if config.lookahead > 1:
            self._part(m, put, ring_read, level, room)
        return ring_write, room

    def _part(self, m, put, ring_read, level, room):
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
                room.eq(1),
            ]
        with m.If(taken):
            m.d.sync += self.streamed_ready.eq(put | (level != 0))
