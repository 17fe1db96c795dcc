"""Memories on an AXI4 bus that referee the rules their masters must keep."""

import random

import pytest


def word(addr, width):
    """What the read memory holds at ``addr``."""
    return (addr + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC834 & (1 << width) - 1


class Stability:
    """Checks that what a channel offers stands until it is taken."""

    def __init__(self, name, valid, fields):
        self.name, self.valid, self.fields = name, valid, fields
        self.standing = None

    def check(self, ctx, ready):
        """Return the fields if they moved in this cycle, else None."""
        valid = ctx.get(self.valid)
        now = tuple(ctx.get(field) for field in self.fields) if valid else None
        if self.standing is not None:
            assert now == self.standing, f"{self.name} changed before it was taken"
        self.standing = None if ready else now
        return now if ready else None


def check_burst(addr, length, size, burst, axi_bytes):
    """Check one burst against AXI; returns its beats."""
    beats = length + 1
    assert 1 << size == axi_bytes and burst == 1 and addr % axi_bytes == 0
    assert addr // 4096 == (addr + beats * axi_bytes - 1) // 4096, f"{addr:#x} crosses 4 KiB"
    return beats


class ReadMemory:
    """Answers reads; the first beat of a burst comes ``latency`` cycles after its address."""

    done = True

    def __init__(self, axi, latency=2, stall=0.0, seed=0, bad=()):
        self.axi, self.latency, self.stall, self.bad = axi, latency, stall, set(bad)
        self.rng = random.Random(seed)
        self.width = len(axi.rdata)
        fields = (axi.araddr, axi.arlen, axi.arsize, axi.arburst)
        self.channel = Stability("AR", axi.arvalid, fields)
        self.bursts, self.address_cycles, self.beat_cycles = [], [], []
        self.offer_cycles = []
        self.queue = []
        self.up = False

    def drive(self, ctx, cycle):
        """Set arready and the R channel."""
        axi = self.axi
        self.ready = self.rng.random() >= self.stall
        ctx.set(axi.arready, self.ready)
        due = bool(self.queue) and self.queue[0][0] <= cycle
        self.up = due and (self.up or self.rng.random() >= self.stall)
        ctx.set(axi.rvalid, self.up)
        if self.up:
            _, addr, last = self.queue[0]
            ctx.set(axi.rdata, word(addr, self.width))
            ctx.set(axi.rresp, 2 if addr in self.bad else 0)
            ctx.set(axi.rlast, last)

    def sample(self, ctx, cycle):
        """Take addresses and give beats."""
        if ctx.get(self.axi.arvalid) and self.channel.standing is None:
            self.offer_cycles.append(cycle)
        moved = self.channel.check(ctx, self.ready)
        if moved is not None:
            beats = check_burst(*moved, self.width // 8)
            self.bursts.append((moved[0], beats))
            self.address_cycles.append(cycle)
            for k in range(beats):
                at = moved[0] + k * self.width // 8
                self.queue.append((cycle + self.latency, at, k == beats - 1))
        if self.up:
            assert ctx.get(self.axi.rready), "R was held up"
            self.beat_cycles.append(cycle)
            self.queue.pop(0)
            self.up = False


class WriteMemory:
    """Takes writes into ``bytes`` and answers ``latency`` cycles after a burst is whole."""

    def __init__(self, axi, latency=2, stall=0.0, seed=0, bad=(), bursts=0):
        self.axi, self.latency, self.stall, self.bad = axi, latency, stall, set(bad)
        self.rng = random.Random(seed)
        self.beat_bytes = len(axi.wdata) // 8
        self.wanted = bursts
        fields = (axi.awaddr, axi.awlen, axi.awsize, axi.awburst)
        self.address = Stability("AW", axi.awvalid, fields)
        self.data = Stability("W", axi.wvalid, (axi.wdata, axi.wstrb, axi.wlast))
        self.bursts, self.beats, self.bytes = [], [], {}
        self.offer_cycles, self.beat_cycles, self.response_cycles = [], [], []
        self.whole = 0
        self.responses = []
        self.up = False

    @property
    def done(self):
        """Whether all wanted bursts were answered."""
        return len(self.response_cycles) >= self.wanted

    def drive(self, ctx, cycle):
        """Set awready, wready and the B channel."""
        axi = self.axi
        self.ready = [self.rng.random() >= self.stall for _ in range(2)]
        ctx.set(axi.awready, self.ready[0])
        ctx.set(axi.wready, self.ready[1])
        self.up = bool(self.responses) and self.responses[0][0] <= cycle
        ctx.set(axi.bvalid, self.up)
        if self.up:
            ctx.set(axi.bresp, 2 if self.responses[0][1] in self.bad else 0)

    def sample(self, ctx, cycle):
        """Take addresses and data, in any order of the two, and give responses."""
        if ctx.get(self.axi.awvalid) and self.address.standing is None:
            self.offer_cycles.append(cycle)
        moved = self.address.check(ctx, self.ready[0])
        if moved is not None:
            self.bursts.append((moved[0], check_burst(*moved, self.beat_bytes)))
        moved = self.data.check(ctx, self.ready[1])
        if moved is not None:
            self.beats.append(moved)
            self.beat_cycles.append(cycle)
        if self.up:
            assert ctx.get(self.axi.bready), "B was held up"
            self.responses.pop(0)
            self.response_cycles.append(cycle)
        self._finish(cycle)

    def _finish(self, cycle):
        """Store the oldest burst once all its beats are here."""
        if self.whole == len(self.bursts):
            return
        addr, count = self.bursts[self.whole]
        if len(self.beats) < count:
            return
        beats, self.beats = self.beats[:count], self.beats[count:]
        for k, (value, strb, last) in enumerate(beats):
            assert last == (k == count - 1), "wlast is not on the last beat"
            for byte in range(self.beat_bytes):
                if strb >> byte & 1:
                    at = addr + k * self.beat_bytes + byte
                    self.bytes[at] = value >> 8 * byte & 255
        self.whole += 1
        self.responses.append((cycle + self.latency, addr))


class Script:
    """Sets ports at given cycles and watches others: ``{cycle: {port: value}}``."""

    def __init__(self, sets=None, watch=None, until=0):
        self.sets, self.watch = sets or {}, watch or {}
        self.until = until
        self.done = until == 0
        self.seen = {name: [] for name in self.watch}

    def drive(self, ctx, cycle):
        """Set what is due."""
        for port, value in self.sets.get(cycle, ()):
            ctx.set(port, value)

    def sample(self, ctx, cycle):
        """Note the cycles in which watched bits are up."""
        for name, port in self.watch.items():
            if ctx.get(port):
                self.seen[name].append(cycle)
        self.done = cycle >= self.until


class Restart:
    """Runs ``before`` until cycle ``at``, then halts, awaits idle, flushes and runs ``after``."""

    def __init__(self, dut, at, before, after):
        self.dut, self.at, self.before, self.after = dut, at, before, after
        self.phase = "before"
        self.flushed = None

    @property
    def done(self):
        """Whether the new work is done."""
        return self.phase == "after" and all(agent.done for agent in self.after)

    def drive(self, ctx, cycle):
        """Drive the agents of this phase, or quiet ports."""
        if cycle == self.at:
            self.phase = "halt"
            for agent in self.before:
                port = agent.port
                ctx.set(port.valid if hasattr(agent, "offered") else port.ready, 0)
        ctx.set(self.dut.halt, self.phase in ("halt", "flush"))
        ctx.set(self.dut.flush, self.phase == "flush")
        for agent in {"before": self.before, "after": self.after}.get(self.phase, ()):
            agent.drive(ctx, cycle)

    def sample(self, ctx, cycle):
        """Go on to the next phase."""
        for agent in {"before": self.before, "after": self.after}.get(self.phase, ()):
            agent.sample(ctx, cycle)
        if self.phase == "flush":
            self.phase, self.flushed = "after", cycle
        elif self.phase == "halt" and ctx.get(self.dut.idle):
            self.phase = "flush"


@pytest.fixture
def restart():
    """The ``Restart`` class."""
    return Restart


@pytest.fixture
def read_memory():
    """The ``ReadMemory`` class."""
    return ReadMemory


@pytest.fixture
def write_memory():
    """The ``WriteMemory`` class."""
    return WriteMemory


@pytest.fixture
def script():
    """The ``Script`` class."""
    return Script


@pytest.fixture
def memory_word():
    """What a read memory holds at an address."""
    return word
