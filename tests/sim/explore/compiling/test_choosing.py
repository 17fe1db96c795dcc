"""Which network of a file is compiled, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hw.config import CONFIGS
from sim.explore.compiling.choosing import choose_network
from sim.model.random_network import random_network
from sim.networks.container import Part, container_bytes
from sim.networks.network import NetworkError
from sim.networks.tflite.writer import write_tflite

TINY = CONFIGS["tiny"]
MNIST = Path(__file__).parents[3] / "data" / "mnist_lstm" / "trained_lstm_int8.tflite"
SAMPLES = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)


def sizes(network):
    return [(layer.input_size, layer.output_size) for layer in network.layers]


def chosen(*arguments, **options):
    return sizes(choose_network(*arguments, **options))


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.tflite"
    write_tflite(random_network((3, 5, 4)), path, steps=4)
    return path


@pytest.fixture
def models(tmp_path, onnx_graph):
    """Makes a model of two LSTM nodes: one after the other, or side by side."""

    def make(beside):
        graph = onnx_graph()
        first = graph.lstm("a", "x", 3)
        second = graph.lstm("b", "x" if beside else graph.joined(first), 3 if beside else 4)
        return graph.save(tmp_path / "net.onnx", *([first] if beside else []), second)

    return make


def test_integers_are_taken_as_they_are(net):
    assert chosen(net, TINY) == [(3, 5), (5, 4)]


def test_of_a_whole_model_in_integers_it_is_the_lstm_layer():
    assert chosen(MNIST, TINY) == [(28, 20)]
    with pytest.raises(NetworkError, match="has no LSTM layer fc; it has "):
        choose_network(MNIST, TINY, node="fc")


def test_of_several_networks_one_is_named(tmp_path):
    parts = [Part(name=name, network=random_network((2, n))) for name, n in (("a", 3), ("b", 4))]
    (tmp_path / "net.refrain").write_bytes(container_bytes(parts))
    assert chosen(tmp_path / "net.refrain", TINY, node="b") == [(2, 4)]
    with pytest.raises(NetworkError, match="--node"):
        choose_network(tmp_path / "net.refrain", TINY)


def test_weights_are_quantised_on_samples(tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    path = tmp_path / "net.safetensors"
    save_file(arrays, path)
    network = choose_network(path, TINY, SAMPLES, weight_bits=4)
    assert sizes(network) == [(3, 4)]
    assert np.abs(network.layers[0].directions[0].W).max() <= 7
    with pytest.raises(NetworkError, match="is in floating point: name samples of its input with "):
        choose_network(path, TINY)


def test_a_chain_of_a_model_is_one_network(models):
    path = models(beside=False)
    assert chosen(path, TINY, SAMPLES) == [(3, 4), (4, 4)]
    assert chosen(path, TINY, SAMPLES, node="b") == [(4, 4)]


def test_layers_that_do_not_follow_each_other_must_be_named(models):
    path = models(beside=True)
    sentence = "has LSTM layers that do not follow each other: a; b; choose one with --node"
    with pytest.raises(NetworkError, match=sentence):
        choose_network(path, TINY, SAMPLES)
    assert chosen(path, TINY, SAMPLES, node="a") == [(3, 4)]


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"samples": SAMPLES}, "so calibration samples do nothing"),
        ({"node": "a"}, "is one network, so --node does nothing"),
        ({"states": ("a=b",)}, "in integers, so --state does nothing"),
        ({"weight_bits": 4}, "in integers, so --network-bits does nothing"),
        ({"percentile": 99.0}, "in integers, so --percentile does nothing"),
    ],
)
def test_options_that_do_nothing_are_refused(net, options, sentence):
    with pytest.raises(NetworkError, match=sentence):
        choose_network(net, TINY, **options)
