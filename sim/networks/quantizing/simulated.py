"""A direction with the formats of its integer form, computed in floating point.

It stands for the integer machine where formats are compared with each other: values are rounded and
clamped where the integers are, but gates are exact functions. What is chosen by it is then computed
in integers, and only that result is reported.
"""

import numpy as np

from sim.networks.network import FloatLstm, IntegerLstm, Quantization, rows_of

__all__ = ["round_to", "simulate", "simulate_integer"]

_GATE_LIMIT = 8.0
"""Pre-activations are Q3.12 and saturate, and before that their parts of ``x`` and of ``h`` do."""
_STATE_MAX = 32767


def round_to(values: np.ndarray, form: Quantization | None) -> np.ndarray:
    """The values that a format has nearest to these; the same values without a format."""
    if form is None:
        return values
    codes = np.rint(values / form.scale) + form.zero_point
    return (np.clip(codes, form.low, form.high) - form.zero_point) * form.scale


def simulate(
    lstm: FloatLstm,
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    h_format: Quantization | None,
    c_power: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Every ``h`` and ``c`` that a direction computes in these formats, each [n, time, H].

    Parameters
    ----------
    lstm : FloatLstm
        The direction, with the weights that its integer form has.
    x : float64 [n, time, I]
        Inputs as their format holds them.
    h, c : float64 [n, H]
        States to begin with.
    h_format : Quantization or None
        Format of ``h``; None rounds nothing.
    c_power : int
        Exponent of the cell state's scale.
    """
    n, time, _ = x.shape
    H = lstm.hidden_size
    R = lstm.R.reshape(4 * H, H).astype(np.float64).T
    gates_x = x @ lstm.W.reshape(4 * H, -1).astype(np.float64).T + lstm.bias.reshape(4 * H)
    step = 2.0**c_power
    gates_x = _saturated(gates_x)
    h = round_to(h, h_format)
    hs, cs = np.empty((2, n, time, H))
    for t in range(time)[:: -1 if lstm.reverse else 1]:
        a = _saturated(gates_x[:, t] + _saturated(h @ R)).reshape(n, 4, H)
        i, f, o = (0.5 + 0.5 * np.tanh(0.5 * a[:, gate]) for gate in (0, 1, 3))
        # The machine rounds both products before it adds them. Where the state is kept long and its
        # step is coarse, nothing matters more.
        c = np.rint(f * (c / step)) + np.rint(i * (np.tanh(a[:, 2]) / step))
        c = np.clip(c, -_STATE_MAX - 1, _STATE_MAX) * step
        if lstm.cell_clip:
            c = np.clip(c, -lstm.cell_clip, lstm.cell_clip)
        h = round_to(o * np.tanh(c), h_format)
        hs[:, t], cs[:, t] = h, c
    return hs, cs


def _saturated(gates: np.ndarray) -> np.ndarray:
    return np.clip(gates, -_GATE_LIMIT, _GATE_LIMIT)


def simulate_integer(lstm: IntegerLstm, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> np.ndarray:
    """About what the integers of a direction give for real ``x`` and states: ``h``, real.

    Shapes are those of ``simulate``.
    """
    W, R = (
        codes * rows_of(scales)[..., None]
        for codes, scales in ((lstm.W, lstm.W_scale), (lstm.R, lstm.R_scale))
    )
    bias = lstm.bias * (lstm.x.scale * rows_of(lstm.W_scale))
    clip = lstm.cell_clip * 2.0**lstm.c_power
    real = FloatLstm(W=W, R=R, bias=bias, reverse=lstm.reverse, cell_clip=clip)
    return simulate(real, round_to(x, lstm.x), h, c, lstm.h, lstm.c_power)[0]
