"""Starts an SDRAM: plays the writes that its controller wants after a reset."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from boards.dram.litedram import InitStep

__all__ = ["Starter"]


class Starter(wiring.Component):
    """Makes writes in their order, once, each with its wait behind it.

    Latency: a step takes its ``cycles``, three, and as long as the write is not taken.

    Parameters
    ----------
    steps : sequence of InitStep
        At least one.

    Members
    -------
    word, value : Out(30), Out(32)
        Where to, in words; what.
    valid : Out(1)
        Make this write.
    taken : In(1)
        It was made.
    """

    def __init__(self, steps: tuple[InitStep, ...]):
        if not steps:
            raise ValueError("steps must be at least one, not none")
        self.steps = steps
        self.layout = data.StructLayout(
            {
                name: max(1, *(getattr(step, name).bit_length() for step in steps))
                for name in ("word", "value", "cycles")
            }
        )
        super().__init__(
            {
                "word": Out(30),
                "value": Out(32),
                "valid": Out(1),
                "taken": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        table = [{"word": s.word, "value": s.value, "cycles": s.cycles} for s in self.steps]
        m.submodules.table = table = Memory(shape=self.layout, depth=len(table), init=table)
        read = table.read_port()
        index, left = Signal(range(len(self.steps))), Signal(self.layout["cycles"].shape)
        step = read.data
        m.d.comb += [read.addr.eq(index), self.word.eq(step.word), self.value.eq(step.value)]
        with m.FSM():
            with m.State("Fetch"):
                m.next = "Write"
            with m.State("Write"):
                m.d.comb += self.valid.eq(1)
                m.d.sync += left.eq(step.cycles)
                with m.If(self.taken):
                    m.next = "Wait"
            with m.State("Wait"):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.sync += index.eq(index + 1)
                    m.next = "Fetch"
                    with m.If(index == len(self.steps) - 1):
                        m.next = "Rest"
            with m.State("Rest"):
                pass
        return m
