"""Scales of rows on the compiled machine, compared with the model bit for bit."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from boards.driver import DeviceError
from hw.config import CONFIGS
from hw.registers import Error
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.plain import run_plain
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerNetwork, NetworkError
from sim.rtl.backend import DeviceBackend, RtlBackend
from sim.rtl.memory_model import MemoryModel

SCORED = {"mode": "auto", "delta_threshold": 0.6, "skip_threshold": 0.9}
MODES = (
    LayerModes(),
    LayerModes(mode="delta"),
    LayerModes(mode="reduced"),
    LayerModes(**SCORED, x_threshold=1, h_threshold=1, normal_every=4),
    LayerModes(**SCORED, middle="reduced", zero_skip=True, skip_action="freeze"),
)


@functools.cache
def machine(**changes):
    """The compiled backend of ``tiny`` with gates for scales of rows, and other changes."""
    return RtlBackend(replace(CONFIGS["tiny"], name="rows", row_scales=True, **changes))


def network_of(bits, **how):
    return random_network([19, 21, 10], bidirectional=True, initial=True, weight_bits=bits, **how)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("number", range(len(MODES)))
def test_every_mode_gives_what_the_model_gives(agree, number, bits):
    backend, modes = machine(), MODES[number]
    network = network_of(bits, row_scales=True, seed=number)
    x = random_codes(network, 2, 8, number)
    x[:, 3:6] = x[:, 2:3]
    backend.restart(MemoryModel.stalling(0.2, seed=number, latency=7))
    result = agree(backend, network, x, modes, resident=False if number % 2 else None)
    assert np.ptp(result.h.astype(int)) > 100
    assert np.array_equal(result.h, run_plain(network, x, modes))


@pytest.mark.parametrize("by_row", [0, 1])
def test_layers_with_scales_of_gates_and_of_rows_follow_each_other(agree, by_row):
    """The descriptor says which of the two a layer uses, also where the parameters are as long."""
    rows, gates = network_of(8, row_scales=True, seed=7), network_of(8, seed=7)
    layers = [gates.layers[0], gates.layers[1]]
    layers[by_row] = replace(
        layers[by_row],
        directions=tuple(
            replace(each, W_scale=other.W_scale, R_scale=other.R_scale)
            for each, other in zip(
                layers[by_row].directions, rows.layers[by_row].directions, strict=True
            )
        ),
    )
    network = IntegerNetwork(layers=tuple(layers))
    backend = machine()
    backend.restart(MemoryModel(latency=20))
    agree(backend, network, random_codes(network, 2, 6), LayerModes())


def test_scales_of_gates_give_the_bits_that_they_give_elsewhere(agree):
    network = network_of(8, seed=9)
    backend = machine()
    backend.restart(MemoryModel(latency=20))
    x = random_codes(network, 2, 6)
    result = agree(backend, network, x, LayerModes())
    assert np.array_equal(result.h, run_plain(network, x))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="a word in two beats"),
        pytest.param(
            {"lanes": 32, "bus_width": 256, "cell_lanes": 4},
            id="two words in a beat",
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.parametrize("hidden", [9, 22])
def test_parameters_of_any_bus_are_loaded_in_the_time_that_the_model_says(agree, changes, hidden):
    backend = machine(**changes)
    for row_scales in (True, False):
        network = random_network([7, hidden, 5], row_scales=row_scales, seed=hidden)
        x = random_codes(network, 2, 3)
        backend.restart(MemoryModel())
        result = agree(backend, network, x, LayerModes(), resident=True)
        expected = ModelBackend(backend.config, latency=1).run(network, x, resident=True)
        assert (result.cycles, result.stall_cycles) == (expected.cycles, expected.stall_cycles)


def test_a_machine_without_the_gates_is_asked_and_refused():
    network = random_network([3, 5], row_scales=True)
    plain = RtlBackend(CONFIGS["tiny"])
    backend = DeviceBackend(machine().config, plain.transport, "board")
    with pytest.raises(NetworkError) as error:
        backend.run(network, random_codes(network, 1, 2))
    assert str(error.value) == (
        "the machine on board has no gates for scales of rows, and the network has such scales: "
        "build the machine with --row-scales, or quantise without it"
    )
    # Gates that are not asked refuse the descriptor themselves.
    backend.driver.row_scales = True
    with pytest.raises(DeviceError) as error:
        backend.run(network, random_codes(network, 1, 2))
    assert error.value.code == Error.BAD_DESCRIPTOR
    gates = random_network([3, 5])
    x = random_codes(gates, 1, 2)
    assert np.array_equal(backend.run(gates, x).h, run_plain(gates, x))
