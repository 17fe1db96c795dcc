"""Training of small classifiers: one LSTM, whose last output a linear layer tells classes from.

Back-propagation through time, with Adam, in NumPy: seconds to minutes on one core.

References
----------
D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015. I. Loshchilov and
F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
"""

from dataclasses import dataclass
from math import cos, pi, sqrt

import numpy as np

from sim.networks.network import FloatLstm
from sim.workloads.workload import Progress, Split, last_valid

__all__ = ["Classifier", "Recipe", "gradients", "initial_parameters", "train"]

_BETA = (0.9, 0.999)
_EPSILON = 1e-8
_LARGEST_NORM = 1.0
"""Gradients are scaled down to this norm: long sequences now and then explode."""


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
    adam = _Adam(parameters, recipe)
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
    return _classifier(parameters, recipe.hidden)


def initial_parameters(input_size: int, recipe: Recipe, rng, dtype: type = np.float32) -> dict:
    """Small random weights; the forget gate starts open."""
    H = recipe.hidden
    shapes = {"W": (4 * H, input_size), "R": (4 * H, H), "weights": (recipe.classes, H)}
    parameters = {
        name: rng.uniform(-1, 1, shape).astype(dtype) / np.sqrt(dtype(H))
        for name, shape in shapes.items()
    }
    parameters["lstm_bias"] = np.zeros(4 * H, dtype)
    parameters["lstm_bias"][H : 2 * H] = 1
    parameters["bias"] = np.zeros(recipe.classes, dtype)
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
    trace = _forward(parameters, x.swapaxes(0, 1))
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
    last = (chance @ parameters["weights"]) * mask
    return loss, slopes | _backward(parameters, trace, lengths, last)


def _forward(parameters: dict, x) -> dict:
    """Gates (input, forget, cell, output), ``c`` and ``h`` of every step, time first."""
    time, batch, _ = x.shape
    R = parameters["R"].T
    H = len(R)
    gates = (x @ parameters["W"].T + parameters["lstm_bias"]).reshape(time, batch, 4 * H)
    c = np.zeros((time, batch, H), gates.dtype)
    tanh_c, h = np.empty_like(c), np.zeros_like(c)
    for step in range(time):
        a = gates[step]
        if step:
            a += h[step - 1] @ R
        for part in (slice(0, 2 * H), slice(3 * H, 4 * H)):
            a[:, part] = 0.5 + 0.5 * np.tanh(0.5 * a[:, part])
        a[:, 2 * H : 3 * H] = np.tanh(a[:, 2 * H : 3 * H])
        i, f, g, o = np.split(a, 4, axis=1)
        c[step] = i * g + (f * c[step - 1] if step else 0)
        tanh_c[step] = np.tanh(c[step])
        h[step] = o * tanh_c[step]
    return {"x": x, "gates": gates, "c": c, "tanh_c": tanh_c, "h": h}


def _backward(parameters: dict, trace: dict, lengths, last) -> dict:
    """Derivatives by the LSTM's parameters, where ``last`` is that by the last valid ``h``."""
    gates, c, tanh_c, h = (trace[name] for name in ("gates", "c", "tanh_c", "h"))
    time, batch, H = h.shape
    slopes = np.zeros_like(gates)
    dh, dc = np.zeros((batch, H), h.dtype), np.zeros((batch, H), h.dtype)
    for step in reversed(range(time)):
        # Behind its end nothing depends on a sequence: its slopes are zero until here.
        ends = lengths - 1 == step
        dh[ends] = last[ends]
        i, f, g, o = np.split(gates[step], 4, axis=1)
        dc += dh * o * (1 - tanh_c[step] ** 2)
        before = c[step - 1] if step else np.zeros_like(dc)
        slopes[step] = np.concatenate(
            [
                dc * g * i * (1 - i),
                dc * before * f * (1 - f),
                dc * i * (1 - g**2),
                dh * tanh_c[step] * o * (1 - o),
            ],
            axis=1,
        )
        dh = slopes[step] @ parameters["R"]
        dc = dc * f
    flat = slopes.reshape(time * batch, 4 * H)
    return {
        "W": flat.T @ trace["x"].reshape(time * batch, -1),
        "R": slopes[1:].reshape(-1, 4 * H).T @ h[:-1].reshape(-1, H),
        "lstm_bias": flat.sum(axis=0),
    }


def _batches(lengths: np.ndarray, batch: int, rng) -> list[np.ndarray]:
    """Numbers of all sequences in random order, those of a batch of similar length."""
    order = np.argsort(lengths + rng.uniform(0, 4, len(lengths)), kind="stable")
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [batches[number] for number in rng.permutation(len(batches))]


class _Adam:
    """Adam with decoupled weight decay; changes the parameters in place."""

    def __init__(self, parameters: dict, recipe: Recipe):
        self.parameters, self.decay, self.steps = parameters, recipe.decay, 0
        self.mean = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.square = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, slopes: dict, rate: float) -> None:
        self.steps += 1
        norm = sqrt(sum(float(np.sum(slope**2)) for slope in slopes.values()))
        shrink = min(1.0, _LARGEST_NORM / (norm + _EPSILON))
        first, second = (1 - beta**self.steps for beta in _BETA)
        for name, value in self.parameters.items():
            slope = slopes[name] * shrink
            mean, square = self.mean[name], self.square[name]
            mean += (1 - _BETA[0]) * (slope - mean)
            square += (1 - _BETA[1]) * (slope**2 - square)
            if value.ndim == 2:
                value *= 1 - rate * self.decay
            value -= rate * (mean / first) / (np.sqrt(square / second) + _EPSILON)


def _classifier(parameters: dict, hidden: int) -> Classifier:
    lstm = FloatLstm(
        W=parameters["W"].reshape(4, hidden, -1),
        R=parameters["R"].reshape(4, hidden, hidden),
        bias=parameters["lstm_bias"].reshape(4, hidden),
    )
    return Classifier(lstm=lstm, weights=parameters["weights"], bias=parameters["bias"])
