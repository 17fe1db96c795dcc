"""Layers of a model in other programs' integers and in ours, called as the model calls them."""

import numpy as np
import onnxruntime
import pytest

from sim.explore.accuracy.layers import (
    DynamicLayers,
    ExactWeights,
    IntegerLayers,
    Listener,
    layer_model,
    run_joined,
)
from sim.model.network import run_network
from sim.networks.codes import from_codes, sqnr, to_codes
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, FloatLstm
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen

REVERSES = [(False,), (True,), (False, True)]


def layer_of(reverses, inputs=6, hidden=8, seed=0, own_state=False, **changes):
    """A layer with random weights."""
    rng = np.random.default_rng(seed)
    shapes = {"W": (4, hidden, inputs), "R": (4, hidden, hidden), "bias": (4, hidden)}
    states = {"h0": (hidden,), "c0": (hidden,)} if own_state else {}
    directions = tuple(
        FloatLstm(
            **{k: rng.normal(0, 0.5, shape).astype("f") for k, shape in (shapes | states).items()},
            reverse=reverse,
            **changes,
        )
        for reverse in reverses
    )
    return FloatLayer(directions=directions)


def inputs_of(layer, batch=3, steps=12, seed=1):
    rng = np.random.default_rng(seed)
    first = layer.directions[0]
    shape = len(layer.directions), batch, first.hidden_size
    x = rng.normal(size=(batch, steps, first.input_size)).astype("f")
    return x, *(rng.normal(0, 0.4, shape).astype("f") for _ in range(2))


@pytest.mark.parametrize("reverses", REVERSES)
def test_a_model_of_one_node_computes_the_layer(reverses):
    layer = layer_of(reverses)
    x, h0, c0 = inputs_of(layer)
    session = onnxruntime.InferenceSession(layer_model(layer).SerializeToString())
    y, h_n, c_n = session.run(None, {"x": x.swapaxes(0, 1), "h0": h0, "c0": c0})
    wanted = run_layer(layer, x, h0, c0)
    np.testing.assert_allclose(y.transpose(2, 0, 1, 3).reshape(3, 12, -1), wanted[0], atol=1e-5)
    np.testing.assert_allclose(h_n, wanted[1], atol=1e-5)
    np.testing.assert_allclose(c_n, wanted[2], atol=1e-5)


@pytest.mark.parametrize("reverses", REVERSES)
@pytest.mark.parametrize("given", [True, False])
def test_dynamic_quantisation_is_near_and_channels_are_nearer_where_rows_differ(reverses, given):
    layer = layer_of(reverses, own_state=not given)
    for each in layer.directions:
        each.W[:, 0] *= 8
    x, *states = inputs_of(layer)
    states = states if given else (None, None)
    truth = run_layer(layer, x, *states)[0]
    tensor, channel = (
        sqnr(truth, DynamicLayers(per_channel=each)("lstm", layer, x, *states)[0])
        for each in (False, True)
    )
    assert 15 < tensor < channel - 3


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic_quantisation_does_not_depend_on_the_processor(per_channel):
    """Pairs of large products would saturate in 16 bits, which is all that some processors have."""
    layer = layer_of((False,), inputs=16)
    for each in layer.directions:
        each.W[:] = 0.1 * np.sign(each.W[:, :, :1])
        each.W[:, :, 0] *= 1.001
        each.R[:] *= 0.01
    x = inputs_of(layer)[0]
    x = 1 - 0.1 * np.abs(x)
    truth = run_layer(layer, x)[0]
    assert sqnr(truth, DynamicLayers(per_channel)("lstm", layer, x, None, None)[0]) > 35


def test_integers_of_a_call_are_those_of_the_model():
    layer = layer_of((False,))
    x, h0, c0 = inputs_of(layer)
    network = quantize(layer, x)
    run = IntegerLayers({"lstm": network})
    (made,) = network.layers[0].directions
    h = from_codes(run_network(network, to_codes(x, made.x)).h, made.h)
    y, h_n, _ = run("lstm", layer, x, None, None)
    assert np.array_equal(y, h) and np.array_equal(h_n[0], h[:, -1])
    # Two calls are one that goes on.
    first = run("lstm", layer, x[:, :5], h0, c0)
    rest = run("lstm", layer, x[:, 5:], *first[1:])
    whole = run("lstm", layer, x, h0, c0)
    assert np.array_equal(np.concatenate([first[0], rest[0]], axis=1), whole[0])
    assert np.array_equal(rest[2], whole[2])


@pytest.mark.parametrize("reverses", REVERSES)
def test_exact_weights_leave_what_formats_of_values_lose(reverses):
    layer = layer_of(reverses)
    x, h0, c0 = inputs_of(layer)
    seen = [Seen(x=x, h0=h0, c0=c0)]
    networks = {
        bits: {"lstm": quantize(layer, seen, activation_bits=bits, row_scales=True)}
        for bits in (6, 8, 16)
    }
    wanted = run_layer(layer, x, h0, c0)
    ratios = []
    for bits in networks:
        made = ExactWeights(networks[bits])("lstm", layer, x, h0, c0)
        assert [each.shape for each in made] == [each.shape for each in wanted]
        ratios.append([sqnr(*pair) for pair in zip(wanted, made, strict=True)])
        # Integer weights lose more, or about as much.
        integers = IntegerLayers(networks[bits])("lstm", layer, x, h0, c0)
        assert sqnr(wanted[0], integers[0]) < ratios[-1][0] + 1
    # Twice as fine a step is 6 dB; the cell state has 16 bits everywhere.
    narrow, usual, wide = np.array(ratios)
    assert (usual > narrow + 9).all() and (wide > usual + 12).all()


def stream(layers, x, behind):
    """A model of two layers that runs call by call, each from the state that it left."""

    def run(lstm):
        states = [(np.zeros((1, 1, 8), "f"), np.zeros((1, 1, 8), "f")) for _ in layers]
        made = []
        for t in range(x.shape[1]):
            y = x[:, t : t + 1]
            for number, (name, layer) in enumerate(layers.items()):
                y, *states[number] = lstm(name, layer, y, *states[number])
            made.append(y * behind)
        return {"out": np.concatenate(made, axis=1)}

    return run


def test_layers_of_a_stream_run_once_and_give_what_they_give_call_by_call():
    layers = {"a": layer_of((False,)), "b": layer_of((False,), inputs=8, seed=2)}
    x = np.random.default_rng(3).normal(size=(1, 9, 6)).astype("f")
    run = stream(layers, x, behind=2)
    seen = []

    def lstm(name, layer, x, h0, c0):
        seen.append((name, x.shape))
        return run_layer(layer, x, h0, c0, dtype=np.float32)

    listener = Listener(lstm)
    wanted = run(listener)
    seen.clear()
    outputs, joined = run_joined(run, lstm)
    assert seen == [("a", (1, 9, 6)), ("b", (1, 9, 8))]
    np.testing.assert_allclose(outputs["out"], wanted["out"], atol=1e-5)
    for name, values in listener.joined().items():
        np.testing.assert_allclose(joined[name], values, atol=1e-5)


def test_an_error_of_a_lower_layer_reaches_the_next_in_a_stream():
    layers = {"a": layer_of((False,)), "b": layer_of((False,), inputs=8, seed=2)}
    x = np.random.default_rng(3).normal(size=(1, 9, 6)).astype("f")

    def twice(name, layer, x, h0, c0):
        y, h, c = run_layer(layer, x, h0, c0, dtype=np.float32)
        return (2 * y if name == "a" else y), h, c

    _, joined = run_joined(stream(layers, x, behind=1), twice)
    first = run_layer(layers["a"], x)[0]
    np.testing.assert_allclose(joined["b"], run_layer(layers["b"], 2 * first)[0].ravel(), atol=1e-5)
