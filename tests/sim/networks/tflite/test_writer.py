from dataclasses import replace

import numpy as np
import pytest

from sim.networks.network import IntegerLayer, IntegerNetwork, NetworkError, Quantization
from sim.networks.tflite.reader import read_tflite
from sim.networks.tflite.writer import write_file, write_tflite


def refusal(network, path, **shape):
    with pytest.raises(NetworkError) as caught:
        write_tflite(network, path, **{"steps": 4, **shape})
    assert not list(path.parent.iterdir())
    return str(caught.value)


def changed(network, **changes):
    lstm = replace(network.layers[0].directions[0], **changes)
    return IntegerNetwork(layers=(IntegerLayer(directions=(lstm,)),))


def test_a_rewritten_file_gives_the_stored_outputs_of_tflm(nets, tmp_path):
    stored = np.load(nets.data / "lstm_64_128_tflm.npz")
    network = read_tflite(nets.data / "lstm_64_128_int8.tflite")
    write_tflite(network, tmp_path / "net.tflite", steps=32)
    assert (nets.run_tflm(tmp_path / "net.tflite", stored["x"]) == stored["h"]).all()


def test_a_batch_gives_the_same_bits_as_its_sequences(nets, tmp_path):
    stored = np.load(nets.data / "lstm_64_128_tflm.npz")
    network = read_tflite(nets.data / "lstm_64_128_int8.tflite")
    write_tflite(network, tmp_path / "net.tflite", steps=32, batch=4)
    assert (nets.run_tflm(tmp_path / "net.tflite", stored["x"]) == stored["h"]).all()


@pytest.mark.parametrize("sizes", [(1, 1), (3, 5), (7, 4, 6), (5, 9, 3, 11)])
@pytest.mark.parametrize("c_power", [-15, -11])
def test_what_is_written_is_read_again(nets, tmp_path, sizes, c_power):
    network = nets.random_integer(*sizes, c_power=c_power, cell_clip=20000)
    write_tflite(network, tmp_path / "net.tflite", steps=6)
    assert nets.arrays_of(read_tflite(tmp_path / "net.tflite")) == nets.arrays_of(network)


def test_stacked_layers_run_as_their_layers_do_one_by_one(nets, tmp_path):
    network = nets.random_integer(6, 8, 5)
    x = np.random.default_rng(1).integers(-128, 128, (3, 7, 6)).astype(np.int8)
    write_tflite(network, tmp_path / "both.tflite", steps=7)
    h = x
    for layer in network.layers:
        write_tflite(IntegerNetwork(layers=(layer,)), tmp_path / "one.tflite", steps=7)
        h = nets.run_tflm(tmp_path / "one.tflite", h)
    assert (nets.run_tflm(tmp_path / "both.tflite", x) == h).all()
    assert len(np.unique(h)) > 20


def test_the_clip_of_the_cell_state_takes_effect(nets, tmp_path):
    x = np.random.default_rng(1).integers(-128, 128, (3, 20, 6)).astype(np.int8)
    outputs = []
    for clip in (0, 3000):
        write_tflite(nets.random_integer(6, 8, cell_clip=clip), tmp_path / "n.tflite", steps=20)
        outputs.append(nets.run_tflm(tmp_path / "n.tflite", x))
    assert (outputs[0] != outputs[1]).any()
    # Where the clipped state is 3000 codes of 2**-12, |h| is at most tanh of that.
    real = np.abs(
        outputs[1].astype(float) - nets.random_integer(6, 8).layers[0].directions[0].h.zero_point
    )
    assert real.max() * 0.0078125 <= np.tanh(3000 / 4096) + 0.0078125


def test_constants_are_aligned_to_16_bytes(nets, tmp_path):
    network = nets.random_integer(5, 7)
    write_tflite(network, tmp_path / "net.tflite", steps=2)
    data = (tmp_path / "net.tflite").read_bytes()
    lstm = network.layers[0].directions[0]
    for constant in (*lstm.W, *lstm.R, *lstm.bias):
        assert data.index(constant.tobytes()) % 16 == 0


def test_biases_say_their_scale(nets, tmp_path):
    network = nets.random_integer(5, 7)
    write_tflite(network, tmp_path / "net.tflite", steps=2)
    lstm = network.layers[0].directions[0]
    found = []

    def look(model):
        graph = model.subgraphs[0]
        for index in graph.operators[0].inputs[12:16]:
            found.append(graph.tensors[index].quantization.scale[0])

    nets.edit_tflite(tmp_path / "net.tflite", look)
    assert found == pytest.approx([lstm.x.scale * scale for scale in lstm.W_scale], rel=1e-6)


def test_zero_as_an_initial_state_is_expressed(nets, tmp_path):
    network = nets.random_integer(3, 4)
    h = network.layers[0].directions[0].h
    zero = changed(network, h0=np.full(4, h.zero_point, np.int8), c0=np.zeros(4, np.int16))
    write_tflite(zero, tmp_path / "net.tflite", steps=2)
    assert nets.arrays_of(read_tflite(tmp_path / "net.tflite")) == nets.arrays_of(network)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (
            {"reverse": True},
            "layer 0 runs backwards, which the .tflite LSTM operator does not express; "
            "reverse its sequences instead",
        ),
        (
            {"c0": np.ones(4, np.int16)},
            "layer 0 has an initial state, which the .tflite LSTM operator does not express",
        ),
        (
            {"W_scale": np.ones((4, 4))},
            "layer 0 has scales for each row of weights, and a .tflite LSTM operator holds one for "
            "each gate",
        ),
        (
            {"x": Quantization(scale=0.1, zero_point=0)},
            "the x scale 0.1 of layer 0 is no float32 number, and a .tflite file holds no other",
        ),
        (
            {"W": np.full((4, 4, 3), -128, np.int8)},
            "W of layer 0 holds the weight -128; weights are -127 to 127",
        ),
    ],
)
def test_what_the_operator_cannot_say_is_refused(nets, tmp_path, changes, sentence):
    network = changed(nets.random_integer(3, 4), **changes)
    assert refusal(network, tmp_path / "net.tflite") == sentence


def test_two_directions_are_refused(nets, tmp_path):
    lstm = nets.random_integer(3, 4).layers[0].directions[0]
    layer = IntegerLayer(directions=(lstm, replace(lstm, reverse=True)))
    assert refusal(IntegerNetwork(layers=(layer,)), tmp_path / "net.tflite") == (
        "layer 0 is bidirectional, which no .tflite LSTM operator in integers expresses"
    )


@pytest.mark.parametrize("steps", [0, -1, 2.5, None, 2**31])
def test_a_shape_that_is_none_is_refused(nets, tmp_path, steps):
    sentence = refusal(nets.random_integer(3, 4), tmp_path / "net.tflite", steps=steps)
    assert sentence == f"steps must be a positive integer, not {steps!r}"


def test_a_folder_that_does_not_exist_is_refused(nets, tmp_path):
    path = tmp_path / "nowhere" / "net.tflite"
    with pytest.raises(NetworkError) as caught:
        write_tflite(nets.random_integer(3, 4), path, steps=2)
    assert str(caught.value) == f"{path} cannot be written: No such file or directory"


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(nets, tmp_path):
    path = tmp_path / "net.tflite"
    path.mkdir()
    with pytest.raises(NetworkError) as caught:
        write_tflite(nets.random_integer(3, 4), path, steps=2)
    assert str(caught.value) == f"{path} cannot be written: Is a directory"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_stays_whole_until_it_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_file(path, "not bytes")
    assert path.read_bytes() == b"old"
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o600 == 0o600
