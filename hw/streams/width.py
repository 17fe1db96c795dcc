"""Streams of wide and of narrow items."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Downsizer", "Upsizer", "downsizer_beat", "downsizer_item"]


def _check(name: str, value: int):
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive integer, not {value!r}")


class Upsizer(wiring.Component):
    """Joins ``factor`` narrow items to a wide one, the first in the lowest bits.

    Only whole groups leave; an unfinished group waits. ``i.ready`` follows ``o.ready`` in the same
    cycle while a group is waiting. A factor of 1 is wires.

    Throughput: one narrow item per cycle.
    Latency: last item of a group in cycle t, ``o.valid`` from t + 1 on (from t on for factor 1).

    Parameters
    ----------
    in_width : int
        Bits of a narrow item.
    factor : int
        Narrow items in a wide one.

    Members
    -------
    i : stream of ``unsigned(in_width)``
    o : stream of ``unsigned(in_width * factor)``
    """

    def __init__(self, in_width: int, factor: int):
        _check("in_width", in_width)
        _check("factor", factor)
        self.in_width = in_width
        self.factor = factor
        super().__init__(
            {
                "i": In(stream.Signature(in_width)),
                "o": Out(stream.Signature(in_width * factor)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if self.factor == 1:
            wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
            return m

        place = Signal(range(self.factor))
        slots = [Signal(self.in_width, name=f"slot_{k}") for k in range(self.factor)]
        taken = Signal()

        m.d.comb += [
            self.o.payload.eq(Cat(slots)),
            self.i.ready.eq(~self.o.valid | self.o.ready),
            taken.eq(self.i.valid & self.i.ready),
        ]

        # Each slot is written once a group, so that the others stay quiet.
        for k, slot in enumerate(slots):
            with m.If(taken & (place == k)):
                m.d.sync += slot.eq(self.i.payload)
        with m.If(taken):
            m.d.sync += place.eq(Mux(place == self.factor - 1, 0, place + 1))
        with m.If(taken | self.o.ready):
            m.d.sync += self.o.valid.eq(taken & (place == self.factor - 1))
        return m


def downsizer_beat(out_width: int, factor: int) -> data.StructLayout:
    """What enters a ``Downsizer``: ``data``, ``keep`` (valid items, 1 to factor) and ``last``."""
    return data.StructLayout({"data": out_width * factor, "keep": range(factor + 1), "last": 1})


def downsizer_item(out_width: int) -> data.StructLayout:
    """What leaves a ``Downsizer``: ``data`` and ``last``."""
    return data.StructLayout({"data": out_width, "last": 1})


class Downsizer(wiring.Component):
    """Takes wide beats apart into narrow items, the lowest bits first.

    The items from ``keep`` on are dropped: rows need not fill their last beat. ``o.payload.last``
    marks the last kept item of a beat that has ``last`` set. It holds no data: a beat stays on
    ``i`` until its last item leaves, and ``i.ready`` follows ``o.ready`` in the same cycle.

    Throughput: one narrow item per cycle.
    Latency: none; the first item is on ``o`` in the cycle in which its beat is on ``i``.

    Parameters
    ----------
    out_width : int
        Bits of a narrow item.
    factor : int
        Narrow items in a beat.

    Members
    -------
    i : stream of struct ``data`` (``unsigned(out_width * factor)``), ``keep``, ``last``
        ``keep`` is the number of valid items, 1 to ``factor``.
    o : stream of struct ``data`` (``unsigned(out_width)``), ``last``
    """

    def __init__(self, out_width: int, factor: int):
        _check("out_width", out_width)
        _check("factor", factor)
        self.out_width = out_width
        self.factor = factor
        super().__init__(
            {
                "i": In(stream.Signature(downsizer_beat(out_width, factor))),
                "o": Out(stream.Signature(downsizer_item(out_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place = Signal(range(self.factor))
        final = Signal()

        m.d.comb += [
            final.eq(place + 1 == self.i.payload.keep),
            self.o.payload.data.eq(self.i.payload.data.word_select(place, self.out_width)),
            self.o.payload.last.eq(self.i.payload.last & final),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & final),
        ]

        with m.If(self.o.valid & self.o.ready):
            m.d.sync += place.eq(Mux(final, 0, place + 1))
        return m
