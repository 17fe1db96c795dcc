"""The sweep that a newcomer would write, and the machine that it recommends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from hw.config import CONFIGS, Config
from sim.explore.resources.parts import RESOURCES, find_part
from sim.explore.sweep.energy import Coefficients
from sim.explore.sweep.fronts import gain
from sim.explore.sweep.plan import Plan, plan_of
from sim.explore.sweep.points import Point, point_of
from sim.explore.sweep.ran import ran
from sim.explore.sweep.running import Progress, sweep
from sim.explore.sweep.subjects import Subject
from sim.image.modes import Modes
from sim.networks.network import NetworkError

__all__ = ["OBJECTIVES", "Advice", "advise", "newcomers_plan"]

OBJECTIVES = {"energy": "energy_estimate_pj", "latency": "step_us", "steps": "step_us"}
"""What can be made small, and the figure that says it. Steps of one stream follow each other, so
most steps in a second and the shortest step are the same choice."""

_LANES = (8, 16, 32, 64)
_WIDE = 32
"""Lanes from which on the cell unit takes all four gates at once."""

_BUS = 64
_STREAMED = 512
"""Column words of a weight memory where weights are not meant to stay."""

_THRESHOLDS = (0, 2, 6)
_CLOCK_MHZ = 100.0
_MOST_WORDS = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A machine, its settings, and why.

    Members
    -------
    config : Config
        The machine.
    modes : Modes
        How steps are run.
    row : dict
        What was measured of it.
    reasons : tuple of str
        Sentences that say why this one.
    others : list of dict
        Runners-up, each with ``why``.
    rows : list of dict
        All that was measured, the part's limits beside it.
    """

    config: Config
    modes: Modes
    row: dict
    reasons: tuple[str, ...]
    others: list[dict]
    rows: list[dict]


def newcomers_plan(subject: Subject) -> Plan:
    """Lanes, memory, bits of weights and thresholds for the network of a subject.

    Raises
    ------
    NetworkError
        The network or the data cannot be used.
    """
    point = point_of(subject.name, CONFIGS["edge"], {"mode": "normal"})
    directions = [
        direction
        for steps in ran(subject, point).steps
        for layer in steps.network.layers
        for direction in layer.directions
    ]
    weights = sum(
        4 * _up(each.hidden_size, max(_LANES) // 4) * (each.input_size + each.hidden_size)
        for each in directions
    )
    words = {lanes: ceil(weights / lanes) for lanes in _LANES}
    held = {lanes: count for lanes, count in words.items() if count <= _MOST_WORDS}
    whole = " or ".join(f"(lanes == {lanes} and weight_words == {n})" for lanes, n in held.items())
    machine = {
        "base": "edge",
        "name": "advised",
        "clock_mhz": _CLOCK_MHZ,
        "bus_width": _BUS,
        "max_input": max(each.input_size for each in directions),
        "max_hidden": max(each.hidden_size for each in directions),
        "lanes": list(_LANES),
        "cell_lanes": [1, 4],
        "weight_words": sorted({_STREAMED, *held.values()}),
        "weight_bits": [8, 4],
    }
    modes = {"mode": ["normal", "delta"]}
    modes |= {f"{name}_threshold": list(_THRESHOLDS) for name in ("x", "h")}
    require = [
        f"(cell_lanes == 4) == (lanes >= {_WIDE})",
        f"weight_words == {_STREAMED}" + (f" or {whole}" if whole else ""),
    ]
    limits = {"require": require, "impossible": "leave out"}
    values = {"config": machine, "modes": modes, "conditions": limits}
    return plan_of(values, subjects=(subject,))


def _up(value: int, step: int) -> int:
    return ceil(value / step) * step


def advise(
    subject: Subject,
    folder: Path,
    *,
    part: str,
    objective: str = "energy",
    budget: float = 0.0,
    jobs: int = 1,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[Progress], None] = lambda state: None,
) -> Advice:
    """Sweep a network and recommend one machine that fits a part.

    Parameters
    ----------
    subject : Subject
        The network and its data.
    folder : Path
        Where the sweep is kept.
    part : str
        The FPGA.
    objective : str
        One of ``OBJECTIVES``.
    budget : float
        How much of the score may be lost against the network in 8 bits and normal mode.
    jobs : int
        Processes.
    say, progress
        As for ``sweep``.

    Raises
    ------
    NetworkError, ConfigError
        There is no such objective, budget or part, or no machine that fits.
    """
    if objective not in OBJECTIVES:
        raise NetworkError(f"--objective takes {', '.join(OBJECTIVES)}, not {objective}")
    if not budget >= 0:
        raise NetworkError(f"--budget must be a number of at least 0, not {budget}")
    find_part(part)
    plan = newcomers_plan(subject)
    done = sweep(plan, folder, jobs=jobs, extend=True, part=part, say=say, progress=progress)
    return _choose(done.rows, plan, part, objective, budget)


def _choose(rows: Sequence[dict], plan: Plan, part: str, objective: str, budget: float) -> Advice:
    """The best row that fits and loses no more than the budget."""
    rows = [{**row, "energy_estimate_pj": _energy(row)} for row in rows]
    exact = [row for row in rows if row["mode"] == "normal" and row["weight_bits"] == 8]
    if not exact:
        raise NetworkError("no machine runs this network in normal mode; see the sweep's failures")
    reference = gain(exact[0])
    there = [row for row in rows if row["fits"]]
    if not there:
        raise NetworkError(_too_large(rows, part))
    kept = [row for row in there if gain(row) >= reference - budget]
    if not kept:
        raise NetworkError(
            f"no machine that fits {part} keeps the score within {budget:g} of 8-bit weights: "
            f"allow a larger --budget, or name a larger part"
        )
    figure = OBJECTIVES[objective]
    order = sorted(kept, key=lambda row: (row[figure], -gain(row), row["lut"]))
    best = order[0]
    point = _point(plan, best)
    return Advice(
        config=point.config,
        modes=point.modes(),
        row=best,
        reasons=_reasons(best, rows, kept, part, objective, exact[0], budget),
        others=_others(best, there, kept),
        rows=rows,
    )


def _energy(row: Mapping) -> float:
    """Picojoules of a step: products, and bytes to and from SRAM and DRAM as they are counted."""
    each = Coefficients()
    memory = row["sram_bytes"] * each.sram_byte
    dram = (row["dram_read_bytes"] + row["dram_write_bytes"]) * each.dram_byte
    return row["macs"] * each.mac(row["weight_bits"], row["activation_bits"]) + memory + dram


def _point(plan: Plan, row: Mapping) -> Point:
    axes = {name: values[0] for name, values in plan.axes.items() if len(values) == 1}
    varied = {name: row[name] for name in plan.axes if name not in axes}
    base = CONFIGS[plan.base]
    return point_of(plan.subjects[0].name, base, {**axes, **varied})


def _too_large(rows: Sequence[dict], part: str) -> str:
    limits = find_part(part)
    least = min(rows, key=lambda row: max(row[name] / limits[name] for name in RESOURCES))
    over = next(name for name in RESOURCES if least[name] > limits[name])
    return (
        f"no machine fits {part}: the one that comes nearest takes {least[over]:g} of its "
        f"{limits[over]:g} {over.upper()}; name a larger part"
    )


def _reasons(best, rows, kept, part: str, objective: str, exact, budget: float) -> tuple[str, ...]:
    limits, figure = find_part(part), OBJECTIVES[objective]
    shares = ", ".join(f"{best[name] / limits[name]:.0%} of {name.upper()}" for name in RESOURCES)
    said = {"energy_estimate_pj": ("energy", "pJ"), "step_us": ("time", "us")}[figure]
    fits = sum(bool(row["fits"]) for row in rows)
    lost = gain(exact) - gain(best)
    change = f"{lost:.4g} worse than" if lost > 0 else "no worse than"
    return (
        f"It fits {part}: {shares} ({best['cells_from']}); so do {fits} of the {len(rows)} points.",
        f"Its {best['metric']} of {best['score']:.4g} is {change} 8-bit weights in normal mode "
        f"({exact['score']:.4g}); {len(kept)} of those that fit keep the budget of {budget:g}.",
        f"Of these its {said[0]} of a step is the least: {best[figure]:.4g} {said[1]}; normal mode "
        f"on the same machine {_taken(_normal(best, rows), figure, said[1])}.",
    )


def _taken(row: Mapping | None, figure: str, unit: str) -> str:
    return "could not be measured" if row is None else f"takes {row[figure]:.4g} {unit}"


def _normal(best: Mapping, rows: Sequence[dict]) -> dict | None:
    """The same machine in normal mode; None where that point failed."""
    names = ("lanes", "weight_words", "weight_bits", "cell_lanes")
    normal = (row for row in rows if row["mode"] == "normal")
    return next((row for row in normal if all(row[name] == best[name] for name in names)), None)


def _others(best: Mapping, there: Sequence[dict], kept: Sequence[dict]) -> list[dict]:
    """Runners-up: what else one might want, each once."""
    wanted = (
        ("smallest within the budget", kept, lambda row: (row["lut"], row["bram"], row["step_us"])),
        ("fastest within the budget", kept, lambda row: (row["step_us"], row["lut"])),
        ("least energy within the budget", kept, lambda row: (row["energy_estimate_pj"],)),
        ("best score that fits", there, lambda row: (-gain(row), row["step_us"])),
        ("fastest that fits, whatever is lost", there, lambda row: (row["step_us"], row["lut"])),
    )
    found, known = [], {best["key"]}
    for why, among, order in wanted:
        row = min(among, key=order)
        if row["key"] not in known:
            known.add(row["key"])
            found.append({**row, "why": why})
    return found
