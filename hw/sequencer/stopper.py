"""Brings the machine to rest after an error or a soft reset."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Stopper"]


class Stopper(wiring.Component):
    """Halts the bus masters, waits until the bus is at rest, then resets everything behind them.

    Latency: ``halt`` rises in the cycle after ``stop``; ``flush`` in the cycle after the first of
    ``halt`` in which the bus is idle.

    Members
    -------
    stop : In
        Pulse or level: come to rest.
    bus_idle : In
        Nothing is outstanding on the bus.
    halt : Out
        The masters begin nothing new. High from the cycle after ``stop`` to the ``flush``.
    flush : Out
        Pulse: forget everything.
    """

    def __init__(self):
        super().__init__({"stop": In(1), "bus_idle": In(1), "halt": Out(1), "flush": Out(1)})

    def elaborate(self, platform):
        """Two flags."""
        m = Module()
        # A register: it resets most of the machine.
        m.d.sync += self.flush.eq(self.halt & self.bus_idle & ~self.flush)
        with m.If(self.flush):
            m.d.sync += self.halt.eq(0)
        with m.Elif(self.stop):
            m.d.sync += self.halt.eq(1)
        return m
