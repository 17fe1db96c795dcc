"""Which of two event lists is being made, and which is in use."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.counting import count

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
        """Two counters, a flag, the last index of the list in turn and of the one behind it."""
        m = Module()
        begun, completed = Signal(range(3)), Signal(range(3))
        other_last = Signal.like(self.last)
        m.d.comb += self.room.eq(begun != 2)
        # A register of its own: it decides whether anything moves.
        with m.If(self.complete ^ self.done):
            m.d.sync += self.ready.eq(self.complete | (completed == 2))
        m.d.sync += self.bank.eq(self.bank ^ self.complete)
        count(m, begun, up=self.begin, down=self.done)
        count(m, completed, up=self.complete, down=self.done)
        # The completed list is next in turn, or the one behind it.
        with m.If(self.done):
            m.d.sync += self.last.eq(other_last)
        with m.If(self.complete):
            m.d.sync += other_last.eq(self.complete_last)
            with m.If(completed == self.done):
                m.d.sync += self.last.eq(self.complete_last)
        with m.If(self.clear):
            m.d.sync += [begun.eq(0), completed.eq(0), self.bank.eq(0)]
            m.d.sync += self.ready.eq(0)
        return m
