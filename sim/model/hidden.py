"""The hidden state as the sums see it, step by step."""

import numpy as np

from hw.modes import Mode
from sim.model.plan import StepPlan, fresh_events

__all__ = ["Dense", "Following"]


class Dense:
    """Every column of ``h`` in every step.

    Parameters
    ----------
    h : [H, sequences]
        The state less its zero point, as it goes from step to step.

    Members
    -------
    ref : [H, sequences]
        The same: nothing will ask what the sums account for.
    """

    def __init__(self, h: np.ndarray):
        self.ref = h

    def multiply(self, R: np.ndarray, time: int, h: np.ndarray, c: np.ndarray, out: np.ndarray):
        """Sums of step ``time``."""
        np.matmul(R, h, out=out)

    def settle(self, time: int, h: np.ndarray, c: np.ndarray):
        """Called behind the cell arithmetic of a step."""


class Following:
    """What a plan makes of ``h``: its reference, its events, and states that are held.

    Parameters
    ----------
    plan : StepPlan
        What the steps do; its events of ``h`` are written.
    part : slice
        Sequences that run.
    h : [H, sequences]
        The initial state less its zero point, for shape and type.
    ref : [H, sequences] or None
        What the sums account for before the first step, less the zero point; None for nothing.

    Members
    -------
    ref : [H, sequences]
        What they account for now.
    """

    def __init__(self, plan: StepPlan, part: slice, h: np.ndarray, ref: np.ndarray | None = None):
        activity = plan.activity
        self.mode, self.events = activity.mode[part], activity.events_h[part]
        self.threshold, self.zero_skip = plan.h_threshold, plan.zero_skip
        self.frozen = (self.mode == Mode.SKIP) & plan.freeze
        self.some = {mode: (self.mode == mode).any(axis=0) for mode in (Mode.DELTA, Mode.SKIP)} | {
            "frozen": self.frozen.any(axis=0)
        }
        self.ref = np.zeros_like(h) if ref is None else ref.copy()

    def multiply(self, R: np.ndarray, time: int, h: np.ndarray, c: np.ndarray, out: np.ndarray):
        """Sums of step ``time``; ``out`` holds those of the step before."""
        operand = self._operand(time, h, c)
        if operand is not None:
            np.matmul(R, operand, out=out)

    def keep(self, time: int, h: np.ndarray, c: np.ndarray):
        """Remember states that step ``time`` is going to hold."""
        if self.some["frozen"][time]:
            where = self.frozen[:, time]
            self.kept = h[:, where], c[:, where]

    def _operand(self, time: int, h: np.ndarray, c: np.ndarray) -> np.ndarray | None:
        """The reference of ``h`` in step ``time``; None if it is that of the step before."""
        self.keep(time, h, c)
        mode, events = self.mode[:, time], self.events[:, time]
        skips = self.some[Mode.SKIP][time]
        if skips and (mode == Mode.SKIP).all():
            return None
        if not self.some[Mode.DELTA][time] or not self.threshold:
            self._take(h, mode, events, time)
        else:
            self._take_beyond(h, mode, events)
        if skips:
            events[mode == Mode.SKIP] = 0
        return self.ref

    def _take(self, h, mode, events, time):
        """Take over all of ``h``, but in skipped steps."""
        events[...] = self._fresh(h)
        if self.some[Mode.DELTA][time]:
            moved = np.count_nonzero(h != self.ref, axis=0)
            np.copyto(events, moved, where=mode == Mode.DELTA, casting="same_kind")
        np.copyto(self.ref, h, where=mode != Mode.SKIP)

    def _take_beyond(self, h, mode, events):
        """Take over what moved further than the threshold."""
        moved = np.abs(h - self.ref) > self.threshold
        delta = mode == Mode.DELTA
        if not delta.all():
            moved |= ~delta
            moved &= mode != Mode.SKIP
        np.copyto(self.ref, h, where=moved)
        events[...] = np.where(delta, np.count_nonzero(moved, axis=0), self._fresh(h))

    def _fresh(self, h):
        return fresh_events(h, 0) if self.zero_skip else len(h)

    def settle(self, time: int, h: np.ndarray, c: np.ndarray):
        """Give frozen sequences back the state that they had."""
        if self.some["frozen"][time]:
            where = self.frozen[:, time]
            h[:, where], c[:, where] = self.kept
