"""A machine small enough to be obviously right, with bugs on request."""

import functools

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from sim.rtl import MemoryModel, RtlSimulator

SIZE = 1 << 18


class Copier(wiring.Component):
    """Copies ``bursts`` bursts of ``beats`` beats.

    Registers: 0x0 source, 0x4 target, 0x8 bursts (writing it starts), 0xC beats less one,
    0x10 error responses seen, of writes in the upper half; writing it clears the interrupt;
    0x14 bugs, one bit for each of ``BUGS``. Others answer SLVERR.
    """

    BUGS = (
        "drops valid",
        "drops bvalid",
        "narrow beats",
        "fixed bursts",
        "early last",
        "changing data",
        "changing address",
        "never answers reads",
    )

    def __init__(self, data_width=64):
        self.data_width = data_width
        super().__init__(
            {
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(32, data_width)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.registers = [Signal(32, name=f"register_{n}") for n in range(6)]
        self.bugs = {name: self.registers[5][bit] for bit, name in enumerate(self.BUGS)}
        self.flip, self.start = Signal(), Signal()
        m.d.sync += self.flip.eq(~self.flip)
        self.elaborate_registers(m)
        self.elaborate_addresses(m)
        self.elaborate_reads(m)
        self.elaborate_writes(m)
        return m

    def elaborate_registers(self, m):
        s = self.s_axi
        m.d.comb += [
            s.awready.eq(s.awvalid & s.wvalid & ~s.bvalid),
            s.wready.eq(s.awready),
            s.arready.eq(~s.rvalid & ~self.bugs["never answers reads"]),
        ]
        with m.If(s.bready | self.bugs["drops bvalid"]):
            m.d.sync += s.bvalid.eq(0)
        with m.If(s.rready):
            m.d.sync += s.rvalid.eq(0)
        with m.If(s.awready):
            m.d.sync += [s.bvalid.eq(1), s.bresp.eq(Mux(s.awaddr > 0x14, 2, 0))]
            with m.Switch(s.awaddr[2:]):
                for index, register in enumerate(self.registers):
                    with m.Case(index):
                        m.d.sync += register.eq(s.wdata)
            with m.If(s.awaddr == 0x10):
                m.d.sync += self.interrupt.eq(0)
            m.d.comb += self.start.eq(s.awaddr == 0x8)
        with m.If(s.arvalid & s.arready):
            m.d.sync += [s.rvalid.eq(1), s.rresp.eq(Mux(s.araddr > 0x14, 2, 0))]
            with m.Switch(s.araddr[2:]):
                for index, register in enumerate(self.registers):
                    with m.Case(index):
                        m.d.sync += s.rdata.eq(register)

    def elaborate_addresses(self, m):
        size = (self.data_width // 8).bit_length() - 1
        for channel, addr in zip(("ar", "aw"), self.registers, strict=False):
            port = {
                name: getattr(self.m_axi, channel + name)
                for name in ("addr", "len", "size", "burst", "valid", "ready")
            }
            left = Signal(32, name=f"left_{channel}")
            m.d.comb += [
                port["addr"].eq(addr ^ (self.bugs["changing address"] & self.flip) << 12),
                port["len"].eq(self.registers[3]),
                port["size"].eq(size - self.bugs["narrow beats"]),
                port["burst"].eq(~self.bugs["fixed bursts"]),
            ]
            with m.If(port["valid"] & port["ready"]):
                m.d.sync += [
                    addr.eq(addr + ((self.registers[3] + 1) << size)),
                    left.eq(left - 1),
                    port["valid"].eq(0),
                ]
            with m.Elif(left != 0):
                m.d.sync += port["valid"].eq(~(port["valid"] & self.bugs["drops valid"]))
            with m.If(self.start):
                m.d.sync += left.eq(self.s_axi.wdata)

    def elaborate_reads(self, m):
        axi, errors = self.m_axi, self.registers[4]
        m.submodules.data = data = fifo.SyncFIFOBuffered(width=self.data_width, depth=16)
        m.d.comb += [
            data.w_data.eq(axi.rdata),
            data.w_en.eq(axi.rvalid),
            axi.rready.eq(data.w_rdy),
            axi.wdata.eq(data.r_data ^ (self.bugs["changing data"] & self.flip)),
            axi.wstrb.eq(-1),
            axi.wvalid.eq(data.r_rdy),
            data.r_en.eq(axi.wready),
        ]
        with m.If(axi.rvalid & axi.rready & (axi.rresp != 0)):
            m.d.sync += errors[:16].eq(errors[:16] + 1)

    def elaborate_writes(self, m):
        axi, beat, left = self.m_axi, Signal(8), Signal(32)
        last = Mux(self.bugs["early last"], 1, self.registers[3])
        m.d.comb += [axi.wlast.eq(beat == last), axi.bready.eq(1)]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += beat.eq(Mux(beat == self.registers[3], 0, beat + 1))
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += left.eq(left - 1)
            with m.If(axi.bresp != 0):
                m.d.sync += self.registers[4][16:].eq(self.registers[4][16:] + 1)
            with m.If(left == 1):
                m.d.sync += self.interrupt.eq(1)
        with m.If(self.start):
            m.d.sync += left.eq(self.s_axi.wdata)


class Bench:
    """A compiled ``Copier``."""

    def __init__(self, data_width):
        self.bus_bytes = data_width // 8
        self.bug = Copier.BUGS.index
        self.simulator = RtlSimulator(Copier(data_width), size=SIZE, name="copier")

    def start(self, memory=None, *, source=0, target=SIZE // 2, bursts=32, beats=8, bugs=()):
        """Fill the memory, start a copy; what should arrive."""
        simulator = self.simulator
        simulator.restart(memory or MemoryModel())
        data = np.random.default_rng(1).integers(0, 256, SIZE // 2, dtype=np.uint8)
        simulator.write_memory(0, data)
        mask = sum(1 << self.bug(bug) for bug in bugs)
        for addr, value in ((0x14, mask), (0, source), (4, target), (0xC, beats - 1), (8, bursts)):
            simulator.write_register(addr, value)
        return data[source : source + bursts * beats * self.bus_bytes]

    def run(self, memory=None, timeout=100_000, **settings):
        """Copy; True when what arrived is right."""
        expected = self.start(memory, **settings)
        assert self.simulator.wait_interrupt(timeout)
        target = settings.get("target", SIZE // 2)
        return np.array_equal(self.simulator.read_memory(target, expected.size), expected)


@pytest.fixture(scope="session")
def copier():
    """A compiled ``Copier`` of a data width, compiled once."""
    return functools.cache(Bench)


@pytest.fixture(scope="session")
def copier_component():
    """The component itself."""
    return Copier
