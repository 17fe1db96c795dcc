import random

import pytest

from boards.memory import BlockMemory, BlockStorage

WORDS, WIDTH = 64, 64


def memory(bank_words=16):
    return BlockMemory(BlockStorage(WORDS, WIDTH, bank_words))


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("bank_words", [4, 16, 64])
def test_what_is_written_is_read(bench, axi_master, random_bursts, stall, bank_words):
    rng = random.Random(bank_words)
    bursts, wanted = random_bursts(rng, [0] * WORDS, 60)
    dut = memory(bank_words)
    b = bench(dut)
    master = b.add(axi_master(dut, bursts, stall))
    b.run()
    assert master.read == wanted
    assert not any(master.answers)


def test_the_host_sees_the_same_words_while_the_machine_reads(bench, axi_master, lite_host):
    dut = memory()
    b = bench(dut)
    words = [(0x1111_2222_3333_4444 + k, 0xFF) for k in range(16)]
    master = b.add(axi_master(dut, [("write", 0, list(words)), *[("read", 0, 16)] * 8], 0.2))
    writes = [("write", 256 + 4 * k, 0xABC0 + k) for k in range(4)]
    host = b.add(lite_host(dut, [*writes, *[("read", 256 + 4 * k, 0) for k in range(4)]]))
    b.run()
    assert host.read == [0xABC0 + k for k in range(4)]
    assert master.read == 8 * [(word, 0) for word, _ in words]


def test_the_host_reaches_both_halves_of_a_word(bench, lite_host):
    dut = memory()
    b = bench(dut)
    host = b.add(lite_host(dut, [("write", 0, 1), ("write", 4, 2), ("read", 4, 0), ("read", 0, 0)]))
    b.run()
    master_bench = host.read
    assert master_bench == [2, 1]


def test_a_read_begins_after_three_cycles_and_the_storages_and_goes_on_every_cycle(
    bench, axi_master
):
    dut = memory()
    b = bench(dut)
    master = b.add(axi_master(dut, [("read", 0, 32)]))
    b.run()
    assert dut.storage.latency == 5
    assert master.cycles == [master.asked[0] + 8 + k for k in range(32)]


class Eager:
    """Offers the data of a burst before its address; then addresses of reads, one behind the other.

    ``lengths`` are the beats of the reads, which lie one behind the other.
    """

    def __init__(self, dut, words, lengths, after):
        self.axi, self.words, self.after = dut.axi, list(words), after
        self.reads = [(8 * sum(lengths[:k]), n) for k, n in enumerate(lengths)]
        self.total = sum(lengths)
        self.taken, self.read, self.cycles = [], [], []
        self.asked = self.answered = False

    @property
    def done(self):
        """Whether all was read."""
        return len(self.read) == self.total

    def drive(self, ctx, cycle):
        """Offer what is due."""
        axi = self.axi
        left = self.words[len(self.taken) :]
        ctx.set(axi.wvalid, bool(left))
        ctx.set(axi.wdata, left[0] if left else 0)
        ctx.set(axi.wstrb, 0xFF)
        ctx.set(axi.wlast, len(left) == 1)
        ctx.set(axi.awvalid, cycle >= self.after and not self.asked)
        ctx.set(axi.awlen, len(self.words) - 1)
        ctx.set(axi.bready, 1)
        ctx.set(axi.rready, 1)
        ctx.set(axi.arvalid, self.answered and bool(self.reads))
        if self.reads:
            ctx.set(axi.araddr, self.reads[0][0])
            ctx.set(axi.arlen, self.reads[0][1] - 1)

    def sample(self, ctx, cycle):
        """See what moved."""
        axi = self.axi
        if ctx.get(axi.wvalid) and ctx.get(axi.wready):
            self.taken.append(cycle)
        self.asked |= bool(ctx.get(axi.awvalid) and ctx.get(axi.awready))
        if ctx.get(axi.arvalid) and ctx.get(axi.arready):
            self.reads.pop(0)
        if ctx.get(axi.rvalid):
            self.read.append(ctx.get(axi.rdata))
            self.cycles.append(cycle)
        self.answered |= bool(ctx.get(axi.bvalid))
        if self.answered:
            assert not ctx.get(axi.wready)


def test_data_waits_for_its_address_and_reads_follow_each_other_without_a_gap(bench):
    dut = memory()
    b = bench(dut)
    words = [0x0101_0101_0101_0101 * (k + 1) for k in range(20)]
    eager = b.add(Eager(dut, words, [4, 1, 1, 2, 8, 1, 3], after=6))
    b.run(limit=200)
    assert eager.taken == list(range(7, 27))
    assert eager.read == words
    assert eager.cycles == list(range(eager.cycles[0], eager.cycles[0] + 20))


def test_nothing_is_behind_the_memory(bench, axi_master, lite_host):
    dut = memory()
    b = bench(dut)
    bursts = [("write", 8 * WORDS, [(1, 0xFF)]), ("read", 8 * WORDS, 2), ("read", 0, 1)]
    master = b.add(axi_master(dut, bursts))
    host = b.add(lite_host(dut, [("read", 8 * WORDS, 0), ("write", 8 * WORDS, 5)]))
    b.run()
    assert master.answers == [3]
    assert [resp for _, resp in master.read] == [3, 3, 0]
    assert master.read[-1] == (0, 0)
    assert host.answers == [3, 3]


@pytest.mark.parametrize(("name", "value"), [("words", 48), ("bank_words", 1)])
def test_sizes_are_powers_of_two(name, value):
    with pytest.raises(ValueError) as refusal:
        BlockStorage(**{"words": 64, "width": 64, name: value})
    assert str(refusal.value) == f"{name} must be a power of two, not {value}"
