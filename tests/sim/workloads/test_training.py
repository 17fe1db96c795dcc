from dataclasses import replace

import numpy as np
import pytest

from sim.networks.float_lstm import run_direction
from sim.workloads.training import Recipe, gradients, initial_parameters, train

RECIPE = Recipe(hidden=8, classes=2, epochs=60, batch=8, noise=0.05, dropout=0.1)


def _problem():
    rng = np.random.default_rng(0)
    recipe = Recipe(hidden=3, classes=4, epochs=1)
    parameters = initial_parameters(2, recipe, rng, np.float64)
    # Away from the special point where biases vanish.
    for name in ("lstm_bias", "bias"):
        parameters[name] += rng.normal(0, 0.3, parameters[name].shape)
    x = rng.normal(size=(5, 6, 2))
    lengths, labels = np.array([6, 1, 3, 6, 2]), np.array([0, 3, 1, 2, 2])
    return parameters, x, lengths, labels, rng.uniform(0.5, 1.5, (5, 3))


def test_gradients_are_the_slopes_of_the_loss():
    parameters, *rest = _problem()
    _, slopes = gradients(parameters, *rest)
    assert slopes.keys() == parameters.keys()
    step = 1e-5
    for name, value in parameters.items():
        for place in np.ndindex(value.shape):
            middle = value[place]
            losses = []
            for moved in (middle + step, middle - step):
                value[place] = moved
                losses.append(gradients(parameters, *rest)[0])
            value[place] = middle
            slope = (losses[0] - losses[1]) / (2 * step)
            # Central differences are off by step**2 and by rounding over step.
            assert slopes[name][place] == pytest.approx(slope, abs=1e-8)


def test_what_follows_the_end_of_a_sequence_does_not_matter():
    parameters, x, lengths, labels, mask = _problem()
    loss, slopes = gradients(parameters, x, lengths, labels, mask)
    x[1, 1:], x[4, 2:] = 100, -100
    other_loss, other = gradients(parameters, x, lengths, labels, mask)
    assert other_loss == loss
    assert all((other[name] == slopes[name]).all() for name in slopes)


def test_a_classifier_learns(rising):
    told = []
    classifier = train(rising, RECIPE, lambda done, total: told.append((done, total)))
    h, _ = run_direction(classifier.lstm, rising.x)
    assert np.mean(classifier.classify(h, rising.lengths) == rising.labels) >= 0.95
    assert told == [(epoch, 60) for epoch in range(1, 61)]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(rising):
    short = replace(RECIPE, epochs=2)
    one, two = train(rising, short), train(rising, short)
    other = train(rising, replace(short, seed=2))
    assert (one.lstm.R == two.lstm.R).all() and (one.weights == two.weights).all()
    assert (one.lstm.R != other.lstm.R).any()
    assert one.lstm.W.dtype == one.lstm.R.dtype == one.lstm.bias.dtype == np.float32
