"""Counters that go up and down."""

from amaranth import Module, Mux, Signal, Value

__all__ = ["count"]


def count(m: Module, counter: Signal, *, up: Value, down: Value):
    """``counter`` grows by the bit ``up`` and shrinks by the bit ``down``, by one adder."""
    with m.If(up ^ down):
        m.d.sync += counter.eq(Mux(up, counter + 1, counter - 1))
