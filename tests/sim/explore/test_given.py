"""What quantize wrote, given back to a model."""

import numpy as np
import pytest

from sim.explore.given import given_networks
from sim.explore.quantising import load_subjects, quantize_measured, write_quantized
from sim.networks.loader import load_network
from sim.networks.network import NetworkError

STEPS = 6


@pytest.fixture
def samples():
    """Inputs of a model: 5 sequences."""
    return np.random.default_rng(0).normal(size=(STEPS, 5, 3)).astype(np.float32)


@pytest.fixture
def model(onnx_graph, tmp_path):
    """Two LSTM nodes of which one feeds the other, 3 -> 4 -> 4, and a third one beside them."""
    graph = onnx_graph()
    first = graph.lstm("a", "x", 3)
    graph.lstm("b", graph.joined(first), 4)
    graph.lstm("c", "x", 3, 2)
    return graph.save(tmp_path / "net.onnx", "b_y", "c_y")


def written(path, model, samples, node=None):
    done = [quantize_measured(subject)[0] for subject in load_subjects(model, samples, node)]
    write_quantized(path, done, STEPS)
    return path, {
        name: layer
        for part in done
        for name, layer in zip(part.nodes, part.network.layers, strict=True)
    }


def same(one, other):
    return all(np.array_equal(getattr(one, n), getattr(other, n)) for n in ("W", "R", "bias")) and (
        one.x == other.x and one.h == other.h and one.c_power == other.c_power
    )


def test_a_refrain_file_gives_every_node_its_network(tmp_path, model, samples):
    path, layers = written(tmp_path / "q.refrain", model, samples)
    found = given_networks(path, load_network(model))
    assert list(found) == ["a", "b", "c"]
    for name, network in found.items():
        (layer,) = network.layers
        for one, other in zip(layer.directions, layers[name].directions, strict=True):
            assert same(one, other)


@pytest.mark.parametrize("node, names", [("a", ["a"]), ("b", ["b"])])
def test_a_tflite_file_goes_to_the_node_of_its_sizes(tmp_path, model, samples, node, names):
    path, _ = written(tmp_path / "q.tflite", model, samples, node)
    assert list(given_networks(path, load_network(model))) == names


def test_a_tflite_file_of_a_chain_goes_to_the_chain(tmp_path, onnx_graph, samples):
    graph = onnx_graph()
    graph.lstm("b", graph.joined(graph.lstm("a", "x", 3)), 4)
    model = graph.save(tmp_path / "net.onnx", "b_y")
    path, layers = written(tmp_path / "q.tflite", model, samples)
    found = given_networks(path, load_network(model))
    assert list(found) == ["a", "b"]
    assert same(found["b"].layers[0].directions[0], layers["b"].directions[0])


def refusal(path, model):
    with pytest.raises(NetworkError) as caught:
        given_networks(path, load_network(model))
    return str(caught.value)


def test_a_tflite_file_that_fits_in_several_places_is_refused(tmp_path, onnx_graph, samples):
    graph = onnx_graph()
    graph.lstm("a", "x", 3)
    graph.lstm("b", "x", 3)
    model = graph.save(tmp_path / "net.onnx", "a_y", "b_y")
    path, _ = written(tmp_path / "q.tflite", model, samples, "a")
    assert refusal(path, model) == (
        f"{path} has LSTM layers of the sizes 3 -> 4, as several of {model}: a and b; quantize "
        f"into a .refrain file, which knows its nodes"
    )
    named, _ = written(tmp_path / "q.refrain", model, samples, "a")
    assert list(given_networks(named, load_network(model))) == ["a"]


def test_files_of_another_model_are_refused(tmp_path, model, onnx_graph, samples):
    graph = onnx_graph()
    graph.lstm("d", "x", 3)
    other = graph.save(tmp_path / "d.onnx", "d_y")
    path, _ = written(tmp_path / "q.refrain", other, samples)
    assert refusal(path, model) == (
        f"{path} has the LSTM node d, and {model} has a, b, c; give the model that it was made from"
    )
    graph = onnx_graph()
    graph.lstm("a", "x", 3, 2)
    other = graph.save(tmp_path / "a.onnx", "a_y")
    path, _ = written(tmp_path / "q.refrain", other, samples)
    assert refusal(path, model) == (
        f"{path} has the LSTM node a as 3 -> 4 in both directions, and in {model} it is 3 -> 4; "
        f"give the model that it was made from"
    )
    path, _ = written(tmp_path / "q.tflite", model, samples, "b")
    assert refusal(path, other).startswith(
        f"{path} has LSTM layers of the sizes 4 -> 4, as none of {other}; "
    )


def test_files_that_hold_no_integers_are_refused(tmp_path, model):
    assert refusal(model, model) == (
        f"{model} holds no integer network; give a .refrain or .tflite file of refrain quantize"
    )
