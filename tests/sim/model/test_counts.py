"""Counts, by hand where small and by the memory map where not."""

from dataclasses import fields

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.modes import Mode
from hw.registers import COUNTERS, MODE_COUNTERS
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.activity import Activity
from sim.model.backend import ModelBackend
from sim.model.counts import Counts, ModeCounts, count
from sim.model.random_network import random_codes, random_network

TINY, CHIP = CONFIGS["tiny"], CONFIGS["chip"]


def counted(sizes, config=TINY, steps=3, sequences=2, bidirectional=False, **options):
    network = random_network(sizes, bidirectional=bidirectional)
    return count(compile_network(network, config, steps=steps, sequences=sequences, **options))


def test_counts_have_the_names_of_the_counters():
    timed = {name for name in COUNTERS if name == "cycles" or name.startswith("stall_")}
    assert {each.name for each in fields(Counts)} == set(COUNTERS) - timed | {"modes"}
    assert tuple(each.name for each in fields(ModeCounts)) == MODE_COUNTERS


def test_what_the_driver_reads_becomes_counts():
    counters = {name: 100 + k for k, name in enumerate(COUNTERS)}
    modes = {
        mode.name.lower(): {name: 10 * mode + k for k, name in enumerate(MODE_COUNTERS)}
        for mode in Mode
    }
    counts = Counts.of_counters(counters, modes)
    assert (counts.read_bytes, counts.write_bytes) == (101, 102)
    assert [each.steps for each in counts.modes] == [0, 10, 20, 30]
    assert counts.weight_bytes_avoided == 6 + 16 + 26 + 36
    steps = counts.mode_normal, counts.mode_delta, counts.mode_reduced, counts.mode_skip
    assert steps == (0, 10, 20, 30)
    twice = counts + counts
    assert (twice.read_bytes, twice.events_h, twice.mode_skip) == (202, 2 * 68, 60)


def test_every_column_is_an_event_in_every_step():
    counts = counted([5, 6])
    assert (counts.steps, counts.mode_normal) == (6, 6)
    assert (counts.events_x, counts.events_h) == (30, 36)
    assert (counts.macs_done, counts.macs_avoided) == (6 * 11 * 24, 0)


def test_layers_and_directions_add_up():
    counts = counted([5, 6, 7], bidirectional=True)
    assert counts.steps == 4 * 6
    assert counts.events_x == 6 * (5 + 5 + 12 + 12)
    assert counts.events_h == 6 * (6 + 6 + 7 + 7)
    assert counts.macs_done == 6 * 2 * (11 * 24 + 19 * 28)


DESCRIPTOR, PARAMS, BLOCK, STATE = 256, 96, 11 * 8, 32
"""Bytes for 5 inputs and 6 units on a bus of 8: three blocks, states in words of 16 bytes."""


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({"resident": True}, DESCRIPTOR + PARAMS + 3 * BLOCK + 6 * 8),
        ({"resident": False}, DESCRIPTOR + PARAMS + 6 * (8 + 3 * BLOCK)),
        ({"resident": True, "load": False}, DESCRIPTOR + 6 * 8),
        ({"resident": False, "load": False}, DESCRIPTOR + 6 * (8 + 3 * BLOCK)),
    ],
)
def test_read_bytes_are_whole_beats_of_what_is_read(options, read):
    assert counted([5, 6], **options).read_bytes == read


def test_initial_states_are_read_once_a_sequence():
    network = random_network([5, 6], initial=True)
    image = compile_network(network, TINY, steps=3, sequences=2, load=False, resident=True)
    assert count(image).read_bytes == DESCRIPTOR + 6 * 8 + 2 * STATE
    # One unit on a bus of 8 bytes: 4 bytes of state, read as a word of 16.
    image = compile_network(
        random_network([5, 1], initial=True), TINY, steps=3, sequences=2, load=False, resident=True
    )
    assert count(image).read_bytes == DESCRIPTOR + 6 * 8 + 2 * 16


def test_two_segments_are_padded_each():
    # 9 and 9 codes take two beats of 8 each.
    below = counted([5, 9], bidirectional=True, resident=True)
    both = counted([5, 9, 1], bidirectional=True, resident=True)
    words = 2 * (18 + 1) * 8
    assert both.read_bytes - below.read_bytes == 2 * (256 + 16 + 6 * 32) + words


def test_written_bytes_are_rows_and_states():
    assert counted([5, 6]).write_bytes == 6 * 8 + 2 * 24
    assert counted([5, 9]).write_bytes == 6 * 16 + 2 * 40
    assert counted([5, 9], store_state=False).write_bytes == 6 * 16
    assert counted([5, 9], CHIP).write_bytes == 6 * 32 + 2 * 64


def test_counts_are_python_integers():
    network = random_network([5, 6])
    x = random_codes(network, 2, 3)
    counts = ModelBackend(TINY).run(network, x, modes=LayerModes(mode="delta")).counts
    assert {type(v) for each in counts.modes for v in vars(each).values()} == {int}
    assert type(counts.read_bytes) is type(counts.write_bytes) is int


def test_a_step_is_counted_by_its_mode():
    network = random_network([5, 6])
    image = compile_network(
        network, TINY, steps=4, sequences=1, resident=None, modes=LayerModes(mode="delta")
    )
    fields = image.placements[0].fields
    fields["resident_blocks"], fields["load_weights"] = 1, 1
    fields["dense_bytes"] = 2 * BLOCK
    activity = Activity(
        mode=np.array([[0, 1, 3, 1]], np.uint8),
        events_x=np.array([[5, 2, 0, 0]], np.int32),
        events_h=np.array([[6, 1, 0, 3]], np.int32),
    )
    counts = count(image, [activity])
    normal, delta, reduced, skip = counts.modes
    assert normal == ModeCounts(
        steps=1, events_x=5, events_h=6, macs_done=11 * 24, weight_bytes=2 * BLOCK
    )
    assert delta == ModeCounts(
        steps=2,
        events_x=2,
        events_h=4,
        macs_done=6 * 24,
        macs_avoided=16 * 24,
        weight_bytes=6 * 8 * 2,
        weight_bytes_avoided=16 * 8 * 2,
    )
    assert reduced == ModeCounts()
    assert skip == ModeCounts(steps=1, macs_avoided=11 * 24, weight_bytes_avoided=2 * BLOCK)
    rows = 4 * 8
    assert counts.read_bytes == DESCRIPTOR + PARAMS + BLOCK + rows + (11 + 6) * 8 * 2
    assert counts.write_bytes == 4 * 8 + 24


def test_what_depends_on_the_input_is_not_counted_without_it():
    image = compile_network(
        random_network([5, 6]), TINY, steps=4, sequences=1, modes=LayerModes(mode="delta")
    )
    with pytest.raises(ValueError, match=r"^what layer 0 does depends on its input$"):
        count(image)


@pytest.mark.parametrize("bits, beats", [(2, 1), (4, 2), (5, 3), (8, 4)])
def test_short_words_are_fewer_bytes_and_avoid_the_rest(bits, beats):
    """On 32 lanes, where a beat holds two bits of every weight: 3 blocks of 28 words."""
    network = random_network([5, 23], weight_bits=bits)
    images = [
        compile_network(network, CONFIGS["small"], steps=3, sequences=2, resident=resident)
        for resident in (False, True)
    ]
    streamed, resident = map(count, images)
    assert images[0].weight_bits == (2 * beats,)
    assert streamed.weight_bytes == 6 * 3 * 28 * 8 * beats
    assert streamed.weight_bytes + streamed.weight_bytes_avoided == 6 * 3 * 28 * 32
    assert resident.weight_bytes == resident.weight_bytes_avoided == 0
    saved = streamed.read_bytes - resident.read_bytes
    assert saved == 5 * 3 * 28 * 8 * beats
