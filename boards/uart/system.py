"""A machine whose host sits at the other end of a serial line."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.uart.bridge import Bridge
from boards.uart.protocol import PAYLOAD_WORDS

__all__ = ["UartSystem"]


class UartSystem(wiring.Component):
    """Bridge, memory and machine, wired; everything of a board but its clock and its pins.

    Parameters
    ----------
    machine : wiring.Component
        With members ``s_axi``, ``m_axi`` and ``interrupt``.
    memory : wiring.Component
        As wide as the machine's bus, with members ``axi`` and ``host``, its ``bytes``, and
        ``flags`` where ``flag_bits`` says so.
    cycles : int
        Clock cycles of a bit on the line.
    payload_words : int
        Most words of data in a frame.

    Members
    -------
    rx, tx : In(1), Out(1)
        The line, seen from the board.
    interrupt : Out(1)
        The machine's.
    """

    def __init__(self, machine, memory, cycles: int, payload_words: int = PAYLOAD_WORDS):
        self.machine = machine
        self.memory = memory
        self.cycles = cycles
        self.payload_words = payload_words
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "interrupt": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.machine = machine = self.machine
        m.submodules.memory = memory = self.memory
        m.submodules.bridge = bridge = Bridge(
            self.cycles,
            memory_bytes=memory.bytes,
            memory_flags=memory.flag_bits,
            payload_words=self.payload_words,
        )
        wiring.connect(m, bridge.registers, machine.s_axi)
        wiring.connect(m, bridge.memory, memory.host)
        wiring.connect(m, machine.m_axi, memory.axi)
        m.d.comb += [
            bridge.rx.eq(self.rx),
            self.tx.eq(bridge.tx),
            bridge.interrupt.eq(machine.interrupt),
            self.interrupt.eq(machine.interrupt),
        ]
        if memory.flag_bits:
            m.d.comb += bridge.memory_flags.eq(memory.flags)
        return m
