"""A machine beside the processor of a Zynq-7000."""

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from boards.zynq.axi3 import LONGEST_BURST, Axi3Signature, connect_to_axi3
from boards.zynq.gp import GP_ID_WIDTH, GpPort
from boards.zynq.ps7 import HP_ID_WIDTH, Ps7

__all__ = ["ZynqSystem", "ZynqTop"]


class ZynqSystem(wiring.Component):
    """The machine between the two ports of the processor; everything but the processor.

    Parameters
    ----------
    machine : wiring.Component
        With members ``s_axi``, ``m_axi`` (64 bits of data) and ``interrupt``.
    burst_beats : int
        Beats of its longest burst, at most 16.

    Members
    -------
    gp0 : Axi3Signature
        The registers, for M_AXI_GP0.
    hp0 : Axi3Signature
        DRAM, on S_AXI_HP0.
    interrupt : Out(1)
        The machine's.
    """

    def __init__(self, machine, burst_beats: int):
        if burst_beats > LONGEST_BURST:
            raise ValueError(
                f"burst_beats must be at most the {LONGEST_BURST} beats of an AXI3 burst, "
                f"not {burst_beats}"
            )
        if len(machine.m_axi.wdata) != 64:
            raise ValueError(
                f"bus_width must be the 64 bits of S_AXI_HP0, not {len(machine.m_axi.wdata)}"
            )
        self.machine = machine
        super().__init__(
            {
                "gp0": In(Axi3Signature(32, 32, GP_ID_WIDTH)),
                "hp0": Out(Axi3Signature(32, 64, HP_ID_WIDTH)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.machine = machine = self.machine
        m.submodules.registers = port = GpPort()
        wiring.connect(m, wiring.flipped(self.gp0), port.gp)
        wiring.connect(m, port.registers, machine.s_axi)
        connect_to_axi3(m, machine.m_axi, self.hp0, port.base)
        m.d.comb += self.interrupt.eq(machine.interrupt)
        return m


class ZynqTop(wiring.Component):
    """The whole programmable logic: the processor's ports and the system, in its clock."""

    def __init__(self, system: ZynqSystem):
        self.system = system
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.submodules.processor = processor = Ps7()
        m.submodules.reset = ResetSynchronizer(~processor.resetn, domain="sync")
        m.submodules.system = system = self.system
        m.d.comb += [
            ClockSignal("sync").eq(processor.clk),
            processor.interrupt.eq(system.interrupt),
        ]
        wiring.connect(m, processor.gp0, system.gp0)
        wiring.connect(m, system.hp0, processor.hp0)
        return m
