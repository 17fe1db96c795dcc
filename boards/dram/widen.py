"""A narrow master on a wide memory."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4Signature

__all__ = ["Widen"]


class Widen(wiring.Component):
    """Leads INCR bursts of whole narrow beats to a wide port as they are: as narrow transfers.

    Nothing is gathered: a beat of the wide port carries one narrow beat, in its place. A memory
    that makes an access a cycle gives a narrow master no less for that. Where the first beat of a
    read burst lies in its word goes with its identifier and comes back with its beats.

    Throughput: a beat a cycle each way.
    Latency: none.

    The master writes a burst only after its address was taken, and one after the other.

    Parameters
    ----------
    narrow, wide : int
        Bits of the data of either port.
    id_width : int
        Bits of the master's identifiers.

    Members
    -------
    i : Axi4Signature
        The master.
    o : Axi4Signature
        The memory; identifiers have ``place_width`` bits more.
    """

    def __init__(self, narrow: int, wide: int, id_width: int):
        if wide % narrow or wide <= narrow:
            raise ValueError(f"wide must be a multiple of the {narrow} bits of narrow, not {wide}")
        self.narrow = narrow
        self.wide = wide
        self.id_width = id_width
        self.place_width = (wide // narrow - 1).bit_length()
        super().__init__(
            {
                "i": In(Axi4Signature(32, narrow, id_width)),
                "o": Out(Axi4Signature(32, wide, id_width + self.place_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        apart = ("wdata", "wstrb", "rdata", "arid")
        for name, member in o.signature.members.items():
            if name not in apart:
                inner, outer = getattr(i, name), getattr(o, name)
                m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
        offset = (self.narrow // 8).bit_length() - 1

        # place of a beat in its word = place of the burst's first beat + beats before it
        passed = Signal(self.place_width)
        with m.If(o.rvalid & o.rready):
            m.d.sync += passed.eq(Mux(o.rlast, 0, passed + 1))
        here = Signal(self.place_width)
        parts = Array(o.rdata.word_select(k, self.narrow) for k in range(self.wide // self.narrow))
        m.d.comb += [
            o.arid.eq(Cat(i.arid, i.araddr[offset : offset + self.place_width])),
            here.eq(o.rid[self.id_width :] + passed),
            i.rdata.eq(parts[here]),
        ]

        place = Signal(self.place_width)
        with m.If(o.awvalid & o.awready):
            m.d.sync += place.eq(i.awaddr[offset:])
        with m.Elif(o.wvalid & o.wready):
            m.d.sync += place.eq(place + 1)
        m.d.comb += o.wdata.eq(i.wdata.replicate(self.wide // self.narrow))
        for k in range(self.wide // self.narrow):
            own = o.wstrb.word_select(k, self.narrow // 8)
            m.d.comb += own.eq(Mux(place == k, i.wstrb, 0))
        return m
