"""Runs of columns against the loop that defines them."""

import random

import pytest
from amaranth.hdl import Assume

from hw.axi.bursts import request_layout
from hw.weights.runs import RunMerger

REQUEST = request_layout(32, 20)


class WordBeats:
    """Says how many beats a column of x and of h has."""

    done = True

    def __init__(self, dut, beats):
        self.dut, self.beats = dut, beats

    def drive(self, ctx, cycle):
        """Say it."""
        ctx.set(self.dut.x_word_beats, self.beats[0])
        ctx.set(self.dut.word_beats, self.beats[1])

    def sample(self, ctx, cycle):
        """Nothing to see."""


def merged(items, config, beats):
    """What must be asked for: a run ends with its part, before a gap, and where a burst ends."""
    burst, runs, first = config.burst_beats * config.bus_bytes, [], True
    for item in items:
        column_bytes = 8 * beats[item["hidden"]]
        addr = item["base"] + item["before"] * config.bus_bytes
        begin, end = runs[-1] if runs else (0, 0)
        if first or addr != end or end % burst == 0:
            runs.append((addr, addr + column_bytes))
        else:
            runs[-1] = (begin, end + column_bytes)
        first = item["last"]
    return [{"addr": a, "beats": (b - a) // config.bus_bytes} for a, b in runs]


def parts(rng, beats, count):
    """Wanted columns of some parts; a part may begin where the one before ended."""
    base = 0
    for _ in range(count):
        hidden = rng.randrange(2)
        column_bytes = 8 * beats[hidden]
        columns = sorted(rng.sample(range(16), rng.choice([1, 2, 8, 15, 16])))
        for k, column in enumerate(columns):
            follows = column == columns[k - 1] + 1 if k else rng.randrange(2)
            yield {
                "hidden": hidden,
                "base": base,
                "follows": int(follows),
                "before": column * column_bytes // 8,
                "last": k == len(columns) - 1,
            }
        base = rng.choice([base + 16 * column_bytes, 8 * rng.randrange(1 << 12)])


@pytest.mark.parametrize(
    "lanes, burst, beats",
    [
        *((8, 1, (1, 1)), (8, 4, (1, 1)), (8, 8, (1, 1)), (16, 2, (2, 2)), (16, 16, (2, 1))),
        *((64, 4, (8, 8)), (64, 8, (3, 3)), (64, 8, (2, 8)), (32, 4, (1, 1)), (32, 4, (4, 1))),
    ],
)
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0.5), (0, 0.8)])
def test_neighbours_are_one_request(bench, small, lanes, burst, beats, stalls):
    config = small(lanes=lanes, burst_beats=burst)
    rng = random.Random(lanes + burst)
    items = list(parts(rng, beats, 12))
    expected = merged(items, config, beats)
    dut = RunMerger(config, REQUEST)
    b = bench(dut, seed=burst)
    b.add(WordBeats(dut, beats))
    b.feed(dut.i, items, stalls[0])
    out = b.drain(dut.o, len(expected), stalls[1])
    b.run(extra=5)
    assert out.items == expected


def test_a_run_says_of_which_part_it_is(play, small):
    items = [{"hidden": hidden, "last": 1} for hidden in (1, 0, 0, 1)]
    rows = [{"i.valid": 1, "i.payload": each, "o.ready": 1} for each in items]
    seen = play(RunMerger(small(), REQUEST), [*rows, {}])
    assert [row["hidden"] for row in seen if row["o.valid"]] == [1, 0, 0, 1]


def test_a_column_is_taken_every_cycle_and_a_run_leaves_when_it_is_known_to_end(bench, small):
    """Two neighbours, a column alone, three neighbours up to the end of a burst, the last one."""
    config = small()
    columns = [4, 5, 7, 13, 14, 15, 0]
    items = [
        {"hidden": 1, "follows": each in (5, 14, 15), "before": each, "last": each == 0}
        for each in columns
    ]
    dut = RunMerger(config, REQUEST)
    b = bench(dut)
    b.add(WordBeats(dut, (1, 1)))
    fed = b.feed(dut.i, items)
    out = b.drain(dut.o, 4)
    b.run(extra=5)
    assert fed.cycles == list(range(7))
    assert out.cycles == [2, 3, 6, 7]


def test_a_request_stands_until_it_is_taken(prover, small):
    def properties(m, dut):
        prover.stable(m, dut.i.valid, dut.i.ready, dut.i.payload, check=Assume)
        prover.stable(m, dut.o.valid, dut.o.ready, dut.o.payload)

    prover.run(RunMerger(small(), REQUEST), properties, 8)
