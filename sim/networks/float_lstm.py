"""The LSTM in floating point: the reference that quantisation is measured against."""

import numpy as np

from sim.networks.check import check_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError

__all__ = ["check_sequences", "run_direction", "run_float", "run_layer"]


def check_sequences(what: str, x: np.ndarray, input_size: int) -> np.ndarray:
    """``x`` as an array, refused unless it is [batch, time, I], not empty and finite.

    Raises
    ------
    NetworkError
        One sentence that begins with ``what``.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "fiu":
        raise NetworkError(f"{what} must hold numbers, not {x.dtype}")
    if x.ndim != 3 or x.shape[2] != input_size:
        raise NetworkError(f"{what} must have the shape (batch, time, {input_size}), not {x.shape}")
    if not x.size:
        raise NetworkError(f"{what} must not be empty, but has the shape {x.shape}")
    if not np.isfinite(x).all():
        raise NetworkError(f"{what} must hold finite numbers, but holds NaN or infinity")
    return x


def _sigmoid(a: np.ndarray) -> np.ndarray:
    # By tanh, which cannot overflow.
    return 0.5 + 0.5 * np.tanh(0.5 * a)


def run_direction(
    lstm: FloatLstm,
    x: np.ndarray,
    h0: np.ndarray | None = None,
    c0: np.ndarray | None = None,
    dtype: type = np.float64,
) -> tuple[np.ndarray, np.ndarray]:
    """Every ``h`` and ``c`` of one direction, each [batch, time, H], at their own time steps.

    Parameters
    ----------
    lstm : FloatLstm
        The direction; ``reverse`` says where it starts.
    x : array [batch, time, I]
        Input sequences.
    h0, c0 : array [batch, H] or None
        Initial state; the layer's own when None, and zero where it has none.
    dtype : type
        Precision of the computation and of the results.

    Raises
    ------
    NetworkError
        An initial state of another shape, or numbers that are too large to be computed with.
    """
    # What overflows saturates a gate, as it should; two that cancel are no number.
    with np.errstate(over="ignore", invalid="ignore"):
        h_all, c_all = _run_steps(lstm, x, h0, c0, dtype)
    if np.isnan(h_all).any():
        raise NetworkError(
            f"the LSTM gives no number in {np.dtype(dtype)}: its weights or inputs are too large, "
            f"or are no numbers"
        )
    return h_all, c_all


def _run_steps(lstm: FloatLstm, x, h0, c0, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    batch, time, _ = x.shape
    H = lstm.hidden_size
    R = lstm.R.reshape(4 * H, H).astype(dtype).T
    # The input's share of every step at once; only the recurrence has to be a loop.
    W = lstm.W.reshape(4 * H, -1).astype(dtype).T
    gates_x = x.astype(dtype) @ W + lstm.bias.reshape(4 * H).astype(dtype)
    h = _initial(h0, lstm.h0, (batch, H), dtype)
    c = _initial(c0, lstm.c0, (batch, H), dtype)
    h_all, c_all = np.empty((batch, time, H), dtype), np.empty((batch, time, H), dtype)
    for step in range(time)[:: -1 if lstm.reverse else 1]:
        a = (gates_x[:, step] + h @ R).reshape(batch, 4, H)
        i, f, g, o = _sigmoid(a[:, 0]), _sigmoid(a[:, 1]), np.tanh(a[:, 2]), _sigmoid(a[:, 3])
        c = f * c + i * g
        if lstm.cell_clip:
            c = np.clip(c, -lstm.cell_clip, lstm.cell_clip)
        h = o * np.tanh(c)
        h_all[:, step], c_all[:, step] = h, c
    return h_all, c_all


def _initial(given, own, shape: tuple[int, int], dtype: type) -> np.ndarray:
    if given is not None:
        if np.shape(given) != shape:
            raise NetworkError(
                f"an initial state must have the shape {shape}, not {np.shape(given)}"
            )
        return np.asarray(given, dtype)
    return np.broadcast_to(np.zeros((), dtype) if own is None else own.astype(dtype), shape)


def run_layer(
    layer: FloatLayer,
    x: np.ndarray,
    h0: np.ndarray | None = None,
    c0: np.ndarray | None = None,
    dtype: type = np.float64,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs [batch, time, directions * H] and the final ``h`` and ``c`` of a layer.

    Initial and final states are [directions, batch, H].
    """
    outputs, h_last, c_last = [], [], []
    for number, lstm in enumerate(layer.directions):
        states = (None if state is None else state[number] for state in (h0, c0))
        h, c = run_direction(lstm, x, *states, dtype=dtype)
        last = 0 if lstm.reverse else -1
        outputs.append(h)
        h_last.append(h[:, last])
        c_last.append(c[:, last])
    return np.concatenate(outputs, axis=2), np.stack(h_last), np.stack(c_last)


def run_float(
    network: FloatNetwork | FloatLayer,
    x: np.ndarray,
    states: tuple[tuple[np.ndarray, np.ndarray], ...] | None = None,
    dtype: type = np.float64,
) -> tuple[np.ndarray, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """Outputs of the last layer, [batch, time, directions * H], and the final states.

    Parameters
    ----------
    network : FloatNetwork or FloatLayer
        What to run.
    x : array [batch, time, I]
        Input sequences.
    states : pair (h, c) per layer, each [directions, batch, H], or None
        Initial states; the network's own when None. The final states that are returned have
        this form, so a sequence can be run in pieces.
    dtype : type
        Precision of the computation.

    Raises
    ------
    NetworkError
        Wrong shapes, or a value that is not finite.
    """
    check_float(network)
    layers = network.layers if isinstance(network, FloatNetwork) else (network,)
    y = check_sequences("x", x, layers[0].directions[0].input_size)
    if states is not None and len(states) != len(layers):
        raise NetworkError(f"states must hold one pair per layer, {len(layers)}, not {len(states)}")
    final = []
    for number, layer in enumerate(layers):
        h0, c0 = states[number] if states is not None else (None, None)
        y, h, c = run_layer(layer, y, h0, c0, dtype)
        final.append((h, c))
    return y, tuple(final)
