import numpy as np
import pytest

from sim.explore.written import measure_written
from sim.networks.float_lstm import run_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.quantizer import quantize
from sim.networks.whole import Seen

H, CALLS = 8, 60


@pytest.fixture
def network():
    """One layer that remembers for long: its forget gate is open."""
    rng = np.random.default_rng(0)
    W, R = (rng.normal(0, 0.4, (4, H, size)).astype(np.float32) for size in (3, H))
    bias = np.zeros((4, H), np.float32)
    bias[1] = 4
    return FloatNetwork(layers=(FloatLayer(directions=(FloatLstm(W=W, R=R, bias=bias),)),))


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(0.3, 1, (1, CALLS, 3)).astype(np.float32)


def steps(network, x, h=None, c=None):
    """Every step as a sequence of its own, from the state that the one before left."""
    zero = np.zeros((1, 1, H))
    h, c = zero if h is None else h, zero if c is None else c
    states = []
    for step in range(CALLS):
        states.append((h, c))
        _, ((h, c),) = run_float(network, x[:, step : step + 1], ((h, c),))
    h0, c0 = (np.concatenate(each, axis=1) for each in zip(*states, strict=True))
    return Seen(x=x.swapaxes(0, 1), h0=h0, c0=c0)


def test_samples_without_states_have_one_ratio(network, x):
    figures = measure_written(network, quantize(network, x), [Seen(x=x)])
    assert figures.keys() == {"sqnr_db"} and figures["sqnr_db"] > 30


def test_a_stream_is_run_as_one(network, x):
    seen = steps(network, x)
    integer = quantize(network, [seen])
    figures = measure_written(network, integer, [seen])
    whole = measure_written(network, integer, [Seen(x=x)])
    assert figures["stream"] and figures["sqnr_db"] == pytest.approx(whole["sqnr_db"])
    assert figures["sqnr_from_states_db"] > 30


def test_states_that_a_file_cannot_begin_with_are_lost(network, x):
    seen = steps(network, x, np.full((1, 1, H), 0.5), np.full((1, 1, H), 2.0))
    figures = measure_written(network, quantize(network, [seen]), [seen])
    assert not figures["stream"]
    assert figures["sqnr_db"] < 15 and figures["sqnr_from_states_db"] > 30
