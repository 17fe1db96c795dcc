"""Notices that the memory behind a bus has stopped answering."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Watchdog"]


class Watchdog(wiring.Component):
    """Counts the cycles in which a bus owes something and nothing moves on it.

    A machine whose masters are always ready for answers cannot be the cause of such a cycle, so
    whatever it computes meanwhile, a slow run never expires and a lost answer always does.

    Latency: ``owed`` without ``moved`` in ``limit`` cycles, the last of which is t: ``expired`` in
    t + 2, for one cycle, and again after as many more.

    Parameters
    ----------
    width : int
        Bits of the limit.

    Members
    -------
    limit : unsigned(width)
        Cycles without a move, at least 1; 0 never expires.
    owed : 1 bit
        An address, a beat or a response is offered or awaited.
    moved : 1 bit
        There was a handshake on any channel.
    expired : 1 bit
        Pulse: the limit is reached.
    """

    def __init__(self, width: int = 32):
        super().__init__({"limit": In(width), "owed": In(1), "moved": In(1), "expired": Out(1)})

    def elaborate(self, platform):
        """A register behind the bus, which is far away; then a counter of cycles, from one on."""
        m = Module()
        waiting, cycles, over = Signal(), Signal.like(self.limit, init=1), Signal()
        # Not only equal: the limit may be lowered meanwhile.
        m.d.comb += over.eq(cycles >= self.limit)
        m.d.sync += [
            waiting.eq(self.owed & ~self.moved & (self.limit != 0)),
            self.expired.eq(waiting & over),
            cycles.eq(cycles + 1),
        ]
        with m.If(~waiting | over):
            m.d.sync += cycles.eq(1)
        return m
