"""Hits from words: which, in which order, and how fast; and that none is lost, for every input."""

import random

import pytest
from amaranth import Mux, Signal
from amaranth.hdl import Assert, Assume

from hw.maps.picker import HitPicker


def words_and_hits(seed, count, share):
    """Words of parts, and the hits that they are."""
    rng = random.Random(seed)
    words, hits, part = [], [], []
    for _ in range(count):
        stored = [rng.random() < 0.5 for _ in range(64)]
        marks = [each and rng.random() < share for each in stored]
        number, end, before = len(words) % 4, rng.random() < 0.4, rng.randrange(500)
        if not any(marks) and not end:
            continue
        words.append(
            {
                "hits": sum(each << k for k, each in enumerate(marks)),
                "stored": sum(each << k for k, each in enumerate(stored)),
                "before": before,
                "word": number,
                "end": int(end),
                "hidden": 1,
            }
        )
        part += [(64 * number + k, before + sum(stored[:k])) for k in range(64) if marks[k]]
        if end:
            last = len(part) - 1
            hits += [(*each, int(k == last), 0) for k, each in enumerate(part)]
            hits += [] if part else [(None, None, 1, 1)]
            part = []
    # What is behind the last end is still held.
    return words, hits


def found(items):
    """The same of what came."""
    return [
        (None, None, each["last"], 1)
        if each["null"]
        else (each["column"], each["place"], each["last"], 0)
        for each in items
    ]


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_hits_come_in_order_with_the_places_of_their_words(bench, small, share, stalls):
    dut = HitPicker(small(map_words=64, max_input=256, max_hidden=256))
    words, hits = words_and_hits(3, 24, share)
    b = bench(dut, seed=1)
    b.feed(dut.i, words, stalls[0])
    out = b.drain(dut.o, len(hits), stalls[1])
    b.run()
    assert found(out.items) == hits


def test_a_hit_leaves_in_every_cycle(bench, small):
    """Also where each group of eight columns has one, and each word."""
    dut = HitPicker(small(map_words=64, max_input=256, max_hidden=256))
    one, eight = 1 << 9, sum(1 << 8 * k for k in range(8))
    words = [
        {"hits": hits, "stored": hits, "before": 0, "word": k % 4, "end": 1, "hidden": 0}
        for k, hits in enumerate([eight, one, one, one, eight, (1 << 64) - 1, one, one])
    ]
    b = bench(dut)
    fed = b.feed(dut.i, words)
    out = b.drain(dut.o, 8 + 3 + 8 + 64 + 2)
    b.run()
    assert fed.cycles[0] == 0
    assert out.cycles == list(range(5, 5 + 85))


def test_hits_stand_until_taken_and_none_is_lost(prover, small):
    """Each end that was taken gives a last hit, in order, and none comes without one."""

    def properties(m, dut):
        prover.stable(m, dut.i.valid, dut.i.ready, dut.i.payload, check=Assume)
        prover.stable(m, dut.o.valid, dut.o.ready, dut.o.payload)
        m.d.comb += Assume(~dut.i.valid | (dut.i.payload.hits != 0) | dut.i.payload.end)
        ends, lasts, hits, given = Signal(8), Signal(8), Signal(8), Signal(8)
        taken, left = dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready
        count = sum(dut.i.payload.hits)
        m.d.sync += [
            ends.eq(ends + (taken & dut.i.payload.end)),
            lasts.eq(lasts + (left & dut.o.payload.last)),
            given.eq(given + Mux(taken, count, 0)),
            hits.eq(hits + (left & ~dut.o.payload.null)),
        ]
        m.d.comb += [Assume(count < 3), Assert(lasts <= ends), Assert(hits <= given)]

    prover.run(HitPicker(small(map_words=64)), properties, 9)
