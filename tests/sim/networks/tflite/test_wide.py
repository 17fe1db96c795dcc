"""Operators of 16-bit activations: written, read, and run as TFLite-Micro runs them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from sim.model.network import run_network
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.tflite.model import load_tflite
from sim.networks.tflite.reader import is_lstm_chain, read_bytes
from sim.networks.tflite.writer import write_tflite


@pytest.mark.parametrize(
    ("sizes", "gain", "how"),
    [
        ((24, 24), 1, {}),
        ((5, 40, 17), 3, {}),
        ((130, 64), 0.3, {"c_power": -14}),
        ((8, 16), 30, {"c_power": -9, "cell_clip": 3000}),
    ],
)
def test_every_bit_is_that_of_tflite_micro(nets, tmp_path, sizes, gain, how):
    network = random_network(sizes, seed=len(sizes), activation_bits=16, gain=gain, **how)
    x = random_codes(network, 2, 20, 3)
    write_tflite(network, tmp_path / "net.tflite", steps=20)
    found = run_network(network, x).h
    assert found.dtype == np.int16 and np.ptp(found.astype(int)) > 1 << 12
    assert (nets.run_tflm(tmp_path / "net.tflite", x) == found).all()


def test_what_is_written_is_read_again(nets, tmp_path):
    network = random_network([3, 5, 4], activation_bits=16)
    write_tflite(network, tmp_path / "net.tflite", steps=6)
    assert is_lstm_chain(read_bytes(tmp_path / "net.tflite"))
    assert nets.arrays_of(load_tflite(tmp_path / "net.tflite")) == nets.arrays_of(network)


def refusal(nets, path, change):
    """What is said of a file that was changed."""
    write_tflite(random_network([3, 5], activation_bits=16), path, steps=6)
    nets.edit_tflite(path, change)
    with pytest.raises(NetworkError) as caught:
        load_tflite(path)
    return str(caught.value)


def test_a_bias_beyond_32_bits_is_refused_by_name(nets, tmp_path):
    def change(model):
        graph = model.subgraphs[0]
        buffer = model.buffers[graph.tensors[graph.operators[0].inputs[13]].buffer]
        values = np.frombuffer(bytes(buffer.data), "<i8").copy()
        values[2] = -(2**31) - 5
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)

    assert refusal(nets, tmp_path / "net.tflite", change).endswith(
        "forget gate's bias of operator 0 holds -2147483653, and the accelerator takes biases of "
        "32 bits; convert the network with inputs of a larger range"
    )


def test_a_bias_of_32_bits_is_refused(nets, tmp_path):
    def change(model):
        graph = model.subgraphs[0]
        graph.tensors[graph.operators[0].inputs[12]].type = schema.TensorType.INT32

    assert refusal(nets, tmp_path / "net.tflite", change).endswith(
        "input gate's bias of operator 0 must be INT64, not INT32"
    )


def test_a_zero_point_is_refused(nets, tmp_path):
    def change(model):
        graph = model.subgraphs[0]
        graph.tensors[graph.operators[0].inputs[0]].quantization.zeroPoint = [3]

    assert refusal(nets, tmp_path / "net.tflite", change).endswith(
        "x of layer 0 must have the zero point 0, as all codes of 16 bits, not 3"
    )


def test_x_and_h_have_16_bits_both(tmp_path):
    network = random_network([3, 5], activation_bits=16)
    narrow = random_network([3, 5]).layers[0].directions[0].h
    lstm = replace(network.layers[0].directions[0], h=narrow)
    with pytest.raises(NetworkError, match=re.escape("both have codes of 16 bits or neither")):
        write_tflite(
            IntegerNetwork(layers=(IntegerLayer(directions=(lstm,)),)), tmp_path / "n", steps=2
        )
