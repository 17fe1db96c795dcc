"""How near a network in integers is to floating point on samples, from which states it begins."""

from collections.abc import Sequence

import numpy as np

from sim.explore.nodes import initial_states
from sim.model.network import run_network
from sim.networks.codes import from_codes, sqnr, to_codes
from sim.networks.float_lstm import run_float
from sim.networks.network import FloatNetwork, IntegerNetwork
from sim.networks.whole import Seen

__all__ = ["measure_written"]

_ALIKE = 2.0**-10
"""How far a state may be from the one before for sequences to be one stream."""


def measure_written(
    network: FloatNetwork, integer: IntegerNetwork, samples: Sequence[Seen]
) -> dict[str, float | bool]:
    """Figures of a network whose file begins with its own states, or with zero.

    ``sqnr_db`` is that of the file: every sequence begins with the file's own state, whatever the
    samples' states are. Where each sequence of a call begins with what the one before left, as
    the calls of a stream do, ``stream`` is true, and the file runs them as one sequence. Where the
    samples have states, ``sqnr_from_states_db`` is that of a run that is given them, as in the
    model.
    """
    truth, states, finals = [], [], []
    for call in samples:
        begin = [call.states(number) for number in range(len(network.layers))]
        y, final = run_float(network, call.x, begin)
        truth.append(y)
        states.append(begin)
        finals.append(final)
    given = any(
        state is not None and np.any(state) for begin in states for pair in begin for state in pair
    )
    if not given:
        return {"sqnr_db": _ratio(truth, [_run(integer, call.x) for call in samples])}
    pairs = zip(samples, states, strict=True)
    figures = {
        "sqnr_from_states_db": _ratio(
            truth, [_run(integer, call.x, begin) for call, begin in pairs]
        )
    }
    stream = all(map(_is_stream, states, finals))
    if stream:
        h = [
            _run(integer, _joined(call.x)).reshape(y.shape)
            for call, y in zip(samples, truth, strict=True)
        ]
    else:
        h = [_run(integer, call.x) for call in samples]
    return {"sqnr_db": _ratio(truth, h), **figures, "stream": stream}


def _joined(x: np.ndarray) -> np.ndarray:
    """Sequences as one, one after the other."""
    return x.reshape(1, -1, x.shape[2])


def _is_stream(begin: Sequence[tuple], final: Sequence[tuple]) -> bool:
    """Whether the sequences of a call go on from each other, the first one from zero."""
    for pair, ends in zip(begin, final, strict=True):
        for state, end in zip(pair, ends, strict=True):
            if state is None or np.any(state[:, 0]) or len(state) != 1:
                return False
            if not np.allclose(state[:, 1:], end[:, :-1], rtol=_ALIKE, atol=_ALIKE):
                return False
    return True


def _run(
    integer: IntegerNetwork, x: np.ndarray, states: Sequence[tuple] | None = None
) -> np.ndarray:
    """Real ``h`` of the last layer."""
    initial = None
    if states is not None:
        initial = []
        for layer, (h0, c0) in zip(integer.layers, states, strict=True):
            given = initial_states(layer.directions, len(x), h0, c0)
            initial += [None] * len(layer.directions) if given is None else given
    first, last = integer.layers[0].directions[0], integer.layers[-1].directions[0]
    return from_codes(run_network(integer, to_codes(x, first.x), initial).h, last.h)


def _ratio(truth: Sequence[np.ndarray], h: Sequence[np.ndarray]) -> float:
    return sqnr(*(np.concatenate([each.ravel() for each in part]) for part in (truth, h)))
