"""From floating point to the integer format, by calibration on sample inputs.

Activations get an asymmetric int8 format that covers the range seen on the samples, weights a
symmetric one per gate, the cell state a power of two. This is the post-training recipe of
TensorFlow Lite for its int8 LSTM operator. Weights of fewer than 8 bits are chosen with more care,
see ``rounding``.
"""

from collections.abc import Sequence
from math import ceil, frexp, log2

import numpy as np

from sim.networks.check import CODE_BITS, check_float, check_integer
from sim.networks.float_lstm import check_sequences, run_direction
from sim.networks.network import (
    GATES,
    FloatLayer,
    FloatLstm,
    FloatNetwork,
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    NetworkError,
    Quantization,
)
from sim.networks.rounding import least_error_scale, round_rows
from sim.networks.whole import Seen

__all__ = ["from_codes", "quantize", "sqnr", "to_codes"]

_C_POWERS = range(-15, 1)
"""Powers of two that are chosen as the cell state's scale; files may have finer ones."""
_WEIGHT_MAX = 127
_EVENT_MAX = 255
"""Largest difference of two int8 codes."""
_GATE_UNIT = 2.0**-12
"""What one code of a gate pre-activation means."""
_FAINT = 2.0**-40
"""Products below this cannot move a gate by a code, however many are added."""
_ON_GRID = 2.0**-12
"""How far from whole numbers dequantised codes may be: float32 rounds 127 by 2**-18."""
_LARGEST = 2.0**60
"""Range of values that is certainly a mistake."""


def to_codes(values: np.ndarray, quantization: Quantization) -> np.ndarray:
    """Real values as int8 codes: rounded half away from zero, clamped to the format's ends."""
    # What is too large for a quotient is clamped like everything that is too large.
    with np.errstate(over="ignore"):
        scaled = np.asarray(values, np.float64) / quantization.scale
    codes = _round(scaled) + quantization.zero_point
    return np.clip(codes, quantization.low, quantization.high).astype(np.int8)


def from_codes(codes: np.ndarray, quantization: Quantization) -> np.ndarray:
    """Real values, float64, that int8 codes stand for."""
    return (codes.astype(np.float64) - quantization.zero_point) * quantization.scale


def _clip_codes(clip: float, c_power: int) -> int:
    """A clamp of ``c`` in its codes, cut off as TFLite-Micro does it; 0 for none."""
    return int(min(max(clip, 0.0) / 2.0**c_power, 32767.0))


def sqnr(reference: np.ndarray, values: np.ndarray) -> float:
    """Power of the reference over the power of the error, in dB."""
    error = np.sum((np.asarray(reference, np.float64) - values) ** 2)
    return float("inf") if error == 0 else float(10 * np.log10(np.sum(reference**2.0) / error))


def quantize(
    network: FloatNetwork | FloatLayer,
    samples: np.ndarray | Sequence[Seen],
    percentile: float = 100.0,
    lengths: np.ndarray | None = None,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
) -> IntegerNetwork:
    """The network in integers, in formats calibrated by running it on samples.

    Parameters
    ----------
    network : FloatNetwork or FloatLayer
        Initial states are quantised with it.
    samples : [n, time, I], or sequence of Seen
        Sequences like those that the network will see. A ``Seen`` says from which states layers
        begin; an array begins from the network's own.
    percentile : float
        Activations cover the samples' values between ``100 - percentile`` and this percentile;
        100 covers all of them, 99.9 trades rare outliers for a finer step.
    lengths : int [n] or None
        Valid steps of each sequence; what follows them is padding and is not covered. All steps
        when None.
    weight_bits, activation_bits : int
        Bits of a weight and of a code of ``x`` or ``h``, 4 to 8.

    Raises
    ------
    NetworkError
        Samples that are empty, of the wrong shape or not finite; lengths that do not fit them, or
        are given with a layer that runs backwards; a bias that the integer format cannot hold.
    """
    if isinstance(network, FloatLayer):
        network = FloatNetwork(layers=(network,))
    check_float(network)
    _check_choices(percentile, weights=weight_bits, activations=activation_bits)
    largest = (1 << weight_bits - 1) - 1
    calls = [Seen(x=samples)] if isinstance(samples, np.ndarray) else samples
    rows = _check_samples(network, calls)
    valid = [_valid_steps(network, x, lengths) for x in rows]
    x_format = _activation_format(_each(rows, valid), percentile, activation_bits)
    layers = []
    for number, layer in enumerate(network.layers):
        begins = [call.states(number) for call in calls]
        runs = [_Runs(lstm, k, rows, begins) for k, lstm in enumerate(layer.directions)]
        hidden = [h for run in runs for h in (*_each(run.h, valid), *run.first_h)]
        h_format = _activation_format(hidden, percentile, activation_bits)
        forms = (x_format, h_format)
        directions = (
            _quantize_direction(f"layer {number}", run.lstm, forms, run.seen(valid), largest)
            for run in runs
        )
        layers.append(IntegerLayer(directions=tuple(directions)))
        rows = [np.concatenate(parts, axis=2) for parts in zip(*(r.h for r in runs), strict=True)]
        x_format = h_format
    result = IntegerNetwork(layers=tuple(layers))
    check_integer(result)
    return result


def _check_choices(percentile: float, **bits: int) -> None:
    if not 50 < percentile <= 100:
        raise NetworkError(f"percentile must be above 50 and at most 100, not {percentile:g}")
    for name, count in bits.items():
        if count not in CODE_BITS:
            raise NetworkError(f"{name} must have 4 to 8 bits, not {count}")


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


def _check_samples(network: FloatNetwork, calls: Sequence[Seen]) -> list[np.ndarray]:
    """The inputs of all calls, refused unless something can be calibrated on them."""
    size = network.layers[0].directions[0].input_size
    rows = [check_sequences("samples", call.x, size) for call in calls]
    if not any(x.any() for x in rows):
        raise NetworkError("samples must not be all zero: there is nothing to calibrate on")
    return rows


def _each(arrays: list[np.ndarray], valid: list[np.ndarray]) -> list[np.ndarray]:
    """The valid steps of the arrays."""
    return [array[steps] for array, steps in zip(arrays, valid, strict=True)]


class _Runs:
    """One direction run in floating point over the calls, each from its own state.

    Members
    -------
    x, h, c : list of [n, time, size]
        Inputs, hidden states and cell states of each call.
    first_h, first_c : list of [n, H]
        States that the calls begin with.
    """

    def __init__(self, lstm: FloatLstm, number: int, rows: list[np.ndarray], begins: list[tuple]):
        self.lstm, self.x = lstm, rows
        self.first_h = [
            self._first(h, number, lstm.h0, x) for x, (h, _) in zip(rows, begins, strict=True)
        ]
        self.first_c = [
            self._first(c, number, lstm.c0, x) for x, (_, c) in zip(rows, begins, strict=True)
        ]
        runs = [
            run_direction(lstm, *each)
            for each in zip(rows, self.first_h, self.first_c, strict=True)
        ]
        self.h, self.c = [h for h, _ in runs], [c for _, c in runs]

    def _first(self, given, number: int, own, x: np.ndarray) -> np.ndarray:
        if given is not None:
            return np.asarray(given[number], np.float64)
        shape = len(x), self.lstm.hidden_size
        return np.broadcast_to(np.float64(0) if own is None else own.astype(np.float64), shape)

    def seen(self, valid: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the valid steps: ``x``, the hidden state before, and every cell state there was."""
        before = []
        for h, first in zip(self.h, self.first_h, strict=True):
            parts = (first[:, None], h[:, :-1])
            if self.lstm.reverse:
                parts = (h[:, 1:], first[:, None])
            before.append(np.concatenate(parts, axis=1))
        return (
            np.concatenate(_each(self.x, valid)),
            np.concatenate(_each(before, valid)),
            np.concatenate([*_each(self.c, valid), *self.first_c]),
        )


def _round(values: np.ndarray) -> np.ndarray:
    return np.trunc(values + np.copysign(0.5, values))


def _single(scale: float) -> float:
    """The nearest scale that a .tflite file can hold."""
    return float(np.float32(scale))


def _activation_format(arrays: list[np.ndarray], percentile: float, bits: int) -> Quantization:
    """Asymmetric format that covers the arrays and zero."""
    values = np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)
    low, high = np.percentile(values, (100 - percentile, percentile))
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if high - low < 2.0**-60:
        # Nothing but zeros was seen: any step will do.
        low, high = -1.0, 1.0
    if high - low > _LARGEST:
        raise NetworkError(f"values up to {max(-low, high):g} are too large to be quantised")
    scale = _single((high - low) / ((1 << bits) - 1))
    least = -(1 << bits - 1)
    zero = int(np.clip(_round(least - low / scale), least, -least - 1))
    return Quantization(scale=scale, zero_point=zero, bits=bits)


def _weight_scale(weights: np.ndarray, operand: np.ndarray, unit: float, largest: int) -> float:
    """Symmetric scale of one gate's weights; ``unit`` is the scale of their ``operand``.

    Weights that have been integers before fall on codes without an error. Others are covered, or,
    of fewer than 8 bits, lose least.
    """
    magnitudes = np.abs(weights[weights != 0]).astype(np.float64)
    scale = 0.0
    if magnitudes.size:
        whole = _whole_code(magnitudes, largest)
        if whole or largest == _WEIGHT_MAX:
            scale = float(magnitudes.max()) / (whole or largest)
        else:
            scale = least_error_scale(weights, np.mean(operand**2.0, axis=0), largest)
    # Weights too small to matter: a scale that leaves the bias 2**-8 of a gate's step.
    return _single(scale if scale * unit >= _FAINT else _GATE_UNIT / 256 / unit)


def _whole_code(magnitudes: np.ndarray, largest: int) -> int | None:
    """What the largest magnitude becomes where all are multiples of one, else None.

    Many published int8 weights are mostly codes of -2 to 2, which no other scale comes near.
    """
    steps = round(min(float(magnitudes.max()) / float(magnitudes.min()), largest + 1))
    if steps > largest:
        return None
    codes = magnitudes / magnitudes.max() * steps
    if np.abs(codes - np.rint(codes)).max() > _ON_GRID:
        return None
    return largest // steps * steps


def _cell_power(c: np.ndarray) -> int:
    """Exponent of the cell state's scale.

    It covers twice the largest state seen, or 8 at most, beyond which tanh has long saturated and
    a finer step is worth more: on Silero VAD, whose states reach 29, the spare bit costs 4 dB.
    """
    largest = float(np.abs(c).max())
    if not largest:
        return _C_POWERS[0]
    power = min(ceil(log2(2 * largest)), max(ceil(log2(largest)), 3)) - 15
    return min(max(power, _C_POWERS[0]), _C_POWERS[-1])


def _quantize_direction(
    where: str, lstm: FloatLstm, forms: tuple[Quantization, ...], seen: tuple, largest: int
) -> IntegerLstm:
    """In these forms of ``x`` and ``h``; ``seen`` as of ``_Runs.seen``."""
    x, h = forms
    operands = [from_codes(to_codes(seen[k], form), form) for k, form in enumerate(forms)]
    W_scale = tuple(_weight_scale(gate, operands[0], x.scale, largest) for gate in lstm.W)
    R_scale = tuple(_weight_scale(gate, operands[1], h.scale, largest) for gate in lstm.R)
    W, R, bias = _codes(lstm, (W_scale, R_scale), operands, largest)
    c_power = _cell_power(seen[2])
    c0 = None
    if lstm.c0 is not None:
        codes = _round(lstm.c0.astype(np.float64) / 2.0**c_power)
        c0 = np.clip(codes, -32768, 32767).astype(np.int16)
    result = IntegerLstm(
        W=W,
        R=R,
        bias=_bias_codes(where, bias, lstm.input_size, x, W_scale),
        W_scale=W_scale,
        R_scale=R_scale,
        x=x,
        h=h,
        c_power=c_power,
        cell_clip=_clip_codes(lstm.cell_clip, c_power),
        h0=None if lstm.h0 is None else to_codes(lstm.h0, h),
        c0=c0,
        reverse=lstm.reverse,
    )
    _check_sums(where, result)
    return result


def _codes(lstm: FloatLstm, scales: tuple, operands: list[np.ndarray], largest: int) -> tuple:
    """Codes of ``W`` and ``R``, and a bias that makes good what they lose."""
    if largest == _WEIGHT_MAX:
        pairs = zip((lstm.W, lstm.R), scales, strict=True)
        return *(_weight_codes(*pair, largest) for pair in pairs), lstm.bias
    H, sizes = lstm.hidden_size, (lstm.input_size, lstm.hidden_size)
    seen = np.concatenate([*operands, np.ones((len(operands[0]), 1))], axis=1)
    rows = np.concatenate([lstm.W, lstm.R, lstm.bias[..., None]], axis=2).reshape(4 * H, -1)
    by_row = np.repeat(np.array(scales).T, H, axis=0)
    parts = np.repeat((0, 1), sizes)
    codes, constants = round_rows(rows, by_row, parts, seen.T @ seen / len(seen), largest)
    W, R = np.split(codes.reshape(4, H, -1), sizes[:1], axis=2)
    return np.ascontiguousarray(W), np.ascontiguousarray(R), constants.reshape(4, H)


def _weight_codes(weights: np.ndarray, scales: tuple, largest: int) -> np.ndarray:
    codes = _round(weights.astype(np.float64) / np.array(scales)[:, None, None])
    return np.clip(codes, -largest, largest).astype(np.int8)


def _bias_codes(
    where: str, bias: np.ndarray, inputs: int, x: Quantization, scales: tuple
) -> np.ndarray:
    """Biases in units of ``x.scale * W_scale``, refused where a 32-bit sum could overflow."""
    units = x.scale * np.array(scales)
    codes = _round(bias.astype(np.float64) / units[:, None])
    limit = 2**31 - 1 - inputs * _EVENT_MAX * _WEIGHT_MAX
    for gate, row in zip(GATES, codes, strict=True):
        if np.abs(row).max() > limit:
            raise NetworkError(
                f"the {gate} gate's bias of {where} is too large beside its input weights: "
                f"it would overflow a 32-bit sum"
            )
    return codes.astype(np.int32)


def _check_sums(where: str, lstm: IntegerLstm) -> None:
    """Refuse sums that overflow 32 bits where they are shifted left to become gates."""
    for what, codes, bias, operand, scales in (
        ("input", lstm.W, lstm.bias, lstm.x.scale, lstm.W_scale),
        ("recurrent", lstm.R, 0 * lstm.bias, lstm.h.scale, lstm.R_scale),
    ):
        sums = np.abs(codes.astype(np.int64)).sum(axis=2) * _EVENT_MAX + np.abs(
            bias.astype(np.int64)
        )
        for gate, row, scale in zip(GATES, sums, scales, strict=True):
            left = frexp(operand * scale / _GATE_UNIT)[1]
            if int(row.max()) << max(left, 0) >= 2**31:
                raise NetworkError(
                    f"the {gate} gate's {what} weights of {where} are too large beside their "
                    f"operand: its 32-bit sum would overflow"
                )
