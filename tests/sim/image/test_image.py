"""What a run takes from an image and gives back."""

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.image.compile import compile_network
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]


@pytest.fixture
def image():
    network = random_network([5, 6, 7], bidirectional=True)
    return compile_network(network, TINY, steps=3, sequences=2)


def test_x_lies_where_the_descriptor_says(image):
    x = random_codes(random_network([5, 6]), 2, 3)
    packed = np.frombuffer(image.pack_x(x), np.int8)
    assert len(packed) == image.x.end - image.x.addr
    fields = image.placements[1].fields
    for sequence in range(2):
        for k, step in enumerate((2, 1, 0)):
            at = fields["x_addr"] + sequence * fields["x_sequence_stride"]
            at += k * fields["x_step_stride"] - image.x.addr
            assert np.array_equal(packed[at : at + 5], x[sequence, step])


def test_h_of_both_directions_of_the_last_layer_is_unpacked(image):
    memory = np.zeros(image.size, np.int8)
    h = np.random.default_rng(0).integers(-128, 128, (2, 3, 14), np.int8)
    for k, placement in enumerate(image.outputs):
        rows = placement.h
        memory[rows.addr : rows.end] = np.frombuffer(rows.pack(h[..., 7 * k : 7 * k + 7]), np.int8)
    assert np.array_equal(image.unpack_h(memory.tobytes()), h)
    window = memory[image.output_base : image.output_limit]
    assert np.array_equal(image.unpack_h(window, image.output_base), h)


def test_states_of_all_directions_are_unpacked(image):
    memory = bytearray(image.size)
    for k, placement in enumerate(image.placements):
        states = placement.state_out
        h = np.full((2, states.units), k, np.int8)
        memory[states.addr : states.end] = states.pack(h, 100 - h.astype(np.int16))
    unpacked = image.unpack_states(bytes(memory))
    assert [state.h.shape for state in unpacked] == [(2, 6), (2, 6), (2, 7), (2, 7)]
    assert [state.h[0, 0] for state in unpacked] == [0, 1, 2, 3]
    assert [state.c[1, 5] for state in unpacked] == [100, 99, 98, 97]


def test_an_x_of_another_run_is_refused(image):
    with pytest.raises(NetworkError) as caught:
        image.pack_x(np.zeros((2, 4, 5), np.int8))
    assert str(caught.value) == "x must be int8 [2, 3, 5], not int8 [2, 4, 5]"
