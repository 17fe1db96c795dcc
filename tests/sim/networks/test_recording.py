import numpy as np
import pytest

from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, FloatLstm
from sim.networks.recording import Recorder


def lstm(seed=0, *, reverse=False):
    rng = np.random.default_rng(seed)
    W, R, bias = (rng.normal(0, 0.5, (4, 5, *rest)).astype(np.float32) for rest in ((3,), (5,), ()))
    return FloatLstm(W=W, R=R, bias=bias, reverse=reverse)


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(1, 12, 3)).astype(np.float32)


def call_by_call(recorder, layer, x, steps=4):
    h = c = np.zeros((len(layer.directions), len(x), 5), np.float32)
    for first in range(0, x.shape[1], steps):
        _, h, c = recorder("node", layer, x[:, first : first + steps], h, c)


def test_calls_that_go_on_are_one(x):
    layer, recorder = FloatLayer(directions=(lstm(),)), Recorder()
    call_by_call(recorder, layer, x)
    (seen,) = recorder.seen()["node"]
    assert (seen.x == x).all() and seen.calls == 3 and not seen.h0.any() and not seen.c0.any()
    (y,) = recorder.made()["node"]
    np.testing.assert_allclose(y, run_layer(layer, x)[0], atol=1e-6)


def test_calls_that_begin_anew_are_not(x):
    layer, recorder = FloatLayer(directions=(lstm(),)), Recorder()
    for _ in range(2):
        recorder("node", layer, x, None, None)
    assert [seen.calls for seen in recorder.seen()["node"]] == [1, 1]
    call_by_call(recorder, layer, x)
    assert [seen.calls for seen in recorder.seen()["node"]] == [1, 1, 3]


@pytest.mark.parametrize("directions", [(lstm(reverse=True),), (lstm(), lstm(1, reverse=True))])
def test_a_layer_that_runs_backwards_never_goes_on(x, directions):
    recorder = Recorder()
    call_by_call(recorder, FloatLayer(directions=directions), x)
    assert len(recorder.seen()["node"]) == 3


def test_several_sequences_at_once_do_not_go_on(x):
    recorder = Recorder()
    call_by_call(recorder, FloatLayer(directions=(lstm(),)), np.repeat(x, 2, axis=0))
    assert len(recorder.seen()["node"]) == 3
