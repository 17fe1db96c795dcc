"""Points of a plan that a search chooses, a few at a time."""

from collections.abc import Callable, Sequence

import optuna

from hw.config import ConfigError
from sim.explore.sweep.combining import Combiner
from sim.explore.sweep.fronts import gain
from sim.explore.sweep.plan import Plan
from sim.explore.sweep.points import Point
from sim.explore.sweep.subjects import Subject
from sim.networks.network import NetworkError

__all__ = ["Searcher"]

_TOGETHER = 8
"""Points that are chosen before the first of them is measured. It is not the number of processes,
so that the same search chooses the same points on any computer."""

_IDLE = 400
"""Choices in a row that give no new point, after which there is none."""


class Searcher:
    """Chooses points of one subject of a plan, by the tree-structured Parzen estimator of Optuna.

    Parameters
    ----------
    plan : Plan
        With a search.
    subject : Subject
        What is measured.

    Raises
    ------
    ConfigError
        There is no such base configuration.
    """

    def __init__(self, plan: Plan, subject: Subject):
        self._search, self._combiner = plan.search, Combiner(plan, subject)
        self._axes = {name: _ordered(values) for name, values in plan.axes.items()}
        if "all" in self._axes.get("level", ()):
            self._axes["level"] = tuple(range(_most_levels(plan, self._combiner)))
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        directions = ["maximize" if name == "score" else "minimize" for name in self._names]
        sampler = optuna.samplers.TPESampler(seed=self._search.seed)
        self._study = optuna.create_study(directions=directions, sampler=sampler)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._search.objectives

    def run(self, rows: Callable[[Sequence[Point]], Sequence[dict | None]]):
        """Choose and measure; ``rows`` gives those of points, None where one failed.

        Raises
        ------
        NetworkError
            No combination is a point.
        """
        known: dict[Point, tuple[float, ...] | None] = {}
        idle = 0
        while len(known) < self._search.points and idle < _IDLE:
            batch: dict[Point, optuna.Trial] = {}
            wanted = min(_TOGETHER, self._search.points - len(known))
            while len(batch) < wanted and idle < _IDLE:
                trial = self._study.ask()
                point = self._point(trial)
                if point is None or point in known or point in batch:
                    self._tell(trial, known.get(point))
                    idle += 1
                else:
                    batch[point], idle = trial, 0
            for (point, trial), row in zip(batch.items(), rows([*batch]), strict=True):
                known[point] = None if row is None else self._objectives(row)
                self._tell(trial, known[point])
        if not known:
            raise NetworkError(
                "the search finds no point: combinations are left out by the conditions, or "
                "cannot be"
            )

    def _point(self, trial: optuna.Trial) -> Point | None:
        values = {}
        for name, allowed in self._axes.items():
            if all(isinstance(each, int | float) for each in allowed):
                values[name] = allowed[trial.suggest_int(name, 0, len(allowed) - 1)]
            else:
                values[name] = allowed[trial.suggest_categorical(name, [*range(len(allowed))])]
        try:
            return next(self._combiner.points(values), None)
        except (ConfigError, NetworkError):
            # A search may try what cannot be; it learns of it.
            return None

    def _objectives(self, row: dict) -> tuple[float, ...] | None:
        values = tuple(gain(row) if name == "score" else row[name] for name in self._names)
        return None if any(value is None for value in values) else values

    def _tell(self, trial: optuna.Trial, values: tuple[float, ...] | None):
        if values is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, values)


def _ordered(values: tuple) -> tuple:
    numbers = all(isinstance(each, int | float) for each in values)
    return tuple(sorted(values)) if numbers else values


def _most_levels(plan: Plan, combiner: Combiner) -> int:
    """Levels of the multiplier that has most."""
    names = plan.axes.get("multiplier", (None,))
    return max(combiner.levels_of(name) for name in names)
