"""Bytes on a serial line: 8N1, at a whole number of clock cycles a bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["Receiver", "Transmitter", "cycles_per_bit"]

_TOLERANCE = 0.02
"""Both ends may be off by this: after nine and a half bits the sample is still inside its bit."""


def cycles_per_bit(clock_hz: float, baud: int) -> int:
    """Clock cycles of a bit.

    Raises
    ------
    ValueError
        No whole number of at least 8 comes within two per cent of it.
    """
    cycles = round(clock_hz / baud)
    if cycles < 8 or abs(cycles * baud / clock_hz - 1) > _TOLERANCE:
        raise ValueError(
            f"{baud} baud cannot be made from {clock_hz / 1e6:g} MHz: a bit would have "
            f"{clock_hz / baud:.2f} cycles"
        )
    return cycles


class Receiver(wiring.Component):
    """Takes bytes from a line.

    A byte whose stop bit is low is dropped. Nothing can hold up a line, so there is no ``ready``.

    Throughput: a byte every 9.5 bits.
    Latency: from the middle of the stop bit to ``valid``, 3 cycles.

    Parameters
    ----------
    cycles : int
        Clock cycles of a bit, at least 8.

    Members
    -------
    rx : In(1)
        The line; asynchronous.
    data : Out(8)
        A byte that has come, while ``valid``.
    valid : Out(1)
        Up for one cycle.
    """

    def __init__(self, cycles: int):
        self.cycles = cycles
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self.cycles))
        sample = Signal()
        m.d.comb += sample.eq(timer == 0)
        m.d.sync += [self.valid.eq(0), timer.eq(timer - 1)]
        with m.If(sample):
            m.d.sync += timer.eq(self.cycles - 1)

        # A one goes round ahead of the data and says when the byte is whole.
        bits = Signal(9)
        with m.FSM():
            with m.State("Wait"), m.If(~line):
                m.d.sync += timer.eq(self.cycles // 2 - 1)
                m.next = "Check the start bit"
            with m.State("Check the start bit"), m.If(sample):
                m.d.sync += bits.eq(1 << 8)
                with m.If(line):
                    m.next = "Wait"
                with m.Else():
                    m.next = "Take bits"
            with m.State("Take bits"), m.If(sample):
                m.d.sync += bits.eq(Cat(bits[1:], line))
                with m.If(bits[1]):
                    m.next = "Check the stop bit"
            with m.State("Check the stop bit"), m.If(sample):
                m.d.sync += [self.valid.eq(line), self.data.eq(bits[1:])]
                m.next = "Wait"
                with m.If(~line):
                    m.next = "Wait for the line"
            # After a break, or half a byte, the line is low without a start bit.
            with m.State("Wait for the line"), m.If(line):
                m.next = "Wait"
        return m


class Transmitter(wiring.Component):
    """Sends bytes on a line.

    Throughput: a byte every 10 bits.
    Latency: taken in cycle t, its start bit begins in t + 1.

    Parameters
    ----------
    cycles : int
        Clock cycles of a bit.

    Members
    -------
    i : stream of 8 bits
        What is to be sent.
    tx : Out(1)
        The line.
    """

    def __init__(self, cycles: int):
        self.cycles = cycles
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.cycles))
        # The bits that are still to be sent, the stop bit highest, below a one that marks the end.
        bits = Signal(10, init=1)
        idle = Signal()
        m.d.comb += [idle.eq(bits == 1), self.i.ready.eq(idle & (timer == 0))]
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(~idle):
            m.d.sync += [
                self.tx.eq(bits[0]),
                bits.eq(bits >> 1),
                timer.eq(self.cycles - 1),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += [
                self.tx.eq(0),
                bits.eq(Cat(self.i.payload, Const(0b11, 2))),
                timer.eq(self.cycles - 1),
            ]
        return m
