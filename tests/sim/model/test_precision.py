"""Weights and activations of fewer bits in the model: equal to the plain loop."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.image.compile import compile_network, compile_run
from sim.image.image import State
from sim.image.modes import LayerModes
from sim.image.options import RunOptions
from sim.image.weights import pack_weights, unpack_weights
from sim.model.network import run_network
from sim.model.plain import run_plain, run_plain_direction
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError

SMALL = CONFIGS["small"]


def machine(weight_bits, activation_bits, multiplier="exact"):
    """A configuration of these widths whose words fill whole beats."""
    return replace(
        SMALL,
        lanes=64,
        multiplier=find_multiplier(multiplier, weight_bits),
        act_width=activation_bits,
    )


@pytest.mark.parametrize(
    ("weight_bits", "activation_bits"), list(itertools.product(range(4, 9), (4, 5, 6, 7)))
)
def test_the_model_equals_the_plain_loop(weight_bits, activation_bits):
    bits = {"weight_bits": weight_bits, "activation_bits": activation_bits}
    network = random_network([7, 9], seed=weight_bits, initial=True, **bits)
    x = random_codes(network, 2, 9, activation_bits)
    limit = 1 << activation_bits - 1
    for modes in (LayerModes(), LayerModes(mode="delta", x_threshold=2, h_threshold=1)):
        found = run_network(network, x, modes=modes)
        assert np.array_equal(found.h, run_plain(network, x, modes))
        assert found.h.min() >= -limit and found.h.max() < limit
        assert np.ptp(found.h) >= limit


def slow_codes(network, sequences, steps, seed):
    """Codes of 16 bits that move a little from step to step, but for a few."""
    rng = np.random.default_rng(seed)
    x = random_codes(network, sequences, steps, seed).astype(np.int64)
    near = np.cumsum(rng.integers(-300, 300, x.shape), axis=1) + x[:, :1]
    x = np.where(rng.random(x.shape) < 0.9, near, x)
    return np.clip(x, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("row_scales", [False, True])
@pytest.mark.parametrize(
    "modes",
    [
        LayerModes(),
        LayerModes(mode="delta"),
        LayerModes(mode="delta", x_threshold=400, h_threshold=9000),
        LayerModes(mode="auto", delta_threshold=0.9, skip_threshold=0.99, x_threshold=300),
        LayerModes(mode="skip", skip_threshold=0.9, max_skips=2, reference="previous"),
    ],
)
def test_16_bit_activations_equal_the_plain_loop(modes, row_scales):
    network = random_network(
        [7, 9, 5], bidirectional=True, initial=True, activation_bits=16, row_scales=row_scales
    )
    x = slow_codes(network, 2, 12, 3)
    found = run_network(network, x, modes=modes)
    assert found.h.dtype == np.int16
    assert np.array_equal(found.h, run_plain(network, x, modes))
    assert np.ptp(found.h.astype(int)) > 1 << 14


@pytest.mark.parametrize("name", ["rounded:4", "booth:1"])
def test_levels_that_are_linear_equal_the_plain_loop_at_16_bits(name):
    config = machine(8, 16, name)
    network = random_network([7, 9], seed=1, activation_bits=16)
    x = slow_codes(network, 2, 9, 2)
    modes = LayerModes(mode="delta", delta_level=1, x_threshold=256, normal_every=6)
    direction = network.layers[0].directions[0]
    expected = run_plain_direction(direction, x, modes=modes, config=config)[0]
    assert np.array_equal(run_network(network, x, modes=modes, config=config).h, expected)


@pytest.mark.parametrize("name", ["truncated:2", "rounded:4", "drum:3"])
def test_levels_at_fewer_bits_equal_the_plain_loop(name):
    config = machine(6, 5, name)
    network = random_network([7, 9], seed=1, weight_bits=6, activation_bits=5)
    x = random_codes(network, 2, 9, 2)
    modes = LayerModes(mode="delta", delta_level=1, x_threshold=1, normal_every=6)
    direction = network.layers[0].directions[0]
    expected = run_plain_direction(direction, x, modes=modes, config=config)[0]
    found = run_network(network, x, modes=modes, config=config)
    assert np.array_equal(found.h, expected)


@pytest.mark.parametrize("name", ["exact", "baugh-wooley"])
@pytest.mark.parametrize("weight_bits", range(4, 9))
def test_weights_of_every_width_are_packed_without_a_gap(weight_bits, name):
    config = machine(weight_bits, 8, name)
    direction = random_network([5, 20], weight_bits=weight_bits).layers[0].directions[0]
    beats = (config.word_beats,) * 2
    data = pack_weights(direction.W, direction.R, config, beats)
    assert len(data) == 2 * 25 * 64 * weight_bits // 8
    W, R = unpack_weights(data, 5, 20, config, beats)
    assert np.array_equal(W, direction.W) and np.array_equal(R, direction.R)


def test_a_network_must_have_the_widths_of_the_configuration():
    coarse = random_network([3, 4], activation_bits=6)
    with pytest.raises(NetworkError) as caught:
        compile_network(coarse, SMALL, steps=1, sequences=1)
    assert str(caught.value) == (
        "x of layer 0 has codes of 6 bits, and configuration small takes codes of 8: quantise the "
        "network with --activation-bits 8, or make the machine with --activation-bits 6"
    )
    with pytest.raises(NetworkError) as caught:
        compile_network(random_network([3, 4]), machine(4, 8), steps=1, sequences=1)
    assert str(caught.value).startswith("W of layer 0 has weights up to ±")
    assert str(caught.value).endswith(": quantise the network with --weight-bits 4")


def test_thresholds_beyond_a_byte_are_for_16_bit_activations():
    modes = LayerModes(mode="delta", h_threshold=256)
    wide = compile_network(
        random_network([3, 4], activation_bits=16),
        machine(8, 16),
        steps=1,
        sequences=1,
        modes=modes,
    )
    assert wide.placements[0].fields["h_threshold"] == 256
    with pytest.raises(NetworkError) as caught:
        compile_network(random_network([3, 4]), SMALL, steps=1, sequences=1, modes=modes)
    assert str(caught.value) == (
        "h_threshold of layer 0 must be at most 255 for activations of 8 bits, not 256"
    )
    with pytest.raises(NetworkError) as caught:
        modes.words()
    assert str(caught.value) == (
        "h_threshold is 256, and registers stand for thresholds of at most 255; write it into the "
        "descriptors"
    )


def test_codes_must_be_of_their_width():
    network = random_network([2, 2], activation_bits=4)
    config, options = machine(8, 4), RunOptions()
    x = np.array([[[7, -8]]], np.int8)
    compile_run(network, x, config, options)
    with pytest.raises(NetworkError) as caught:
        compile_run(network, x + np.int8(1), config, options)
    assert str(caught.value) == "x must hold codes from -8 to 7, not 8"
    state = State(h=np.array([[0, -9]], np.int8), c=np.zeros((1, 2), np.int16))
    with pytest.raises(NetworkError) as caught:
        compile_run(network, x, config, RunOptions(initial=[state]))
    assert str(caught.value) == "h0 must hold codes from -8 to 7, not -9"
