"""A queue between two streams."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Fifo"]

_SHORT = 64
"""Items of the deepest memory that an FPGA is asked to make of LUTs."""


class Fifo(wiring.Component):
    """First in, first out; memory with a synchronous read and the output register of that memory.

    Items leave in the order in which they came. ``level`` counts every item inside, the one on
    ``o`` included; an item written in cycle t is counted from t + 1 on. ``i.ready`` falls when
    ``level`` is ``depth`` and rises the cycle after an item left.

    Throughput: one item per cycle.
    Latency: written in cycle t, ``o.valid`` from t + 2 on when nothing is ahead of it.

    Parameters
    ----------
    shape : ShapeLike
        Shape of an item.
    depth : int
        Items that fit, at least 3 (less could not run at one item per cycle).

    Members
    -------
    i, o : stream of ``shape``
        Where items enter and leave.
    level : unsigned
        Items inside, 0 to ``depth``.
    """

    def __init__(self, shape, depth: int):
        if not isinstance(depth, int) or depth < 3:
            raise ValueError(f"depth must be an integer of at least 3, not {depth!r}")
        self.shape = shape
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # A short memory is quicker in LUTs, behind whose outputs there are real registers.
        attrs = {"ram_style": "distributed"} if self.depth <= _SHORT else {}
        m.submodules.storage = storage = Memory(
            shape=self.shape, depth=self.depth, init=[], attrs=attrs
        )
        write = storage.write_port()
        read = storage.read_port()
        pushed, popped, fetch = Signal(), Signal(), Signal()
        # Items in the memory that are not yet on the way to its output register.
        stored = Signal(range(self.depth + 1))
        # Registers of their own: they decide about everything around the queue.
        full, waiting = Signal(), Signal()

        m.d.comb += [
            self.i.ready.eq(~full),
            pushed.eq(self.i.valid & self.i.ready),
            popped.eq(self.o.valid & self.o.ready),
            fetch.eq(waiting & (~self.o.valid | self.o.ready)),
            write.en.eq(pushed),
            write.data.eq(self.i.payload),
            read.en.eq(fetch),
            self.o.payload.eq(read.data),
        ]

        for port in (write, read):
            with m.If(port.en):
                m.d.sync += port.addr.eq(_next(port.addr, self.depth))
        with m.If(pushed != popped):
            m.d.sync += [
                self.level.eq(Mux(pushed, self.level + 1, self.level - 1)),
                full.eq(pushed & (self.level == self.depth - 1)),
            ]
        with m.If(pushed != fetch):
            m.d.sync += [
                stored.eq(Mux(pushed, stored + 1, stored - 1)),
                waiting.eq(pushed | (stored != 1)),
            ]
        with m.If(fetch | popped):
            m.d.sync += self.o.valid.eq(fetch)
        return m


def _next(addr, depth: int):
    """The address after ``addr`` in a ring of ``depth`` words."""
    return addr + 1 if depth & (depth - 1) == 0 else Mux(addr == depth - 1, 0, addr + 1)
