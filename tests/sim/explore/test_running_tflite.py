"""Whole .tflite networks on the backends."""

from pathlib import Path

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.running import make_backend, run_file
from sim.image.modes import LayerModes, Modes
from sim.networks.loader import load_network
from sim.networks.network import NetworkError

PATH = Path(__file__).parents[2] / "data" / "mnist_lstm" / "trained_lstm_int8.tflite"
TINY = CONFIGS["tiny"]


@pytest.fixture(scope="module")
def model():
    return load_network(PATH)


def test_the_machine_gives_what_the_model_gives(model, digits):
    outputs = []
    for name in ("model", "rtl"):
        done = run_file(model, digits[:2], None, make_backend(name, TINY))
        outputs.append(done.outputs["sequential"])
        assert not done.calibrated_on_input
        assert done.figures["steps"] == 2 * 28
    assert np.array_equal(*outputs)
    assert outputs[0].argmax(1).tolist() == [0, 1]


def test_exact_delta_gives_the_same_bits_for_less(model, digits):
    delta = Modes.of(LayerModes(mode="delta"))
    one, other = (
        run_file(model, digits, None, make_backend("model", TINY), **options)
        for options in ({}, {"modes": delta})
    )
    assert np.array_equal(one.outputs["sequential"], other.outputs["sequential"])
    assert other.figures["macs_done"] < 0.7 * one.figures["macs_done"]


def test_an_input_of_another_shape_is_refused(model):
    with pytest.raises(NetworkError) as caught:
        run_file(model, np.zeros((1, 28, 27)), None, make_backend("model", TINY))
    assert str(caught.value) == (
        f"{model.path}: the input fixed_input must have the shape [1, 28, 28], not [1, 28, 27]"
    )
