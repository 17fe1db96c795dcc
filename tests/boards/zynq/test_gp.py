import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.zynq.axi3 import Axi3Signature
from boards.zynq.gp import BASE_REGISTER, GpPort
from hw.axi.lite import LiteSlave


class Words(wiring.Component):
    """A GpPort in front of 64 registers; one at 0x800 and above answers with an error."""

    def __init__(self):
        super().__init__({"gp": In(Axi3Signature(32, 32, 12)), "base": Out(32)})

    def elaborate(self, platform):
        from amaranth.lib.memory import Memory

        m = Module()
        m.submodules.port = port = GpPort()
        m.submodules.slave = slave = LiteSlave()
        m.submodules.words = words = Memory(shape=32, depth=64, init=[])
        read, write = words.read_port(), words.write_port()
        wiring.connect(m, wiring.flipped(self.gp), port.gp)
        wiring.connect(m, port.registers, slave.axi)
        bus = slave.bus
        m.d.comb += [
            self.base.eq(port.base),
            read.addr.eq(bus.addr >> 2),
            write.addr.eq(bus.addr >> 2),
            write.data.eq(bus.data),
            write.en.eq(bus.write),
            bus.read_data.eq(read.data),
        ]
        m.d.sync += bus.error.eq(bus.addr[11])
        return m


class Processor:
    """Makes bursts on M_AXI_GP0, data with or before the address; remembers the answers."""

    def __init__(self, dut, bursts, stall=0.0):
        self.gp, self.bursts, self.stall = dut.gp, list(bursts), stall
        self.rng = random.Random(3)
        self.read, self.answers, self.cycles = [], [], []
        self.now = None

    @property
    def done(self):
        """Whether every burst is over."""
        return not self.bursts and self.now is None

    def drive(self, ctx, cycle):
        """Offer what is due."""
        gp = self.gp
        if self.now is None and self.bursts:
            self.now, self.asked = self.bursts.pop(0), False
            self.sent = 0
        kind, number, addr, data = self.now or ("none", 0, 0, [])
        for prefix, mine in (("aw", kind == "write"), ("ar", kind == "read")):
            ctx.set(getattr(gp, f"{prefix}valid"), mine and not self.asked)
            ctx.set(getattr(gp, f"{prefix}addr"), addr)
            ctx.set(getattr(gp, f"{prefix}id"), number)
            ctx.set(getattr(gp, f"{prefix}len"), max(0, len(data) - 1))
        sending = kind == "write" and self.sent < len(data)
        ctx.set(gp.wvalid, sending)
        if sending:
            value, strb = data[self.sent]
            ctx.set(gp.wdata, value)
            ctx.set(gp.wstrb, strb)
            ctx.set(gp.wlast, self.sent == len(data) - 1)
        self.ready = self.rng.random() >= self.stall
        ctx.set(gp.rready, self.ready)
        ctx.set(gp.bready, self.ready)

    def sample(self, ctx, cycle):
        """See what moved."""
        gp = self.gp
        if self.now is None:
            return
        kind = self.now[0]
        if ctx.get(gp.arready if kind == "read" else gp.awready) and not self.asked:
            self.asked = True
            self.cycles.append(cycle)
        if ctx.get(gp.wready) and ctx.get(gp.wvalid):
            self.sent += 1
        if ctx.get(gp.rvalid) and self.ready:
            self.read.append((ctx.get(gp.rid), ctx.get(gp.rdata), ctx.get(gp.rresp)))
            self.cycles.append(cycle)
            if ctx.get(gp.rlast):
                self.now = None
        if ctx.get(gp.bvalid) and self.ready:
            self.answers.append((ctx.get(gp.bid), ctx.get(gp.bresp)))
            self.now = None


def whole(*values):
    return [(value, 0b1111) for value in values]


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_bursts_count_up_by_words_and_keep_their_identifier(bench, stall):
    dut = Words()
    b = bench(dut)
    bursts = [
        ("write", 0xABC, 0x10, whole(*range(100, 116))),
        ("read", 0x123, 0x20, [None] * 3),
        ("write", 0x001, 0x4000_0020, whole(7)),
        ("read", 0xFFF, 0x4000_0010, [None] * 6),
    ]
    processor = b.add(Processor(dut, bursts, stall))
    b.run()
    assert processor.answers == [(0xABC, 0), (0x001, 0)]
    first = [(0x123, value, 0) for value in (104, 105, 106)]
    second = [(0xFFF, value, 0) for value in (100, 101, 102, 103, 7, 105)]
    assert processor.read == first + second


def test_a_read_takes_eight_cycles(bench):
    dut = Words()
    b = bench(dut)
    processor = b.add(Processor(dut, [("read", 1, 0, [None] * 3)]))
    b.run()
    first = processor.cycles[0]
    assert processor.cycles[1:] == [first + 8, first + 16, first + 24]


def test_errors_come_back_for_the_beat_that_had_them(bench):
    dut = Words()
    b = bench(dut)
    bursts = [("read", 1, 0x7F8, [None] * 3), ("write", 2, 0x800, whole(1)), ("read", 3, 0, [None])]
    processor = b.add(Processor(dut, bursts))
    b.run()
    assert [answer for _, _, answer in processor.read] == [0, 0, 2, 0]
    assert processor.answers == [(2, 2)]


def test_half_a_word_is_not_written(bench):
    dut = Words()
    b = bench(dut)
    bursts = [
        ("write", 1, 0x10, whole(0x1111)),
        ("write", 2, 0x10, [(0x2222, 0b0011)]),
        ("read", 3, 0x10, [None]),
    ]
    processor = b.add(Processor(dut, bursts))
    b.run()
    assert processor.answers == [(1, 0), (2, 2)]
    assert processor.read == [(3, 0x1111, 0)]


def test_the_base_is_a_register_of_the_port(bench):
    dut = Words()
    b = bench(dut)
    at = 0x4000_0000 + BASE_REGISTER
    bursts = [("write", 1, at, whole(0x1234_5678)), ("read", 2, at, [None])]
    processor = b.add(Processor(dut, bursts))
    b.run()
    assert processor.read == [(2, 0x1234_5000, 0)]
