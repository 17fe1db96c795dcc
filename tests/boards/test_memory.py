import random

import pytest

from boards.memory import BlockMemory, BlockStorage

WORDS, WIDTH = 64, 64


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
        self.read, self.answers = [], []

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
            if kind == "read":
                self.read.append(ctx.get(axi.rdata))
            self.accesses.pop(0)
            self.taken = False


def memory(bank_words=16):
    return BlockMemory(BlockStorage(WORDS, WIDTH, bank_words))


def random_bursts(rng, held, count):
    """Bursts, and the words that the reads among them give."""
    bursts, wanted = [], []
    for _ in range(count):
        beats = rng.randrange(1, 17)
        first = rng.randrange(WORDS - beats)
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


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("bank_words", [4, 16, 64])
def test_what_is_written_is_read(bench, stall, bank_words):
    rng = random.Random(bank_words)
    bursts, wanted = random_bursts(rng, [0] * WORDS, 60)
    dut = memory(bank_words)
    b = bench(dut)
    master = b.add(Master(dut, bursts, stall))
    b.run()
    assert master.read == wanted
    assert not any(master.answers)


def test_the_host_sees_the_same_words_while_the_machine_reads(bench):
    dut = memory()
    b = bench(dut)
    words = [(0x1111_2222_3333_4444 + k, 0xFF) for k in range(16)]
    master = b.add(Master(dut, [("write", 0, list(words)), *[("read", 0, 16)] * 8], 0.2))
    writes = [("write", 256 + 4 * k, 0xABC0 + k) for k in range(4)]
    host = b.add(Host(dut, [*writes, *[("read", 256 + 4 * k, 0) for k in range(4)]]))
    b.run()
    assert host.read == [0xABC0 + k for k in range(4)]
    assert master.read == 8 * [(word, 0) for word, _ in words]


def test_the_host_reaches_both_halves_of_a_word(bench):
    dut = memory()
    b = bench(dut)
    host = b.add(Host(dut, [("write", 0, 1), ("write", 4, 2), ("read", 4, 0), ("read", 0, 0)]))
    b.run()
    master_bench = host.read
    assert master_bench == [2, 1]


def test_a_read_begins_after_three_cycles_and_the_storages_and_goes_on_every_cycle(bench):
    dut = memory()
    b = bench(dut)
    master = b.add(Master(dut, [("read", 0, 32)]))
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


def test_nothing_is_behind_the_memory(bench):
    dut = memory()
    b = bench(dut)
    bursts = [("write", 8 * WORDS, [(1, 0xFF)]), ("read", 8 * WORDS, 2), ("read", 0, 1)]
    master = b.add(Master(dut, bursts))
    host = b.add(Host(dut, [("read", 8 * WORDS, 0), ("write", 8 * WORDS, 5)]))
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
