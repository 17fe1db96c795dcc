"""Which of two event lists is being made, and which is in use."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ListLedger"]


class ListLedger(wiring.Component):
    """Accounts for two banks that are filled and used in turn.

    Latency: outputs change in the cycle after the pulse that changes them.

    Parameters
    ----------
    index_width : int
        Bits of an event's index.

    Members
    -------
    clear : In
        Forget all lists; the next to be made is in bank 0.
    begin : In
        Pulse: a list is begun. Allowed while ``room``.
    complete, complete_last : In
        Pulse: its last event is written, at this index.
    done : In
        Pulse: the oldest complete list has been used.
    room : Out
        A list may be begun.
    bank : Out
        Bank of the list being made.
    ready, last : Out
        There is a complete list, and the index of its last event.
    """

    def __init__(self, index_width: int):
        super().__init__(
            {
                "clear": In(1),
                "begin": In(1),
                "complete": In(1),
                "complete_last": In(index_width),
                "done": In(1),
                "room": Out(1),
                "bank": Out(1),
                "ready": Out(1),
                "last": Out(index_width),
            }
        )

    def elaborate(self, platform):
        """Two counters, two flags, a last index per bank."""
        m = Module()
        begun, completed = Signal(range(3)), Signal(range(3))
        lasts = Signal(data.ArrayLayout(len(self.last), 2))
        using = Signal()
        m.d.comb += [
            self.room.eq(begun != 2),
            self.ready.eq(completed != 0),
            self.last.eq(Mux(using, lasts[1], lasts[0])),
        ]
        m.d.sync += [
            begun.eq(begun + self.begin - self.done),
            completed.eq(completed + self.complete - self.done),
            self.bank.eq(self.bank ^ self.complete),
            using.eq(using ^ self.done),
        ]
        with m.If(self.complete):
            m.d.sync += lasts[self.bank].eq(self.complete_last)
        with m.If(self.clear):
            m.d.sync += [begun.eq(0), completed.eq(0), self.bank.eq(0), using.eq(0)]
        return m
