"""A memory controller in Python, for the gates in front of it."""

import random
from types import SimpleNamespace

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4Signature


class Port(wiring.Component):
    """The port of a ``Controller`` with nothing behind it; a ``Dram`` drives it."""

    def __init__(self, bytes_, width, id_width):
        settings = SimpleNamespace(width=width)
        self.core = SimpleNamespace(bytes=bytes_, settings=settings)
        super().__init__(
            {
                "axi": In(Axi4Signature(32, width, id_width)),
                "ready": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        return Module()


class Dram:
    """Answers bursts on a ``Port`` in order, after ``latency`` cycles, and referees them.

    It is ready from cycle ``starts`` on, and given up then where ``fails``. ``seen`` are the
    addresses of the bursts.
    """

    done = True
    room = 16
    """Beats behind which it takes no further address."""

    def __init__(self, port, latency=5, stall=0.0, starts=0, fails=False, seed=0):
        self.port, self.axi = port, port.axi
        self.latency, self.stall, self.starts, self.fails = latency, stall, starts, fails
        self.rng = random.Random(seed)
        self.memory = bytearray(port.core.bytes)
        self.bytes_ = port.core.settings.width // 8
        self.reads, self.beats, self.answers = [], [], []
        self.write, self.standing, self.seen = None, {}, []

    def drive(self, ctx, cycle):
        """Offer what is due."""
        axi = self.axi
        ctx.set(self.port.ready, cycle >= self.starts)
        ctx.set(self.port.failed, self.fails and cycle >= self.starts)
        self.free = {name: self.rng.random() >= self.stall for name in ("ar", "aw", "w", "r", "b")}
        ctx.set(axi.arready, self.free["ar"] and len(self.beats) < self.room)
        ctx.set(axi.awready, self.free["aw"] and self.write is None)
        ctx.set(axi.wready, self.free["w"] and self.write is not None)
        due = bool(self.beats) and self.beats[0][0] <= cycle and (self.free["r"] or self.offered_r)
        self.offered_r = due
        ctx.set(axi.rvalid, due)
        if due:
            _, data, number, last = self.beats[0]
            ctx.set(axi.rdata, int.from_bytes(data, "little"))
            ctx.set(axi.rid, number)
            ctx.set(axi.rlast, last)
        ctx.set(axi.bvalid, bool(self.answers))
        if self.answers:
            ctx.set(axi.bid, self.answers[0])

    offered_r = False

    def sample(self, ctx, cycle):
        """See what moved."""
        axi = self.axi
        for prefix in ("ar", "aw"):
            self.referee(ctx, prefix, cycle)
        if ctx.get(axi.arvalid) and ctx.get(axi.arready):
            self.read(ctx, cycle)
        if ctx.get(axi.rvalid) and ctx.get(axi.rready):
            self.beats.pop(0)
            self.offered_r = False
        if ctx.get(axi.bvalid) and ctx.get(axi.bready):
            self.answers.pop(0)
        if ctx.get(axi.wvalid):
            assert self.write is not None, "data came before its address"
            if ctx.get(axi.wready):
                self.store(ctx)
        if ctx.get(axi.awvalid) and ctx.get(axi.awready):
            addr, beats, size, number = self.burst(ctx, "aw")
            self.write = [addr, beats, size, number]

    def referee(self, ctx, prefix, cycle):
        """What is offered stands until it is taken, in a memory that is ready."""
        valid = ctx.get(getattr(self.axi, f"{prefix}valid"))
        now = self.burst(ctx, prefix) if valid else None
        before = self.standing.get(prefix)
        assert before is None or now == before, f"{prefix} changed before it was taken"
        self.standing[prefix] = None if ctx.get(getattr(self.axi, f"{prefix}ready")) else now
        if valid:
            assert cycle > self.starts and not self.fails
            assert now[0] + now[1] * now[2] <= len(self.memory)

    def burst(self, ctx, prefix):
        """Address, beats, bytes of a beat, identifier."""
        values = [ctx.get(getattr(self.axi, prefix + n)) for n in ("addr", "len", "size", "id")]
        assert ctx.get(getattr(self.axi, f"{prefix}burst")) == 1
        return values[0], values[1] + 1, 1 << values[2], values[3]

    def read(self, ctx, cycle):
        """Beats of a burst, one a cycle behind those before."""
        addr, count, size, number = self.burst(ctx, "ar")
        self.seen.append(addr)
        for k in range(count):
            first = (addr + k * size) // self.bytes_ * self.bytes_
            after = self.beats[-1][0] + 1 if self.beats else 0
            data = bytes(self.memory[first : first + self.bytes_])
            self.beats.append((max(after, cycle + self.latency), data, number, k == count - 1))

    def store(self, ctx):
        """A beat of the burst that is written."""
        addr, left, size, number = self.write
        first = addr // self.bytes_ * self.bytes_
        data = ctx.get(self.axi.wdata).to_bytes(self.bytes_, "little")
        strb = ctx.get(self.axi.wstrb)
        for k in range(self.bytes_):
            if strb >> k & 1:
                assert addr <= first + k < addr + size, "a byte lies outside its beat"
                self.memory[first + k] = data[k]
        assert ctx.get(self.axi.wlast) == (left == 1)
        self.write = [addr + size, left - 1, size, number]
        if left == 1:
            self.answers.append(number)
            self.write = None


@pytest.fixture
def dram_port():
    """The ``Port`` class."""
    return Port


@pytest.fixture
def dram():
    """The ``Dram`` class."""
    return Dram
