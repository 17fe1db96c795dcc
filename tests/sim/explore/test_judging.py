from dataclasses import replace

import numpy as np
import pytest

from sim.explore.judging import BOUND_DB, judge_layer, judge_network
from sim.image.modes import LayerModes, Modes
from sim.networks.codes import sqnr
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen

INPUTS, H = 6, 8


def lstm(seed=0, inputs=INPUTS):
    rng = np.random.default_rng(seed)
    W, R = (rng.normal(0, 0.6, (4, H, size)).astype(np.float32) for size in (inputs, H))
    return FloatLstm(W=W, R=R, bias=rng.normal(0, 0.2, (4, H)).astype(np.float32))


@pytest.fixture
def layer():
    return FloatLayer(directions=(lstm(),))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(2, 40, INPUTS)).astype(np.float32)


def judged(layer, x, calibration=None, change=lambda integer: integer, **options):
    (integer,) = quantize(layer, x if calibration is None else calibration, 100).layers
    return judge_layer("rnn", layer, change(integer), [Seen(x=x)], what="LSTM node ", **options)


def test_a_healthy_layer_is_told_by_its_ratio_alone(layer, x):
    found = judged(layer, x)
    assert 35 < found.sqnr_db < 60 and found.sentence is None and found.name == "rnn"


def test_an_input_of_five_decades_is_named(layer):
    """Rows of power: what the network looks at is far below the peaks."""
    rng = np.random.default_rng(2)
    x = np.exp(rng.normal(0, 2.5, (2, 60, INPUTS))).astype(np.float32)
    W = layer.directions[0].W / 50
    layer = FloatLayer(directions=(replace(layer.directions[0], W=W),))
    x[0, 0, 0] = 3e4
    found = judged(layer, x)
    assert found.sqnr_db < BOUND_DB
    assert found.sentence.startswith(
        f"LSTM node rnn is far from floating point: its h is at {found.sqnr_db:.1f} dB, and below "
        f"15 dB fewer than 3 of 8 bits are left; "
    )
    assert "% of its x that are not 0 became code 0, as x spans" in found.sentence
    assert found.sentence.endswith("or try --percentile 99.9")
    assert len(found.sentence) <= 400


def test_an_input_that_calibration_did_not_see_is_named(layer, x):
    found = judged(layer, 20 * x, x)
    assert "of its x are outside of what calibration saw; calibrate on samples" in found.sentence


def test_weights_that_share_a_scale_are_named(x):
    """One row of a gate is 500 times the others, whose codes are all zero."""
    direction = lstm()
    direction.W[:, 0, 0] *= 500
    direction.W[:, 0, 1:] = 0
    x = x.copy()
    x[..., 0] /= 500
    found = judged(FloatLayer(directions=(direction,)), x)
    assert found.sqnr_db < BOUND_DB
    assert "its weights of 8 bits alone leave" in found.sentence
    assert len(found.sentence) <= 400


def test_modes_that_lose_it_are_named(layer, x):
    (integer,) = quantize(layer, x).layers
    wrong = [np.zeros((2, 40, H))]
    modes = Modes.of(LayerModes(mode="delta", x_threshold=99))
    found = judge_layer("rnn", layer, integer, [Seen(x=x)], wrong, modes)
    assert found.sqnr_db == 0
    assert "so the settings of the modes lose it; lower their thresholds" in found.sentence


def test_what_came_out_is_what_is_judged(layer, x):
    (integer,) = quantize(layer, x).layers
    truth = run_layer(layer, x)[0]
    h = truth + np.random.default_rng(0).normal(0, 0.01, truth.shape)
    found = judge_layer("rnn", layer, integer, [Seen(x=x)], [h])
    assert found.sqnr_db == pytest.approx(sqnr(truth, h))


def test_a_layer_that_gives_nothing_has_no_ratio(layer, x):
    zero = replace(layer.directions[0], W=0 * layer.directions[0].W, bias=np.zeros((4, H)))
    silent = FloatLayer(directions=(zero,))
    (integer,) = quantize(layer, x).layers
    found = judge_layer("rnn", silent, integer, [Seen(x=x)])
    assert found.sqnr_db is None and found.sentence is None


def test_every_layer_of_a_stack_is_judged_on_what_reaches_it(layer, x):
    second = FloatLayer(directions=(lstm(1, H),))
    network = FloatNetwork(layers=(layer, second))
    integer = quantize(network, x)
    states = np.random.default_rng(3).normal(0, 0.3, (4, 1, 2, H))
    seen = Seen(x=x, h0=states[0], c0=states[1], later=((states[2], states[3]),))
    found = judge_network(["a", "b"], network, integer, [seen])
    assert [each.name for each in found] == ["a", "b"]
    alone = Seen(x=run_layer(layer, x, *states[:2])[0], h0=states[2], c0=states[3])
    assert found[1] == judge_layer("b", second, integer.layers[1], [alone])
