"""The machine's and the host's way to a memory controller."""

import random
from types import SimpleNamespace

import pytest

from boards.dram.memory import DramMemory, dram_memory, id_width
from boards.dram.sdram import sdram_settings
from hw.config import ConfigError

WORDS = 64


class Later:
    """A master that begins when the memory is ready."""

    def __init__(self, agent):
        self._agent = agent

    def __getattr__(self, name):
        return getattr(self._agent, name)

    def drive(self, ctx, cycle):
        """As the master, from the third cycle on."""
        if cycle > 2:
            self._agent.drive(ctx, cycle)

    def sample(self, ctx, cycle):
        """As the master, from the third cycle on."""
        if cycle > 2:
            self._agent.sample(ctx, cycle)


class Ahead:
    """Asks for reads as fast as it may, while those before are under way."""

    def __init__(self, dut, bursts, stall=0.0, seed=0):
        self.axi, self.bursts, self.stall = dut.axi, list(bursts), stall
        self.rng = random.Random(seed)
        self.left = sum(beats for _, beats in bursts)
        self.read, self.cycles, self.lasts = [], [], 0
        self.ends = len(bursts)

    @property
    def done(self):
        """Whether every beat came."""
        return len(self.read) == self.left

    def drive(self, ctx, cycle):
        """Offer the next address."""
        axi = self.axi
        ctx.set(axi.arvalid, bool(self.bursts))
        if self.bursts:
            addr, beats = self.bursts[0]
            ctx.set(axi.araddr, addr)
            ctx.set(axi.arlen, beats - 1)
            ctx.set(axi.arid, addr >> 3 & 1)
        ctx.set(axi.arsize, (len(axi.rdata) // 8).bit_length() - 1)
        ctx.set(axi.arburst, 1)
        ctx.set(axi.rready, self.rng.random() >= self.stall)

    def sample(self, ctx, cycle):
        """See what moved."""
        axi = self.axi
        if ctx.get(axi.arvalid) and ctx.get(axi.arready):
            self.bursts.pop(0)
        if ctx.get(axi.rvalid) and ctx.get(axi.rready):
            self.read.append((ctx.get(axi.rdata), ctx.get(axi.rresp), ctx.get(axi.rid)))
            self.cycles.append(cycle)
            self.lasts += ctx.get(axi.rlast)


@pytest.fixture(params=[64, 128, 256])
def wide(request):
    """Bits of the controller's port; the machine's bus has 64."""
    return request.param


@pytest.fixture
def memory(dram_port, wide):
    return DramMemory(dram_port(8 * WORDS, wide, id_width(64, wide)), 64)


def filled(dram):
    """Words that the memory holds."""
    words = [0x0123_4567_89AB_CDEF * (k + 3) & (1 << 64) - 1 for k in range(WORDS)]
    dram.memory[:] = b"".join(word.to_bytes(8, "little") for word in words)
    return words


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_what_is_written_is_read(bench, memory, dram, axi_master, random_bursts, stall):
    bursts, wanted = random_bursts(random.Random(3), [0] * WORDS, 40)
    b = bench(memory)
    b.add(dram(memory.controller, stall=stall))
    master = b.add(Later(axi_master(memory, bursts, stall)))
    b.run()
    assert master.read == wanted
    assert not any(master.answers)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_bursts_under_way_come_back_in_order_each_with_its_number(bench, memory, dram, stall):
    bursts = [(0, 5), (40, 1), (8, 3), (48, 16), (176, 2), (56, 1)]
    b = bench(memory)
    words = filled(b.add(dram(memory.controller, latency=12, stall=stall)))
    reader = b.add(Later(Ahead(memory, bursts, stall)))
    b.run()
    wanted = [(words[a // 8 + k], 0, a >> 3 & 1) for a, n in bursts for k in range(n)]
    assert reader.read == wanted
    assert reader.lasts == len(bursts)


def test_a_beat_comes_every_cycle(bench, memory, dram):
    b = bench(memory)
    filled(b.add(dram(memory.controller, latency=12)))
    reader = b.add(Later(Ahead(memory, [(64 * k, 8) for k in range(8)])))
    b.run()
    assert reader.cycles == list(range(reader.cycles[0], reader.cycles[0] + 64))


def test_the_host_is_served_while_the_machine_reads(bench, memory, dram, lite_host):
    b = bench(memory)
    words = filled(b.add(dram(memory.controller)))
    reader = b.add(Later(Ahead(memory, [(0, 8)] * 100)))
    writes = [("write", 256 + 4 * k, 0xABC0 + k) for k in range(5)]
    host = b.add(Later(lite_host(memory, [*writes, *[("read", 256 + 4 * k, 0) for k in range(8)]])))
    b.run()
    after = [words[34] >> 32, words[35] & 0xFFFF_FFFF, words[35] >> 32]
    assert host.read == [0xABC0 + k for k in range(5)] + after
    assert not any(host.answers)
    # They take turns: the host does not wait until the machine has read all.
    assert host.cycles[-1] < reader.cycles[-1]


def test_nothing_is_behind_the_memory_and_answers_keep_their_order(
    bench, memory, dram, axi_master, lite_host
):
    b = bench(memory)
    words = filled(b.add(dram(memory.controller)))
    reader = b.add(Later(Ahead(memory, [(0, 3), (8 * WORDS + 8, 4), (16, 2), (1 << 31, 1)])))
    b.run()
    good = [(words[k], 0, 0) for k in (0, 1, 2)], [(words[k], 0, 0) for k in (2, 3)]
    responses = [response for _, response, _ in reader.read]
    assert [number for *_, number in reader.read] == [0] * 3 + [1] * 4 + [0] * 3
    assert reader.read[:3] == good[0] and reader.read[7:9] == good[1]
    assert responses == [0] * 3 + [3] * 4 + [0] * 2 + [3]
    assert reader.lasts == 4


def test_a_write_behind_the_memory_goes_nowhere(bench, memory, dram, axi_master, lite_host):
    b = bench(memory)
    chip = b.add(dram(memory.controller))
    words = filled(chip)
    bursts = [("write", 8 * WORDS, [(1, 0xFF)] * 3), ("write", 8, [(7, 0xFF)]), ("read", 0, 3)]
    master = b.add(Later(axi_master(memory, bursts)))
    host = b.add(Later(lite_host(memory, [("read", 8 * WORDS, 0), ("write", 8 * WORDS, 5)])))
    b.run()
    assert master.answers == [3, 0]
    assert master.read == [(words[0], 0), (7, 0), (words[2], 0)]
    assert host.answers == [3, 3]


def test_a_memory_that_is_not_ready_says_so_and_is_not_touched(
    bench, memory, dram, axi_master, lite_host
):
    b = bench(memory)
    chip = b.add(dram(memory.controller, starts=10**6))
    bursts = [("read", 0, 3), ("write", 8, [(1, 0xFF)] * 2), ("read", 8, 1)]
    master = b.add(axi_master(memory, bursts))
    host = b.add(lite_host(memory, [("read", 0, 0), ("write", 4, 1)]))
    flags = b.add(Flags(memory))
    b.run(extra=2)
    assert [response for _, response in master.read] == [2] * 4
    assert master.answers == [2]
    assert host.answers == [2, 2]
    assert flags.seen[-1] == 0b01
    assert not any(chip.memory)


@pytest.mark.parametrize("fails", [False, True])
def test_from_then_on_it_is_used_or_given_up(bench, memory, dram, lite_host, fails):
    b = bench(memory)
    b.add(dram(memory.controller, starts=30, fails=fails))
    host = b.add(lite_host(memory, [("write", 0, 5)] * 12))
    flags = b.add(Flags(memory))
    b.run()
    assert host.answers[:3] == [2] * 3
    assert host.answers[-1] == (2 if fails else 0)
    assert flags.seen[20] == 0b01
    assert flags.seen[40] == (0b10 if fails else 0)


class Flags:
    """Sees what the memory says of itself."""

    done = True

    def __init__(self, dut):
        self.dut, self.seen = dut, []

    def drive(self, ctx, cycle):
        """Nothing."""

    def sample(self, ctx, cycle):
        """Keep the flags of this cycle."""
        self.seen.append(ctx.get(self.dut.flags))


def test_a_bus_that_is_wider_than_the_controllers_port_is_refused():
    settings = SimpleNamespace(width=128)
    with pytest.raises(ConfigError) as refusal:
        dram_memory(settings, None, None, None, 256)
    assert str(refusal.value) == (
        "bus_width must be at most the 128 bits of the memory's controller, not 256"
    )


def test_the_controllers_files_go_to_the_platform():
    files = {}
    memory = dram_memory(
        sdram_settings(60.0), None, SimpleNamespace(add_file=files.__setitem__), None, 64
    )
    assert list(files) == ["dram_core.v"]
    assert memory.bytes == 32 << 20
    assert memory.controller.core.settings.id_width == 2
