"""Width conversion against lists."""

import random

import pytest

from hw.streams.width import Downsizer, Upsizer


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_groups_are_joined_lowest_first(bench, factor, stalls):
    dut = Upsizer(5, factor)
    b = bench(dut, seed=factor)
    items = [random.Random(factor + k).randrange(32) for k in range(20 * factor)]
    b.feed(dut.i, items, stalls[0])
    out = b.drain(dut.o, 20, stalls[1])
    b.run()
    expected = [
        sum(item << 5 * k for k, item in enumerate(items[g : g + factor]))
        for g in range(0, len(items), factor)
    ]
    assert out.items == expected


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_joining_takes_an_item_every_cycle(bench, factor):
    dut = Upsizer(8, factor)
    b = bench(dut)
    fed = b.feed(dut.i, range(8 * factor))
    out = b.drain(dut.o, 8)
    b.run()
    assert fed.cycles == list(range(8 * factor))
    latency = 0 if factor == 1 else 1
    assert out.cycles == [(g + 1) * factor - 1 + latency for g in range(8)]


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_beats_are_taken_apart_and_tails_dropped(bench, factor, stalls):
    rng = random.Random(factor)
    beats, expected = [], []
    for _ in range(30):
        codes = [rng.randrange(32) for _ in range(factor)]
        keep, last = rng.randint(1, factor), rng.randrange(2)
        word = sum(code << 5 * k for k, code in enumerate(codes))
        beats.append({"data": word, "keep": keep, "last": last})
        expected += [{"data": codes[k], "last": last & (k == keep - 1)} for k in range(keep)]
    dut = Downsizer(5, factor)
    b = bench(dut, seed=factor)
    b.feed(dut.i, beats, stalls[0])
    out = b.drain(dut.o, len(expected), stalls[1])
    b.run()
    assert out.items == expected


def test_taking_apart_gives_an_item_every_cycle(bench):
    dut = Downsizer(8, 4)
    b = bench(dut)
    beats = [{"data": 0x04030201, "keep": keep, "last": 0} for keep in (4, 1, 2, 4)]
    fed = b.feed(dut.i, beats)
    out = b.drain(dut.o, 11)
    b.run()
    assert out.cycles == list(range(11))
    assert fed.cycles == [3, 4, 6, 10]


@pytest.mark.parametrize("make", [Upsizer, Downsizer])
def test_a_factor_of_zero_is_refused(make):
    with pytest.raises(ValueError) as error:
        make(8, 0)
    assert str(error.value) == "factor must be a positive integer, not 0"


@pytest.mark.parametrize("make, name", [(Upsizer, "in_width"), (Downsizer, "out_width")])
def test_a_width_of_zero_is_refused(make, name):
    with pytest.raises(ValueError) as error:
        make(0, 2)
    assert str(error.value) == f"{name} must be a positive integer, not 0"
