"""A machine beside the processor of a Zynq-7000."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
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
        With members ``machine_reset``, ``s_axi``, ``m_axi`` (64 bits of data) and ``interrupt``.
    burst_beats : int
        Beats of its longest burst, at most 16.

    Members
    -------
    gp0 : Axi3Signature
        The registers, for M_AXI_GP0.
    hp0 : Axi3Signature
        DRAM, on S_AXI_HP0.
    machine_reset : In(1)
        Resets the machine alone, as DRAM goes on.
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
                "machine_reset": In(1),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.machine = machine = self.machine
        port = GpPort()
        m.submodules.registers = ResetInserter(self.machine_reset)(port)
        wiring.connect(m, wiring.flipped(self.gp0), port.gp)
        wiring.connect(m, port.registers, machine.s_axi)
        connect_to_axi3(m, machine.m_axi, self.hp0, port.base)
        m.d.comb += [
            machine.machine_reset.eq(self.machine_reset),
            self.interrupt.eq(machine.interrupt),
        ]
        return m


class ZynqTop(wiring.Component):
    """The whole programmable logic: the processor's ports and the system, in its clock.

    The processor's reset of the logic does not reach its DRAM, so it resets the machine alone; what
    the bus masters know begins with the bitstream.
    """

    def __init__(self, system: ZynqSystem):
        self.system = system
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain("sync", reset_less=True)
        m.submodules.processor = processor = Ps7()
        m.submodules.system = system = self.system
        m.submodules.reset = FFSynchronizer(~processor.resetn, system.machine_reset, init=1)
        m.d.comb += [
            ClockSignal("sync").eq(processor.clk),
            processor.interrupt.eq(system.interrupt),
        ]
        wiring.connect(m, processor.gp0, system.gp0)
        wiring.connect(m, system.hp0, processor.hp0)
        return m
