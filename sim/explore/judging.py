"""How near LSTM layers in integers are to themselves in floating point, and what to do if not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.explore.nodes import LstmNodes, initial_states
from sim.image.modes import Modes
from sim.model.network import run_network
from sim.networks.codes import from_codes, sqnr, to_codes
from sim.networks.float_lstm import run_layer
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerLayer,
    IntegerNetwork,
    Quantization,
    rows_of,
)
from sim.networks.whole import Seen, WholeModel

__all__ = ["BOUND_DB", "Judgement", "judge_layer", "judge_network", "judge_nodes"]

BOUND_DB = 15.0
"""Signal-to-noise ratio of ``h`` from which a layer is taken for near its floating-point self.

An ideal quantiser of ``b`` bits gives 6.02 b + 1.76 dB of a signal that fills it. Healthy int8
layers have 35 to 55 dB; at 15 dB fewer than two and a half of the eight bits of ``h`` are left, and
the error has 18 % of its amplitude.
"""
_CULPRIT_DB = 6.0
"""A tensor is to blame if its codes alone bring the layer within a bit of the bound."""
_SHARE = 0.01
"""Values outside a format that are no outliers any more."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How near one layer is.

    Members
    -------
    name : str
        What the layer is called.
    sqnr_db : float or None
        Signal-to-noise ratio of its ``h`` against floating point, from the same inputs; None where
        ``h`` is zero throughout.
    sentence : str or None
        Which tensor loses it, why and what to try, where the ratio is below ``BOUND_DB``.
    """

    name: str
    sqnr_db: float | None
    sentence: str | None


def judge_network(
    names: Sequence[str], network: FloatNetwork, integer: IntegerNetwork, calls: Sequence[Seen]
) -> list[Judgement]:
    """Every layer, on what reaches it in floating point when the network runs ``calls``."""
    found = []
    rows = [each.x for each in calls]
    for number, name in enumerate(names):
        states = [each.states(number) for each in calls]
        given = [Seen(x=x, h0=h, c0=c) for x, (h, c) in zip(rows, states, strict=True)]
        layer = network.layers[number]
        found.append(judge_layer(name, layer, integer.layers[number], given))
        rows = [run_layer(layer, each.x, each.h0, each.c0)[0] for each in given]
    return found


def judge_layer(
    name: str,
    layer: FloatLayer,
    integer: IntegerLayer,
    calls: Sequence[Seen],
    h: Sequence[np.ndarray] | None = None,
    modes: Modes | None = None,
    *,
    what: str = "",
) -> Judgement:
    """One layer.

    Parameters
    ----------
    name : str
        What it is called.
    layer, integer
        The same layer in floating point and in integers.
    calls : sequence of Seen
        What it was given.
    h : sequence of array or None
        What it gave in integers, real values; found by running it in normal mode where None.
    modes : Modes or None
        In which modes ``h`` was found; None for normal mode.
    what : str
        Stands before the name in a sentence.
    """
    truth = _joined([run_layer(layer, each.x, each.h0, each.c0)[0] for each in calls])
    if not truth.any():
        return Judgement(name=name, sqnr_db=None, sentence=None)
    given = h is not None
    ratio = sqnr(truth, _joined(h if given else _run(integer, calls)))
    sentence = None
    if ratio < BOUND_DB:
        normal = modes is None or all(each.plain for each in modes.for_layers(1))
        dense = ratio if normal or not given else sqnr(truth, _joined(_run(integer, calls)))
        if dense < BOUND_DB:
            why = _why(layer, integer, calls, truth)
        else:
            why = (
                f"in normal mode it is at {dense:.1f} dB, so the settings of the modes lose it; "
                f"lower their thresholds, or give --normal-every"
            )
        sentence = (
            f"{what}{name} is far from floating point: its h is at {ratio:.1f} dB, and below "
            f"{BOUND_DB:g} dB fewer than 3 of 8 bits are left; {why}"
        )
    return Judgement(name=name, sqnr_db=ratio, sentence=sentence)


def judge_nodes(model: WholeModel, nodes: LstmNodes) -> list[Judgement]:
    """How near the LSTM layers of a model that has run are to floating point."""
    found = []
    for name, pieces in nodes.sequences().items():
        calls, h = zip(*pieces, strict=True)
        layer, integer = model.lstm_layers[name], nodes.networks[name].layers[0]
        modes = Modes.of(nodes.modes[name])
        found.append(judge_layer(name, layer, integer, calls, h, modes, what="LSTM node "))
    return found


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(each) for each in arrays])


def _run(integer: IntegerLayer, calls: Sequence[Seen]) -> list[np.ndarray]:
    """Real ``h`` of the integer layer, in normal mode."""
    directions = integer.directions
    network = IntegerNetwork(layers=(integer,))
    outputs = []
    for each in calls:
        initial = initial_states(directions, len(each.x), each.h0, each.c0)
        codes = run_network(network, to_codes(each.x, directions[0].x), initial).h
        outputs.append(from_codes(codes, directions[0].h))
    return outputs


def _why(layer: FloatLayer, integer: IntegerLayer, calls: Sequence[Seen], truth) -> str:
    """Which tensor's codes lose most, and what helps."""
    first = integer.directions[0]
    x = _joined([each.x for each in calls]).astype(np.float64)
    coarse_x = [replace(each, x=_through(each.x, first.x)) for each in calls]
    by_x = _ratio(layer, coarse_x, truth)
    by_weights = _ratio(_coarse(layer, integer), calls, truth)
    if min(by_x, by_weights) < BOUND_DB + _CULPRIT_DB:
        return _why_x(x, first.x) if by_x <= by_weights else _why_weights(by_weights, integer)
    for what, values, form in (("x", x, first.x), ("h", truth, first.h)):
        if (share := _outside(values, form)) > _SHARE:
            return _calibrate(what, share)
    limit = 2.0 ** (first.c_power + 15)
    share = _share_of_c(layer, calls, limit)
    if share > _SHARE:
        return _calibrate("c", share)
    steps = max(each.x.shape[1] for each in calls)
    return (
        f"no tensor alone is to blame, rounding of h adds up over {steps} steps; calibrate on "
        f"longer sequences, or run it with 16 bits where the accelerator has them"
    )


def _why_x(x: np.ndarray, form: Quantization) -> str:
    outside = _outside(x, form)
    if outside > _SHARE:
        return _calibrate("x", outside)
    sizes = np.abs(x[x != 0])
    lost = np.mean(to_codes(x[x != 0], form) == form.zero_point)
    decades = np.log10(sizes.max() / np.percentile(sizes, 1))
    return (
        f"{100 * lost:.0f} % of its x that are not 0 became code 0, as x spans {decades:.1f} "
        f"decades and one step of its format is {form.scale:.2g}; take the logarithm of the input "
        f"in front of the network or scale its columns alike, or try --percentile 99.9"
    )


def _why_weights(ratio: float, integer: IntegerLayer) -> str:
    bits = int(max(np.abs(each.W).max() for each in integer.directions)).bit_length() + 1
    return (
        f"its weights of {bits} bits alone leave {ratio:.1f} dB, as rows of one gate differ in "
        f"size and share a scale; give it more bits (--network-bits 8), or scale rows alike"
    )


def _calibrate(what: str, share: float) -> str:
    return (
        f"{100 * share:.0f} % of its {what} are outside of what calibration saw; calibrate on "
        f"samples like the input (--calibration), with the states that it begins with"
    )


def _ratio(layer: FloatLayer, calls: Sequence[Seen], truth: np.ndarray) -> float:
    return sqnr(truth, _joined([run_layer(layer, each.x, each.h0, each.c0)[0] for each in calls]))


def _through(values: np.ndarray, form: Quantization) -> np.ndarray:
    """Values as their codes have them."""
    return from_codes(to_codes(values, form), form)


def _is_outside(values: np.ndarray, form: Quantization) -> np.ndarray:
    low, high = (from_codes(np.array(end), form) for end in (form.low, form.high))
    return (values < low - form.scale) | (values > high + form.scale)


def _outside(values: np.ndarray, form: Quantization) -> float:
    return float(np.mean(_is_outside(values, form)))


def _share_of_c(layer: FloatLayer, calls: Sequence[Seen], limit: float) -> float:
    """Share of final cell states that the format of ``c`` does not hold."""
    states = [run_layer(layer, each.x, each.h0, each.c0)[2] for each in calls]
    given = [each.c0 for each in calls if each.c0 is not None]
    return float(np.mean(np.abs(_joined([*states, *given])) > limit))


def _coarse(layer: FloatLayer, integer: IntegerLayer) -> FloatLayer:
    """The layer with the weights that its integer form has."""
    return FloatLayer(
        directions=tuple(
            replace(
                each,
                W=codes.W * rows_of(codes.W_scale)[..., None],
                R=codes.R * rows_of(codes.R_scale)[..., None],
                bias=codes.bias * (codes.x.scale * rows_of(codes.W_scale)),
            )
            for each, codes in zip(layer.directions, integer.directions, strict=True)
        )
    )
