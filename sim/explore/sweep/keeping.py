"""Rows of a sweep as they are kept: what was measured, what follows from it, what failed."""

import json
import math
from collections.abc import Mapping

from sim.explore.sweep.costs import Costs
from sim.explore.sweep.engine import Done
from sim.explore.sweep.points import Point
from sim.explore.sweep.store import Stored

__all__ = ["Keeper"]


class Keeper:
    """Writes points down as they are done, each at once.

    Parameters
    ----------
    stored : Stored
        Where they are kept.
    points : dict of Point
        By key.
    costs : Costs
        What else is in a row.
    """

    def __init__(self, stored: Stored, points: Mapping[str, Point], costs: Costs):
        self._stored, self._points, self._costs = stored, points, costs

    def take(self, done: Done):
        """Keep a point."""
        self._stored.keep(self._row(done))

    def refresh(self):
        """Derive the costs of its points again where they are derived otherwise now."""
        changed = []
        for row in self._stored.rows():
            if row["key"] not in self._points:
                continue
            costs = self._costs.of(self._points[row["key"]], row)
            if any(row.get(name) != value for name, value in costs.items()):
                changed.append({"key": row["key"], **costs})
        self._stored.change(changed)

    def _row(self, done: Done) -> dict:
        point = self._points[done.key]
        row = {
            "key": done.key,
            "state": "failed" if done.figures is None else "done",
            "error": done.error,
            "seconds": round(done.seconds, 4),
            "point": json.dumps(point.values()),
            **point.shown(),
        }
        if done.figures is not None:
            row |= done.figures | self._costs.of(point, done.figures)
        return {name: _kept(value) for name, value in row.items()}


def _kept(value):
    """A value as SQLite takes it."""
    return None if isinstance(value, float) and math.isnan(value) else value
