"""Networks equal TFLite-Micro and the plain loop."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.image.image import State
from sim.model.network import Model, run_network
from sim.model.plain import run_plain
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.tflite.reader import read_tflite
from sim.networks.tflite.writer import write_tflite

DATA = Path(__file__).parents[2] / "data"


def test_a_network_of_tensorflow_equals_tflite_micro():
    reference = np.load(DATA / "lstm_64_128_tflm.npz")
    network = read_tflite(DATA / "lstm_64_128_int8.tflite")
    assert np.array_equal(run_network(network, reference["x"]).h, reference["h"])


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ([1, 1], {}),
        ([5, 7], {}),
        ([64, 128], {"seed": 1}),
        ([9, 13, 11], {}),
        ([30, 20], {"gain": 30.0}),
        ([30, 20], {"c_power": -13}),
        ([30, 20], {"c_power": -9}),
        *(([30, 20], {"c_power": power, "gain": 3.0}) for power in range(-19, -15)),
    ],
)
def test_random_networks_equal_tflite_micro(tmp_path, sizes, options):
    micro = pytest.importorskip("tflite_micro")
    network = random_network(sizes, **options)
    x = random_codes(network, 2, 25)
    write_tflite(network, tmp_path / "net.tflite", steps=25)
    interpreter = micro.runtime.Interpreter.from_file(str(tmp_path / "net.tflite"))
    h = run_network(network, x).h
    for sequence in range(len(x)):
        interpreter.reset()
        interpreter.set_input(x[sequence : sequence + 1], 0)
        interpreter.invoke()
        assert np.array_equal(interpreter.get_output(0)[0], h[sequence])


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=4), st.booleans(), st.integers(0, 99))
def test_stacked_networks_equal_the_plain_loop(sizes, bidirectional, seed):
    network = random_network(sizes, seed=seed, bidirectional=bidirectional, initial=True)
    x = random_codes(network, 3, 7, seed)
    outputs = run_network(network, x)
    assert np.array_equal(outputs.h, run_plain(network, x))
    for k, layer in enumerate(outputs.layers):
        below = IntegerNetwork(layers=network.layers[: k + 1])
        assert np.array_equal(layer, run_plain(below, x))


def test_final_states_begin_the_next_run():
    network = random_network([6, 7, 8])
    model = Model(network)
    x = random_codes(network, 2, 10)
    whole = model.run(x)
    first = model.run(x[:, :6])
    second = model.run(x[:, 6:], initial=first.states)
    assert np.array_equal(np.concatenate([first.h, second.h], axis=1), whole.h)
    for one, other in zip(second.states, whole.states, strict=True):
        assert np.array_equal(one.h, other.h)
        assert np.array_equal(one.c, other.c)


def test_states_that_do_not_fit_are_refused():
    network = random_network([6, 7])
    x = random_codes(network, 2, 3)
    with pytest.raises(NetworkError) as caught:
        run_network(network, x, initial=[])
    assert str(caught.value) == "initial must hold a state for each of 1 directions, not 0"
    bad = State(h=np.zeros((3, 7), np.int8), c=np.zeros((3, 7), np.int16))
    with pytest.raises(NetworkError) as caught:
        run_network(network, x, initial=[bad])
    assert str(caught.value) == "h0 must be int8 [2, 7], not int8 [3, 7]"


def test_a_floating_point_input_is_refused():
    with pytest.raises(NetworkError) as caught:
        run_network(random_network([6, 7]), np.zeros((1, 2, 6)))
    assert str(caught.value) == "x must be int8, not float64"
