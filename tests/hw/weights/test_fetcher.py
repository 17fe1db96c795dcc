"""Requests for streamed weights against the loops that define them."""

import random

import pytest

from hw.axi.bursts import request_layout
from hw.modes import Plan
from hw.weights.fetcher import WeightFetcher

REQUEST = request_layout(32, 20)


def streamed(job, block):
    """Whether a block does not live in the weight memory."""
    kept, blocks = job["resident_blocks"], job["blocks"]
    return (block + 1) * kept // blocks == block * kept // blocks


def part_places(job, config):
    """For each part: its columns, beats of each, and where it begins in every streamed block."""
    offset, h_beats = 0, job["word_beats"]
    parts = (job["input_size"], job.get("x_word_beats", h_beats)), (job["hidden_size"], h_beats)
    for columns, beats in parts:
        begin = job["weights_addr"] + offset
        addresses = [begin + block * job["block_bytes"] for block in range(job["blocks"])]
        yield columns, beats, [a for block, a in enumerate(addresses) if streamed(job, block)]
        offset += columns * beats * config.bus_bytes


def whole_part(columns, beats, addresses):
    """Requests for all columns of a part."""
    return [{"addr": addr, "beats": columns * beats} for addr in addresses]


def requests(job, config):
    """What must be asked for, in order."""
    parts = [request for part in part_places(job, config) for request in whole_part(*part)]
    return parts * job["steps"]


@pytest.mark.parametrize(
    "hidden, kept", [(1, 0), (1, 1), (3, 1), (7, 3), (15, 1), (16, 0), (16, 7), (16, 8)]
)
@pytest.mark.parametrize(
    "stall, lanes, beats", [(0, 8, (1, 1)), (0.6, 8, (1, 1)), (0.6, 32, (3, 3)), (0.2, 32, (2, 4))]
)
def test_the_streamed_blocks_of_every_step_are_asked_for(
    bench, small, job_of, start, after, hidden, kept, stall, lanes, beats
):
    """Of words that have all their beats, and of others, of ``x`` and of ``h``."""
    config = small(lanes=lanes)
    kept = min(kept, config.blocks(hidden))
    sizes = {"input_size": 5, "hidden_size": hidden, "steps": 3, "word_beats": beats[1]}
    sizes |= {"x_word_beats": beats[0]} if config.part_widths else {}
    job = job_of(config, weights_addr=0x7000, resident_blocks=kept, **sizes)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut, seed=hidden)
    b.add(start(dut, job, first=1))
    expected = requests(job, config)
    out = after(b, b.drain(dut.request, len(expected), stall), first=2)
    b.run(extra=30)
    assert out.items == expected


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_part_takes_a_cycle_from_the_one_after_start_on(bench, small, job_of, start, kept):
    config = small()
    job = job_of(config, hidden_size=16, steps=2, resident_blocks=kept)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut)
    b.add(start(dut, job))
    out = b.drain(dut.request, 4 * (8 - kept))
    b.run(extra=20)
    walked = [block % 8 for block in range(32)]
    streamed = [(block + 1) * kept // 8 == block * kept // 8 for block in walked]
    assert out.cycles == [1 + k for k, asks in enumerate(streamed) if asks]


class Lists:
    """Two banks of lists of one part: made when a bank is free, given up when used and fetched.

    What is not there to be read is noise, except that it is not empty. ``idle`` is how seldom a
    list is made, ``lazy`` how seldom one is used.
    """

    def __init__(self, dut, name, lists, rng, idle=0.0, lazy=0.0):
        self.dut, self.name, self.lists, self.rng = dut, name, lists, rng
        self.idle, self.lazy = idle, lazy
        self.view, self.column = getattr(dut, f"{name}_list"), getattr(dut, f"{name}_column")
        self.made = self.used = self.fetched = 0
        self.read = None

    @property
    def done(self):
        """Whether the fetcher has gone through all lists."""
        return self.fetched == len(self.lists)

    @property
    def bank(self):
        """Bank of the list in its turn; the two parts need not agree."""
        return (self.fetched + (self.name == "h")) % 2

    def drive(self, ctx, cycle):
        """Make a list, use a list, show what was read."""
        rng = self.rng
        if self.used < self.made and rng.random() >= self.lazy:
            self.used += 1
        room = self.made - min(self.used, self.fetched) < 2
        if self.made < len(self.lists) and room and rng.random() >= self.idle:
            self.made += 1
        self.ready = self.made > self.fetched
        view = {"empty": 0, "last": rng.randrange(16), "bank": rng.randrange(2)}
        if self.ready:
            self.turn = self.lists[self.fetched]
            view = {"empty": not self.turn, "bank": self.bank}
            view["last"] = len(self.turn) - 1 if self.turn else rng.randrange(16)
            view["single"] = len(self.turn) == 1
        ctx.set(self.view, {"ready": self.ready, "mode": rng.randrange(4), **view})
        ctx.set(self.column, rng.randrange(16) if self.read is None else self.read)

    def sample(self, ctx, cycle):
        """Answer a read; see the list given up."""
        dut, self.read = self.dut, None
        if ctx.get(dut.list_en) and ctx.get(dut.list_hidden) == (self.name == "h"):
            assert self.ready, "a list was read before it was complete"
            assert ctx.get(dut.list_bank) == self.bank
            self.read = self.turn[ctx.get(dut.list_index)]
        if ctx.get(getattr(dut, f"{self.name}_fetched")):
            assert self.ready, "a list was given up before it was complete"
            self.fetched += 1


def runs(job, config, lists):
    """What must be asked for, in order: runs of neighbours up to the end of a burst."""
    for parts in lists:
        for part, (_, beats, addresses) in zip(parts, part_places(job, config), strict=True):
            for base in addresses:
                yield from part_runs(part, base, config, beats * config.bus_bytes)


def part_runs(columns, base, config, column_bytes):
    """Runs of a part that begins at ``base``."""
    burst = config.burst_beats * config.bus_bytes
    begin = end = None
    for column in columns:
        addr = base + column * column_bytes
        if end is not None and (addr != end or end % burst == 0):
            yield {"addr": begin, "beats": (end - begin) // config.bus_bytes}
            begin = None
        begin, end = addr if begin is None else begin, addr + column_bytes
    if end is not None:
        yield {"addr": begin, "beats": (end - begin) // config.bus_bytes}


def some_of(rng, size):
    """None, all or some of so many columns."""
    share = rng.choice([0, 0, 0.2, 0.8, 1])
    return [column for column in range(size) if rng.random() < share]


def follow(b, dut, config, job, lists, start, after, stalls=(0, 0, 0), seed=0):
    """Runs a job that follows ``lists``, pairs of columns; returns its requests."""
    rng = random.Random(seed)
    job = {"weights_addr": 0, "resident_blocks": 0, **job}
    b.add(start(dut, job, first=1))
    for name, columns in zip("xh", zip(*lists, strict=True), strict=True):
        user = Lists(dut, name, columns, random.Random(rng.random()), *stalls[:2])
        after(b, b.add(user), first=2)
    expected = list(runs(job, config, lists))
    out = after(b, b.drain(dut.request, len(expected), stalls[2]), first=2)
    b.run(extra=20)
    assert out.items == expected
    return out


KINDS = [
    {"plan": Plan.MIDDLE},
    {"plan": Plan.SCORED},
    {"plan": Plan.NORMAL, "skip": 1},
    {"plan": Plan.NORMAL, "zero_skip": 1},
]
"""Jobs of which a step need not have every column as an event."""


@pytest.mark.parametrize("seed", range(16))
def test_the_columns_of_every_list_are_asked_for_and_neighbours_together(
    bench, small, job_of, start, after, seed
):
    rng = random.Random(seed)
    config = small(**rng.choice([{}, {"lanes": 32, "burst_beats": 16}, {"burst_beats": 1}]))
    sizes = {"input_size": rng.randint(1, 16), "hidden_size": rng.randint(1, 16)}
    blocks = config.blocks(sizes["hidden_size"])
    job = job_of(
        config,
        **sizes,
        **rng.choice(KINDS),
        word_beats=rng.randint(1, config.word_beats),
        **({"x_word_beats": rng.randint(1, 4)} if config.part_widths else {}),
        weights_addr=8 * rng.randrange(1 << 16),
        resident_blocks=rng.randrange(blocks),
        steps=rng.randint(1, 8),
    )
    lists = [tuple(some_of(rng, size) for size in sizes.values()) for _ in range(job["steps"])]
    stalls = tuple(rng.choice([0, 0.3, 0.9]) for _ in range(3))
    dut = WeightFetcher(config, REQUEST)
    follow(bench(dut, seed), dut, config, job, lists, start, after, stalls, seed)


@pytest.mark.parametrize("gap", [1, 2])
def test_scattered_columns_are_one_request_per_cycle_across_blocks(
    bench, small, job_of, start, after, gap
):
    """``gap`` 1 makes every column a request of its own by bursts of one column."""
    config = small(burst_beats=1 if gap == 1 else 4)
    job = job_of(config, input_size=16, hidden_size=16, plan=1, steps=2)
    columns = list(range(0, 16, gap))
    dut = WeightFetcher(config, REQUEST)
    out = follow(bench(dut), dut, config, job, [(columns, columns)] * 2, start, after)
    count = 2 * 8 * 2 * len(columns)
    assert out.cycles == list(range(7, 7 + count))


def test_neighbours_are_read_one_per_cycle_and_asked_for_by_the_burst(
    bench, small, job_of, start, after
):
    config = small()
    job = job_of(config, input_size=16, hidden_size=16, plan=1)
    columns = list(range(16))
    dut = WeightFetcher(config, REQUEST)
    out = follow(bench(dut), dut, config, job, [(columns, columns)], start, after)
    assert out.cycles == list(range(10, 10 + 256, 4))


def test_the_columns_of_x_are_asked_for_before_the_list_of_h_is_there(
    bench, small, job_of, start, after
):
    config = small()
    job = job_of(config, input_size=5, hidden_size=4, plan=1, weights_addr=0x100)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut)
    b.add(start(dut, job))
    x = after(b, b.add(Lists(dut, "x", [[0, 2, 3]], random.Random(0))))
    _, _, addresses = next(part_places(job | {"resident_blocks": 0}, config))
    expected = [run for base in addresses for run in part_runs([0, 2, 3], base, config, 8)]
    out = b.drain(dut.request, len(expected))
    b.run(extra=20)
    assert out.items == expected and len(addresses) == 2
    assert x.fetched == 1


@pytest.mark.parametrize("kept", [0, 1, 4, 7])
def test_a_step_without_events_takes_two_cycles(bench, small, job_of, start, after, kept):
    """Resident blocks before the first streamed one take a cycle each."""
    config = small()
    steps = 20
    job = job_of(config, input_size=4, hidden_size=16, plan=1, steps=steps, resident_blocks=kept)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut)
    follow(b, dut, config, job, [([], [])] * steps, start, after)
    leading = next(block for block in range(8) if streamed(job, block))
    assert b.cycles <= 1 + steps * (2 + leading) + 21


@pytest.mark.parametrize("kept", [0, 2, 6])
def test_a_list_without_events_costs_a_cycle_and_a_resident_block_a_cycle(
    bench, small, job_of, start, after, kept
):
    config = small()
    job = job_of(config, input_size=4, hidden_size=16, plan=1, steps=4, resident_blocks=kept)
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut)
    out = follow(b, dut, config, job, [([0, 2], [])] * 4, start, after)
    step = 2 * (8 - kept) + kept + 1
    assert out.cycles[:: 2 * (8 - kept)] == [out.cycles[0] + step * k for k in range(4)]


@pytest.mark.parametrize("kind", [*KINDS, {}])
@pytest.mark.parametrize("kept", [3, 4])
def test_fetches_follow_lists_where_a_column_may_be_none_and_blocks_are_streamed(
    play, small, job_of, kind, kept
):
    config = small()
    job = job_of(config, hidden_size=8, resident_blocks=kept, **kind)
    seen = play(WeightFetcher(config, REQUEST), [{"job": job}, {}])
    assert seen[1]["follow"] == (kept == 3 and bool(kind))


def test_a_request_stands_until_it_is_taken(prover, small, one_start):
    def properties(m, dut):
        one_start(m, dut)
        prover.stable(m, dut.request.valid, dut.request.ready, dut.request.payload)

    prover.run(WeightFetcher(small(), REQUEST), properties, 10)


def grouped_requests(job, config, h_lists):
    """What a job with groups must ask for; whole parts of h where there are no lists."""
    steps, group = job["steps"], job["steps_ahead"] + 1
    x, h = (whole_part(*part) for part in part_places(job, config))
    for first in range(0, steps, group):
        yield from x
        for step in range(first, min(first + group, steps)):
            yield from runs(job, config, [([], h_lists[step])]) if h_lists else h


@pytest.mark.parametrize("follows", [0, 1])
@pytest.mark.parametrize("seed", range(6))
def test_a_group_of_steps_asks_for_the_parts_of_x_once(
    bench, small, job_of, start, after, seed, follows
):
    rng, config = random.Random(seed), small(lookahead=4)
    hidden = rng.randint(1, 16)
    kept = rng.randrange(config.blocks(hidden))
    sizes = {"input_size": rng.randint(1, 12), "hidden_size": hidden, "steps": rng.randint(1, 9)}
    job = job_of(config, weights_addr=0x7000, resident_blocks=kept, **sizes)
    job |= {"steps_ahead": rng.randint(1, 3), "fresh_x": 1, "plan": follows * Plan.MIDDLE}
    lists = [some_of(rng, hidden) for _ in range(job["steps"])] if follows else None
    dut = WeightFetcher(config, REQUEST)
    b = bench(dut, seed=seed)
    b.add(start(dut, job))
    if follows:
        after(b, b.add(Lists(dut, "h", lists, rng, 0.3, 0.3)))
    expected = list(grouped_requests(job, config, lists))
    out = after(b, b.drain(dut.request, len(expected), rng.choice([0, 0.6])))
    b.run(extra=30)
    assert out.items == expected
