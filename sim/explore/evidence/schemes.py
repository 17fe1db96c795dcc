"""The evidence: what each scheme costs and saves on every workload, on held-out data.

Everything that is chosen is chosen on the calibration split; a row is measured on the held-out
split. The rules by which schemes choose were frozen before any score of the final division
(:data:`sim.workloads.catalogue.FINAL`) was seen: one that is changed needs new data. Rows are kept
in the cache under a name made of all that they depend on, so a table that was interrupted goes on
where it stopped.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hw import config as hw_config
from hw import latency as hw_latency
from hw.config import Config
from sim.explore.bench.utilisation import LATENCY
from sim.explore.evidence import following
from sim.explore.evidence.following import follow
from sim.explore.evidence.padded import Padded
from sim.explore.files import held
from sim.explore.tuning import search as tuning
from sim.explore.tuning import space
from sim.explore.tuning.budgets import Budget
from sim.explore.tuning.problems import WorkloadProblem, digest
from sim.explore.tuning.search import search
from sim.explore.tuning.study_file import StudyFile
from sim.explore.workloads import run_float_split
from sim.image import modes as image_modes
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.model import lstm, plan, timing
from sim.networks import quantizer
from sim.networks.network import NetworkError
from sim.networks.quantizing import rounding, weights
from sim.workloads.packages import cache_folder, keep
from sim.workloads.scores import Score
from sim.workloads.workload import Case, Split, Workload

__all__ = ["SCHEMES", "Scheme", "evidence", "published", "study_path", "three_modes"]

_TRIALS = 40
_BITS = (4, 6)
"""Bits of reduced weights: those that save beats of a word on every machine of the workloads."""
_CHIP = 0.55
"""Share of the work that the chip with three modes avoids, by its publication."""
_GRID = tuple(round(1 - 0.01 * step, 2) for step in range(1, 80))
"""Thresholds of the published scheme, the mildest first: the lower, the more is skipped."""
_EXACT = Modes(layers=(LayerModes(mode="delta", zero_skip=True),))


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One row of a workload's table.

    Members
    -------
    name : str
        What it is called.
    meaning : str
        How its settings are found.
    choose : function of (WorkloadProblem, StudyFile, progress), or None
        The settings; None is floating point.
    reduced : bool
        The network's weights have as few bits as lose nothing with these settings.
    """

    name: str
    meaning: str
    choose: Callable | None
    reduced: bool = False

    @property
    def modules(self) -> tuple:
        """What its row depends on, beside what all do."""
        return (quantizer, rounding, weights) if self.reduced else ()


def _tuned(family: str, budget: str) -> Callable:
    def choose(problem, study, progress) -> Modes:
        found, _, _ = search(
            problem, study, Budget(budget), family=family, trials=_TRIALS, progress=progress
        )
        return found

    return choose


def _no_loss(problem, study, progress) -> Modes:
    """Thresholds of half a standard error, and a quarter off: other data are never quite alike."""
    found = _tuned("delta", "0.5se")(problem, study, progress)
    eased = (
        {name: getattr(layer, name) * 3 // 4 for name in ("x_threshold", "h_threshold")}
        for layer in found.layers
    )
    pairs = zip(found.layers, eased, strict=True)
    return Modes(layers=tuple(replace(layer, **changes) for layer, changes in pairs))


def published(problem, study, progress) -> Modes:
    """The published scheme at the work that its chip avoids: the mildest threshold that gets there.

    Normalised L1 against the previous input; freeze; the middle mode, exact delta, up to twice the
    distance at which a step is skipped; normal otherwise.
    """

    def enough(number: int) -> bool:
        modes = three_modes(_GRID[number])
        outcome = study.outcome(modes)
        if outcome is None:
            outcome = problem.measure(modes, "calibration")
            study.keep(modes, outcome)
        return outcome.macs >= _CHIP

    found = bisect_left(range(len(_GRID) - 1), True, key=enough)
    progress(1, 1)
    return three_modes(_GRID[found])


def three_modes(score: float) -> Modes:
    """The published scheme with a threshold: steps at least that similar are skipped."""
    return Modes(
        layers=(
            LayerModes(
                mode="auto",
                skip_threshold=score,
                delta_threshold=max(0.01, round(2 * score - 1, 2)),
                skip_action="freeze",
                reference="previous",
            ),
        )
    )


SCHEMES = (
    Scheme(name="float", meaning="floating point", choose=None),
    Scheme(name="int8", meaning="normal mode", choose=lambda *_: NORMAL),
    Scheme(name="exact delta", meaning="thresholds 0, zeros left out", choose=lambda *_: _EXACT),
    Scheme(
        name="delta, no loss",
        meaning="tuned to half a standard error, then three quarters of the thresholds",
        choose=_no_loss,
    ),
    Scheme(
        name="delta, no loss, reduced weights",
        meaning="the same settings; weights of the fewest bits, 4, 6 or 8, that keep within half a "
        "standard error with them",
        choose=_no_loss,
        reduced=True,
    ),
    Scheme(name="delta, 1 %", meaning="tuned to 1 %", choose=_tuned("delta", "1%")),
    Scheme(name="skip, 1 %", meaning="steps skipped, tuned to 1 %", choose=_tuned("skip", "1%")),
    Scheme(name="three modes", meaning="as published, at 55 % of the work", choose=published),
)
"""The rows, in their order."""


def study_path(key: str) -> Path:
    """Where a problem's study is kept unless another place is named."""
    return cache_folder() / "studies" / f"{key}.log"


def _code_digest() -> str:
    """A name for the code that a measurement depends on."""
    modules = (hw_config, image_modes, lstm, plan, space, tuning, following, hw_latency)
    paths = [Path(module.__file__) for module in modules]
    paths += sorted(Path(timing.__file__).parent.glob("*.py"))
    return digest(*(path.read_bytes() for path in paths))


def evidence(
    workload: Workload,
    config: Config,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    schemes: Sequence[Scheme] = SCHEMES,
) -> list[dict]:
    """The rows of a workload, ready for JSON.

    Parameters
    ----------
    workload : Workload
        What is measured.
    config : Config
        The machine: its clock and bus make cycles and steps per second.
    say, progress
        Told what happens, and how far a search is.
    schemes : sequence of Scheme
        The rows.

    Raises
    ------
    PackageError, NetworkError
        A file cannot be fetched; a metric is not defined on the data.
    """
    say(f"{workload.name}: loading")
    case = workload.load(say)
    problem = WorkloadProblem(workload, case, config)
    path, code, rows = study_path(problem.key), _code_digest(), []
    with held(path, "search"):
        study = StudyFile(path, problem.key, problem.title)
        for scheme in schemes:
            name = digest(
                *(problem.key, asdict(config), code, scheme.name, scheme.meaning, _TRIALS),
                *(Path(each.__file__).read_bytes() for each in scheme.modules),
            )
            path = cache_folder() / "evidence" / f"{workload.name}-{name}.json"
            row = _read(path)
            if row is None:
                say(f"{workload.name}: {scheme.name}")
                row = _row(workload, case, problem, study, scheme, progress)
                keep(path, (json.dumps(row) + "\n").encode())
            rows.append(row)
    return [_judged(row, rows) for row in rows]


def _read(path: Path) -> dict | None:
    """A row of the cache; None where it is not there or is damaged: it is measured again."""
    try:
        row = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and "scheme" in row else None


def _row(workload, case: Case, problem, study, scheme: Scheme, progress) -> dict:
    head = {"workload": workload.name, "scheme": scheme.name, "metric": workload.metric}
    if scheme.choose is None:
        split = case.evaluation
        score = case.score(run_float_split(case.network, split), split)
        return {**head, **_score_figures(score)}
    modes = scheme.choose(problem, study, progress)
    machine, normal = problem.backend.config, problem.run(NORMAL, "held_out")
    bits = machine.multiplier.weight_width
    if scheme.reduced:
        problem, bits = _reduce(workload, case, machine, problem, modes)
    done = problem.run(modes, "held_out")
    figures = _figures(done, problem.splits["held_out"], modes)
    exact = done.equals(normal)
    if modes == _EXACT and not exact:
        raise NetworkError(f"exact delta differs from normal mode on workload {workload.name}")
    return {
        **head,
        **_score_figures(case.score(done.h, problem.splits["held_out"])),
        "exact": exact,
        **figures,
        "weight_bits": bits,
        "settings": [layer.changed() for layer in modes.layers],
    }


def _reduce(workload, case: Case, config: Config, problem, modes: Modes) -> tuple:
    """The problem with the fewest bits a weight that lose no more than settings may, and they."""
    normal = problem.measure(NORMAL, "calibration").score
    for bits in _BITS:
        reduced = WorkloadProblem(workload, case, config, bits)
        found = reduced.measure(modes, "calibration")
        if Budget("0.5se").excess(found, normal, problem.metric) <= 0:
            return reduced, bits
    return problem, config.multiplier.weight_width


def _score_figures(score: Score) -> dict:
    return {
        "score": score.value,
        "standard_error": score.standard_error,
        "examples": score.examples,
    }


def _figures(done: Padded, split: Split, modes: Modes) -> dict:
    shares, followed, config = done.shares(), follow(done, split, modes, LATENCY), done.config
    cycles = followed.cycles_per_step
    return {
        "macs_avoided_share": shares["macs"],
        "weight_bytes_avoided_share": shares["bytes"],
        "cycles_per_step": cycles,
        "steps_per_second": config.clock_mhz * 1e6 / cycles,
        "latency": LATENCY,
        "steps": split.steps,
        "steps_followed": followed.steps,
        "config": config.name,
        "clock_mhz": config.clock_mhz,
        "bus_bits": config.bus_width,
    }


def _judged(row: dict, rows: list[dict]) -> dict:
    """The row, and whether it loses less than a standard error against normal mode."""
    normal = next((each for each in rows if each["scheme"] == "int8"), None)
    if normal is None or "settings" not in row:
        return row
    lost = normal["score"] - row["score"]
    return {**row, "lost": lost, "within_one_error": lost <= normal["standard_error"]}
