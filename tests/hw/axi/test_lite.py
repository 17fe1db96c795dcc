"""AXI4-Lite accesses against a list of registers."""

import random

import pytest
from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.axi.lite import LiteSlave, RegisterBusSignature
from hw.axi.signatures import Axi4LiteSignature

LATE = 5
"""Cycles that the last word is late."""


class Scratch(wiring.Component):
    """A slave with 8 words; addresses from 0x20 on are an error."""

    def __init__(self):
        super().__init__({"axi": In(Axi4LiteSignature())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = LiteSlave()
        wiring.connect(m, wiring.flipped(self.axi), slave.axi)
        m.submodules.words = words = Words()
        wiring.connect(m, slave.bus, words.bus)
        return m


class Words(wiring.Component):
    """Eight words behind the register bus; the last of them is not there at once."""

    def __init__(self):
        super().__init__({"bus": In(RegisterBusSignature())})

    def elaborate(self, platform):
        m = Module()
        words = Array(Signal(32, name=f"word_{k}") for k in range(8))
        bus = self.bus
        outside = bus.addr[5:] != 0
        m.d.sync += bus.error.eq((bus.read | bus.write) & outside)
        found, left = Signal(32), Signal(range(LATE + 1))
        m.d.sync += found.eq(words[bus.addr[2:5]])
        with m.If(bus.read & ~outside & bus.addr[2:5].all()):
            m.d.sync += left.eq(LATE)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        # While it is not there, what is shown is wrong.
        m.d.comb += [bus.wait.eq(left != 0), bus.read_data.eq(Mux(bus.wait, ~found, found))]
        for byte in range(4):
            with m.If(bus.write & ~outside & bus.strb[byte]):
                m.d.sync += words[bus.addr[2:5]].word_select(byte, 8).eq(bus.data[8 * byte :][:8])
        return m


class Channel:
    """Offers payloads on one channel, each until it is taken."""

    def __init__(self, axi, prefix, items, stall, rng):
        self.axi, self.prefix, self.items, self.stall, self.rng = axi, prefix, items, stall, rng
        self.cycles = []
        self.offers = []
        self.offered = False

    @property
    def done(self):
        """Whether all were taken."""
        return len(self.cycles) == len(self.items)

    def drive(self, ctx, cycle):
        """Offer the next."""
        if not self.offered and not self.done and self.rng.random() >= self.stall:
            self.offered = True
            self.offers.append(cycle)
            for name, value in self.items[len(self.cycles)].items():
                ctx.set(getattr(self.axi, name), value)
        ctx.set(getattr(self.axi, f"{self.prefix}valid"), self.offered)

    def sample(self, ctx, cycle):
        """See it taken."""
        if self.offered and ctx.get(getattr(self.axi, f"{self.prefix}ready")):
            self.cycles.append(cycle)
            self.offered = False


class Answers:
    """Takes answers and checks that they stand until taken."""

    def __init__(self, axi, prefix, fields, count, stall, rng):
        self.axi, self.prefix, self.fields, self.count = axi, prefix, fields, count
        self.stall, self.rng = stall, rng
        self.items, self.cycles = [], []
        self.standing = None

    @property
    def done(self):
        """Whether all came."""
        return len(self.items) >= self.count

    def drive(self, ctx, cycle):
        """Be ready or not."""
        self.ready = self.rng.random() >= self.stall
        ctx.set(getattr(self.axi, f"{self.prefix}ready"), self.ready)

    def sample(self, ctx, cycle):
        """Note what moved."""
        valid = ctx.get(getattr(self.axi, f"{self.prefix}valid"))
        now = tuple(ctx.get(getattr(self.axi, name)) for name in self.fields) if valid else None
        assert self.standing is None or now == self.standing
        self.standing = None if self.ready else now
        if valid and self.ready:
            self.items.append(now)
            self.cycles.append(cycle)


def reads(b, axi, addrs, stall=0.0):
    """Read ``addrs``: the request channel and the answers."""
    items = [{"araddr": addr} for addr in addrs]
    asked = b.add(Channel(axi, "ar", items, stall, random.Random(1)))
    return asked, b.add(Answers(axi, "r", ("rdata", "rresp"), len(items), stall, random.Random(2)))


def writes(b, axi, items, stall=0.0):
    """Write (addr, data, strb): both request channels and the answers."""
    addrs = [{"awaddr": addr} for addr, _, _ in items]
    words = [{"wdata": value, "wstrb": strb} for _, value, strb in items]
    aw = b.add(Channel(axi, "aw", addrs, stall, random.Random(3)))
    w = b.add(Channel(axi, "w", words, stall, random.Random(4)))
    return aw, w, b.add(Answers(axi, "b", ("bresp",), len(items), stall, random.Random(5)))


@pytest.mark.parametrize("stall", [0, 0.5])
def test_writes_keep_their_bytes_and_errors_are_slverr(bench, stall):
    rng = random.Random(7)
    items = [(4 * rng.randrange(10), rng.getrandbits(32), rng.getrandbits(4)) for _ in range(40)]
    dut = Scratch()
    b = bench(dut)
    words = [0] * 8
    for addr, value, strb in items:
        for byte in range(4):
            if addr < 0x20 and strb >> byte & 1:
                mask = 255 << 8 * byte
                words[addr // 4] = words[addr // 4] & ~mask | value & mask
    _, _, answers = writes(b, dut.axi, items, stall)
    asked, read = reads(b, dut.axi, [4 * k for k in range(8)] + [0x20, 0xFFC], stall)
    # Reads begin when the writes are done.
    drive = asked.drive
    asked.drive = lambda ctx, cycle: drive(ctx, cycle) if answers.done else None
    b.run()
    assert answers.items == [(2 if addr >= 0x20 else 0,) for addr, _, _ in items]
    assert read.items[:8] == [(word, 0) for word in words]
    assert [resp for _, resp in read.items[8:]] == [2, 2]


def test_an_access_takes_five_cycles(bench):
    dut = Scratch()
    b = bench(dut)
    asked, answers = reads(b, dut.axi, [0] * 4)
    b.run()
    assert asked.offers == [0, 3, 8, 13]
    assert asked.cycles == [2, 7, 12, 17]
    assert answers.cycles == [4, 9, 14, 19]


def test_reads_and_writes_take_turns(bench):
    dut = Scratch()
    b = bench(dut)
    read, _ = reads(b, dut.axi, [0] * 6)
    aw, w, _ = writes(b, dut.axi, [(0, k, 15) for k in range(6)])
    b.run()
    assert aw.cycles == w.cycles
    order = sorted([(c, "w") for c in aw.cycles] + [(c, "r") for c in read.cycles])
    assert [kind for _, kind in order] == ["w", "r"] * 6


def test_a_write_waits_for_both_its_channels(bench):
    dut = Scratch()
    for late in ("aw", "w"):
        b = bench(dut)
        aw, w, answers = writes(b, dut.axi, [(0, 1, 15)])
        channel = {"aw": aw, "w": w}[late]
        channel.drive = lambda ctx, cycle, drive=channel.drive: (
            drive(ctx, cycle) if cycle > 9 else None
        )
        b.run()
        assert aw.cycles == w.cycles == [12]
        assert answers.cycles == [14]
