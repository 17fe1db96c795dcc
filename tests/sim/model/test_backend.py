"""The model as a backend."""

import numpy as np
import pytest

import sim.model.backend
from hw.config import CONFIGS
from sim.image.compile import compile_network
from sim.model.backend import ModelBackend
from sim.model.counts import count
from sim.model.plain import run_plain
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]


def test_a_run_gives_values_states_and_counts():
    network = random_network([5, 6, 7], bidirectional=True)
    x = random_codes(network, 2, 3)
    result = ModelBackend(TINY).run(network, x, resident=False)
    assert np.array_equal(result.h, run_plain(network, x))
    assert [state.h.shape for state in result.states] == [(2, 6), (2, 6), (2, 7), (2, 7)]
    image = compile_network(network, TINY, steps=3, sequences=2, resident=False)
    assert result.counts == count(image)
    assert (result.config, result.lanes, result.backend) == ("tiny", 8, "model")


def test_states_that_are_not_stored_are_not_given():
    network = random_network([5, 6])
    x = random_codes(network, 2, 3)
    assert ModelBackend(TINY).run(network, x, store_state=False).states == ()


def test_a_network_stays_prepared_until_another_one_runs(monkeypatch):
    prepared = []
    model = sim.model.backend.Model

    def prepare(network, config):
        prepared.append(network)
        return model(network, config)

    monkeypatch.setattr(sim.model.backend, "Model", prepare)
    backend = ModelBackend(TINY)
    first, second = random_network([5, 6]), random_network([5, 7])
    for network in (first, first, second, first):
        x = random_codes(network, 2, 3)
        assert np.array_equal(backend.run(network, x).h, run_plain(network, x))
    assert prepared == [first, second, first]


def test_a_network_too_large_for_the_configuration_is_refused():
    network = random_network([5, 257])
    with pytest.raises(NetworkError) as caught:
        ModelBackend(TINY).run(network, random_codes(network, 1, 1))
    assert str(caught.value) == (
        "layer 0 has 257 hidden units, and configuration tiny holds at most 256"
    )


def test_an_input_of_another_size_is_refused():
    with pytest.raises(NetworkError) as caught:
        ModelBackend(TINY).run(random_network([5, 6]), np.zeros((1, 2, 4), np.int8))
    assert str(caught.value) == "x must be [sequences, steps, 5], not [1, 2, 4]"


def test_cycles_are_those_of_the_timing_model(monkeypatch):
    network = random_network([5, 6])
    x = random_codes(network, 1, 2)

    def estimate(image, config, latency, columns):
        assert (image.steps, config, latency, columns) == (2, TINY, 30, [None])
        return 132, {"load": 1}

    monkeypatch.setattr(sim.model.backend, "estimate", estimate)
    result = ModelBackend(TINY, latency=30).run(network, x)
    assert (result.cycles, result.stall_cycles) == (132, {"load": 1})
    assert result.utilisation == 0.5


def test_without_time_all_but_cycles_is_the_same():
    network = random_network([5, 6])
    x = random_codes(network, 1, 4)
    timed = ModelBackend(TINY).run(network, x, resident=False)
    backend = ModelBackend(TINY, timed=False)
    for each in (backend, backend.sibling()):
        result = each.run(network, x, resident=False)
        assert (result.cycles, result.stall_cycles, result.utilisation) == (None, None, None)
        assert (result.h == timed.h).all() and result.counts == timed.counts
