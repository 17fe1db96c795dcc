"""Points of a plan: every combination that there is, each once."""

import itertools
from collections.abc import Iterator, Mapping
from math import prod

from hw.config import Config, ConfigError
from sim.explore.machine_values import changed, values_of
from sim.explore.machines import find_config
from sim.explore.sweep.plan import Plan
from sim.explore.sweep.points import Point, point_of
from sim.explore.sweep.subjects import Subject
from sim.image.modes import LayerModes
from sim.networks.network import NetworkError

__all__ = ["Combiner", "combine"]

_MOST = 1_000_000

_DEFAULTS = {name: value for name, value in vars(LayerModes()).items()}
_DEFAULTS |= {"level": 0, "network_bits": None, "percentile": None}


class Combiner:
    """Makes points of one subject of a plan.

    Parameters
    ----------
    plan : Plan
        What is varied.
    subject : Subject
        What is measured.

    Raises
    ------
    ConfigError
        There is no such base configuration.
    """

    def __init__(self, plan: Plan, subject: Subject):
        self.plan, self.subject = plan, subject
        base = plan.base or subject.usual_config
        self.base = base if isinstance(base, Config) else find_config(base)
        self._machines: dict[tuple, Config] = {}
        self.levels = set()

    def holds(self, values: Mapping) -> bool:
        """Whether a combination fulfils the plan's conditions."""
        if not self.plan.conditions:
            return True
        level = values.get("level")
        names = {**_DEFAULTS, **values_of(self.base), **values, "subject": self.subject.name}
        names["level"] = 0 if level == "all" else names["level"]
        return all(condition.holds(names) for condition in self.plan.conditions)

    def point(self, values: Mapping) -> Point:
        """The point of a combination with a level by number.

        Raises
        ------
        ConfigError, NetworkError
            It cannot be.
        """
        return point_of(self.subject.name, self.base, dict(values))

    def levels_of(self, multiplier: str | None) -> int:
        """How many levels a multiplier has; that of the base when None."""
        changes = {} if multiplier is None else {"multiplier": multiplier}
        return len(changed(self.base, changes).multiplier.levels)

    def points(self, values: Mapping) -> Iterator[Point]:
        """Points of a combination: one for each of its levels that the multiplier has.

        Raises
        ------
        ConfigError, NetworkError
            It cannot be; the sentence says which it is.
        """
        if not self.holds(values):
            return
        wanted = values.get("level", 0)
        try:
            config = self._machine(values)
            width = config.multiplier.weight_width
            if values.get("network_bits") is not None and values["network_bits"] > width:
                # Another machine of the plan has room for it.
                return
            there = range(len(config.multiplier.levels))
            if wanted == "all":
                chosen = there
            else:
                chosen = [wanted] if wanted in there or isinstance(wanted, str) else []
            self.levels.update(chosen)
            for level in chosen:
                yield self.point({**values, "level": level})
        except (ConfigError, NetworkError) as error:
            if self.plan.impossible == "leave out":
                return
            raise _refusal(self.plan, values, error) from None

    def _machine(self, values: Mapping) -> Config:
        names = ("multiplier", "weight_bits")
        given = {name: values[name] for name in names if name in values}
        key = tuple(given.items())
        if key not in self._machines:
            # Widths of others are checked with all values together.
            whole = {name: value for name, value in values.items() if name in values_of(self.base)}
            self._machines[key] = changed(self.base, whole)
        return self._machines[key]


def _refusal(plan: Plan, values: Mapping, error: Exception) -> Exception:
    """The error, with the combination where several values meet in it."""
    varied = {name: value for name, value in values.items() if len(plan.axes[name]) > 1}
    if plan.short or not varied:
        return error
    shown = ", ".join(f"{name} = {value}" for name, value in varied.items())
    hint = 'leave it out by a condition, or with impossible = "leave out"'
    return type(error)(f"{error} (in the combination {shown}; {hint})")


def combine(plan: Plan) -> list[Point]:
    """Every combination of a plan's values that there is, each once, subject by subject.

    A level that a multiplier lacks is left out where another one has it, and so are networks of
    more bits than their machine. Settings that a mode does not read make no points of their own.

    Raises
    ------
    ConfigError, NetworkError
        A combination that cannot be, a level that no multiplier has, or no combination at all.
    """
    count = prod(len(values) for values in plan.axes.values()) * len(plan.subjects)
    if count > _MOST:
        raise NetworkError(
            f"the plan has {count:,} combinations, and a sweep measures at most {_MOST:,}; let a "
            f"[search] choose among them, or shorten its lists"
        )
    points: dict[Point, None] = {}
    levels = set()
    for subject in plan.subjects:
        combiner = Combiner(plan, subject)
        for values in itertools.product(*plan.axes.values()):
            made = combiner.points(dict(zip(plan.axes, values, strict=True)))
            points.update(dict.fromkeys(made))
        levels |= combiner.levels
    wanted = [each for each in plan.axes.get("level", ()) if each != "all"]
    missing = [each for each in wanted if each not in levels]
    if missing and points:
        raise NetworkError(f"none of the multipliers has level {missing[0]}")
    if not points:
        raise NetworkError(
            "the plan has no points: every combination is left out by its conditions, or cannot be"
        )
    return list(points)
