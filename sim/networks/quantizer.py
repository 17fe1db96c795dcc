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
from sim.networks.quantizing.search import Forms, choose_forms
from sim.networks.quantizing.simulated import simulate_integer
from sim.networks.quantizing.weights import quantize_direction
from sim.networks.whole import Seen

__all__ = ["from_codes", "quantize", "quantize_layers", "round_half_away", "sqnr", "to_codes"]


def quantize(
    network: FloatNetwork | FloatLayer,
    samples: np.ndarray | Sequence[Seen],
    percentile: float | None = None,
    lengths: np.ndarray | None = None,
    *,
    weight_bits: int | Sequence[tuple[int, int]] = 8,
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
    weight_bits : int, or sequence of (int, int)
        Bits of a weight, 2 to 8; or of a weight of ``W`` and of ``R`` of each layer.
    activation_bits : int
        Bits of a code of ``x`` or ``h``, 4 to 8 or 16.
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
    if isinstance(weight_bits, int):
        weight_bits = [(weight_bits, weight_bits)] * len(network.layers)
    if len(weight_bits) != len(network.layers):
        raise NetworkError(
            f"weight_bits must have a pair for each of {len(network.layers)} layers, not "
            f"{len(weight_bits)}"
        )
    variants = quantize_layers(
        network,
        samples,
        percentile,
        lengths,
        weight_bits=[(pair,) for pair in weight_bits],
        activation_bits=activation_bits,
        row_scales=row_scales,
        tell=tell,
    )
    result = IntegerNetwork(layers=tuple(layer for (layer,) in variants))
    check_integer(result)
    return result


def quantize_layers(
    network: FloatNetwork,
    samples: np.ndarray | Sequence[Seen],
    percentile: float | None = None,
    lengths: np.ndarray | None = None,
    *,
    weight_bits: Sequence[Sequence[tuple[int, int]]],
    activation_bits: int = 8,
    row_scales: bool = False,
    tell: Callable[[], None] = lambda: None,
) -> list[tuple[IntegerLayer, ...]]:
    """Each layer in integers with weights of several widths.

    Formats do not depend on the widths. What reaches a layer comes from those below in the first of
    theirs.

    Parameters
    ----------
    weight_bits : sequence of sequences of (int, int)
        For each layer the widths: bits of a weight of ``W`` and of ``R``.
    network, samples, percentile, lengths, activation_bits, row_scales, tell
        As of ``quantize``.

    Returns
    -------
    list of tuple of IntegerLayer
        For each layer one of each width.
    """
    check_float(network)
    pairs = [pair for each in weight_bits for pair in each]
    _check_choices(percentile, pairs, activation_bits)
    seen = [Seen(x=samples)] if isinstance(samples, np.ndarray) else samples
    calls = _calls(network, seen, lengths)
    x_form, layers = None, []
    for number, (layer, widths) in enumerate(zip(network.layers, weight_bits, strict=True)):
        runs = [Runs(lstm, k, calls) for k, lstm in enumerate(layer.directions)]
        forms = _choose_forms(runs, x_form, percentile, activation_bits, tell)
        layers.append(
            tuple(
                _quantize_layer(f"layer {number}", runs, forms, pair, row_scales, tell)
                for pair in widths
            )
        )
        x_form = forms.h
        if number + 1 < len(network.layers):
            begins = [call.states(number + 1) for call in seen]
            calls = _above(runs, calls, layers[-1][0], begins)
    return layers


def _check_choices(
    percentile: float | None, weight_bits: Sequence[tuple[int, int]], activation_bits: int
) -> None:
    if percentile is not None and not 50 < percentile <= 100:
        raise NetworkError(f"percentile must be above 50 and at most 100, not {percentile:g}")
    for bits in (each for pair in weight_bits for each in pair):
        if bits not in WEIGHT_BITS:
            raise NetworkError(f"weights must have 2 to 8 bits, not {bits}")
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


def _choose_forms(
    runs: list[Runs],
    x_form: Quantization | None,
    percentile: float | None,
    activation_bits: int,
    tell: Callable[[], None],
) -> Forms:
    """Formats of a layer; ``x_form`` is that of its input where it is decided."""
    share = 100.0 if percentile is None else percentile
    calls = runs[0].calls
    valid = (x[steps] for x, steps in zip(calls.given, calls.valid, strict=True))
    return choose_forms(
        runs,
        x_form or percentile_range(valid, share),
        percentile_range([h for run in runs for h in run.hidden()], share),
        activation_bits,
        fixed=percentile is not None,
        tell=tell,
    )


def _quantize_layer(
    where: str,
    runs: list[Runs],
    forms: Forms,
    weight_bits: tuple[int, int],
    row_scales: bool,
    tell: Callable[[], None],
) -> IntegerLayer:
    """A layer in integers of these formats."""
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
