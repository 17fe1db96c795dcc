"""Masters for the memories of boards, and ports in place of a machine."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.lite import LiteSlave
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature


class Master:
    """Writes and reads bursts on the AXI port; remembers what came."""

    def __init__(self, dut, bursts, stall=0.0, seed=0):
        self.axi, self.bursts, self.stall = dut.axi, list(bursts), stall
        self.rng = random.Random(seed)
        self.read, self.answers, self.cycles, self.asked = [], [], [], []
        self.beats = None
        self.phase = "next"

    @property
    def done(self):
        """Whether every burst is over."""
        return not self.bursts and self.phase == "next"

    def drive(self, ctx, cycle):
        """Offer the address or the data that is due."""
        axi = self.axi
        if self.phase == "next" and self.bursts:
            self.kind, self.addr, self.beats = self.bursts.pop(0)
            self.phase = "address"
        write = self.phase != "next" and self.kind == "write"
        ctx.set(axi.awvalid, write and self.phase == "address")
        ctx.set(axi.arvalid, self.phase == "address" and not write)
        count = len(self.beats) if write else self.beats
        for prefix in ("aw", "ar"):
            ctx.set(getattr(axi, f"{prefix}addr"), getattr(self, "addr", 0))
            ctx.set(getattr(axi, f"{prefix}len"), max(0, (count or 1) - 1))
            ctx.set(getattr(axi, f"{prefix}size"), (len(axi.wdata) // 8).bit_length() - 1)
            ctx.set(getattr(axi, f"{prefix}burst"), 1)
        data = write and self.phase == "data"
        if data:
            word, strb = self.beats[0]
            ctx.set(axi.wdata, word)
            ctx.set(axi.wstrb, strb)
            ctx.set(axi.wlast, len(self.beats) == 1)
        ctx.set(axi.wvalid, data)
        ctx.set(axi.bready, 1)
        self.ready = self.rng.random() >= self.stall
        ctx.set(axi.rready, self.ready)

    def sample(self, ctx, cycle):
        """See what moved."""
        axi, before = self.axi, self.phase
        if before == "address" and (
            ctx.get(axi.awready) if self.kind == "write" else ctx.get(axi.arready)
        ):
            self.phase = "data"
            self.asked.append(cycle)
        if before == "data" and self.kind == "write" and ctx.get(axi.wready):
            self.beats.pop(0)
            if not self.beats:
                self.phase = "answer"
        if ctx.get(axi.bvalid):
            self.answers.append(ctx.get(axi.bresp))
            self.phase = "next"
        if ctx.get(axi.rvalid) and self.ready:
            self.read.append((ctx.get(axi.rdata), ctx.get(axi.rresp)))
            self.cycles.append(cycle)
            if ctx.get(axi.rlast):
                self.phase = "next"


class Host:
    """Makes accesses on the AXI4-Lite port, one after the other."""

    def __init__(self, dut, accesses):
        self.axi, self.accesses = dut.host, list(accesses)
        self.read, self.answers, self.cycles = [], [], []

    @property
    def done(self):
        """Whether every access is over."""
        return not self.accesses

    def drive(self, ctx, cycle):
        """Offer the access that is due until it is answered."""
        axi = self.axi
        kind, addr, value = self.accesses[0] if self.accesses else ("none", 0, 0)
        taken = getattr(self, "taken", False)
        for name in ("awvalid", "wvalid"):
            ctx.set(getattr(axi, name), kind == "write" and not taken)
        ctx.set(axi.arvalid, kind == "read" and not taken)
        ctx.set(axi.awaddr, addr)
        ctx.set(axi.araddr, addr)
        ctx.set(axi.wdata, value)
        ctx.set(axi.wstrb, 0b1111)
        ctx.set(axi.bready, 1)
        ctx.set(axi.rready, 1)

    def sample(self, ctx, cycle):
        """See what moved."""
        axi = self.axi
        if not self.accesses:
            return
        kind = self.accesses[0][0]
        if ctx.get(axi.arready if kind == "read" else axi.awready):
            self.taken = True
        if ctx.get(axi.bvalid) or ctx.get(axi.rvalid):
            self.answers.append(ctx.get(axi.rresp if kind == "read" else axi.bresp))
            self.cycles.append(cycle)
            if kind == "read":
                self.read.append(ctx.get(axi.rdata))
            self.accesses.pop(0)
            self.taken = False


def draw_bursts(rng, held, count):
    """Bursts on words of 64 bits, and what the reads among them give; ``held`` is what is there."""
    bursts, wanted = [], []
    for _ in range(count):
        beats = rng.randrange(1, 17)
        first = rng.randrange(len(held) - beats)
        if rng.random() < 0.5:
            words = [(rng.getrandbits(64), rng.getrandbits(8)) for _ in range(beats)]
            for k, (word, strb) in enumerate(words):
                mask = sum(0xFF << 8 * b for b in range(8) if strb >> b & 1)
                held[first + k] = held[first + k] & ~mask | word & mask
            bursts.append(("write", 8 * first, words))
        else:
            bursts.append(("read", 8 * first, beats))
            wanted += [(word, 0) for word in held[first : first + beats]]
    return bursts, wanted


@pytest.fixture
def axi_master():
    """The ``Master`` class."""
    return Master


@pytest.fixture
def lite_host():
    """The ``Host`` class."""
    return Host


@pytest.fixture
def random_bursts():
    """The function ``draw_bursts``."""
    return draw_bursts


class Stub(wiring.Component):
    """The ports of a machine, for plans in which its inside does not matter."""

    def __init__(self, config):
        super().__init__(
            {
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(config.addr_width, config.bus_width)),
                "interrupt": Out(1),
                "machine_reset": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = LiteSlave()
        wiring.connect(m, wiring.flipped(self.s_axi), slave.axi)
        seen = Signal(len(self.m_axi.rdata))
        m.d.sync += [seen.eq(self.m_axi.rdata), self.m_axi.wdata.eq(seen)]
        m.d.sync += self.m_axi.araddr.eq(slave.bus.data)
        return m


@pytest.fixture(scope="session")
def stub_machine():
    """The class to stand for an accelerator in plans."""
    return Stub
