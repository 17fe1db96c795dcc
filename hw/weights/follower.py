"""Which columns of streamed blocks a step's lists ask for."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.events.layout import column_width
from hw.events.view import h_list_view, x_list_view
from hw.job import job_layout
from hw.streams.fifo import Fifo
from hw.weights.runs import column_layout

__all__ = ["ListFollower"]

_QUEUE = 8
"""Columns read ahead of the requests: five cycles pass from one's turn to its successor's room."""


class ListFollower(wiring.Component):
    """Goes through the lists of each step, for each streamed block: ``x``, then ``h``.

    A part waits for its list alone. Steps whose lists are both empty are passed at once, without
    going through blocks; so are resident blocks, without waiting for lists, but the last.

    Throughput: a column per cycle; a cycle for an empty list and for a resident block, two for the
    layer's last; two cycles for a step without events.
    Latency: a column is on ``o`` three cycles after its list is ready.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while ``active``.
    active : In
        There are steps to go through.
    resident, last : In
        Of the current block: it is not streamed; it is the layer's last.
    addr : In
        Byte address of the current block.
    x_list, h_list : In
        Views of the lists in their turn.
    list_en, list_hidden, list_bank, list_index : Out
        Read this event of the list of ``h`` (else of ``x``).
    x_column, h_column : In
        Column of that event, a cycle later.
    next : Out
        Pulse: go to the next block.
    step_done : Out
        Pulse: gone through both lists; go to block 0. Wins over ``next``.
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
                "job": In(job_layout(config)),
                "active": In(1),
                "resident": In(1),
                "last": In(1),
                "addr": In(unsigned(config.addr_width)),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "list_en": Out(1),
                "list_hidden": Out(1),
                "list_bank": Out(range(config.x_lists)),
                "list_index": Out(column),
                "x_column": In(column),
                "h_column": In(column),
                "next": Out(1),
                "step_done": Out(1),
                "o": Out(stream.Signature(column_layout(config))),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        """Part and index; what ends a part, a block and a step."""
        m = Module()
        x, h = self.x_list, self.h_list
        hidden, index = self.list_hidden, self.list_index
        ready, empty, final = Signal(), Signal(), Signal()
        passed, ended = Signal(), Signal()
        first, is_last = Signal(init=1), Signal()
        room = self._read(m, final)
        m.d.comb += [
            self.list_bank.eq(Mux(hidden, h.bank, x.bank)),
            ready.eq(self.active & Mux(hidden, h.ready, x.ready)),
            empty.eq(Mux(hidden, h.empty, x.empty) | self.resident),
            # Compared ahead, while the event before is read.
            final.eq(is_last | (first & Mux(hidden, h.single, x.single))),
            self.list_en.eq(ready & ~empty & room),
            # The last block is where a step ends, so it waits for both lists.
            passed.eq(self.active & self.resident & ~self.last & ~hidden),
            ended.eq(ready & (empty | (room & final)) & ~passed),
            self.next.eq(passed | (ended & hidden)),
            self.step_done.eq(ended & hidden & (self.last | (x.empty & h.empty))),
        ]
        with m.If(ended):
            m.d.sync += [hidden.eq(~hidden), index.eq(0), first.eq(1), is_last.eq(0)]
        with m.Elif(self.list_en):
            m.d.sync += [
                index.eq(index + 1),
                first.eq(0),
                is_last.eq(index + 1 == Mux(hidden, h.last, x.last)),
            ]
        return m

    def _read(self, m, final):
        """Reads on their way to the queue; returns whether one more finds room there."""
        config = self._config
        shape = column_layout(config)
        m.submodules.queue = queue = Fifo(shape, _QUEUE)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        hidden, listed = Signal(), Signal()
        h_offset = Signal(range(config.max_input * config.column_bytes + 1))
        m.d.sync += [
            h_offset.eq(self.job.input_size * config.column_bytes),
            listed.eq(self.list_en),
        ]
        item = queue.i.payload
        with m.If(self.list_en):
            m.d.sync += [
                hidden.eq(self.list_hidden),
                item.base.eq(self.addr + Mux(self.list_hidden, h_offset, 0)),
                item.last.eq(final),
            ]
        m.d.comb += [
            queue.i.valid.eq(listed),
            item.column.eq(Mux(hidden, self.h_column, self.x_column)),
        ]
        # Registered: whether one more may be read decides about every register here.
        promised, full = Signal(range(_QUEUE + 1)), Signal()
        left = self.o.valid & self.o.ready
        count(m, promised, up=self.list_en, down=left)
        m.d.comb += self.idle.eq(promised == 0)
        with m.If(self.list_en ^ left):
            m.d.sync += full.eq(self.list_en & (promised == _QUEUE - 1))
        return ~full
