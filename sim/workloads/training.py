"""Training of small classifiers: one LSTM, whose last output a linear layer tells classes from.

Back-propagation through time, with Adam, in NumPy: seconds to minutes on one core.
"""

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
from sim.workloads.workload import Progress, Split, last_valid

__all__ = ["Classifier", "Recipe", "gradients", "initial_parameters", "train"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a classifier is trained; the same recipe and data give the same weights.

    BLAS libraries add in different orders, so weights agree between machines only roughly.

    Parameters
    ----------
    hidden : int
        ``H``.
    classes : int
        What the last output is told apart into.
    epochs, batch : int
        Passes over the data, and sequences a step.
    rate : float
        Adam's step at the beginning; it falls to zero along half a cosine.
    decay : float
        Decoupled weight decay, times the rate, a step.
    noise : float
        Standard deviation of what is added to the inputs, which have unit variance.
    dropout : float
        Share of the last outputs that the linear layer does not see.
    seed : int
        Of everything that is random.
    """

    hidden: int
    classes: int
    epochs: int
    batch: int = 32
    rate: float = 4e-3
    decay: float = 1e-2
    noise: float = 0.2
    dropout: float = 0.3
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained LSTM and the linear layer behind it.

    Members
    -------
    lstm : FloatLstm
        One direction.
    weights, bias : float32 [classes, H] and [classes]
        The linear layer.
    """

    lstm: FloatLstm
    weights: np.ndarray
    bias: np.ndarray

    def classify(self, h: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The likeliest class of each sequence, from ``h`` ``[sequences, time, H]``."""
        return np.argmax(last_valid(h, lengths) @ self.weights.T + self.bias, axis=1)


def train(split: Split, recipe: Recipe, progress: Progress = lambda done, total: None):
    """A ``Classifier`` of the split's sequences, whose labels are classes from 0.

    Parameters
    ----------
    split : Split
        Inputs of about unit variance.
    recipe : Recipe
        How.
    progress : Progress
        Told after each epoch.
    """
    rng = np.random.default_rng(recipe.seed)
    parameters = initial_parameters(split.x.shape[2], recipe, rng)
    adam = Adam(parameters, recipe.decay)
    batches = -(-len(split.lengths) // recipe.batch)
    for epoch in range(recipe.epochs):
        for number, rows in enumerate(_batches(split.lengths, recipe.batch, rng)):
            x = split.x[rows, : split.lengths[rows].max()]
            x = x + rng.normal(0, recipe.noise, x.shape).astype(np.float32)
            kept = rng.random((len(rows), recipe.hidden)) >= recipe.dropout
            mask = kept.astype(np.float32) / np.float32(1 - recipe.dropout)
            _, slopes = gradients(parameters, x, split.lengths[rows], split.labels[rows], mask)
            done = (epoch * batches + number) / (recipe.epochs * batches)
            adam.step(slopes, recipe.rate * 0.5 * (1 + cos(pi * done)))
        progress(epoch + 1, recipe.epochs)
    return Classifier(
        lstm=as_lstm(parameters), weights=parameters["weights"], bias=parameters["bias"]
    )


def initial_parameters(input_size: int, recipe: Recipe, rng, dtype: type = np.float32) -> dict:
    """Small random weights; the forget gate starts open."""
    parameters = lstm_parameters(input_size, recipe.hidden, rng, dtype)
    shape = (recipe.classes, recipe.hidden)
    weights = rng.uniform(-1, 1, shape).astype(dtype) / np.sqrt(dtype(recipe.hidden))
    parameters |= {"weights": weights, "bias": np.zeros(recipe.classes, dtype)}
    return parameters


def gradients(parameters: dict, x, lengths, labels, mask) -> tuple[float, dict]:
    """Mean cross-entropy, and its derivative by each of the parameters.

    Parameters
    ----------
    parameters : dict of array
        As ``initial_parameters`` makes them; their type is that of the computation.
    x : array [batch, time, I]
        Sequences; steps at and after ``lengths`` do not matter.
    lengths, labels : int [batch]
        Valid steps and classes.
    mask : array [batch, H]
        What the last outputs are multiplied with.
    """
    trace = lstm_forward(parameters, x.swapaxes(0, 1))
    rows = np.arange(len(x))
    seen = trace["h"][lengths - 1, rows] * mask
    scores = seen @ parameters["weights"].T + parameters["bias"]
    scores -= scores.max(axis=1, keepdims=True)
    chance = np.exp(scores)
    chance /= chance.sum(axis=1, keepdims=True)
    loss = float(-np.mean(np.log(chance[rows, labels])))
    chance[rows, labels] -= 1
    chance /= len(x)
    slopes = {"weights": chance.T @ seen, "bias": chance.sum(axis=0)}
    # Behind its end nothing depends on a sequence: its slopes are zero there.
    above = np.zeros_like(trace["h"])
    above[lengths - 1, rows] = (chance @ parameters["weights"]) * mask
    return loss, slopes | lstm_backward(parameters, trace, above)[0]


def _batches(lengths: np.ndarray, batch: int, rng) -> list[np.ndarray]:
    """Numbers of all sequences in random order, those of a batch of similar length."""
    order = np.argsort(lengths + rng.uniform(0, 4, len(lengths)), kind="stable")
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [batches[number] for number in rng.permutation(len(batches))]
