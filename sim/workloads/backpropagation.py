"""Back-propagation through time of one LSTM, and Adam, in NumPy.

References
----------
D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015. I. Loshchilov and
F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
"""

from math import sqrt

import numpy as np

from sim.networks.network import FloatLstm

__all__ = ["Adam", "as_lstm", "lstm_backward", "lstm_forward", "lstm_parameters"]

_BETA = (0.9, 0.999)
_EPSILON = 1e-8
_LARGEST_NORM = 1.0
"""Gradients are scaled down to this norm: long sequences now and then explode."""


def lstm_parameters(input_size: int, hidden: int, rng, dtype: type = np.float32) -> dict:
    """Small random ``W``, ``R`` and ``lstm_bias``; the forget gate starts open."""
    H = hidden
    parameters = {
        name: rng.uniform(-1, 1, shape).astype(dtype) / np.sqrt(dtype(H))
        for name, shape in {"W": (4 * H, input_size), "R": (4 * H, H)}.items()
    }
    parameters["lstm_bias"] = np.zeros(4 * H, dtype)
    parameters["lstm_bias"][H : 2 * H] = 1
    return parameters


def as_lstm(parameters: dict) -> FloatLstm:
    """The LSTM of the parameters."""
    hidden = parameters["R"].shape[1]
    return FloatLstm(
        W=parameters["W"].reshape(4, hidden, -1),
        R=parameters["R"].reshape(4, hidden, hidden),
        bias=parameters["lstm_bias"].reshape(4, hidden),
    )


def lstm_forward(parameters: dict, x: np.ndarray) -> dict:
    """Gates (input, forget, cell, output), ``c`` and ``h`` of every step.

    ``x`` and everything that comes out are ``[time, batch, ...]``.
    """
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


def lstm_backward(parameters: dict, trace: dict, above: np.ndarray) -> tuple[dict, np.ndarray]:
    """Derivatives by the LSTM's parameters, and by the pre-activations of its gates.

    Parameters
    ----------
    parameters, trace : dict
        What ``lstm_forward`` took and gave.
    above : array [time, batch, H]
        Derivative by each ``h`` of what lies above the LSTM.
    """
    gates, c, tanh_c, h = (trace[name] for name in ("gates", "c", "tanh_c", "h"))
    time, batch, H = h.shape
    slopes = np.zeros_like(gates)
    dh, dc = np.zeros((batch, H), h.dtype), np.zeros((batch, H), h.dtype)
    for step in reversed(range(time)):
        dh = dh + above[step]
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
    }, slopes


class Adam:
    """Adam with decoupled weight decay; changes the parameters in place.

    Parameters
    ----------
    parameters : dict of array
        What is trained; matrices decay.
    decay : float
        Weight decay, times the rate, a step.
    """

    def __init__(self, parameters: dict, decay: float):
        self.parameters, self.decay, self.steps = parameters, decay, 0
        self.mean = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.square = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, slopes: dict, rate: float) -> None:
        """Follow the slopes once."""
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
