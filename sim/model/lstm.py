"""One direction of an LSTM layer, bit for bit and fast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.cell.parameters import CellParameters
from hw.numbers.activation import sigmoid, tanh
from hw.numbers.requantize import (
    multiply_by_quantized_multiplier,
    requantize,
    requantize_wide,
)
from sim.image.check import largest_sums
from sim.image.parameters import cell_parameters
from sim.model.approximate import ApproximateHidden, ApproximateInput, Levels
from sim.model.hidden import Dense, Following
from sim.model.plan import StepPlan
from sim.model.scaling import (
    divide_rounding_twice,
    find_row_scalings,
    find_scaling,
    find_wide_scalings,
)
from sim.networks.network import IntegerLstm, Quantization

__all__ = ["Carried", "Lstm"]

_CODES = np.arange(-(1 << 15), 1 << 15)
_SIGMOID = sigmoid(_CODES)
_TANH = tanh(_CODES)
_MAGIC = 1.5 * 2**52
"""A float64 whose unit is 1: what is added to it is rounded, and its low bits are the integer."""
_MAGIC_BITS = np.float64(_MAGIC).view(np.int64)
_FLOAT32_EXACT = 1 << 24
_CHUNK = 6144
"""Units times sequences that the cell arithmetic takes at once, so that they stay in cache."""
_SEQUENCES = 512
"""Most sequences that run side by side; more gain nothing, and take memory."""
_COLUMNS = 256
"""Steps times sequences of ``x`` that are multiplied at once."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What the sums are when a run ends, for one that goes on from it.

    Members
    -------
    h_ref : [H, sequences]
        Codes of ``h`` that they account for, less the zero point.
    x_sums, h_sums : [4H, sequences] or None
        The sums, where products are not exact: these are no function of references.
    """

    h_ref: np.ndarray
    x_sums: np.ndarray | None = None
    h_sums: np.ndarray | None = None

    def of(self, part: slice) -> "Carried":
        """Of some sequences."""
        sums = (None if each is None else each[:, part] for each in (self.x_sums, self.h_sums))
        x_sums, h_sums = sums
        return Carried(h_ref=self.h_ref[:, part], x_sums=x_sums, h_sums=h_sums)

    @classmethod
    def joined(cls, parts: "Sequence[Carried]") -> "Carried":
        """Of all sequences."""
        names = ("h_ref",) if parts[0].x_sums is None else ("h_ref", "x_sums", "h_sums")
        return cls(**{n: np.concatenate([getattr(each, n) for each in parts], 1) for n in names})


class Lstm:
    """A direction prepared for running: exact in floating point, because every bound is checked.

    Sums of products go through BLAS in float32 where no partial sum can reach ``2**24``, else in
    float64. Requantisation runs in float64 with constants that :func:`find_scaling` has proved;
    a gate for which there is no proof takes the integer formula. Activations are look-ups.

    Throughput: the cell arithmetic is done in chunks of units, all sequences together, so many
    sequences at once are several times faster than one.

    Parameters
    ----------
    direction : IntegerLstm
        What to compute.

    Members
    -------
    params : CellParameters
        Its integer constants.
    """

    def __init__(self, direction: IntegerLstm):
        self.direction = direction
        self.params = cell_parameters(direction)
        params = self.params
        scale = _WideGateScale if params.wide else _GateScale
        x_sums = largest_sums(direction.W, _reach(direction.x))
        x_sums += np.abs(direction.bias.astype(np.int64))
        h_sums = largest_sums(direction.R, _reach(direction.h))
        self.x_type = np.float32 if x_sums.max() < _FLOAT32_EXACT else np.float64
        self.h_type = np.float32 if h_sums.max() < _FLOAT32_EXACT else np.float64
        self.x_scale, self.h_scale = scale(params, "x", x_sums), scale(params, "h", h_sums)
        self.h_output = find_scaling(
            params.output_multiplier, params.output_shift, 1 << 30, max(params.h_width, 10)
        )
        self.cell_tanh = tanh(_CODES, params.tanh_shift)
        # The bias is one more column of W, whose operand is one.
        self._W = np.concatenate([direction.W, direction.bias[:, :, None]], 2).astype(self.x_type)
        self._R = direction.R.astype(self.h_type)
        self._arranged, self._products = {}, {}
        self._wide_scales = {}

    def run(
        self,
        x: np.ndarray,
        h: np.ndarray | None = None,
        c: np.ndarray | None = None,
        plan: StepPlan | None = None,
        levels: Levels | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``h`` codes ``[sequences, steps, H]``, last ``h`` and int16 ``c`` ``[sequences, H]``.

        Parameters are those of :meth:`go_on`.
        """
        return self.go_on(x, h, c, plan, levels)[:3]

    def go_on(
        self,
        x: np.ndarray,
        h: np.ndarray | None = None,
        c: np.ndarray | None = None,
        plan: StepPlan | None = None,
        levels: Levels | None = None,
        carried: Carried | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, Carried]:
        """What :meth:`run` gives, and what the sums are at the end.

        Parameters
        ----------
        x : codes [sequences, steps, I]
            In time order; a reverse direction is run from its end.
        h, c : codes and int16 [sequences, H] or None
            Initial state; that of the network, else zero, when None.
        plan : StepPlan or None
            What the steps do with ``x``; None multiplies every column in every step.
        levels : Levels or None
            What they multiply with, which takes a plan; None for exact products.
        carried : Carried or None
            What the sums are before the first step, if that may go on from them.
        """
        direction = self.direction
        shape = (len(x), direction.hidden_size)
        h = _given(h, direction.h0, direction.h.zero_point, shape)
        c = _given(c, direction.c0, 0, shape)
        parts = [slice(start, start + _SEQUENCES) for start in range(0, len(x), _SEQUENCES)]
        if plan is not None:
            x = plan.x_ref
        found = []
        for part in parts:
            begin = None if carried is None else carried.of(part)
            run = _Run(self, x[part], h[part], c[part], plan, part, levels, begin)
            found.append((*run.result(), run.carried()))
        *values, ends = zip(*found, strict=True)
        return *map(np.concatenate, values), Carried.joined(ends)

    def arrange(self, chunks: Sequence[slice]) -> tuple[np.ndarray, np.ndarray]:
        """``W`` and ``R`` with the rows of a chunk's gates together; the last ones are kept."""
        key = chunks[0].stop
        if key not in self._arranged:
            self._arranged = {key: [_by_chunk(each, chunks) for each in (self._W, self._R)]}
        return self._arranged[key]

    def approximate(self, levels: Levels, chunks: Sequence[slice]) -> tuple[dict, dict]:
        """Products of ``W`` and of ``R`` by level, rows as ``arrange`` puts them."""
        key = levels, chunks[0].stop
        if key not in self._products:
            weights = (self.direction.W, self.direction.R)
            self._products = {key: [levels.products(_by_chunk(each, chunks)) for each in weights]}
        return self._products[key]

    def wide_scales(self, limit: int) -> tuple["_GateScale", "_GateScale"]:
        """Requantisation of sums up to ``limit``, and of as much and the bias."""
        if limit not in self._wide_scales:
            params, hidden = self.params, self.direction.hidden_size
            scale = _WideGateScale if params.wide else _GateScale
            sums = np.full((4, hidden), limit)
            biased = sums + np.abs(self.direction.bias.astype(np.int64))
            self._wide_scales[limit] = (
                scale(params, "x", biased),
                scale(params, "h", sums),
            )
        return self._wide_scales[limit]


def _by_chunk(weights: np.ndarray, chunks: Sequence[slice]) -> np.ndarray:
    if len(chunks) == 1:
        return weights.reshape(-1, weights.shape[2])
    return np.concatenate([weights[:, chunk].reshape(-1, weights.shape[2]) for chunk in chunks])


def _reach(form: Quantization) -> int:
    """Largest magnitude of a code minus its zero point."""
    return max(form.high - form.zero_point, form.zero_point - form.low)


class _GateScale:
    """Requantisation of ``x`` or ``h`` sums of all four gates, by gate or by row."""

    def __init__(self, params: CellParameters, part: str, sums: np.ndarray):
        multipliers, shifts = (params.rows(f"{part}_{name}") for name in ("multiplier", "shift"))
        bounds = sums if params.by_row else sums.max(axis=1, keepdims=True)
        if params.by_row:
            scaling = find_row_scalings(multipliers, shifts, bounds)
            self.exact, self.saturates = scaling.exact, scaling.saturates
            constants = [scaling.first, scaling.nudge, scaling.second]
        else:
            scalings = [
                find_scaling(*map(int, each))
                for each in zip(*map(np.ravel, (multipliers, shifts, bounds)), strict=True)
            ]
            self.exact = all(scaling.exact for scaling in scalings)
            self.saturates = any(scaling.saturates for scaling in scalings)
            constants = [
                np.array([getattr(scaling, name) for scaling in scalings])[:, None]
                for name in ("first", "nudge", "second")
            ]
        # Where a left shift wraps, only the integers are right.
        self.exact &= (bounds.astype(np.int64) << np.maximum(shifts, 0)).max() < 1 << 31
        self.by_row = params.by_row
        self._integers = [each[..., None] for each in (multipliers, shifts)]
        self.first, self.nudge, self.second = (each[..., None] for each in constants)

    def apply(self, sums: np.ndarray, out: np.ndarray, units: slice) -> None:
        """Gate codes of some units that want one more rounding, float64 ``[4, n]``.

        ``n`` counts the units first, and for each what it has several of.
        """
        shape = 4, units.stop - units.start, -1
        sums, out = sums.reshape(shape), out.reshape(shape)
        if not self.exact:
            out[...] = requantize(sums.astype(np.int64), *self._of(self._integers, units))
            return
        first, nudge, second = self._of((self.first, self.nudge, self.second), units)
        np.multiply(sums, first, out=out)
        if nudge.any():
            out += nudge
        np.rint(out, out=out)
        out *= second
        if self.saturates:
            np.clip(out, -32768, 32767, out=out)

    def _of(self, constants: Sequence[np.ndarray], units: slice) -> Sequence[np.ndarray]:
        return [each[:, units] for each in constants] if self.by_row else constants


class _WideGateScale:
    """The same of sums of 16-bit activations."""

    def __init__(self, params: CellParameters, part: str, sums: np.ndarray):
        multipliers, shifts = (params.rows(f"{part}_{name}") for name in ("multiplier", "shift"))
        bounds = sums if params.by_row else sums.max(axis=1, keepdims=True)
        self._scaling = find_wide_scalings(multipliers, shifts, bounds)
        self._by_row = params.by_row
        self._first = self._scaling.first[..., None]
        self._integers = [each[..., None] for each in (multipliers, shifts)]

    def apply(self, sums: np.ndarray, out: np.ndarray, units: slice) -> None:
        """As of ``_GateScale``; the codes are rounded."""
        rows = units if self._by_row else slice(None)
        shape = 4, units.stop - units.start, -1
        sums, out = sums.reshape(shape), out.reshape(shape)
        if not self._scaling.exact:
            constants = (each[:, rows] for each in self._integers)
            out[...] = requantize_wide(sums.astype(np.int64), *constants)
            return
        np.multiply(sums, self._first[:, rows], out=out)
        out += 0.5
        np.floor(out, out=out)
        if self._scaling.saturates:
            np.clip(out, -32768, 32767, out=out)


class _Buffers:
    """Scratch space of one chunk of ``n`` cells, used again for every chunk."""

    def __init__(self, n: int):
        self.gates = np.empty(4 * n)
        self.active = np.empty(4 * n, np.int16)
        self.index = np.empty(n, np.int64)
        self.added = np.empty(n, np.int32)
        self.sign = np.empty(n, np.int32)
        self.tanh = np.empty(n, np.int16)


class _Run:
    """State of one run; arrays hold units (or gate rows) times sequences."""

    def __init__(self, lstm: Lstm, x, h, c, plan, part, levels, begin: Carried | None):
        direction = lstm.direction
        self.lstm, self.x = lstm, x
        self.sequences, self.steps = x.shape[:2]
        self.hidden = direction.hidden_size
        centred = h.astype(lstm.h_type) - lstm.h_type(direction.h.zero_point)
        self.h = np.ascontiguousarray(centred.T)
        self.c = np.ascontiguousarray(c.T, np.int32)
        self.x_scale, self.h_scale = lstm.x_scale, lstm.h_scale
        units = max(1, _CHUNK // self.sequences)
        starts = range(0, self.hidden, units)
        self.chunks = [slice(start, min(start + units, self.hidden)) for start in starts]
        self.x_part, self.begin = None, begin
        if levels is not None:
            self._approximate(plan, part, levels)
        elif plan is None:
            self.seen = Dense(self.h)
        else:
            self.seen = Following(plan, part, self.h, begin and begin.h_ref)

    def _approximate(self, plan, part, levels):
        """Carry sums from step to step, as they are no longer a function of references."""
        begin = self.begin or Carried(h_ref=None)
        lstm = self.lstm
        self.x_scale, self.h_scale = lstm.wide_scales(levels.limit)
        W, R = lstm.approximate(levels, self.chunks)
        zero = lstm.direction.x.zero_point
        self.x_part = ApproximateInput(plan, part, zero, levels, W, begin.x_sums)
        self.seen = ApproximateHidden(
            plan, part, self.h, levels, R, ref=begin.h_ref, sums=begin.h_sums
        )

    def carried(self) -> Carried:
        """What the sums are behind the last step."""
        ref = self.seen.ref.copy()
        if self.x_part is None:
            return Carried(h_ref=ref)
        return Carried(h_ref=ref, x_sums=self.x_part.sums.values, h_sums=self.seen.sums.values)

    def result(self):
        """All steps, in running order."""
        dtype = self.lstm.direction.h.dtype
        out = np.empty((self.sequences, self.steps, self.hidden), dtype)
        zero = self.lstm.direction.h.zero_point
        W, R = self.lstm.arrange(self.chunks)
        sums = np.empty((4 * self.hidden, self.sequences), np.float64 if self.x_part else R.dtype)
        if self.begin is not None and self.x_part is None:
            # A step that adds nothing to them leaves them as they are.
            np.matmul(R, self.seen.ref, out=sums)
        buffers = _Buffers(self.chunks[0].stop * self.sequences)
        order = range(self.steps)[:: -1 if self.lstm.direction.reverse else 1]
        at_once = max(1, _COLUMNS // self.sequences)
        for start in range(0, self.steps, at_once):
            times = order[start : start + at_once]
            for time, x_part in zip(times, self._x_parts(W, times), strict=True):
                self.seen.multiply(R, time, self.h, self.c, sums)
                for chunk in self.chunks:
                    self._run_cells(chunk, x_part, sums, buffers)
                self.seen.settle(time, self.h, self.c)
                np.add(self.h.T, zero, out=out[:, time], casting="unsafe")
        return out, out[:, order[-1]].copy(), self.c.T.astype(np.int16)

    def _x_parts(self, W, times):
        """``x`` parts of the pre-activations of ``times``, ready for the step's sum."""
        if self.x_part is not None:
            sums = self.x_part.run(times).reshape(len(W), -1) + W[:, -1:]
        else:
            sums = self._x_sums(W, times)
        parts = np.empty((len(times), len(W), self.sequences))
        for chunk in self.chunks:
            rows = slice(4 * chunk.start, 4 * chunk.stop)
            part = np.empty((4, sums[rows].size // 4))
            self.x_scale.apply(sums[rows], part, chunk)
            np.rint(part, out=part)
            part += _MAGIC + len(_CODES) // 2
            split = part.reshape(-1, len(times), self.sequences)
            parts[:, rows] = split.transpose(1, 0, 2)
        return parts

    def _x_sums(self, W, times):
        x = np.ones((W.shape[1], len(times), self.sequences), W.dtype)
        low, high = min(times), max(times) + 1
        codes = self.x[:, low:high][:, :: -1 if times.step < 0 else 1]
        np.subtract(codes.T, self.lstm.direction.x.zero_point, out=x[:-1], dtype=x.dtype)
        return np.matmul(W, x.reshape(len(x), -1))

    def _run_cells(self, chunk, x_part, sums, buffers):
        """One step of the units of ``chunk``: from sums of products to ``c`` and ``h``."""
        rows = slice(4 * chunk.start, 4 * chunk.stop)
        n = (chunk.stop - chunk.start) * self.sequences
        gates = buffers.gates[: 4 * n].reshape(4, n)
        active = buffers.active[: 4 * n].reshape(4, n)
        self.h_scale.apply(sums[rows], gates, chunk)
        gates += x_part[rows].reshape(4, n)
        index = gates.view(np.int64)
        index -= _MAGIC_BITS
        # "clip" saturates the pre-activation: the ends of the tables are the 16-bit extremes.
        np.take(_SIGMOID, index[:2], out=active[:2], mode="clip")
        np.take(_TANH, index[2], out=active[2], mode="clip")
        np.take(_SIGMOID, index[3], out=active[3], mode="clip")
        c = self.c[chunk].reshape(n)
        self._update_c(c, active, buffers.added[:n], buffers.sign[:n])
        self._update_h(c, active[3], gates[0], buffers)
        self.h[chunk].reshape(n)[...] = gates[0]

    def _update_c(self, c, active, added, sign):
        """``c = f c / 2**15 + i g / 2**product_shift``, each product rounded twice."""
        shift = self.lstm.params.product_shift
        clip = self.lstm.params.cell_clip
        np.multiply(active[0], active[2], out=added, dtype=np.int32)
        divide_rounding_twice(added, shift, sign)
        if shift < 15:
            np.clip(added, -(1 << 15), (1 << 15) - 1, out=added)
        c *= active[1]
        divide_rounding_twice(c, 15, sign)
        c += added
        low, high = (-clip, clip) if clip else (-(1 << 15), (1 << 15) - 1)
        np.clip(c, low, high, out=c)

    def _update_h(self, c, output, real, buffers):
        """``real = o tanh(c)`` requantised to centred ``h`` codes."""
        n, params = len(c), self.lstm.params
        scaling, zero = self.lstm.h_output, params.h_zero
        product, index, active = buffers.added[:n], buffers.index[:n], buffers.tanh[:n]
        np.add(c, len(_CODES) // 2, out=index)
        np.take(self.lstm.cell_tanh, index, out=active, mode="clip")
        np.multiply(output, active, out=product, dtype=np.int32)
        if scaling.exact:
            np.multiply(product, scaling.first, out=real)
            real += scaling.nudge
            np.rint(real, out=real)
            real *= scaling.second
            np.rint(real, out=real)
        else:
            real[...] = multiply_by_quantized_multiplier(
                product, params.output_multiplier, params.output_shift
            )
        form = self.lstm.direction.h
        np.clip(real, form.low - zero, form.high - zero, out=real)


def _given(value, stored, default, shape):
    """The state of this run, else of the network, else the default, ``[sequences, H]``."""
    for candidate in (value, stored):
        if candidate is not None:
            return np.broadcast_to(candidate, shape)
    return np.full(shape, default)
