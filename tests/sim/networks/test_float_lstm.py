from dataclasses import replace

import numpy as np
import pytest

from sim.networks.float_lstm import run_direction, run_float, run_layer
from sim.networks.network import FloatLayer, FloatNetwork, NetworkError


def one_step(lstm, x, h, c):
    """The equations, one unit and one gate at a time."""
    h_new, c_new = [], []
    for unit in range(lstm.hidden_size):
        a = [
            float(lstm.W[gate, unit] @ x + lstm.R[gate, unit] @ h + lstm.bias[gate, unit])
            for gate in range(4)
        ]
        i, f, o = (1 / (1 + np.exp(-a[gate])) for gate in (0, 1, 3))
        c_new.append(f * c[unit] + i * np.tanh(a[2]))
        h_new.append(o * np.tanh(c_new[-1]))
    return np.array(h_new), np.array(c_new)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_direction_follows_the_equations(nets, reverse):
    lstm = nets.random_float(3, 4, states=True).layers[0].directions[0]
    lstm = replace(lstm, reverse=reverse)
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    h_all, c_all = run_direction(lstm, x)
    for batch in range(2):
        h, c = lstm.h0, lstm.c0
        for step in range(5)[:: -1 if reverse else 1]:
            h, c = one_step(lstm, x[batch, step], h, c)
            np.testing.assert_allclose(h_all[batch, step], h, atol=1e-7)
            np.testing.assert_allclose(c_all[batch, step], c, atol=1e-7)


def test_the_clip_holds_the_cell_state(nets):
    lstm = nets.random_float(3, 4, spread=3.0).layers[0].directions[0]
    x = np.random.default_rng(1).normal(size=(2, 9, 3))
    free, held = (run_direction(replace(lstm, cell_clip=clip), x) for clip in (0.0, 0.7))
    assert np.abs(free[1]).max() > 1
    assert np.abs(held[1]).max() == 0.7
    # A step that begins from the held state, and is held again, gives the next one.
    h, c = run_direction(lstm, x[:, 5:6], held[0][:, 4], held[1][:, 4])
    np.testing.assert_allclose(held[1][:, 5], np.clip(c[:, 0], -0.7, 0.7))
    kept = np.abs(c[:, 0]) <= 0.7
    np.testing.assert_allclose(held[0][:, 5][kept], h[:, 0][kept])


@pytest.mark.parametrize("clip", [-1.0, np.nan, np.inf])
def test_a_clip_that_is_none_is_refused(nets, clip):
    lstm = replace(nets.random_float(3, 4).layers[0].directions[0], cell_clip=clip)
    with pytest.raises(
        NetworkError, match=r"^cell_clip of layer 0 must be a number from 0 on, not"
    ):
        run_float(FloatLayer(directions=(lstm,)), np.zeros((1, 1, 3)))


def test_a_sequence_may_be_run_in_pieces(nets):
    network = nets.random_float(3, 4, 5, states=True)
    x = np.random.default_rng(1).normal(size=(2, 6, 3))
    whole, last = run_float(network, x)
    first, states = run_float(network, x[:, :2])
    second, final = run_float(network, x[:, 2:], states)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-14)
    for pair, other in zip(final, last, strict=True):
        np.testing.assert_allclose(pair, other, atol=1e-14)


def test_final_states_are_those_of_each_directions_last_step(nets):
    layer = nets.random_float(3, 4, directions=2).layers[0]
    x = np.random.default_rng(1).normal(size=(2, 6, 3))
    y, h, c = run_layer(layer, x)
    assert y.shape == (2, 6, 8)
    assert h.shape == c.shape == (2, 2, 4)
    assert (h[0] == y[:, -1, :4]).all()
    assert (h[1] == y[:, 0, 4:]).all()


def test_given_states_win_over_the_layers_own(nets):
    layer = nets.random_float(3, 4, states=True).layers[0]
    x = np.random.default_rng(1).normal(size=(2, 3, 3))
    zero = np.zeros((1, 2, 4))
    without = FloatLayer(directions=(replace(layer.directions[0], h0=None, c0=None),))
    assert (run_layer(layer, x, zero, zero)[0] == run_layer(without, x)[0]).all()
    assert (run_layer(layer, x)[0] != run_layer(without, x)[0]).any()


def test_huge_gates_saturate_in_silence(nets):
    layer = nets.random_float(3, 4, spread=1e6).layers[0]
    y, _ = run_float(layer, np.ones((1, 3, 3)))
    assert np.isfinite(y).all()


def test_the_precision_is_the_one_asked_for(nets):
    y, ((h, c),) = run_float(nets.random_float(3, 4), np.ones((1, 2, 3)), dtype=np.float32)
    assert y.dtype == h.dtype == c.dtype == np.float32


@pytest.mark.parametrize(
    "x, sentence",
    [
        (np.ones((2, 3)), "x must have the shape (batch, time, 3), not (2, 3)"),
        (np.ones((1, 2, 4)), "x must have the shape (batch, time, 3), not (1, 2, 4)"),
        (np.ones((1, 0, 3)), "x must not be empty, but has the shape (1, 0, 3)"),
        (
            np.full((1, 2, 3), np.nan),
            "x must hold finite numbers, but holds NaN or infinity",
        ),
        (np.full((1, 2, 3), "a"), "x must hold numbers, not <U1"),
    ],
)
def test_bad_sequences_are_refused(nets, x, sentence):
    with pytest.raises(NetworkError) as caught:
        run_float(nets.random_float(3, 4), x)
    assert str(caught.value) == sentence


def test_bad_states_are_refused(nets):
    layer = nets.random_float(3, 4).layers[0]
    with pytest.raises(NetworkError) as caught:
        run_layer(layer, np.ones((2, 2, 3)), np.ones((1, 1, 4)))
    assert str(caught.value) == "an initial state must have the shape (2, 4), not (1, 4)"
    with pytest.raises(NetworkError) as caught:
        run_float(layer, np.ones((2, 2, 3)), ())
    assert str(caught.value) == "states must hold one pair per layer, 1, not 0"


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"R": np.zeros((4, 3, 4))}, "R of layer 0 must have the shape (4, 4, 4), not (4, 3, 4)"),
        ({"bias": np.zeros(16)}, "bias of layer 0 must have the shape (4, 4), not (16,)"),
        ({"W": np.zeros((4, 0, 3))}, "W of layer 0 must have the shape (4, H, I), not (4, 0, 3)"),
        (
            {"R": np.full((4, 4, 4), np.inf)},
            "R of layer 0 holds a value that is not a finite number",
        ),
    ],
)
def test_bad_weights_are_refused(nets, changes, sentence):
    lstm = replace(nets.random_float(3, 4).layers[0].directions[0], **changes)
    with pytest.raises(NetworkError) as caught:
        run_float(FloatLayer(directions=(lstm,)), np.ones((1, 2, 3)))
    assert str(caught.value) == sentence


def test_layers_that_do_not_fit_are_refused(nets):
    layers = nets.random_float(3, 4).layers * 2
    for network, sentence in (
        (FloatNetwork(layers=layers), "layer 1 takes 3 inputs, but the one before has 4"),
        (FloatNetwork(layers=()), "the network has no layer"),
        (
            FloatLayer(directions=layers[0].directions * 2),
            "layer 0 must run forward first and backwards second",
        ),
    ):
        with pytest.raises(NetworkError) as caught:
            run_float(network, np.ones((1, 2, 3)))
        assert str(caught.value) == sentence


def test_what_is_too_large_to_be_computed_with_is_refused(nets):
    (lstm,) = nets.random_float(2, 3).layers[0].directions
    lstm = replace(lstm, W=np.full((4, 3, 2), 3e38, np.float32))
    x = np.full((1, 4, 2), 1e3)
    assert np.isfinite(run_direction(lstm, x, dtype=np.float32)[0]).all()
    # From the second step on, the recurrence is as far below zero as the input is above.
    lstm = replace(lstm, R=np.full((4, 3, 3), -3e38, np.float32))
    with pytest.raises(NetworkError, match=r"^the LSTM gives no number in float32: its weights or"):
        run_direction(lstm, x, dtype=np.float32)
