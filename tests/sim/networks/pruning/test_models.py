from pathlib import Path

import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.networks.network import NetworkError
from sim.networks.pruning.models import Replaced, Stack, prune_layer, prune_model
from sim.networks.whole import Seen, float_lstm


@pytest.fixture
def stack(nets):
    return Stack(Path("net"), nets.random_float(3, 6, 5, spread=0.8))


@pytest.fixture
def x():
    return np.random.default_rng(3).normal(size=(3, 120, 3)).astype(np.float32)


def weights(layer):
    return np.concatenate([layer.directions[0].W, layer.directions[0].R], axis=2)


def test_layers_alone_are_a_model(stack, x):
    np.testing.assert_allclose(
        stack.reference({"x": x})["h"], run_float(stack.network, x, dtype=np.float32)[0]
    )
    assert [call.x.shape for call in stack.capture({"x": x})["layer 1"]] == [(3, 120, 6)]


def test_a_layer_sees_what_the_pruned_one_below_gives(stack, x):
    pruned = prune_model(stack, [{"x": x}], 2, 0.5)
    first, second = pruned.lstm_layers.values()
    below, _, _ = float_lstm("", first, x, None, None)
    whole, _, _ = float_lstm("", stack.lstm_layers["layer 0"], x, None, None)
    alone = [
        prune_layer(stack.lstm_layers["layer 1"], [Seen(x=each)], 2, 0.5) for each in (below, whole)
    ]
    assert (weights(second) == weights(alone[0])).all()
    assert (weights(second) != weights(alone[1])).any()


def test_only_the_layer_that_is_named_is_pruned(stack, x):
    pruned = prune_model(stack, [{"x": x}], 2, 0.5, node="layer 1")
    assert list(pruned.layers) == ["layer 1"]
    assert pruned.lstm_layers["layer 0"].directions == stack.network.layers[0].directions


def test_calls_begin_with_the_states_that_they_are_given(nets, x):
    layer = nets.random_float(3, 6, spread=0.8).layers[0]
    loud = np.full((1, 3, 6), 5.0)
    pruned = [prune_layer(layer, [Seen(x=x[:, :2], h0=h0, c0=h0)], 2, 0.5) for h0 in (None, loud)]
    assert (weights(pruned[0]) != weights(pruned[1])).any()


def test_a_replaced_layer_runs_in_the_place_of_the_other(nets, stack, x):
    other = nets.random_float(3, 6, 5, seed=9)
    replaced = Replaced(stack, {"layer 1": other.layers[1]})
    np.testing.assert_array_equal(
        replaced.reference({"x": x})["h"],
        float_lstm(
            "",
            other.layers[1],
            float_lstm("", stack.network.layers[0], x, None, None)[0],
            None,
            None,
        )[0],
    )


def test_every_layer_is_told(stack, x):
    told = []
    prune_model(stack, [{"x": x}], 2, 0.5, tell=lambda *far: told.append(far))
    assert told == [(1, 2), (2, 2)]


def test_a_layer_that_the_data_do_not_reach_is_refused(stack, x):
    with pytest.raises(NetworkError, match="nothing of the data reaches the LSTM node other"):
        prune_model(stack, [{"x": x}], 2, 0.5, node="other")
