"""Splitting of requests."""

import random

import pytest

from hw.axi.bursts import Splitter, check_master, longest_burst

VALID = {
    "addr_width": 32,
    "data_width": 64,
    "buffers": (16,),
    "burst_beats": 16,
    "bursts_in_flight": 4,
    "beats_width": 20,
}


def split(addr, beats, beat_bytes, burst_beats):
    """The bursts of one request, as the contract says them."""
    bursts = []
    while beats:
        length = min(beats, burst_beats - addr // beat_bytes % burst_beats)
        beats -= length
        bursts.append({"addr": addr, "beats": length, "last": int(beats == 0)})
        addr += length * beat_bytes
    return bursts


def make(burst_beats, ahead=False):
    """A splitter for beats of eight bytes."""
    return Splitter(
        addr_width=32, beat_bytes=8, beats_width=12, burst_beats=burst_beats, ahead=ahead
    )


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("burst_beats", [1, 2, 16])
@pytest.mark.parametrize("stalls", [(0, 0), (0.3, 0.5)])
def test_bursts_cover_the_request_and_stay_in_their_block(bench, burst_beats, stalls, ahead):
    rng = random.Random(burst_beats)
    dut = make(burst_beats, ahead)
    requests = [{"addr": 8 * rng.randrange(1 << 20), "beats": rng.randint(1, 70)} for _ in range(9)]
    requests += [{"addr": 0x1000 - 8, "beats": 1}, {"addr": 0x1000 - 8, "beats": 2}]
    expected = [b for r in requests for b in split(r["addr"], r["beats"], 8, burst_beats)]
    b = bench(dut, seed=3)
    b.feed(dut.i, requests, stalls[0])
    out = b.drain(dut.o, len(expected), stalls[1])
    b.run()
    assert out.items == expected


def test_a_burst_leaves_every_cycle_and_a_request_every_second(bench):
    dut = make(4)
    b = bench(dut)
    fed = b.feed(dut.i, [{"addr": 0, "beats": n} for n in (16, 4, 1, 1)])
    out = b.drain(dut.o, 7)
    b.run()
    assert fed.cycles == [0, 5, 7, 9]
    assert out.cycles == [2, 3, 4, 5, 7, 9, 11]


def test_a_burst_leaves_every_cycle_across_requests_that_are_taken_ahead(bench):
    dut = make(4, ahead=True)
    b = bench(dut)
    fed = b.feed(dut.i, [{"addr": 0, "beats": n} for n in (16, 4, 1, 1)])
    out = b.drain(dut.o, 7)
    b.run()
    assert fed.cycles == [0, 1, 5, 6]
    assert out.cycles == [2, 3, 4, 5, 6, 7, 8]


def test_a_short_buffer_shortens_bursts_to_a_power_of_two():
    assert [longest_burst(16, buffer) for buffer in (3, 4, 15, 16, 100)] == [2, 4, 8, 16, 16]


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"data_width": 48}, "data_width must be a power of two of 32 to 1024, not 48"),
        ({"addr_width": 12}, "addr_width must be 13 to 64, not 12"),
        ({"burst_beats": 12}, "burst_beats must be a power of two of at most 256, not 12"),
        (
            {"burst_beats": 256, "data_width": 256, "buffers": (512,)},
            "burst_beats times the bytes of a beat must be at most 4096, not 8192",
        ),
        ({"buffers": ()}, "buffers must hold at least 3 beats for every client, not ()"),
        ({"buffers": (8, 2)}, "buffers must hold at least 3 beats for every client, not (8, 2)"),
        ({"bursts_in_flight": 0}, "bursts_in_flight must be at least 1, not 0"),
        ({"beats_width": 4}, "beats_width must hold a burst of 16 beats, not 4 bits"),
    ],
)
def test_parameters_that_contradict_are_refused(wrong, sentence):
    with pytest.raises(ValueError) as error:
        check_master(**{**VALID, **wrong})
    assert str(error.value) == sentence
