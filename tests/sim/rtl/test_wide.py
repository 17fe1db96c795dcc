"""Activations of 16 bits on the compiled machine, compared with the model."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.image.modes import LayerModes
from sim.image.weights import fewest_beats
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError
from sim.rtl.backend import DeviceBackend, RtlBackend
from sim.rtl.memory_model import MemoryModel

MODES = (
    LayerModes(),
    LayerModes(mode="delta"),
    LayerModes(mode="delta", x_threshold=9000, h_threshold=300),
    LayerModes(
        mode="auto", delta_threshold=0.6, skip_threshold=0.9, x_threshold=257, normal_every=4
    ),
    LayerModes(mode="auto", delta_threshold=0.5, skip_threshold=0.8, zero_skip=True, max_skips=2),
    LayerModes(mode="skip", skip_threshold=0.85, skip_action="freeze", reference="previous"),
)


@functools.cache
def machine(multiplier, weight_bits=8, **fields):
    """The compiled backend of a configuration of 16-bit activations."""
    config = replace(
        CONFIGS["tiny"],
        name="wide",
        act_width=16,
        multiplier=find_multiplier(multiplier, weight_bits),
        **fields,
    )
    return RtlBackend(config)


def moving_codes(network, sequences, steps, seed):
    """Codes of which some stand still, some move a little, and some anywhere."""
    rng = np.random.default_rng(seed)
    x = random_codes(network, sequences, steps, seed).astype(np.int64)
    kind = rng.random(x.shape)
    for step in range(1, steps):
        near = x[:, step - 1] + rng.integers(-400, 400, x[:, 0].shape)
        x[:, step] = np.where(
            kind[:, step] < 0.5, x[:, step - 1], np.where(kind[:, step] < 0.9, near, x[:, step])
        )
    return np.clip(x, -32768, 32767).astype(np.int16)


def runs_agree(backend, network, agree):
    """Every mode on both, with resident weights and with streamed ones."""
    x = moving_codes(network, 2, 9, 6)
    for number, modes in enumerate(MODES):
        backend.restart(MemoryModel.stalling(0.2, seed=number, latency=7))
        result = agree(backend, network, x, modes, resident=False if number % 2 else None)
        assert np.ptp(result.h.astype(int)) > 1 << 14


def test_every_mode_gives_what_the_model_gives(agree):
    network = random_network(
        [19, 21, 10], seed=5, bidirectional=True, initial=True, activation_bits=16
    )
    runs_agree(machine("exact"), network, agree)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("multiplier", "weight_bits", "fields"),
    [
        ("baugh-wooley", 8, {"lookahead": 4}),
        ("dsp-pair", 4, {"lanes": 16}),
        ("exact-tree", 8, {"lanes": 16, "bus_width": 128, "cell_lanes": 4, "row_scales": True}),
    ],
    ids=str,
)
def test_other_machines_give_what_the_model_gives(multiplier, weight_bits, fields, agree):
    network = random_network(
        [19, 21, 10],
        seed=5,
        bidirectional=True,
        initial=True,
        activation_bits=16,
        weight_bits=weight_bits,
        row_scales="row_scales" in fields,
    )
    backend = machine(multiplier, weight_bits, **fields)
    runs_agree(backend, network, agree)
    if "lookahead" in fields:
        x = moving_codes(network, 2, 9, 8)
        for modes in (LayerModes(lookahead=4), LayerModes(mode="delta", lookahead=2)):
            agree(backend, network, x, modes, resident=False)


@pytest.mark.slow
def test_rows_short_words_and_16_bits_go_together(agree):
    """Weights of ``W`` have 4 bits, those of ``R`` 8, and each row a scale of its own."""
    backend = machine("exact", lanes=16, row_scales=True)
    network = random_network(
        [19, 21, 10], seed=8, bidirectional=True, activation_bits=16, row_scales=True
    )
    layers = []
    for layer in network.layers:
        directions = [
            replace(
                each,
                W=np.trunc(each.W / 16).astype(np.int8),
                W_scale=16 * each.W_scale,
                bias=each.bias // 16,
            )
            for each in layer.directions
        ]
        for each in directions:
            assert fewest_beats(each.W, each.R, backend.config) == (1, 2)
        layers.append(replace(layer, directions=tuple(directions)))
    runs_agree(backend, replace(network, layers=tuple(layers)), agree)


def test_a_stream_gives_what_one_run_gives():
    """The states and references that stay in the machine are of 16 bits too."""
    backend = machine("exact")
    backend.restart(MemoryModel(latency=5))
    network = random_network([19, 21], seed=7, activation_bits=16)
    x = moving_codes(network, 1, 9, 2)
    modes = LayerModes(mode="auto", delta_threshold=0.4, skip_threshold=0.9, x_threshold=300)
    whole = backend.run(network, x, modes=modes).h
    parts = [
        backend.run(network, x[:, start:stop], modes=modes, resume=start > 0).h
        for start, stop in ((0, 3), (3, 4), (4, 9))
    ]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_cycles_are_those_of_the_model():
    backend = machine("exact")
    backend.restart(MemoryModel(latency=1))
    network = random_network([19, 21, 10], seed=5, activation_bits=16)
    x = moving_codes(network, 2, 9, 6)
    for modes in MODES:
        expected = ModelBackend(backend.config).run(network, x, modes=modes)
        found = backend.run(network, x, modes=modes)
        assert (found.cycles, found.stall_cycles) == (expected.cycles, expected.stall_cycles)


def test_a_machine_of_another_width_is_asked_and_refused():
    network = random_network([3, 5], activation_bits=16)
    narrow = RtlBackend(CONFIGS["tiny"])
    backend = DeviceBackend(replace(CONFIGS["tiny"], act_width=16), narrow.transport, "board")
    with pytest.raises(NetworkError) as error:
        backend.run(network, random_codes(network, 1, 2))
    assert str(error.value) == (
        "the machine on board has activations of at most 8 bits, and the configuration of 16: "
        "build the machine with that configuration, or run with the one that it was built with"
    )
