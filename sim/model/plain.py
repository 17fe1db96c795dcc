"""The plain loop over steps that the fast model must equal: slow, and easy to read.

Each step of each sequence decides its mode, makes its lists of events and adds their products to
the sums, as ``docs/modes.md`` says and in its words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.cell.reference import cell_step
from hw.config import Config
from hw.modes import DISTANCE_ONE, Middle, Mode, Plan
from hw.numbers.rounding import wrap
from sim.image.levels import mode_levels
from sim.image.modes import LayerModes, Modes
from sim.image.parameters import cell_parameters
from sim.networks.network import IntegerLstm, IntegerNetwork

__all__ = ["PlainStep", "run_plain", "run_plain_direction"]

_Events = list[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class PlainStep:
    """What a step of one sequence did.

    Members
    -------
    mode : Mode
        Its mode.
    D, N : int
        Sums of the score; -1 in the first step.
    events_x, events_h : list of (column, value)
        What was multiplied.
    x_ref, h_ref : int64 [I], int64 [H]
        Codes that the sums account for.
    acc_x, acc_h : int64 [4, H]
        The sums.
    h : int8 [H]
        The output.
    """

    mode: Mode
    D: int
    N: int
    events_x: _Events
    events_h: _Events
    x_ref: np.ndarray
    h_ref: np.ndarray
    acc_x: np.ndarray
    acc_h: np.ndarray
    h: np.ndarray


def run_plain(
    network: IntegerNetwork,
    x: np.ndarray,
    modes: Modes | LayerModes | Sequence[LayerModes] | None = None,
    config: Config | None = None,
) -> np.ndarray:
    """``h`` of the last layer, int8 ``[sequences, steps, sum of H]``, from int8 ``x``."""
    settings = Modes.of(modes).for_layers(len(network.layers))
    for layer, layer_modes in zip(network.layers, settings, strict=True):
        halves = [
            run_plain_direction(each, x, modes=layer_modes, config=config)[0]
            for each in layer.directions
        ]
        x = np.concatenate(halves, axis=2)
    return x


def run_plain_direction(
    direction: IntegerLstm,
    x: np.ndarray,
    h: np.ndarray | None = None,
    c: np.ndarray | None = None,
    modes: LayerModes | None = None,
    log: list[list[PlainStep]] | None = None,
    config: Config | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(h, last h, last c)`` of one direction from int8 ``x`` ``[sequences, steps, I]``.

    ``log`` is given a list of steps for each sequence, in running order. ``config`` says what is
    multiplied with; products are exact without.
    """
    shape = (len(x), direction.hidden_size)
    if h is None:
        h = direction.h.zero_point if direction.h0 is None else direction.h0
    if c is None:
        c = 0 if direction.c0 is None else direction.c0
    h, c = np.broadcast_to(h, shape), np.broadcast_to(c, shape)
    outputs, last_h, last_c = [], [], []
    for rows, *state in zip(x, h, c, strict=True):
        sequence = _Sequence(direction, modes or LayerModes(), *state, config)
        steps = [sequence.step(row) for row in (rows[::-1] if direction.reverse else rows)]
        out = np.stack([step.h for step in steps])
        outputs.append(out[::-1] if direction.reverse else out)
        last_h.append(out[-1])
        last_c.append(sequence.c)
        if log is not None:
            log.append(steps)
    return np.stack(outputs), np.stack(last_h), np.stack(last_c).astype(np.int16)


class _Part:
    """``W`` and the sums of ``x``, or ``R`` and the sums of ``h``."""

    def __init__(self, weights, zero: int, threshold: int, zero_skip: int, multiply):
        self.multiply = multiply
        self.weights = weights.astype(np.int64)
        self.zero, self.threshold, self.zero_skip = zero, threshold, zero_skip
        self.columns = weights.shape[2]
        self.acc = np.zeros(weights.shape[:2], np.int64)
        self.ref = np.full(self.columns, zero, np.int64)

    def step(self, mode: Mode, values: np.ndarray) -> _Events:
        """Events of a step, after they are multiplied."""
        values = values.astype(np.int64)
        if mode == Mode.SKIP:
            return []
        # The log keeps what the step before left.
        self.acc, self.ref = self.acc.copy(), self.ref.copy()
        if mode == Mode.DELTA:
            columns = np.flatnonzero(np.abs(values - self.ref) > self.threshold)
            events = [(j, values[j] - self.ref[j]) for j in columns]
        else:
            self.acc[...] = 0
            columns = range(self.columns)
            events = [(j, values[j] - self.zero) for j in columns]
            if self.zero_skip:
                events = [e for e in events if e[1] or e[0] == self.columns - 1]
        for column, value in events:
            self.acc = self.multiply(self.acc, value, self.weights[:, :, column], mode)
        self.ref[columns] = values[columns]
        return events


def _multiply_exactly(total, value, weights, mode):
    return total + weights * value


class _AtLevels:
    """The lanes of a configuration."""

    def __init__(self, modes: LayerModes, config: Config):
        self.config, self.levels = config, mode_levels(modes, config)

    def __call__(self, total, value, weights, mode):
        """``total`` after an event, in as many bits as there are."""
        product = self.config.multiplier.compute(value, weights, self.levels[mode])
        return wrap(total + product, self.config.acc_width)


class _Sequence:
    """One sequence of one direction."""

    def __init__(self, direction: IntegerLstm, modes: LayerModes, h, c, config: Config | None):
        multiply = _multiply_exactly if config is None else _AtLevels(modes, config)
        fields = modes.fields()
        self.fields, self.direction = fields, direction
        self.params = cell_parameters(direction)
        self.x_zero = direction.x.zero_point
        zero_skip = fields["zero_skip"]
        h_zero = direction.h.zero_point
        self.x_part = _Part(direction.W, self.x_zero, fields["x_threshold"], zero_skip, multiply)
        self.h_part = _Part(direction.R, h_zero, fields["h_threshold"], zero_skip, multiply)
        self.h, self.c = h, c
        self.count = self.skips = 0
        self.reference = None

    def step(self, row: np.ndarray) -> PlainStep:
        """The next step."""
        D, N = self._compare(row)
        mode = self._mode(D, N)
        fresh_x = self.fields["lookahead"] > 1 and mode == Mode.DELTA
        events_x = self.x_part.step(Mode.NORMAL if fresh_x else mode, row)
        events_h = self.h_part.step(mode, self.h)
        if not (mode == Mode.SKIP and self.fields["freeze"]):
            sums = self.x_part.acc, self.h_part.acc
            self.h, self.c = cell_step(self.params, *sums, self.direction.bias, self.c)
        self.count += 1
        self.skips = self.skips + 1 if mode == Mode.SKIP else 0
        if mode != Mode.SKIP or self.fields["previous"]:
            self.reference = row.astype(np.int64)
        return PlainStep(
            mode=mode,
            D=D,
            N=N,
            events_x=events_x,
            events_h=events_h,
            x_ref=self.x_part.ref,
            h_ref=self.h_part.ref,
            acc_x=self.x_part.acc,
            acc_h=self.h_part.acc,
            h=self.h,
        )

    def _compare(self, row: np.ndarray) -> tuple[int, int]:
        if self.reference is None:
            return -1, -1
        row = row.astype(np.int64)
        D = np.abs(row - self.reference).sum()
        N = np.abs(row - self.x_zero).sum() + np.abs(self.reference - self.x_zero).sum()
        return int(D), int(N)

    def _mode(self, D: int, N: int) -> Mode:
        fields = self.fields

        every = fields["normal_every"]
        if self.count == 0 or (every != 0 and self.count % every == 0):
            return Mode.NORMAL
        allowed = fields["max_skips"] == 0 or self.skips < fields["max_skips"]
        if fields["skip"] and _near(D, N, fields["skip_distance"]) and allowed:
            return Mode.SKIP
        scored = fields["plan"] == Plan.SCORED and _near(D, N, fields["middle_distance"])
        if fields["plan"] == Plan.MIDDLE or scored:
            return Mode.DELTA if fields["middle"] == Middle.DELTA else Mode.REDUCED
        return Mode.NORMAL


def _near(D: int, N: int, distance: int) -> bool:
    return distance * N >= DISTANCE_ONE * D
