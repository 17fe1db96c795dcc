"""Beats of every bus against 128-bit words."""

import random

import pytest

from hw.sequencer.unpacker import BeatsToWords


def words_and_beats(bus, seed):
    """Random words and the beats that hold them."""
    rng = random.Random(seed)
    words = [rng.getrandbits(128) for _ in range(24)]
    memory = sum(word << 128 * k for k, word in enumerate(words))
    return words, [memory >> at & (1 << bus) - 1 for at in range(0, 24 * 128, bus)]


@pytest.mark.parametrize("bus", [64, 128, 256, 512])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.6), (0.4, 0.4)])
def test_the_same_words_leave_a_bus_of_any_width(bench, small, bus, stalls):
    words, beats = words_and_beats(bus, bus)
    dut = BeatsToWords(small(lanes=64, bus_width=bus))
    b = bench(dut, seed=bus)
    b.feed(dut.i, beats, stalls[0])
    out = b.drain(dut.o, 24, stalls[1])
    b.run()
    assert out.items == words


@pytest.mark.parametrize("bus", [64, 128, 256, 512])
def test_a_word_leaves_as_soon_as_its_beats_are_here(bench, small, bus):
    _, beats = words_and_beats(bus, 0)
    dut = BeatsToWords(small(lanes=64, bus_width=bus))
    b = bench(dut)
    fed = b.feed(dut.i, beats)
    out = b.drain(dut.o, 24)
    b.run()
    if bus == 64:
        assert fed.cycles == list(range(48)) and out.cycles == list(range(2, 49, 2))
    else:
        # A beat stays until its last word leaves.
        assert fed.cycles == list(range(bus // 128 - 1, 24, bus // 128))
        assert out.cycles == list(range(24))
