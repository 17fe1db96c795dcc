"""The logic of a Zynq-7000 board with a stand-in for its processor, for the RTL simulator."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.zynq.gp import BASE_REGISTER
from boards.zynq.system import ZynqSystem
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature

__all__ = ["DRAM_BASE", "ProcessorStandIn"]

DRAM_BASE = 0x1000_0000
"""Where the buffer lies in the stand-in's DRAM."""

_SLAVE_ERROR = 2


class ProcessorStandIn(wiring.Component):
    """A Zynq system between standard ports, as ``RtlSimulator`` drives them.

    Register accesses become AXI3 bursts of one beat with a changing identifier, whose answers must
    carry it; the first thing that is written is the register ``base``. DRAM begins at
    ``DRAM_BASE``: what the system asks for there is passed on, and a burst anywhere else, or
    written data whose identifier is not its address's, ends in an error response.

    Parameters
    ----------
    system : ZynqSystem
        The programmable logic.

    Members
    -------
    s_axi : Axi4LiteSignature
        The machine's registers.
    m_axi : Axi4Signature
        DRAM, counted from the buffer's first byte.
    machine_reset : In(1)
        The processor resets the logic, and not its DRAM.
    interrupt : Out(1)
        The machine's.
    """

    def __init__(self, system: ZynqSystem):
        self.system = system
        super().__init__(
            {
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(32, 64)),
                "machine_reset": In(1),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.system = system = self.system
        m.d.comb += [
            system.machine_reset.eq(self.machine_reset),
            self.interrupt.eq(system.interrupt),
        ]
        self._processor(m, system.gp0)
        self._dram(m, system.hp0)
        return m

    def _processor(self, m, gp):
        """M_AXI_GP0: the base first, then what the bench asks for."""
        lite, number, ready = self.s_axi, Signal(12, init=0xA5), Signal()
        base = Const(DRAM_BASE, 32)
        with m.If((gp.rvalid & gp.rready) | (gp.bvalid & gp.bready)):
            m.d.sync += number.eq(number + 0x123)
        m.d.comb += [gp.awid.eq(number), gp.arid.eq(number), gp.wid.eq(number)]
        m.d.comb += [gp.awsize.eq(2), gp.arsize.eq(2), gp.awburst.eq(1), gp.arburst.eq(1)]
        m.d.comb += [gp.wlast.eq(1), gp.araddr.eq(lite.araddr)]
        asked, written = Signal(), Signal()
        with m.If(~ready):
            # The bench waits for its first register access as long as this takes.
            m.d.comb += [
                gp.awaddr.eq(BASE_REGISTER),
                gp.awvalid.eq(~asked),
                gp.wdata.eq(base),
                gp.wstrb.eq(0b1111),
                gp.wvalid.eq(~written),
                gp.bready.eq(1),
            ]
            with m.If(gp.awready):
                m.d.sync += asked.eq(1)
            with m.If(gp.wready):
                m.d.sync += written.eq(1)
            with m.If(gp.bvalid):
                m.d.sync += ready.eq(1)
        with m.Else():
            m.d.comb += gp.awaddr.eq(lite.awaddr)
            for name in ("awvalid", "wvalid", "wdata", "wstrb", "bready", "arvalid", "rready"):
                m.d.comb += getattr(gp, name).eq(getattr(lite, name))
            for name in ("awready", "wready", "bvalid", "arready", "rvalid", "rdata"):
                m.d.comb += getattr(lite, name).eq(getattr(gp, name))
            wrong_read = (gp.rid != number) | ~gp.rlast
            m.d.comb += lite.rresp.eq(Mux(wrong_read, _SLAVE_ERROR, gp.rresp))
            m.d.comb += lite.bresp.eq(Mux(gp.bid != number, _SLAVE_ERROR, gp.bresp))

    def _dram(self, m, hp):
        """S_AXI_HP0: AXI3 to the bench's AXI4, with the buffer's place taken off."""
        axi = self.m_axi
        for prefix in ("aw", "ar"):
            for name in ("len", "size", "burst", "lock", "cache", "prot", "qos", "valid"):
                m.d.comb += getattr(axi, prefix + name).eq(getattr(hp, prefix + name))
            addr = getattr(hp, f"{prefix}addr") - DRAM_BASE
            m.d.comb += [
                getattr(axi, f"{prefix}addr").eq(addr),
                getattr(axi, f"{prefix}id").eq(getattr(hp, f"{prefix}id")),
                getattr(hp, f"{prefix}ready").eq(getattr(axi, f"{prefix}ready")),
            ]
        wrong = Signal()
        with m.If(hp.wvalid & hp.awvalid & (hp.wid != hp.awid)):
            m.d.sync += wrong.eq(1)
        for name in ("wdata", "wstrb", "wlast", "wvalid", "bready", "rready"):
            m.d.comb += getattr(axi, name).eq(getattr(hp, name))
        for name in ("wready", "bid", "bvalid", "rid", "rdata", "rresp", "rlast", "rvalid"):
            m.d.comb += getattr(hp, name).eq(getattr(axi, name))
        m.d.comb += hp.bresp.eq(Mux(wrong, _SLAVE_ERROR, axi.bresp))
