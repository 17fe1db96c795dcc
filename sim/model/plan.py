"""What every step of a direction does: all that follows from ``x`` alone, before the run.

Modes depend on ``x`` and never on ``h``, and so do the codes of ``x`` that the sums account for.
Where no step is skipped and thresholds are zero, this is done for all steps at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hw.modes import DISTANCE_ONE, Middle, Mode, Plan
from sim.model.activity import Activity
from sim.networks.codes import difference_type

__all__ = ["StepPlan", "Trail", "fresh_events", "plan_steps"]

_AT_ONCE = 1 << 20
"""Codes of ``x`` that are looked at together, so that memory stays small."""


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What the steps of a run leave for the choices of steps that go on from them.

    Members
    -------
    steps : int
        Steps so far.
    x_ref : codes [sequences, I]
        Codes of ``x`` that the sums account for.
    row : codes [sequences, I]
        The row that the score compares the next one with.
    skips : int64 [sequences]
        Steps right before the next that were skipped.
    """

    steps: int
    x_ref: np.ndarray
    row: np.ndarray
    skips: np.ndarray

    @classmethod
    def of_normal_steps(cls, x: np.ndarray, *, reverse: bool, before: "Trail | None") -> "Trail":
        """Behind steps that were all normal; arguments as of ``plan_steps``."""
        last = x[:, 0 if reverse else -1].copy()
        steps = x.shape[1] + (before.steps if before else 0)
        return cls(steps=steps, x_ref=last, row=last, skips=np.zeros(len(x), np.int64))


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """The steps of one direction, each at its own place in time.

    Members
    -------
    before : codes [sequences, I] or None
        Codes that they account for before the first step; None if the run begins anew.
    x_ref : codes [sequences, steps, I]
        Codes of ``x`` that the sums account for in each step.
    activity : Activity
        Modes and events; the events of ``h`` are zero until the run writes them.
    h_threshold : int
        Least difference of ``h`` that is no event.
    zero_skip, freeze : bool
        As in the descriptor.
    trail : Trail
        What the steps leave.
    """

    before: np.ndarray | None
    x_ref: np.ndarray
    activity: Activity
    h_threshold: int
    zero_skip: bool
    freeze: bool
    trail: Trail


def plan_steps(
    x: np.ndarray,
    zero: int,
    fields: Mapping[str, int],
    *,
    reverse: bool,
    scores: bool = False,
    before: Trail | None = None,
) -> StepPlan:
    """Plan a run on codes ``x`` ``[sequences, steps, I]``.

    Parameters
    ----------
    x : codes [sequences, steps, I]
        Input, in time order.
    zero : int
        Zero point of ``x``.
    fields : dict
        Descriptor fields of the layer's modes.
    reverse : bool
        The direction runs from the end.
    scores : bool
        Keep the sums of the score even where no mode depends on them.
    before : Trail or None
        What the steps before left; None if the first step has none before it.
    """
    order = slice(None, None, -1 if reverse else 1)
    chooser = _Chooser(x[:, order], zero, fields, before)
    mode = chooser.choose(scores)
    # With lookahead, delta steps take every column of x.
    fresh_x = fields["lookahead"] > 1
    x_mode = np.where(mode == Mode.DELTA, Mode.NORMAL, mode) if fresh_x else mode
    rows = chooser.x
    if before is not None:
        rows = np.concatenate([before.x_ref[:, None], rows[:, 1:]], axis=1)
    x_ref, events = _follow(rows, zero, x_mode, fields)
    trail = _trail(chooser, mode, x_ref, before)
    new = slice(chooser.first, None)
    mode, x_ref, events = (each[:, new][:, order] for each in (mode, x_ref, events))
    kept = [each[:, new][:, order] if scores else None for each in (chooser.D, chooser.N)]
    return StepPlan(
        before=None if before is None else before.x_ref,
        x_ref=x_ref,
        activity=Activity(
            mode=mode,
            events_x=events,
            events_h=np.zeros_like(events),
            D=kept[0],
            N=kept[1],
        ),
        h_threshold=fields["h_threshold"],
        zero_skip=bool(fields["zero_skip"]),
        freeze=bool(fields["freeze"]),
        trail=trail,
    )


def _trail(chooser: "_Chooser", mode: np.ndarray, x_ref: np.ndarray, before: Trail | None) -> Trail:
    """What all steps together leave; ``mode`` and ``x_ref`` in running order."""
    end = mode.shape[1] - 1
    # The first step of all is normal.
    computed = np.where(mode == Mode.SKIP, 0, np.arange(end + 1)).max(axis=1)
    skips = end - computed
    if before is not None:
        skips += np.where(computed == 0, before.skips, 0)
    step = np.full_like(computed, end) if chooser.fields["previous"] else computed
    return Trail(
        steps=chooser.steps_before + end + 1,
        x_ref=x_ref[:, -1].copy(),
        row=chooser.x[np.arange(len(step)), step],
        skips=skips,
    )


def fresh_events(values: np.ndarray, axis: int) -> np.ndarray:
    """Events of a fresh sum that leaves out zeros: ``values`` not zero, and always the last."""
    last = np.take(values, -1, axis)
    return np.count_nonzero(values, axis) + (last == 0)


def _spans(x: np.ndarray, first: int = 0) -> Iterator[slice]:
    """Steps from ``first`` on, a few at a time."""
    size = max(1, _AT_ONCE // (x.shape[0] * x.shape[2]))
    for start in range(first, x.shape[1], size):
        yield slice(start, min(start + size, x.shape[1]))


class _Chooser:
    """Modes of all steps; ``x`` in running order.

    Where steps went before, the row that the score compares with is put in front as a step of its
    own: ``first`` is the place of the run's first step.
    """

    def __init__(
        self, x: np.ndarray, zero: int, fields: Mapping[str, int], before: Trail | None = None
    ):
        self.zero, self.fields = zero, fields
        self.first = 0 if before is None else 1
        self.skips = None if before is None else before.skips
        self.steps_before = -self.first + (before.steps if before else 0)
        self.x = x if before is None else np.concatenate([before.row[:, None], x], axis=1)
        self.shape = self.x.shape[:2]
        self.wide = difference_type(x)
        # The first step has no reference.
        self.D = np.full(self.shape, -1, np.int64)
        self.N = np.full(self.shape, -1, np.int64)

    def choose(self, scores: bool) -> np.ndarray:
        """Mode of each step, uint8 ``[sequences, steps]``."""
        fields = self.fields
        skipped = np.zeros(self.shape, bool)
        if scores or fields["skip"] or fields["plan"] == Plan.SCORED:
            self._size()
            if fields["previous"] or not fields["skip"]:
                self._compare_with_previous()
            if fields["skip"]:
                skipped = self._skip()
        mode = np.full(self.shape, Mode.NORMAL, np.uint8)
        middle = Mode.REDUCED if fields["middle"] == Middle.REDUCED else Mode.DELTA
        if fields["plan"] == Plan.MIDDLE:
            mode[...] = middle
        elif fields["plan"] == Plan.SCORED:
            mode[self._near("middle_distance")] = middle
        mode[:, self._forced()] = Mode.NORMAL
        mode[skipped] = Mode.SKIP
        # What is put in front stands for a step that its row was computed in.
        mode[:, : self.first] = Mode.NORMAL
        return mode

    def _forced(self) -> np.ndarray:
        """Which steps are normal whatever the score."""
        step = np.arange(self.shape[1]) + self.steps_before
        every = self.fields["normal_every"]
        return step % every == 0 if every else step == 0

    def _size(self):
        self.magnitude = np.empty(self.shape, np.int64)
        for span in _spans(self.x):
            centred = self.x[:, span].astype(self.wide) - self.wide(self.zero)
            self.magnitude[:, span] = np.abs(centred).sum(axis=2)

    def _compare_with_previous(self):
        self.N[:, 1:] = self.magnitude[:, 1:] + self.magnitude[:, :-1]
        for span in _spans(self.x, 1):
            before = slice(span.start - 1, span.stop - 1)
            moved = self.x[:, span].astype(self.wide) - self.x[:, before]
            self.D[:, span] = np.abs(moved).sum(axis=2)

    def _near(self, name: str, step=slice(None)) -> np.ndarray:
        return self.D[:, step] * DISTANCE_ONE <= self.fields[name] * self.N[:, step]

    def _skip(self) -> np.ndarray:
        """Which steps are skipped; each depends on those before."""
        most = self.fields["max_skips"]
        skipped = np.zeros(self.shape, bool)
        forced = self._forced()
        run = np.zeros(self.shape[0], np.int64) if self.skips is None else self.skips
        reference = _Reference(self)
        for step in range(1, self.shape[1]):
            if not self.fields["previous"]:
                self.D[:, step], self.N[:, step] = reference.compare(step)
            if not forced[step]:
                skipped[:, step] = self._near("skip_distance", step)
                if most:
                    skipped[:, step] &= run < most
            run = np.where(skipped[:, step], run + 1, 0)
            if not self.fields["previous"]:
                reference.replace(step, ~skipped[:, step])
        return skipped


class _Reference:
    """The last row of each sequence that was not skipped."""

    def __init__(self, chooser: _Chooser):
        self.x, self.magnitude = chooser.x, chooser.magnitude
        self.row = self.x[:, 0].astype(chooser.wide)
        self.size = self.magnitude[:, 0].copy()

    def compare(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        moved = np.abs(self.x[:, step] - self.row).sum(axis=1)
        return moved, self.magnitude[:, step] + self.size

    def replace(self, step: int, where: np.ndarray):
        np.copyto(self.row, self.x[:, step], where=where[:, None])
        np.copyto(self.size, self.magnitude[:, step], where=where)


def _follow(x, zero: int, mode: np.ndarray, fields) -> tuple[np.ndarray, np.ndarray]:
    """``x_ref`` and events of ``x`` of each step, in running order."""
    events = np.zeros(mode.shape, np.int32)
    fresh = (mode == Mode.NORMAL) | (mode == Mode.REDUCED)
    if not fields["zero_skip"]:
        events[fresh] = x.shape[2]
    else:
        for span in _spans(x):
            events[:, span] = fresh_events(x[:, span] != zero, 2) * fresh[:, span]
    delta = mode == Mode.DELTA
    if fields["x_threshold"] and delta.any():
        return _follow_beyond(x, mode, events, fields["x_threshold"]), events
    x_ref = x
    if (mode == Mode.SKIP).any():
        step = np.where(mode == Mode.SKIP, 0, np.arange(x.shape[1]))
        x_ref = np.take_along_axis(x, np.maximum.accumulate(step, 1)[:, :, None], 1)
    if delta.any():
        for span in _spans(x, 1):
            before = slice(span.start - 1, span.stop - 1)
            moved = np.count_nonzero(x[:, span] != x_ref[:, before], axis=2)
            events[:, span] += moved.astype(np.int32) * delta[:, span]
    return x_ref, events


def _follow_beyond(x, mode: np.ndarray, events: np.ndarray, threshold: int) -> np.ndarray:
    """``x_ref`` where delta steps have a threshold; events of delta steps go to ``events``."""
    x_ref = np.empty_like(x)
    row = x[:, 0].astype(difference_type(x))
    delta, skip = mode == Mode.DELTA, mode == Mode.SKIP
    for step in range(x.shape[1]):
        now, is_delta = x[:, step], delta[:, step, None]
        moved = np.abs(now - row) > threshold
        moved |= ~is_delta
        moved &= ~skip[:, step, None]
        np.copyto(row, now, where=moved)
        x_ref[:, step] = row
        np.copyto(events[:, step], np.count_nonzero(moved, axis=1), where=delta[:, step])
    return x_ref
