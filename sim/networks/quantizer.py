"""From floating point to the integer format, by calibration on sample inputs.

The format is TensorFlow Lite's for its LSTM operators of int8 and of int16 activations: these are
asymmetric of 8 bits and symmetric of 16, weights symmetric by gate, the cell state a power of two.
Every free choice is made by the error of the layer's output on the samples: see ``quantizing``.
"""

from collections.abc import Callable, Sequence

import numpy as np

from sim.networks.check import ACTIVATION_BITS, WEIGHT_BITS, check_float, check_integer
from sim.networks.codes import from_codes, round_half_away, sqnr, to_codes
from sim.networks.float_lstm import check_sequences
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerLayer,
    IntegerNetwork,
    NetworkError,
    Quantization,
)
from sim.networks.quantizing.formats import percentile_range
from sim.networks.quantizing.material import Calls, Runs
from sim.networks.quantizing.search import choose_forms
from sim.networks.quantizing.simulated import simulate_integer
from sim.networks.quantizing.weights import quantize_direction
from sim.networks.whole import Seen

__all__ = ["from_codes", "quantize", "round_half_away", "sqnr", "to_codes"]


def quantize(
    network: FloatNetwork | FloatLayer,
    samples: np.ndarray | Sequence[Seen],
    percentile: float | None = None,
    lengths: np.ndarray | None = None,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
    row_scales: bool = False,
    tell: Callable[[], None] = lambda: None,
) -> IntegerNetwork:
    """The network in integers, in formats chosen by running it on samples.

    Parameters
    ----------
    network : FloatNetwork or FloatLayer
        Initial states are quantised with it.
    samples : [n, time, I], or sequence of Seen
        Sequences like those that the network will see. A ``Seen`` says from which states layers
        begin; an array begins from the network's own.
    percentile : float or None
        Activations cover the samples' values between ``100 - percentile`` and this percentile:
        100 covers all of them, 99.9 trades rare outliers for a finer step. None tries narrower
        and narrower ranges and takes the one with the least error.
    lengths : int [n] or None
        Valid steps of each sequence; what follows them is padding and does not count. All steps
        when None.
    weight_bits, activation_bits : int
        Bits of a weight, 2 to 8, and of a code of ``x`` or ``h``, 4 to 8 or 16.
    row_scales : bool
        Each row of weights has a scale of its own, which a .tflite file does not hold; else each
        gate has one.
    tell : function
        Called now and then while formats are tried.

    Raises
    ------
    NetworkError
        Samples that are empty, of the wrong shape or not finite; lengths that do not fit them, or
        are given with a layer that runs backwards; a bias that the integer format cannot hold.
    """
    if isinstance(network, FloatLayer):
        network = FloatNetwork(layers=(network,))
    check_float(network)
    _check_choices(percentile, weight_bits, activation_bits)
    seen = [Seen(x=samples)] if isinstance(samples, np.ndarray) else samples
    calls = _calls(network, seen, lengths)
    bits = weight_bits, activation_bits
    x_form, layers = None, []
    for number, layer in enumerate(network.layers):
        runs = [Runs(lstm, k, calls) for k, lstm in enumerate(layer.directions)]
        result = _quantize_layer(
            f"layer {number}", runs, x_form, percentile, bits, row_scales, tell
        )
        layers.append(result)
        x_form = result.directions[0].h
        if number + 1 < len(network.layers):
            begins = [call.states(number + 1) for call in seen]
            calls = _above(runs, calls, result, begins)
    network = IntegerNetwork(layers=tuple(layers))
    check_integer(network)
    return network


def _check_choices(percentile: float | None, weight_bits: int, activation_bits: int) -> None:
    if percentile is not None and not 50 < percentile <= 100:
        raise NetworkError(f"percentile must be above 50 and at most 100, not {percentile:g}")
    if weight_bits not in WEIGHT_BITS:
        raise NetworkError(f"weights must have 2 to 8 bits, not {weight_bits}")
    if activation_bits not in ACTIVATION_BITS:
        raise NetworkError(f"activations must have 4 to 8 bits, or 16, not {activation_bits}")


def _calls(network: FloatNetwork, seen: Sequence[Seen], lengths: np.ndarray | None) -> Calls:
    """What reaches the first layer, refused unless something can be calibrated on it."""
    size = network.layers[0].directions[0].input_size
    x = [check_sequences("samples", call.x, size).astype(np.float64) for call in seen]
    if not any(each.any() for each in x):
        raise NetworkError("samples must not be all zero: there is nothing to calibrate on")
    begins = [call.states(0) for call in seen]
    valid = [_valid_steps(network, each, lengths) for each in x]
    return Calls(x=x, given=x, begins=begins, valid=valid)


def _valid_steps(network: FloatNetwork, x: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Which steps of ``x`` are no padding, bool [n, time]."""
    if lengths is None:
        return np.ones(x.shape[:2], bool)
    lengths = np.asarray(lengths)
    if lengths.shape != x.shape[:1] or lengths.min() < 1 or lengths.max() > x.shape[1]:
        raise NetworkError(
            f"lengths must hold a number from 1 to {x.shape[1]} for each of {len(x)} sequences"
        )
    if any(lstm.reverse for layer in network.layers for lstm in layer.directions):
        raise NetworkError("lengths cannot be given with a layer that runs backwards")
    return np.arange(x.shape[1]) < lengths[:, None]


def _quantize_layer(
    where: str,
    runs: list[Runs],
    x_form: Quantization | None,
    percentile: float | None,
    bits: tuple[int, int],
    row_scales: bool,
    tell: Callable[[], None],
) -> IntegerLayer:
    """A layer in integers; ``x_form`` is the format of its input where that is decided.

    ``bits`` are those of weights and of activations.
    """
    weight_bits, activation_bits = bits
    share = 100.0 if percentile is None else percentile
    calls = runs[0].calls
    valid = (x[steps] for x, steps in zip(calls.given, calls.valid, strict=True))
    forms = choose_forms(
        runs,
        x_form or percentile_range(valid, share),
        percentile_range([h for run in runs for h in run.hidden()], share),
        activation_bits,
        fixed=percentile is not None,
        tell=tell,
    )
    directions = []
    for run, c_power in zip(runs, forms.c_powers, strict=True):
        pieces = run.pieces()
        result = quantize_direction(where, run, pieces, forms, c_power, weight_bits, row_scales)
        directions.append(result)
        tell()
    return IntegerLayer(directions=tuple(directions))


def _above(runs: list[Runs], calls: Calls, layer: IntegerLayer, begins: list) -> Calls:
    """What reaches the next layer, of floating point and of the layer in integers, from states."""
    given = [
        np.concatenate(
            [
                simulate_integer(lstm, calls.given[k], run.first_h[k], run.first_c[k])
                for lstm, run in zip(layer.directions, runs, strict=True)
            ],
            axis=2,
        )
        for k in range(len(calls.x))
    ]
    return Calls(
        x=[np.concatenate(parts, axis=2) for parts in zip(*(r.h for r in runs), strict=True)],
        given=given,
        begins=begins,
        valid=calls.valid,
    )
