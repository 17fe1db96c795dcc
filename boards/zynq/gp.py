"""From a general-purpose master port of a Zynq-7000 to registers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.access import Access
from boards.zynq.axi3 import Axi3Signature
from hw.axi.signatures import Axi4LiteSignature

__all__ = ["BASE_REGISTER", "GP_ID_WIDTH", "GpPort"]

GP_ID_WIDTH = 12
"""Bits of an identifier on M_AXI_GP0."""

BASE_REGISTER = 0x1000
"""Byte address, behind the machine's registers, of the one that says where its memory begins."""

_SLAVE_ERROR = 2


class GpPort(wiring.Component):
    """Turns the bursts of a processor into accesses of registers, one at a time.

    A burst counts up by words. A write of less than a whole word is not made and answered with an
    error. Address bit 12 leads to the register ``base``; those above it are ignored.

    Throughput: a beat every 8 cycles.
    Latency: ``arvalid`` in cycle t, ``rvalid`` in t + 8.

    Members
    -------
    gp : Axi3Signature
        M_AXI_GP0.
    registers : Axi4LiteSignature
        The machine's registers.
    base : Out(32)
        Where the machine's address 0 is in DRAM; a multiple of 4 KiB. No reset changes it: bursts
        of before the reset still need it.
    """

    def __init__(self):
        super().__init__(
            {
                "gp": In(Axi3Signature(32, 32, GP_ID_WIDTH)),
                "registers": Out(Axi4LiteSignature()),
                "base": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.access = access = Access(12)
        wiring.connect(m, access.axi, wiring.flipped(self.registers))
        gp, writing, failed = self.gp, Signal(), Signal()
        page = Signal(20, reset_less=True)
        addr, left = Signal(13), Signal(4)
        here, last, whole = addr[12], Signal(), Signal()
        m.d.comb += [
            last.eq(left == 0),
            access.write.eq(writing),
            access.addr.eq(addr[:12]),
            access.data.eq(gp.wdata),
            gp.bid.eq(gp.rid),
            gp.rlast.eq(last),
            whole.eq(gp.wstrb.all()),
            self.base[12:].eq(page),
        ]
        with m.FSM():
            with m.State("Wait"):
                m.d.comb += [gp.arready.eq(1), gp.awready.eq(~gp.arvalid)]
                m.d.sync += [writing.eq(~gp.arvalid), failed.eq(0)]
                m.d.sync += [
                    gp.rid.eq(Mux(gp.arvalid, gp.arid, gp.awid)),
                    addr.eq(Mux(gp.arvalid, gp.araddr, gp.awaddr)),
                    left.eq(Mux(gp.arvalid, gp.arlen, gp.awlen)),
                ]
                with m.If(gp.arvalid | gp.awvalid):
                    m.next = "Access"
            with m.State("Access"), m.If(~writing | gp.wvalid):
                m.d.comb += gp.wready.eq(writing)
                m.d.comb += access.start.eq(~here & (~writing | whole))
                m.next = "Finish"
                with m.If(here):
                    m.d.sync += gp.rdata.eq(self.base)
                    with m.If(writing & whole):
                        m.d.sync += page.eq(gp.wdata[12:])
                with m.If(writing & ~whole):
                    m.d.sync += failed.eq(1)
                with m.If(here | (writing & ~whole)):
                    m.next = "Answer"
            with m.State("Finish"), m.If(access.done):
                m.d.sync += [gp.rdata.eq(access.read_data), failed.eq(failed | access.error)]
                m.next = "Answer"
            with m.State("Answer"):
                response = Mux(failed, _SLAVE_ERROR, 0)
                m.d.comb += [gp.rresp.eq(response), gp.bresp.eq(response)]
                m.d.comb += [gp.rvalid.eq(~writing), gp.bvalid.eq(writing & last)]
                with m.If(Mux(writing, ~last | gp.bready, gp.rready)):
                    m.d.sync += [addr.eq(addr + 4), left.eq(left - 1)]
                    m.next = "Access"
                    with m.If(last):
                        m.next = "Wait"
                # Only a burst's writes share an answer.
                with m.If(~writing & gp.rready):
                    m.d.sync += failed.eq(0)
        return m
