"""Weights and biases of a direction as integers, for operands of given formats."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sim.networks.codes import from_codes, round_half_away, to_codes
from sim.networks.network import (
    GATES,
    FloatLstm,
    IntegerLstm,
    NetworkError,
    Quantization,
    Scales,
    rows_of,
)
from sim.networks.quantizing.formats import single
from sim.networks.quantizing.material import Piece, Runs
from sim.networks.quantizing.rounding import best_compensation, least_error_scales, round_rows
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
_BIAS_MAX = 2.0**23
"""Largest bias of a row in the units of its sums: finer scales than that would gain nothing."""
_WIDE_BIAS_MAX = 2.0**28
"""The same of sums of 16-bit activations, whose units are finer; scales that are tried may still be
a quarter of what is chosen by it."""
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
    scales : float64 [2, 4, 1] or [2, 4, H]
        Of ``W`` and of ``R``, by gate or by row.
    """

    W: np.ndarray
    R: np.ndarray
    bias: np.ndarray
    scales: np.ndarray

    def real(self, lstm: FloatLstm) -> FloatLstm:
        """The direction with the weights that the codes stand for."""
        W, R = (
            codes * scale[..., None]
            for codes, scale in zip((self.W, self.R), self.scales, strict=True)
        )
        return replace(lstm, W=W, R=R, bias=self.bias)


def quantize_direction(
    where: str,
    run: Runs,
    pieces: list[Piece],
    forms: Forms,
    c_power: int,
    weight_bits: tuple[int, int],
    row_scales: bool = False,
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
    weight_bits : (int, int)
        Bits of a weight of ``W`` and of ``R``.
    row_scales : bool
        Scales by row, else by gate.

    Raises
    ------
    NetworkError
        A bias or sums that 32 bits cannot hold.
    """
    lstm = run.lstm
    largest = tuple((1 << bits - 1) - 1 for bits in weight_bits)
    chosen = _choose(run, pieces, forms, c_power, largest, row_scales)
    W_scale, R_scale = map(_stored, chosen.scales)
    c0 = None
    if lstm.c0 is not None:
        codes = round_half_away(lstm.c0.astype(np.float64) / 2.0**c_power)
        c0 = np.clip(codes, -32768, 32767).astype(np.int16)
    result = IntegerLstm(
        W=chosen.W,
        R=chosen.R,
        bias=_bias_codes(where, chosen.bias, lstm.input_size, forms.x, chosen.scales[0]),
        W_scale=W_scale,
        R_scale=R_scale,
        x=forms.x,
        h=forms.h,
        c_power=c_power,
        cell_clip=_clip_codes(lstm.cell_clip, c_power),
        h0=None if lstm.h0 is None else to_codes(lstm.h0, forms.h),
        c0=c0,
        reverse=lstm.reverse,
    )
    if forms.x.bits != 16:
        check_sums(where, result)
    return result


def _stored(scales: np.ndarray) -> Scales | np.ndarray:
    """Scales of [4, 1] or [4, H] as ``IntegerLstm`` has them."""
    return tuple(map(float, scales[:, 0])) if scales.shape[1] == 1 else scales.copy()


def _choose(
    run: Runs,
    pieces: list[Piece],
    forms: Forms,
    c_power: int,
    largest: tuple[int, int],
    row_scales: bool,
) -> _Codes:
    """The codes with the least error of the output."""
    best, least = None, np.inf
    for codes in _candidates(run, forms, largest, row_scales):
        error = output_error(run, pieces, forms, c_power, codes.real(run.lstm))
        if best is None or error < _BETTER * least:
            best, least = codes, error
    return best


def _candidates(
    run: Runs, forms: Forms, largest: tuple[int, int], row_scales: bool
) -> Iterator[_Codes]:
    """In scales that cover all weights, rounded alone or making losses good; then in others."""
    lstm, forms_of = run.lstm, (forms.x, forms.h)
    operands = [
        from_codes(to_codes(seen, form), form)
        for seen, form in zip(run.operands(), forms_of, strict=True)
    ]
    whole, covering = _covering_scales(lstm, forms, largest, row_scales)
    yield _nearest(lstm, covering, largest)
    rounding = _Rounding(lstm, operands, largest, covering)
    yield rounding.codes(covering)
    if whole.all():
        return
    lower = np.where(whole, covering, _least_error_scales(lstm, operands, covering, largest))
    yield rounding.codes(lower)
    yield rounding.codes(rounding.best_scales(covering, whole))


class _Rounding:
    """Rounds a direction's rows, each loss made good by other columns."""

    def __init__(
        self,
        lstm: FloatLstm,
        operands: list[np.ndarray],
        largest: tuple[int, int],
        scales: np.ndarray,
    ):
        H, sizes = lstm.hidden_size, (lstm.input_size, lstm.hidden_size)
        seen = np.concatenate([*operands, np.ones((len(operands[0]), 1))], axis=1)
        self.gram = seen.T @ seen / len(seen)
        rows = np.concatenate([lstm.W, lstm.R, lstm.bias[..., None]], axis=2)
        self.rows = rows.reshape(4 * H, -1).astype(np.float64)
        self.parts = np.repeat((0, 1), sizes)
        self.H, self.sizes, self.largest = H, sizes, largest
        self.held = _held(lstm)
        how = self.rows, self._by_row(scales), self.parts, largest, self.held
        self.by = best_compensation(seen, *how)

    def codes(self, scales: np.ndarray) -> _Codes:
        """Codes in these scales, [2, 4, 1] or [2, 4, H]."""
        codes, constants = self._round(scales)
        W, R = np.split(codes.reshape(4, self.H, -1), self.sizes[:1], axis=2)
        W, R = np.ascontiguousarray(W), np.ascontiguousarray(R)
        return _Codes(W=W, R=R, bias=constants.reshape(4, self.H), scales=scales)

    def best_scales(self, covering: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """For each gate or row the scales whose sums lose least; ``whole`` ones stay."""
        best, least = covering.copy(), self._losses(covering)
        for factor in _NARROWED:
            scales = np.where(whole, covering, _singles(factor * covering))
            losses = self._losses(scales)
            better = losses < least
            best[:, better], least[better] = scales[:, better], losses[better]
        return best

    def _losses(self, scales: np.ndarray) -> np.ndarray:
        """Mean square of what each gate's or row's sums lose on the samples, [4, 1] or [4, H]."""
        codes, constants = self._round(scales)
        lost = np.column_stack([codes * self._by_column(scales), constants]) - self.rows
        of_rows = np.einsum("rc,rc->r", lost @ self.gram, lost).reshape(4, self.H)
        return of_rows if scales.shape[2] > 1 else of_rows.sum(axis=1, keepdims=True)

    def _round(self, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scales = self._by_row(scales)
        return round_rows(self.rows, scales, self.parts, self.by, self.largest, self.held)

    def _by_row(self, scales: np.ndarray) -> np.ndarray:
        """Of each row those of ``W`` and of ``R``, [4 H, 2]."""
        return np.broadcast_to(scales, (2, 4, self.H)).reshape(2, -1).T

    def _by_column(self, scales: np.ndarray) -> np.ndarray:
        return self._by_row(scales)[:, self.parts]


def _held(lstm: FloatLstm) -> np.ndarray | None:
    """Weights that were pruned, bool [4 H, columns]: zero in all gates of a unit; None for none.

    That is a column word of the narrowest machine, so no word that is zero is filled.
    """
    zero = ~np.concatenate([lstm.W, lstm.R], axis=2).any(axis=0)
    return np.tile(zero, (4, 1)) if zero.any() else None


def _singles(scales: np.ndarray) -> np.ndarray:
    """The nearest scales that a .tflite file can hold."""
    return scales.astype(np.float32).astype(np.float64)


def _nearest(lstm: FloatLstm, scales: np.ndarray, largest: tuple[int, int]) -> _Codes:
    """Every weight rounded by itself."""
    W, R = (
        np.clip(round_half_away(weights / scale[..., None]), -most, most).astype(np.int8)
        for weights, scale, most in zip((lstm.W, lstm.R), scales, largest, strict=True)
    )
    return _Codes(W=W, R=R, bias=lstm.bias.astype(np.float64), scales=scales)


def _covering_scales(
    lstm: FloatLstm, forms: Forms, largest: tuple[int, int], row_scales: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Whose weights have been integers before, and scales that cover all.

    Integers fall on codes without an error. Both are [2, 4, 1] by gate, or [2, 4, H] by row.
    """
    units, wide = np.array([forms.x.scale, forms.h.scale]), forms.x.bits == 16
    groups = lstm.hidden_size if row_scales else 1
    whole, scales = np.zeros((2, 4, groups), bool), np.zeros((2, 4, groups))
    parts = zip((lstm.W, lstm.R), units, largest, strict=True)
    for part, (weights, unit, most) in enumerate(parts):
        grouped = weights.reshape(4, groups, -1)
        for place in np.ndindex(4, groups):
            scale, on_codes = _covering_scale(grouped[place], most)
            # Weights too small to matter: a scale that leaves the bias 2**-8 of a gate's step.
            if scale * unit < (_FAINT / 256 if wide else _FAINT):
                scale, on_codes = _GATE_UNIT / 256 / unit, True
            whole[part][place], scales[part][place] = on_codes, single(scale)
    if row_scales or wide:
        # A row may have a bias that is far larger than all its weights are.
        bias = np.abs(lstm.bias.astype(np.float64)).reshape(4, groups, -1).max(axis=2)
        least = bias / ((_WIDE_BIAS_MAX if wide else _BIAS_MAX) * units[0])
        whole[0] &= scales[0] >= least
        scales[0] = np.maximum(scales[0], _singles(least))
    return whole, scales


def _covering_scale(weights: np.ndarray, largest: int) -> tuple[float, bool]:
    """A scale that covers the weights, 0 for none, and whether they have been integers before."""
    magnitudes = np.abs(weights[weights != 0]).astype(np.float64)
    if not magnitudes.size:
        return 0.0, False
    code = _whole_code(magnitudes, largest)
    return float(magnitudes.max()) / (code or largest), code is not None


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


def _least_error_scales(
    lstm: FloatLstm, operands: list[np.ndarray], covering: np.ndarray, largest: tuple[int, int]
) -> np.ndarray:
    """Scales with the least squared error of weights that are rounded by themselves."""
    scales, groups = covering.copy(), covering.shape[2]
    parts = zip((lstm.W, lstm.R), operands, largest, strict=True)
    for part, (weights, operand, most) in enumerate(parts):
        power = np.mean(operand**2.0, axis=0)
        for gate, of_gate in enumerate(weights.reshape(4, groups, -1, weights.shape[2])):
            some = of_gate.any(axis=(1, 2))
            if some.any():
                scales[part, gate, some] = _singles(least_error_scales(of_gate[some], power, most))
    return scales


def _clip_codes(clip: float, c_power: int) -> int:
    """A clamp of ``c`` in its codes, cut off as TFLite-Micro does it; 0 for none."""
    return int(min(max(clip, 0.0) / 2.0**c_power, 32767.0))


def _bias_codes(
    where: str, bias: np.ndarray, inputs: int, x: Quantization, scales: np.ndarray
) -> np.ndarray:
    """Biases in units of ``x.scale * W_scale``, refused where a 32-bit sum could overflow.

    Sums of 16-bit activations have more bits, but biases have not.
    """
    codes = round_half_away(bias / (x.scale * scales))
    limit = 2**31 - 1 - (0 if x.bits == 16 else inputs * EVENT_MAX * WEIGHT_MAX)
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
        left = np.frexp(operand * rows_of(scales) / _GATE_UNIT)[1]
        for gate, shifted in zip(GATES, np.ldexp(sums, np.maximum(left, 0)), strict=True):
            if shifted.max() >= 2**31:
                raise NetworkError(
                    f"the {gate} gate's {what} weights of {where} are too large beside their "
                    f"operand: its 32-bit sum would overflow"
                )
