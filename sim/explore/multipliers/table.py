"""Families and levels against what they cost and what they do to real networks: measured, kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.family import Multiplier
from sim.explore.kept import measure_missing
from sim.explore.machines import make_config
from sim.explore.multipliers.cost import liberty_cost, lut_counts
from sim.explore.multipliers.liberty import read_liberty
from sim.explore.multipliers.operands import workload_parts
from sim.explore.tuning.problems import WorkloadProblem, digest
from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError
from sim.workloads.catalogue import find_workload

__all__ = ["MODES", "OPERANDS", "WORKLOADS", "Conditions", "Task", "multiplier_table"]

MODES = ("normal", "delta")

OPERANDS = "digits"
"""The workload whose operands the energy is measured with."""

WORKLOADS = ("digits", "vowels", "silero")
"""Workloads whose metric is shown."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What the table is measured under.

    Members
    -------
    liberty : Path or None
        The cell library; no energy without.
    threshold : int
        Of x and of h in delta mode.
    normal_every : int
        Every so many steps of delta mode is normal.
    """

    liberty: Path | None = None
    threshold: int = 4
    normal_every: int = 64


@dataclass(frozen=True, kw_only=True)
class Task:
    """One measurement.

    Members
    -------
    kind : str
        ``luts`` or ``energy`` of all levels of a multiplier, or a ``score`` of one.
    multiplier : str
        What it is, in full.
    name : str
        Its name in the catalogue.
    level, workload, mode : int, str, str
        Of a score.
    threshold, normal_every : int
        Of delta mode.
    library : str
        The content of the cell library, for energy.
    """

    kind: str
    multiplier: str
    name: str
    level: int = 0
    workload: str = ""
    mode: str = ""
    threshold: int = 0
    normal_every: int = 0
    library: str = ""


def make_tasks(
    names: Sequence[str], workloads: Sequence[str], conditions: Conditions
) -> dict[tuple, Task]:
    """Measurements by what they are for: ``(kind, name)``, or with level, workload and mode.

    Exact levels share theirs. What needs a DSP block has neither LUTs nor energy of its own.
    """
    tasks = {}
    library = ""
    if conditions.liberty is not None:
        read_liberty(conditions.liberty)
        library = digest(conditions.liberty.read_bytes())
    for name in names:
        multiplier = find_multiplier(name)
        common = {"name": name, "multiplier": repr(multiplier)}
        if multiplier.lanes_together == 1:
            tasks["luts", name] = Task(kind="luts", **common)
            if library:
                threshold = conditions.threshold
                tasks["energy", name] = Task(
                    kind="energy", threshold=threshold, library=library, **common
                )
        for level in range(len(multiplier.levels)):
            for workload in workloads:
                for mode in MODES:
                    tasks[name, level, workload, mode] = _score_task(
                        name, multiplier, level, workload, mode, conditions
                    )
    return tasks


def _score_task(name, multiplier: Multiplier, level: int, workload, mode, conditions) -> Task:
    delta = {"threshold": conditions.threshold, "normal_every": conditions.normal_every}
    exact = multiplier.behaviour(level).exact
    return Task(
        kind="score",
        name="exact" if exact else name,
        multiplier="exact" if exact else repr(multiplier),
        level=0 if exact else level,
        workload=workload,
        mode=mode,
        **(delta if mode == "delta" else {}),
    )


def measure(task: Task, liberty: Path | None) -> dict:
    """What a task gives, ready for JSON."""
    if task.kind == "luts":
        return lut_counts(find_multiplier(task.name))
    if task.kind == "energy":
        return _energy(task, liberty)
    modes = {"mode": "reduced", "reduced_level": task.level, "zero_skip": True}
    if task.mode == "delta":
        modes = {
            "mode": "delta",
            "delta_level": task.level,
            "unsafe_level": task.level,
            "zero_skip": True,
            "x_threshold": task.threshold,
            "h_threshold": task.threshold,
            "normal_every": task.normal_every,
        }
    problem = _problem(task.workload, task.name)
    outcome = problem.measure(Modes.of(LayerModes(**modes)), "held_out")
    return {
        "metric": problem.metric,
        "score": outcome.score.value,
        "standard_error": outcome.score.standard_error,
        "bytes_avoided_share": outcome.bytes,
    }


def _energy(task: Task, liberty: Path) -> dict:
    """Picojoules by operands and level, and area and delay."""
    multiplier = find_multiplier(task.name)
    levels = range(len(multiplier.levels))
    rows = liberty_cost(multiplier, liberty, levels, _parts(), task.threshold)
    found = {mode: [r["energy_pj"] for r in rows if r["operands"] == mode] for mode in MODES}
    return {**found, "area": rows[0]["area"], "delay_ns": rows[0]["delay_ns"]}


@lru_cache(maxsize=1)
def _parts():
    return workload_parts(OPERANDS)


@lru_cache(maxsize=3)
def _case(name: str):
    return find_workload(name).load()


@lru_cache(maxsize=3)
def _problem(workload: str, name: str):
    found = find_workload(workload)
    return WorkloadProblem(found, _case(workload), make_config(found.config, name, 8, 8))


def multiplier_table(
    names: Sequence[str],
    workloads: Sequence[str],
    conditions: Conditions,
    folder: Path,
    *,
    jobs: int = 1,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict]:
    """A row for each level of each multiplier; what has been measured before is not again.

    Parameters
    ----------
    names, workloads : sequence of str
        Multipliers of the catalogue, and workloads.
    conditions : Conditions
        What is measured under.
    folder : Path
        ``points.jsonl`` in it keeps what has been measured.
    jobs : int
        Processes.
    say, progress
        Told what happens, and how many measurements are done.

    Raises
    ------
    NetworkError, PackageError, ToolError
        There is no such multiplier or workload, the library cannot be used, a tool is missing.
    """
    try:
        tasks = make_tasks(names, workloads, conditions)
    except ValueError as error:
        raise NetworkError(str(error)) from None

    def load():
        say("loading")
        for name in dict.fromkeys((*workloads, OPERANDS)):
            find_workload(name).load(say)

    found = measure_missing(
        *(folder / "points.jsonl", "multipliers", tasks.values()),
        partial(measure, liberty=conditions.liberty),
        jobs=jobs,
        load=load,
        progress=progress,
    )
    results = dict(zip(tasks, found, strict=True))
    return [
        _row(name, level, workloads, results)
        for name in names
        for level in range(len(find_multiplier(name).levels))
    ]


def _row(name: str, level: int, workloads: Sequence[str], results) -> dict:
    multiplier = find_multiplier(name)
    behaviour = multiplier.behaviour(level)
    luts = results.get(("luts", name))
    energy = results.get(("energy", name))
    safe = "refused"
    if behaviour.linear:
        safe = "safe"
    elif behaviour.cancels:
        safe = "with normal steps"
    return {
        "multiplier": name,
        "level": level,
        "name": multiplier.levels[level],
        "in_delta": safe,
        "luts": luts and luts.get(f"level_{level}", luts["all"]),
        "luts_all_levels": luts and luts["all"],
        **{f"pj_{mode}": energy and energy[mode][level] for mode in MODES},
        "scores": {
            workload: {mode: results[name, level, workload, mode] for mode in MODES}
            for workload in workloads
        },
    }
