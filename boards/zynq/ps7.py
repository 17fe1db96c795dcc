"""The processor of a Zynq-7000, as its programmable logic sees it."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.zynq.axi3 import Axi3Signature
from boards.zynq.gp import GP_ID_WIDTH

__all__ = ["HP_ID_WIDTH", "Ps7"]

HP_ID_WIDTH = 6
"""Bits of an identifier on S_AXI_HP0."""

_INTERRUPTS = 20
"""Bits of IRQF2P; bit 0 is interrupt 61 of the processor."""


def _ports(prefix: str, port) -> dict:
    """Arguments of the instance for an AXI port, whose members flow as the primitive's pins do."""
    arguments = {}
    for name, member in port.signature.members.items():
        kind = "o" if member.flow == Out else "i"
        arguments[f"{kind}_{prefix}{name.upper()}"] = getattr(port, name)
    return arguments


class Ps7(wiring.Component):
    """The primitive PS7: a clock, a reset, registers' master, DRAM, an interrupt.

    Pins of DRAM and of the processor's peripherals are fixed and need no wire here; what they do
    is set by the first-stage boot loader, not by the bitstream.

    Members
    -------
    gp0 : Axi3Signature
        M_AXI_GP0: what the processor reads and writes at 0x40000000.
    hp0 : Axi3Signature
        S_AXI_HP0: DRAM, 64 bits wide.
    interrupt : In(1)
        Interrupt 61.
    clk : Out(1)
        FCLK_CLK0.
    resetn : Out(1)
        FCLK_RESET0_N; asynchronous.

    References
    ----------
    UG585, Zynq-7000 SoC Technical Reference Manual: chapter 2 (signals), chapter 7 (interrupts).
    UG953, Vivado 7 series libraries guide: PS7.
    """

    def __init__(self):
        super().__init__(
            {
                "gp0": Out(Axi3Signature(32, 32, GP_ID_WIDTH)),
                "hp0": In(Axi3Signature(32, 64, HP_ID_WIDTH)),
                "interrupt": In(1),
                "clk": Out(1),
                "resetn": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        clocks, resets = Signal(4), Signal(4)
        m.submodules.ps7 = Instance(
            "PS7",
            o_FCLKCLK=clocks,
            o_FCLKRESETN=resets,
            i_FCLKCLKTRIGN=Const(0, 4),
            i_FPGAIDLEN=Const(1, 1),
            i_IRQF2P=Cat(self.interrupt, Const(0, _INTERRUPTS - 1)),
            i_MAXIGP0ACLK=ClockSignal(),
            i_SAXIHP0ACLK=ClockSignal(),
            i_SAXIHP0RDISSUECAP1EN=Const(0, 1),
            i_SAXIHP0WRISSUECAP1EN=Const(0, 1),
            **_ports("MAXIGP0", self.gp0),
            **_ports("SAXIHP0", self.hp0),
        )
        m.submodules.buffer = Instance("BUFG", i_I=clocks[0], o_O=self.clk)
        m.d.comb += self.resetn.eq(resets[0])
        return m
