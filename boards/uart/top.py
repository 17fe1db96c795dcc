"""A board whose host is a computer on a serial line: clock, pins and the system."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.io import Buffer
from amaranth.lib.wiring import In, Out

from boards.board import Board
from boards.memory import BlockMemory, BlockStorage
from boards.uart.serial import cycles_per_bit
from boards.uart.system import UartSystem
from hw.axi.lite import LiteSlave
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from hw.config import Config

__all__ = ["NoMachine", "UartTop", "block_memory", "uart_system"]

_BARE_BUS = 64
"""Bits of the memory of a board without a machine."""


class NoMachine(wiring.Component):
    """Stands where a machine would: every register reads zero, the memory is left alone.

    With it a board answers on its line, so cable, adapter and memory can be tried.
    """

    def __init__(self):
        super().__init__(
            {
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(32, _BARE_BUS)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = LiteSlave()
        wiring.connect(m, wiring.flipped(self.s_axi), slave.axi)
        return m


def block_memory(board: Board, width: int, storage=BlockStorage) -> BlockMemory:
    """Memory of ``board`` in words of ``width`` bits; ``storage`` is called with words and bits."""
    return BlockMemory(storage(board.memory_kib * 1024 * 8 // width, width))


def uart_system(board: Board, config: Config | None, memory=block_memory) -> UartSystem:
    """The system of ``board``; without a configuration, without a machine.

    ``memory`` is called with the board and the bits of the machine's bus.
    """
    machine = NoMachine() if config is None else board.machine(config)
    cycles = cycles_per_bit(board.clock_mhz * 1e6, board.baud)
    return UartSystem(machine, memory(board, len(machine.m_axi.wdata)), cycles)


class UartTop(wiring.Component):
    """Pins of a board around a system.

    Parameters
    ----------
    system : UartSystem
        What is on the board.
    clock : wiring.Component
        Makes the domain ``sync``.
    light : tuple of (str, int) and str or None
        The resource of a light that is on while the interrupt is high, and its member.
    """

    def __init__(self, system, clock, light=None):
        self.system = system
        self.clock = clock
        self.light = light
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = self.clock.domain
        m.submodules.clock = self.clock
        m.submodules.system = system = self.system
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = Buffer("i", uart.rx)
        m.submodules.tx = tx = Buffer("o", uart.tx)
        sent = Signal(init=1)
        m.d.sync += sent.eq(system.tx)
        m.d.comb += [system.rx.eq(rx.i), tx.o.eq(sent)]
        if self.light is not None:
            (name, number), member = self.light
            light = platform.request(name, number, dir="-")
            m.submodules.light = lamp = Buffer("o", getattr(light, member) if member else light)
            m.d.comb += lamp.o.eq(system.interrupt)
        return m
