from dataclasses import replace

import numpy as np
import pytest

from sim.networks.float_lstm import run_direction
from sim.workloads.labelling import (
    LabellingRecipe,
    frame_loss,
    initial_parameters,
    slopes_of,
    train_labeller,
)

RECIPE = LabellingRecipe(hidden=6, outputs=1, batches=150, noise=0.05, dropout=0.1, rate=0.02)


def _draw(rng, done):
    """Whether the first feature has been positive before, or is."""
    x = rng.normal(0.0, 1.0, (16, 8, 2)).astype(np.float32)
    x[:, :, 0] -= 1
    return x, np.full(16, 8), np.maximum.accumulate(x[:, :, 0] > 0, axis=1).astype(int)


@pytest.mark.parametrize("front", [0, 3])
def test_slopes_are_those_of_the_loss(front):
    rng = np.random.default_rng(0)
    recipe = LabellingRecipe(hidden=3, outputs=1, batches=1, front=front)
    parameters = initial_parameters(2, recipe, rng, np.float64)
    for name in ("lstm_bias", "bias", "front_bias"):
        parameters[name] += rng.normal(0, 0.3, parameters[name].shape)
    x, lengths = rng.normal(size=(4, 5, 2)), np.full(4, 5)
    labels, mask = rng.integers(0, 2, (4, 5)), rng.uniform(0.5, 1.5, (4, 3))
    given = (x, lengths, labels, mask, frame_loss)
    _, slopes = slopes_of(parameters, *given)
    assert slopes.keys() == parameters.keys()
    step = 1e-5
    for name, value in parameters.items():
        assert slopes[name].shape == value.shape
        for place in np.ndindex(value.shape):
            middle = value[place]
            losses = []
            for moved in (middle + step, middle - step):
                value[place] = moved
                losses.append(slopes_of(parameters, *given)[0])
            value[place] = middle
            slope = (losses[0] - losses[1]) / (2 * step)
            # Central differences are off by step**2 and by rounding over step.
            assert slopes[name][place] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("front", [0, 4])
def test_a_labeller_learns(front):
    told = []
    recipe = replace(RECIPE, front=front)
    labeller = train_labeller(_draw, frame_loss, recipe, lambda *given: told.append(given))
    x, _, labels = _draw(np.random.default_rng(9), 1)
    seen = labeller.features(x)
    assert seen.shape[2] == (front or 2) and (not front or seen.min() == 0)
    scores = labeller.scores(run_direction(labeller.lstm, seen)[0])
    assert np.mean((scores[:, :, 0] > 0) == labels) > 0.85
    assert told == [(number, 150) for number in range(1, 151)]


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    short = replace(RECIPE, batches=2)
    one, two = (train_labeller(_draw, frame_loss, short) for _ in range(2))
    other = train_labeller(_draw, frame_loss, replace(short, seed=2))
    assert (one.lstm.R == two.lstm.R).all() and (one.weights == two.weights).all()
    assert (one.lstm.R != other.lstm.R).any()
    assert one.lstm.W.dtype == one.weights.dtype == np.float32
