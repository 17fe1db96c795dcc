"""Goes through a step's lists of events once for each block, past the columns without weights."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.view import h_list_view, x_list_view
from hw.job import job_layout
from hw.maps.layout import (
    MAP_COLUMNS,
    map_address,
    map_word_layout,
    mark_words,
    rank_shape,
    word_number,
)
from hw.maps.picker import HitPicker, hit_layout, hit_word_layout
from hw.streams.fifo import Fifo

__all__ = ["SCAN_QUEUE", "WORD_QUEUE", "ListScanner", "read_signature"]

WORD_QUEUE = 8
"""Words with hits that may wait: five cycles pass from a word's turn to its place in the queue."""

SCAN_QUEUE = 16
"""Hits that may wait for the lanes, or for the bus."""


def read_signature(config: Config) -> wiring.Signature:
    """How a scanner reads the map and the marks of both lists.

    Members
    -------
    en, addr, word : a map word, a cycle later.
    x_en, h_en, bank, number, x_marks, h_marks : a word of marks of a list, a cycle later.
    """
    return wiring.Signature(
        {
            "en": Out(1),
            "addr": Out(map_address(config)),
            "word": In(map_word_layout(config)),
            "x_en": Out(1),
            "h_en": Out(1),
            "bank": Out(1),
            "number": Out(word_number(config)),
            "x_marks": In(MAP_COLUMNS),
            "h_marks": In(MAP_COLUMNS),
        }
    )


class ListScanner(wiring.Component):
    """Finds the columns of each block that are events and have weights, 64 columns per cycle.

    The ``x`` parts of all blocks come first in each step, then the ``h`` parts. A list without
    events has no parts. Each part of another one has a hit at least, be it a null hit.

    Throughput: a word of 64 columns and a hit per cycle; words without hits cost nothing while
    hits wait.
    Latency: the first hit of a list is on ``o`` twelve cycles after the list is ready.

    Parameters
    ----------
    config : Config
        Gives the widths.
    ahead : bool
        Lists are gone through as they come, and resident blocks, which take a cycle, left out.
        Else a step begins when the one before is done.

    Members
    -------
    job : In
        The layer; stable while active. Without a map nothing is done.
    start : In
        Begin a sequence.
    resident : In
        The current block lives in the weight memory; with ``ahead`` only.
    move, restart : Out
        Pulses: go to the next block, and to block 0; with ``ahead`` only.
    x_list, h_list : In
        Views of the lists in their turn.
    x_done, h_done : Out
        Pulses: gone through that list, or it is empty.
    step_done : In
        Pulse: the lists of the step have been used, and the next ones are in their turn from the
        next cycle on; without ``ahead`` only.
    base : In
        Place of the first word of resident blocks.
    read : Out
        Of the map and of the marks.
    o : stream of ``hit_layout``
        Hits.
    """

    def __init__(self, config: Config, *, ahead: bool):
        self._config, self._ahead = config, ahead
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "resident": In(1),
                "move": Out(1),
                "restart": Out(1),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "x_done": Out(1),
                "h_done": Out(1),
                "step_done": In(1),
                "base": In(rank_shape(config)),
                "read": Out(read_signature(config)),
                "o": Out(stream.Signature(hit_layout(config))),
            }
        )

    def elaborate(self, platform):
        """Which word is read; what was read; hits of it, and a queue of them."""
        m = Module()
        item = data.StructLayout({"word": self.read.number.shape(), "end": 1, "hidden": 1})
        asked, given = Signal(item), Signal()
        room, taken = Signal(), Signal()
        self._walk(m, asked, given, room)
        words = self._answer(m, asked, given, room, taken)
        m.submodules.picker = picker = HitPicker(self._config)
        m.submodules.hits = hits = Fifo(hit_layout(self._config), SCAN_QUEUE)
        wiring.connect(m, words, picker.i)
        wiring.connect(m, picker.o, hits.i)
        wiring.connect(m, hits.o, wiring.flipped(self.o))
        m.d.comb += taken.eq(words.valid & words.ready)
        return m

    def _walk(self, m, asked, given, room):
        """Asks for word after word of part after part."""
        config, job, read = self._config, self.job, self.read
        position = data.StructLayout(
            {
                "hidden": 1,
                "block": job.blocks.shape(),
                "number": read.number.shape(),
                "addr": unsigned(config.map_words.bit_length()),
            }
        )
        at, sizes = Signal(position), self._sizes(m)
        looks, turn, passes = Signal(), Signal(), Signal()
        word_end, part_end, list_end = Signal(), Signal(), Signal()
        ready, empty, bank = (
            Mux(at.hidden, self.h_list[name], self.x_list[name])
            for name in ("ready", "empty", "bank")
        )
        skips = self.resident if self._ahead else 0
        m.d.comb += [
            turn.eq(looks & ready & ~empty),
            passes.eq(turn & skips),
            given.eq(turn & ~skips & room),
            word_end.eq(at.number + 1 == Mux(at.hidden, sizes[1], sizes[0])),
            part_end.eq(passes | (given & word_end)),
            list_end.eq((part_end & (at.block + 1 == job.blocks)) | (looks & ready & empty)),
            self.x_done.eq(list_end & ~at.hidden),
            self.h_done.eq(list_end & at.hidden),
            self.move.eq(part_end | list_end),
            self.restart.eq(list_end),
            read.en.eq(given),
            read.addr.eq(at.addr),
            read.x_en.eq(given & ~at.hidden),
            read.h_en.eq(given & at.hidden),
            read.bank.eq(bank),
            read.number.eq(at.number),
            asked.word.eq(at.number),
            asked.end.eq(word_end),
            asked.hidden.eq(at.hidden),
        ]
        self._advance(m, at, sizes, passes, given, word_end)
        self._turn(m, at, sizes, looks, list_end)

    def _advance(self, m, at, sizes, passes, given, word_end):
        """To the next word of a list: the parts of x and of h of a block stand side by side."""
        with m.If(passes):
            m.d.sync += [at.addr.eq(at.addr + (sizes[0] + sizes[1])), at.block.eq(at.block + 1)]
        with m.Elif(given):
            other = Mux(at.hidden, sizes[0], sizes[1])
            m.d.sync += [
                at.addr.eq(at.addr + Mux(word_end, other + 1, 1)),
                at.number.eq(Mux(word_end, 0, at.number + 1)),
                at.block.eq(at.block + word_end),
            ]

    def _turn(self, m, at, sizes, looks, list_end):
        """To the next list, if it may be looked at."""
        job, waits, active = self.job, Signal(), Signal()
        first = [at.block.eq(0), at.addr.eq(job.map_base)]
        m.d.comb += looks.eq(active & ~waits)
        with m.If(list_end):
            h_first = job.map_base + Mux(at.hidden, 0, sizes[0])
            m.d.sync += [at.hidden.eq(~at.hidden), at.block.eq(0), at.addr.eq(h_first)]
        if not self._ahead:
            # The next lists are not in their turn before the step is done.
            with m.If(self.h_done):
                m.d.sync += waits.eq(1)
            # A step without events may be done before it has come to its list of h.
            with m.If(self.step_done):
                m.d.sync += [waits.eq(0), at.hidden.eq(0), *first]
        with m.If(self.start):
            m.d.sync += [
                active.eq(job.mapped),
                waits.eq(0),
                at.hidden.eq(0),
                at.number.eq(0),
                *first,
            ]

    def _sizes(self, m):
        """Map words of a part of a block: of x, and of h."""
        shape = unsigned(
            mark_words(max(self._config.max_input, self._config.max_hidden)).bit_length()
        )
        sizes = Signal(shape, name="x_words"), Signal(shape, name="h_words")
        bits = (MAP_COLUMNS - 1).bit_length()
        for words, columns in zip(sizes, (self.job.input_size, self.job.hidden_size), strict=True):
            m.d.sync += words.eq((columns + MAP_COLUMNS - 1) >> bits)
        return sizes

    def _answer(self, m, asked, given, room, taken):
        """Words on their way to the queue; those without hits that end nothing leave it again."""
        shape = hit_word_layout(self._config)
        m.submodules.words = words = Fifo(shape, WORD_QUEUE)
        listed, there = Signal(), Signal()
        item, read = Signal.like(asked), Signal.like(asked)
        stored = Signal.like(self.read.word)
        marks = Signal(MAP_COLUMNS)
        m.d.sync += [listed.eq(given), there.eq(listed)]
        with m.If(given):
            m.d.sync += item.eq(asked)
        with m.If(listed):
            # A register behind the memories, whose delay is not the queue's.
            m.d.sync += [
                read.eq(item),
                stored.eq(self.read.word),
                marks.eq(Mux(item.hidden, self.read.h_marks, self.read.x_marks)),
            ]
        hits, before = Signal(MAP_COLUMNS), Signal(shape["before"].shape)
        pushed, leaves = Signal(), Signal()
        m.d.comb += [
            hits.eq(stored.stored & marks),
            before.eq(stored.before + self.base),
            pushed.eq(there & (hits.any() | read.end)),
            leaves.eq(there & ~pushed),
        ]
        queued = words.i
        m.d.sync += queued.valid.eq(pushed)
        with m.If(there):
            m.d.sync += [
                queued.payload.hits.eq(hits),
                queued.payload.stored.eq(stored.stored),
                queued.payload.before.eq(before),
                queued.payload.word.eq(read.word),
                queued.payload.end.eq(read.end),
                queued.payload.hidden.eq(read.hidden),
            ]
        # Words that were asked for and have not left the queue, or been dropped.
        promised = Signal(range(WORD_QUEUE + 1))
        m.d.sync += promised.eq(promised + given - taken - leaves)
        m.d.comb += room.eq(promised < WORD_QUEUE - 1)
        return words.o
