"""AXI4-Lite as seen by a block of registers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4LiteSignature

__all__ = ["LiteSlave", "RegisterBusSignature"]


class RegisterBusSignature(wiring.Signature):
    """One access at a time to registers, as its master sees it.

    ``read`` or ``write`` is up for one cycle with ``data`` and ``strb``; ``addr`` stands in that
    cycle and the one before, so that it can be decoded ahead. The registers answer with
    ``read_data`` and ``error`` in the first cycle behind it without ``wait``, and only that cycle
    counts.

    Parameters
    ----------
    addr_width, data_width : int
        Bits of a byte address and of a register.
    """

    def __init__(self, addr_width: int = 12, data_width: int = 32):
        super().__init__(
            {
                "addr": Out(addr_width),
                "read": Out(1),
                "write": Out(1),
                "data": Out(data_width),
                "strb": Out(data_width // 8),
                "read_data": In(data_width),
                "error": In(1),
                "wait": In(1),
            }
        )


class LiteSlave(wiring.Component):
    """Turns AXI4-Lite into accesses of registers, one at a time.

    A write is made when its address and its data are both there. Reads and writes that wait
    together take turns. An error of the registers is answered with SLVERR.

    Throughput: one access every 5 cycles, beside those in which the registers let it wait.
    Latency: request up in cycle t, its ``ready`` and the access in t + 2, answer in t + 4, or the
    cycle after the registers answered.

    Parameters
    ----------
    addr_width, data_width : int
        Bits of a byte address and of a register.

    Members
    -------
    axi : flipped Axi4LiteSignature
        The bus.
    bus : RegisterBusSignature
        The registers.
    """

    def __init__(self, addr_width: int = 12, data_width: int = 32):
        super().__init__(
            {
                "axi": In(Axi4LiteSignature(addr_width, data_width)),
                "bus": Out(RegisterBusSignature(addr_width, data_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi, bus = self.axi, self.bus
        # What the access at work is; between accesses, what the last one was.
        writing = Signal()
        may_write = axi.awvalid & axi.wvalid
        write_next = may_write & ~(writing & axi.arvalid)

        with m.FSM():
            with m.State("Wait"), m.If(may_write | axi.arvalid):
                m.d.sync += [
                    writing.eq(write_next),
                    bus.addr.eq(Mux(write_next, axi.awaddr, axi.araddr)),
                    bus.data.eq(axi.wdata),
                    bus.strb.eq(axi.wstrb),
                ]
                m.next = "Show address"
            with m.State("Show address"):
                # Registers: they enable whatever the host can write.
                m.d.sync += [bus.write.eq(writing), bus.read.eq(~writing)]
                m.next = "Access"
            with m.State("Access"):
                m.d.comb += [
                    axi.awready.eq(writing),
                    axi.wready.eq(writing),
                    axi.arready.eq(~writing),
                ]
                m.d.sync += [bus.write.eq(0), bus.read.eq(0)]
                m.next = "Collect"
            with m.State("Collect"), m.If(~bus.wait):
                with m.If(writing):
                    m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(Mux(bus.error, 2, 0))]
                with m.Else():
                    m.d.sync += [axi.rvalid.eq(1), axi.rresp.eq(Mux(bus.error, 2, 0))]
                    m.d.sync += axi.rdata.eq(bus.read_data)
                m.next = "Answer"
            with m.State("Answer"), m.If(Mux(writing, axi.bready, axi.rready)):
                m.d.sync += [axi.bvalid.eq(0), axi.rvalid.eq(0)]
                m.next = "Wait"
        return m
