"""A machine small enough to be obviously right, with bugs on request; what runs are drawn from."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.rtl import MemoryModel, RtlSimulator
from sim.rtl.backend import RtlBackend

SIZE = 1 << 18
CYCLES = 3_000_000
"""More than any run here takes: a machine that hangs fails instead of stopping the suite."""


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


@st.composite
def layer_modes(draw):
    """Settings of a layer, exact ones as often as others."""
    score = st.sampled_from([0.0, 0.3, 0.6, 0.8, 0.9, 0.97, 1.0])
    threshold = st.sampled_from([0, 0, 1, 3, 9, 40, 255])
    return LayerModes(
        mode=draw(st.sampled_from(["normal", "delta", "delta", "reduced", "skip", "auto", "auto"])),
        x_threshold=draw(threshold),
        h_threshold=draw(threshold),
        skip_threshold=draw(score),
        delta_threshold=draw(score),
        middle=draw(st.sampled_from(["delta", "delta", "reduced"])),
        skip_action=draw(st.sampled_from(["freeze", "hold"])),
        max_skips=draw(st.sampled_from([0, 0, 1, 3])),
        normal_every=draw(st.sampled_from([0, 0, 1, 2, 5])),
        reference=draw(st.sampled_from(["computed", "previous"])),
        zero_skip=draw(st.booleans()),
    )


@st.composite
def networks(draw, largest):
    """Arguments of a random network."""
    depth = draw(st.sampled_from([1, 1, 1, 2]))
    size = st.one_of(st.integers(1, 9), st.integers(1, largest // depth))
    return {
        "sizes": draw(st.lists(size, min_size=depth + 1, max_size=depth + 1)),
        "seed": draw(st.integers(0, 1 << 20)),
        "bidirectional": draw(st.booleans()),
        "initial": draw(st.booleans()),
    }


def slow_codes(network, sequences, steps, seed):
    """int8 ``[sequences, steps, I]`` that stand still, creep, jump and rest at zero."""
    rng = np.random.default_rng(seed)
    zero = network.layers[0].directions[0].x.zero_point
    inputs = network.layers[0].input_size
    x = np.empty((sequences, steps, inputs), np.int8)
    row = rng.integers(-128, 128, (sequences, inputs))
    for step in range(steps):
        kind = rng.random((sequences, 1))
        moved = rng.random(row.shape) < rng.choice([0.05, 0.3, 0.9], (sequences, 1))
        row = row + np.where((kind > 0.3) & moved, rng.integers(-9, 10, row.shape), 0)
        row = np.where(kind > 0.93, rng.integers(-128, 128, row.shape), row)
        row = np.where((kind > 0.8) & (rng.random(row.shape) < 0.6), zero, row)
        row = np.clip(row, -128, 127)
        x[:, step] = row
    return x


@pytest.fixture(scope="session")
def copier():
    """A compiled ``Copier`` of a data width, compiled once."""
    return functools.cache(Bench)


@pytest.fixture(scope="session")
def copier_component():
    """The component itself."""
    return Copier


@st.composite
def memories(draw):
    """Random latencies, bandwidths, queues and stalls of each channel; or an ideal memory."""
    if draw(st.sampled_from([True, False, False, False])):
        return MemoryModel()
    beats = draw(st.integers(1, 4))
    stalls = {
        f"stall_{channel}": draw(st.sampled_from([0.0, 0.1, 0.5, 0.7]))
        for channel in ("ar", "r", "aw", "w", "b", "lite")
    }
    return MemoryModel(
        latency=draw(st.integers(1, 60)),
        write_latency=draw(st.integers(1, 60)),
        beats=beats,
        per_cycles=beats + draw(st.sampled_from([0, 0, 1, 3])),
        outstanding=draw(st.integers(1, 16)),
        seed=draw(st.integers(0, 1 << 20)),
        **stalls,
    )


def run_both(machine, network, x, modes=None, **options):
    """Run on gates and model: results equal, bus rules kept, nothing written outside the window."""
    simulator, options = machine.simulator, {"modes": modes, **options}
    image = compile_network(
        network, machine.config, steps=x.shape[1], sequences=x.shape[0], **options
    )
    simulator.guard((image.output_base, image.output_limit))
    result = machine.run(network, x, **options, progress=not_for_ever)
    expected = ModelBackend(machine.config).run(network, x, **options)
    assert np.array_equal(result.h, expected.h)
    assert len(result.states) == len(expected.states)
    for mine, theirs in zip(result.states, expected.states, strict=True):
        assert np.array_equal(mine.h, theirs.h)
        assert np.array_equal(mine.c, theirs.c)
    assert result.counts == expected.counts
    assert simulator.first_violation == ""
    stats = simulator.stats
    assert stats["reads_outstanding"] == stats["writes_outstanding"] == 0
    return result


def not_for_ever(cycles):
    """Stops a run that takes longer than any should."""
    assert cycles < CYCLES, "the machine hangs"


@pytest.fixture(scope="session")
def drawn():
    """What runs are drawn from: strategies of networks, settings and memories, and inputs."""
    return SimpleNamespace(
        networks=networks, layer_modes=layer_modes, memories=memories, slow_codes=slow_codes
    )


@pytest.fixture(scope="module")
def machines():
    """The backend of a configuration, compiled once."""
    return functools.cache(RtlBackend)


@pytest.fixture(scope="session")
def reproducible():
    """Settings of so many examples: the same in every run, however slow the machine."""

    def make(examples):
        return settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        )

    return make


@pytest.fixture(scope="session")
def agree():
    """A run on gates and model, which must agree in all but time; the gates' result."""
    return run_both
