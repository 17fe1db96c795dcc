"""Counts, by hand where small and by the memory map where not."""

from dataclasses import fields

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.registers import COUNTERS
from sim.image.compile import compile_network
from sim.model.counts import Counts, count
from sim.model.random_network import random_network

TINY, CHIP = CONFIGS["tiny"], CONFIGS["chip"]


def counted(sizes, config=TINY, steps=3, sequences=2, bidirectional=False, **options):
    network = random_network(sizes, bidirectional=bidirectional)
    return count(compile_network(network, config, steps=steps, sequences=sequences, **options))


def test_counts_have_the_names_of_the_counters():
    timed = {name for name in COUNTERS if name == "cycles" or name.startswith("stall_")}
    assert {each.name for each in fields(Counts)} == set(COUNTERS) - timed


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
    assert all(isinstance(getattr(counted([5, 6]), each.name), int) for each in fields(Counts))
    assert not isinstance(counted([5, 6]).read_bytes, np.integer)
