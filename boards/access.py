"""One access after another on an AXI4-Lite bus."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4LiteSignature

__all__ = ["Access"]


class Access(wiring.Component):
    """Makes reads and writes of one AXI4-Lite slave, one at a time.

    Latency: ``start`` in cycle t, the request on the bus in t + 1, ``done`` the cycle after its
    answer.

    Parameters
    ----------
    addr_width : int
        Bits of a byte address.

    Members
    -------
    axi : Axi4LiteSignature
        The bus.
    start : In(1)
        Make an access; up for one cycle, only after the one before is ``done``.
    write : In(1)
        With ``start``: a write.
    addr, data : In
        With ``start``: the byte address; what is written.
    done : Out(1)
        Up for one cycle.
    error : Out(1)
        With ``done``: the answer was an error.
    read_data : Out(32)
        With ``done``: what was read.
    """

    def __init__(self, addr_width: int):
        super().__init__(
            {
                "axi": Out(Axi4LiteSignature(addr_width)),
                "start": In(1),
                "write": In(1),
                "addr": In(addr_width),
                "data": In(32),
                "done": Out(1),
                "error": Out(1),
                "read_data": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi = self.axi
        addr = Signal.like(self.addr)
        m.d.comb += [axi.awaddr.eq(addr), axi.araddr.eq(addr), axi.wstrb.eq(0b1111)]
        m.d.sync += self.done.eq(0)
        for valid, ready in (
            (axi.awvalid, axi.awready),
            (axi.wvalid, axi.wready),
            (axi.arvalid, axi.arready),
        ):
            with m.If(ready):
                m.d.sync += valid.eq(0)
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += [axi.bready.eq(0), self.done.eq(1), self.error.eq(axi.bresp[1])]
        with m.If(axi.rvalid & axi.rready):
            m.d.sync += [axi.rready.eq(0), self.done.eq(1), self.error.eq(axi.rresp[1])]
            m.d.sync += self.read_data.eq(axi.rdata)
        with m.If(self.start):
            m.d.sync += [
                addr.eq(self.addr),
                axi.wdata.eq(self.data),
                axi.awvalid.eq(self.write),
                axi.wvalid.eq(self.write),
                axi.bready.eq(self.write),
                axi.arvalid.eq(~self.write),
                axi.rready.eq(~self.write),
            ]
        return m
