"""Which columns of streamed blocks a step's lists ask for."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.events.layout import column_width
from hw.events.view import h_list_view, x_list_view
from hw.streams.fifo import Fifo
from hw.weights.address import beats_of
from hw.weights.runs import column_layout

__all__ = ["ListFollower"]

_QUEUE = 8
"""Columns read ahead of the requests: six cycles pass from one's turn to its successor's room."""


class ListFollower(wiring.Component):
    """Goes through the list in its turn once for each streamed block.

    An empty list is passed at once, without going through blocks. Resident blocks are passed
    without waiting for the list, but for the last.

    Throughput: a column per cycle; a cycle for an empty list and for a resident block.
    Latency: a column is on ``o`` four cycles after its list is ready.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    x_turn, h_turn : In
        A list of ``x``, or of ``h``, is to be gone through; never both; steady from its first block
        to ``done``.
    resident, last : In
        Of the current block: it is not streamed; it is the layer's last.
    addr : In
        Byte address of the current block's part.
    x_word_beats, word_beats : In
        Beats of a column of ``x`` and of ``h``; stable while there are any.
    x_list, h_list : In
        Views of the lists in their turn.
    list_en, list_bank, list_index : Out
        Read this event of the list.
    x_column, h_column : In
        Column of that event, a cycle later.
    move : Out
        Pulse: gone through the list for this block.
    done : Out
        With ``move``: for all blocks.
    o : Out
        Columns, in the order of their use.
    idle : Out
        No column is on its way to ``o``.
    """

    def __init__(self, config: Config):
        self._config = config
        column = unsigned(column_width(config))
        super().__init__(
            {
                "x_turn": In(1),
                "h_turn": In(1),
                "resident": In(1),
                "last": In(1),
                "addr": In(unsigned(config.addr_width)),
                "x_word_beats": In(range(config.word_beats + 1)),
                "word_beats": In(range(config.word_beats + 1)),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "list_en": Out(1),
                "list_bank": Out(range(config.x_lists)),
                "list_index": Out(column),
                "x_column": In(column),
                "h_column": In(column),
                "move": Out(1),
                "done": Out(1),
                "o": Out(stream.Signature(column_layout(config))),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        """Index; what ends a part and a list."""
        m = Module()
        index = self.list_index
        views, turns = (self.x_list, self.h_list), (self.x_turn, self.h_turn)
        # Of the list in its turn, without a choice in front of the turn: it decides about much.
        ready, empty, single = (
            (self.x_turn & self.x_list[name]) | (self.h_turn & self.h_list[name])
            for name in ("ready", "empty", "single")
        )
        final, ended, turn = Signal(), Signal(), self.x_turn | self.h_turn
        first, is_last = Signal(init=1), Signal()
        room = self._read(m, final)
        ends = self.resident | (room & final)
        m.d.comb += [
            self.list_bank.eq(Mux(self.h_turn, self.h_list.bank, self.x_list.bank)),
            # Compared ahead, while the event before is read.
            final.eq(is_last | (first & single)),
            # A list without events ends with any block; so does a part in a resident one.
            self.list_en.eq(ready & ~empty & ~self.resident & room),
            ended.eq(self.list_en & final),
            # Short sums of products, as much hangs on them: an empty list is ready.
            self.move.eq(empty | (ready & ends) | (turn & self.resident)),
            # The last block is where a list ends, so it waits for the list.
            self.done.eq(empty | (ready & ends & self.last)),
        ]
        with m.If(ended):
            m.d.sync += [index.eq(0), first.eq(1), is_last.eq(0)]
        with m.Elif(self.list_en):
            lasts = [
                turn & (index + 1 == view.last) for turn, view in zip(turns, views, strict=True)
            ]
            m.d.sync += [index.eq(index + 1), first.eq(0), is_last.eq(lasts[0] | lasts[1])]
        return m

    def _read(self, m, final):
        """Reads on their way to the queue; returns whether one more finds room there."""
        config = self._config
        shape = column_layout(config)
        m.submodules.queue = queue = Fifo(shape, _QUEUE)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        hidden, chosen, listed = Signal(), Signal(), Signal()
        beats = Signal.like(self.word_beats)
        item, read = Signal(shape), Signal(shape)
        m.d.sync += [listed.eq(self.list_en), queue.i.valid.eq(listed)]
        with m.If(self.list_en):
            m.d.sync += [
                hidden.eq(self.h_turn),
                item.base.eq(self.addr),
                item.last.eq(final),
            ]
        # A register behind each list, whose delay is not the queue's.
        x_column, h_column = Signal.like(self.x_column), Signal.like(self.h_column)
        with m.If(listed):
            m.d.sync += [
                read.eq(item),
                chosen.eq(hidden),
                beats.eq(Mux(hidden, self.word_beats, self.x_word_beats)),
                x_column.eq(self.x_column),
                h_column.eq(self.h_column),
            ]
        column, behind = Mux(chosen, h_column, x_column), Signal.like(self.x_column)
        with m.If(queue.i.valid):
            m.d.sync += behind.eq(column + 1)
        m.d.comb += [
            queue.i.payload.eq(read),
            queue.i.payload.follows.eq(column == behind),
            queue.i.payload.hidden.eq(chosen),
            queue.i.payload.before.eq(beats_of(column, beats)),
        ]
        # Registered: whether one more may be read decides about every register here.
        promised, full = Signal(range(_QUEUE + 1)), Signal()
        left = self.o.valid & self.o.ready
        count(m, promised, up=self.list_en, down=left)
        m.d.comb += self.idle.eq(promised == 0)
        with m.If(self.list_en ^ left):
            m.d.sync += full.eq(self.list_en & (promised == _QUEUE - 1))
        return ~full
