"""Training of networks that say something at every step: optional dense layer, LSTM, linear layer.

The loss sees the linear layer's scores of all steps, so the same training serves texts without
timing (:mod:`sim.workloads.ctc`) and labels of single frames.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

import numpy as np

from sim.networks.network import FloatLstm
from sim.workloads.backpropagation import (
    Adam,
    as_lstm,
    lstm_backward,
    lstm_forward,
    lstm_parameters,
)
from sim.workloads.workload import Progress

__all__ = [
    "Draw",
    "Labeller",
    "LabellingRecipe",
    "Loss",
    "frame_loss",
    "initial_parameters",
    "slopes_of",
    "train_labeller",
]

Draw = Callable[[np.random.Generator, float], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""A batch, ``x [batch, time, I]``, lengths and labels, for the share of training that is done."""

Loss = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray]]
"""Loss and its slope by scores ``[time, batch, outputs]``, from these, lengths and labels."""


@dataclass(frozen=True, kw_only=True)
class LabellingRecipe:
    """How a labeller is trained; the same recipe and data give the same weights.

    Parameters
    ----------
    hidden, outputs : int
        ``H``, and scores of a step.
    batches : int
        Steps of Adam.
    front : int
        Units of a dense layer with rectifiers before the LSTM; 0 for none.
    rate, decay : float
        Adam's step at the beginning, which falls to zero along half a cosine, and weight decay.
    noise : float
        Standard deviation of what is added to the inputs, which have unit variance.
    dropout : float
        Share of ``h`` that the linear layer does not see; the same units in all steps.
    seed : int
        Of everything that is random.
    """

    hidden: int
    outputs: int
    batches: int
    front: int = 0
    rate: float = 4e-3
    decay: float = 1e-2
    noise: float = 0.2
    dropout: float = 0.2
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Labeller:
    """A trained network.

    Members
    -------
    lstm : FloatLstm
        One direction.
    weights, bias : float32 [outputs, H] and [outputs]
        The linear layer.
    front_weights, front_bias : float32 [front, features] and [front]
        The dense layer before the LSTM; of zero units where there is none.
    """

    lstm: FloatLstm
    weights: np.ndarray
    bias: np.ndarray
    front_weights: np.ndarray
    front_bias: np.ndarray

    def features(self, x: np.ndarray) -> np.ndarray:
        """What reaches the LSTM."""
        if not len(self.front_weights):
            return x
        # Added in one order, which a matrix product is not: the same bits on every machine.
        seen = np.zeros((*x.shape[:-1], len(self.front_bias)), x.dtype)
        for column, weights in enumerate(self.front_weights.T):
            seen += x[..., column, None] * weights
        return np.maximum(seen + self.front_bias, 0)

    def scores(self, h: np.ndarray) -> np.ndarray:
        """Scores ``[..., outputs]`` that follow from ``h``."""
        return h @ self.weights.T + self.bias


def frame_loss(scores: np.ndarray, lengths: np.ndarray, labels: np.ndarray):
    """Mean logistic loss of scores ``[time, batch, 1]``, all steps valid, and its slope.

    ``labels`` are 0 or 1, ``[batch, time]``.
    """
    truth = labels.T[:, :, None].astype(scores.dtype)
    loss = np.logaddexp(0, scores) - truth * scores
    slope = (0.5 + 0.5 * np.tanh(0.5 * scores) - truth) / scores.size
    return float(loss.mean()), slope


def train_labeller(
    draw: Draw,
    loss: Loss,
    recipe: LabellingRecipe,
    progress: Progress = lambda done, total: None,
) -> Labeller:
    """The network that batches of ``draw`` teach."""
    rng = np.random.default_rng(recipe.seed)
    parameters = None
    for number in range(recipe.batches):
        done = number / recipe.batches
        x, lengths, labels = draw(rng, done)
        if parameters is None:
            parameters = initial_parameters(x.shape[2], recipe, rng)
            adam = Adam(parameters, recipe.decay)
        x = x + rng.normal(0, recipe.noise, x.shape).astype(np.float32)
        kept = rng.random((len(x), recipe.hidden)) >= recipe.dropout
        mask = kept.astype(np.float32) / np.float32(1 - recipe.dropout)
        _, slopes = slopes_of(parameters, x, lengths, labels, mask, loss)
        adam.step(slopes, recipe.rate * 0.5 * (1 + cos(pi * done)))
        progress(number + 1, recipe.batches)
    return Labeller(
        lstm=as_lstm(parameters),
        **{name: parameters[name] for name in ("weights", "bias", "front_weights", "front_bias")},
    )


def initial_parameters(features: int, recipe: LabellingRecipe, rng, dtype=np.float32) -> dict:
    """Small random weights."""
    H, front = recipe.hidden, recipe.front
    parameters = lstm_parameters(front or features, H, rng, dtype)
    shapes = {"weights": (recipe.outputs, H), "front_weights": (front, features)}
    for name, shape in shapes.items():
        parameters[name] = rng.uniform(-1, 1, shape).astype(dtype) / np.sqrt(dtype(shape[1]))
    parameters["bias"] = np.zeros(recipe.outputs, dtype)
    parameters["front_bias"] = np.zeros(front, dtype)
    return parameters


def slopes_of(parameters: dict, x, lengths, labels, mask, loss: Loss) -> tuple[float, dict]:
    """The loss of a batch, and its derivative by each of the parameters."""
    given = x.swapaxes(0, 1)
    front = parameters["front_weights"]
    seen = np.maximum(given @ front.T + parameters["front_bias"], 0) if len(front) else given
    trace = lstm_forward(parameters, seen)
    h = trace["h"] * mask
    value, slope = loss(h @ parameters["weights"].T + parameters["bias"], lengths, labels)
    flat = slope.reshape(-1, slope.shape[2])
    slopes = {"weights": flat.T @ h.reshape(len(flat), -1), "bias": flat.sum(axis=0)}
    lstm, gates = lstm_backward(parameters, trace, (slope @ parameters["weights"]) * mask)
    below = (gates @ parameters["W"]) * (seen > 0) if len(front) else given[:, :, :0]
    below = below.reshape(len(flat), -1)
    slopes["front_weights"] = below.T @ given.reshape(len(flat), -1)
    slopes["front_bias"] = below.sum(axis=0)
    return value, slopes | lstm
