"""Weights and biases of a direction as integers, for operands of given formats."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import frexp

import numpy as np

from sim.networks.codes import from_codes, round_half_away, to_codes
from sim.networks.network import GATES, FloatLstm, IntegerLstm, NetworkError, Quantization
from sim.networks.quantizing.formats import single
from sim.networks.quantizing.material import Piece, Runs
from sim.networks.quantizing.rounding import Compensation, least_error_scale, round_rows
from sim.networks.quantizing.search import Forms, output_error

__all__ = ["EVENT_MAX", "WEIGHT_MAX", "check_sums", "quantize_direction"]

WEIGHT_MAX = 127
"""Largest magnitude of an int8 weight."""
EVENT_MAX = 255
"""Largest difference of two int8 codes."""
_GATE_UNIT = 2.0**-12
"""What one code of a gate pre-activation means."""
_FAINT = 2.0**-40
"""Products below this cannot move a gate by a code, however many are added."""
_ON_GRID = 2.0**-12
"""How far from whole numbers dequantised codes may be: float32 rounds 127 by 2**-18."""
_NARROWED = (0.85, 0.7, 0.55, 0.4, 0.25)
"""Scales that are tried, in parts of those that cover all weights."""
_BETTER = 0.98
"""Share of the error that other weights must come down to."""


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """Integer weights with their scales.

    Members
    -------
    W, R : int8 [4, H, columns]
        Codes.
    bias : float64 [4, H]
        The real bias that goes with them.
    scales : float64 [2, 4]
        Of ``W`` and of ``R``, by gate.
    """

    W: np.ndarray
    R: np.ndarray
    bias: np.ndarray
    scales: np.ndarray

    def real(self, lstm: FloatLstm) -> FloatLstm:
        """The direction with the weights that the codes stand for."""
        W, R = (
            codes * scale[:, None, None]
            for codes, scale in zip((self.W, self.R), self.scales, strict=True)
        )
        return replace(lstm, W=W, R=R, bias=self.bias)


def quantize_direction(
    where: str, run: Runs, pieces: list[Piece], forms: Forms, c_power: int, weight_bits: int
) -> IntegerLstm:
    """A direction in integers, with the weights whose output is nearest to floating point.

    Parameters
    ----------
    where : str
        What refusals call its layer.
    run : Runs
        The direction, run on the samples.
    pieces : list of Piece
        What weights are tried on.
    forms : Forms
        Formats of ``x`` and ``h``.
    c_power : int
        Exponent of the cell state's scale.
    weight_bits : int
        Bits of a weight.

    Raises
    ------
    NetworkError
        A bias or sums that 32 bits cannot hold.
    """
    lstm = run.lstm
    chosen = _choose(run, pieces, forms, c_power, (1 << weight_bits - 1) - 1)
    c0 = None
    if lstm.c0 is not None:
        codes = round_half_away(lstm.c0.astype(np.float64) / 2.0**c_power)
        c0 = np.clip(codes, -32768, 32767).astype(np.int16)
    result = IntegerLstm(
        W=chosen.W,
        R=chosen.R,
        bias=_bias_codes(where, chosen.bias, lstm.input_size, forms.x, chosen.scales[0]),
        W_scale=tuple(map(float, chosen.scales[0])),
        R_scale=tuple(map(float, chosen.scales[1])),
        x=forms.x,
        h=forms.h,
        c_power=c_power,
        cell_clip=_clip_codes(lstm.cell_clip, c_power),
        h0=None if lstm.h0 is None else to_codes(lstm.h0, forms.h),
        c0=c0,
        reverse=lstm.reverse,
    )
    check_sums(where, result)
    return result


def _choose(run: Runs, pieces: list[Piece], forms: Forms, c_power: int, largest: int) -> _Codes:
    """The codes with the least error of the output."""
    best, least = None, np.inf
    for codes in _candidates(run, forms, largest):
        error = output_error(run, pieces, forms, c_power, codes.real(run.lstm))
        if best is None or error < _BETTER * least:
            best, least = codes, error
    return best


def _candidates(run: Runs, forms: Forms, largest: int) -> Iterator[_Codes]:
    """In scales that cover all weights, rounded alone or making losses good; then in others."""
    lstm, forms_of = run.lstm, (forms.x, forms.h)
    operands = [
        from_codes(to_codes(seen, form), form)
        for seen, form in zip(run.operands(), forms_of, strict=True)
    ]
    units = np.array([forms.x.scale, forms.h.scale])
    whole, covering = _covering_scales(lstm, units, largest)
    yield _nearest(lstm, covering, largest)
    rounding = _Rounding(lstm, operands, largest)
    yield rounding.codes(covering)
    if whole.all():
        return
    lower = np.where(whole, covering, _least_error_scales(lstm, operands, covering, largest))
    yield rounding.codes(lower)
    yield rounding.codes(rounding.best_scales(covering, whole))


class _Rounding:
    """Rounds a direction's rows, each loss made good by other columns."""

    def __init__(self, lstm: FloatLstm, operands: list[np.ndarray], largest: int):
        H, sizes = lstm.hidden_size, (lstm.input_size, lstm.hidden_size)
        seen = np.concatenate([*operands, np.ones((len(operands[0]), 1))], axis=1)
        self.gram = seen.T @ seen / len(seen)
        self.by = Compensation(self.gram)
        rows = np.concatenate([lstm.W, lstm.R, lstm.bias[..., None]], axis=2)
        self.rows = rows.reshape(4 * H, -1).astype(np.float64)
        self.parts = np.repeat((0, 1), sizes)
        self.H, self.sizes, self.largest = H, sizes, largest

    def codes(self, scales: np.ndarray) -> _Codes:
        """Codes in these scales, [2, 4]."""
        codes, constants = self._round(scales)
        W, R = np.split(codes.reshape(4, self.H, -1), self.sizes[:1], axis=2)
        W, R = np.ascontiguousarray(W), np.ascontiguousarray(R)
        return _Codes(W=W, R=R, bias=constants.reshape(4, self.H), scales=scales)

    def best_scales(self, covering: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """For each gate the scales whose sums lose least; ``whole`` ones stay."""
        best, least = covering.copy(), self._losses(covering)
        for factor in _NARROWED:
            scales = np.where(whole, covering, _singles(factor * covering))
            losses = self._losses(scales)
            better = losses < least
            best[:, better], least[better] = scales[:, better], losses[better]
        return best

    def _losses(self, scales: np.ndarray) -> np.ndarray:
        """Mean square of what each gate's sums lose on the samples, [4]."""
        codes, constants = self._round(scales)
        lost = np.column_stack([codes * self._by_column(scales), constants]) - self.rows
        return np.einsum("rc,rc->r", lost @ self.gram, lost).reshape(4, self.H).sum(axis=1)

    def _round(self, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        by_row = np.repeat(scales.T, self.H, axis=0)
        return round_rows(self.rows, by_row, self.parts, self.by, self.largest)

    def _by_column(self, scales: np.ndarray) -> np.ndarray:
        return np.repeat(scales.T, self.H, axis=0)[:, self.parts]


def _singles(scales: np.ndarray) -> np.ndarray:
    """The nearest scales that a .tflite file can hold."""
    return scales.astype(np.float32).astype(np.float64)


def _nearest(lstm: FloatLstm, scales: np.ndarray, largest: int) -> _Codes:
    """Every weight rounded by itself."""
    W, R = (
        np.clip(round_half_away(weights / scale[:, None, None]), -largest, largest).astype(np.int8)
        for weights, scale in zip((lstm.W, lstm.R), scales, strict=True)
    )
    return _Codes(W=W, R=R, bias=lstm.bias.astype(np.float64), scales=scales)


def _covering_scales(
    lstm: FloatLstm, units: np.ndarray, largest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which gates' weights have been integers before, bool [2, 4], and scales that cover all.

    Those fall on codes without an error. ``units`` are the scales of the operands.
    """
    whole, scales = np.zeros((2, 4), bool), np.zeros((2, 4))
    for part, (weights, unit) in enumerate(zip((lstm.W, lstm.R), units, strict=True)):
        for gate, of_gate in enumerate(weights):
            magnitudes = np.abs(of_gate[of_gate != 0]).astype(np.float64)
            scale = 0.0
            if magnitudes.size:
                code = _whole_code(magnitudes, largest)
                whole[part, gate] = code is not None
                scale = float(magnitudes.max()) / (code or largest)
            # Weights too small to matter: a scale that leaves the bias 2**-8 of a gate's step.
            if scale * unit < _FAINT:
                scale, whole[part, gate] = _GATE_UNIT / 256 / unit, True
            scales[part, gate] = single(scale)
    return whole, scales


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


def _least_error_scales(lstm, operands, covering: np.ndarray, largest: int) -> np.ndarray:
    """Scales with the least squared error of weights that are rounded by themselves."""
    scales = covering.copy()
    for part, (weights, operand) in enumerate(zip((lstm.W, lstm.R), operands, strict=True)):
        power = np.mean(operand**2.0, axis=0)
        for gate, of_gate in enumerate(weights):
            if of_gate.any():
                scales[part, gate] = single(least_error_scale(of_gate, power, largest))
    return scales


def _clip_codes(clip: float, c_power: int) -> int:
    """A clamp of ``c`` in its codes, cut off as TFLite-Micro does it; 0 for none."""
    return int(min(max(clip, 0.0) / 2.0**c_power, 32767.0))


def _bias_codes(
    where: str, bias: np.ndarray, inputs: int, x: Quantization, scales: np.ndarray
) -> np.ndarray:
    """Biases in units of ``x.scale * W_scale``, refused where a 32-bit sum could overflow."""
    codes = round_half_away(bias / (x.scale * scales)[:, None])
    limit = 2**31 - 1 - inputs * EVENT_MAX * WEIGHT_MAX
    for gate, row in zip(GATES, codes, strict=True):
        if np.abs(row).max() > limit:
            raise NetworkError(
                f"the {gate} gate's bias of {where} is too large beside its input weights: "
                f"it would overflow a 32-bit sum"
            )
    return codes.astype(np.int32)


def check_sums(where: str, lstm: IntegerLstm) -> None:
    """Refuse sums that overflow 32 bits where they are shifted left to become gates.

    Raises
    ------
    NetworkError
        Naming the gate and the weights of ``where``.
    """
    for what, codes, bias, operand, scales in (
        ("input", lstm.W, lstm.bias, lstm.x.scale, lstm.W_scale),
        ("recurrent", lstm.R, 0 * lstm.bias, lstm.h.scale, lstm.R_scale),
    ):
        sums = np.abs(codes.astype(np.int64)).sum(axis=2) * EVENT_MAX + np.abs(
            bias.astype(np.int64)
        )
        for gate, row, scale in zip(GATES, sums, scales, strict=True):
            left = frexp(operand * scale / _GATE_UNIT)[1]
            if int(row.max()) << max(left, 0) >= 2**31:
                raise NetworkError(
                    f"the {gate} gate's {what} weights of {where} are too large beside their "
                    f"operand: its 32-bit sum would overflow"
                )
