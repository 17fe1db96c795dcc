"""Registers between two streams."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Hold", "Skid"]


class Hold(wiring.Component):
    """Holds one item, so that no path leads through it in either direction.

    Throughput: one item per two cycles.
    Latency: an item taken in cycle t is on ``o`` in t + 1.

    Parameters
    ----------
    shape : ShapeLike
        Shape of an item.

    Members
    -------
    i, o : stream of ``shape``
        Where items enter and leave.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid)
        with m.If(self.i.ready):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m


class Skid(wiring.Component):
    """Holds up to two items, so that no path leads through it in either direction.

    Throughput: one item per cycle.
    Latency: an item taken in cycle t is on ``o`` in t + 1 when nothing is ahead of it.

    Parameters
    ----------
    shape : ShapeLike
        Shape of an item.

    Members
    -------
    i, o : stream of ``shape``
        Where items enter and leave.
    """

    def __init__(self, shape):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        waits, second = Signal(), Signal(self.shape)
        free = ~self.o.valid | self.o.ready
        m.d.comb += self.i.ready.eq(~waits)
        with m.If(free):
            m.d.sync += [self.o.valid.eq(waits | self.i.valid), waits.eq(0)]
        with m.Elif(self.i.valid):
            m.d.sync += waits.eq(1)
        # Nothing is clocked where nothing comes.
        with m.If(free & (waits | self.i.valid)):
            m.d.sync += self.o.payload.eq(Mux(waits, second, self.i.payload))
        # Kept whether or not it finds a place: that is known late.
        with m.If(self.i.valid & ~waits):
            m.d.sync += second.eq(self.i.payload)
        return m
