"""The settings that save the most within a budget: searched on one part of the data.

A problem measures settings on two parts of its data. All choices are made on the calibration part;
the held-out part is measured once, at the end, with what was chosen. The search is Optuna's
tree-structured Parzen estimator, which begins with a ladder of thresholds. Everything measured
goes at once to a study file, and a search that was interrupted takes it up again.

References
----------
J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl, "Algorithms for hyper-parameter optimization",
NeurIPS 2011. T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework",
KDD 2019.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol

from sim.explore.tuning.budgets import Budget, Outcome
from sim.explore.tuning.space import Space
from sim.explore.tuning.study_file import StudyFile
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.networks.network import NetworkError
from sim.workloads.scores import Score

__all__ = ["SAVINGS", "Problem", "milder", "outcome_row", "search", "tune"]

SAVINGS = ("macs", "bytes")
"""What can be saved: products, or bytes of weights."""


class Problem(Protocol):
    """A network with data and a metric.

    Members
    -------
    key : str
        A digest of everything that a measurement depends on.
    title : str
        What it is, in a few words.
    metric : str
        What the score measures.
    layers : int
        Layers that have settings of their own.
    activation_bits : int
        Bits of the values that thresholds are differences of.
    """

    key: str
    title: str
    metric: str
    layers: int
    activation_bits: int

    def measure(self, modes: Modes, part: str) -> Outcome:
        """What settings give on the ``calibration`` or the ``held_out`` part."""


def _remember(problem: Problem, study: StudyFile, modes: Modes) -> Outcome:
    """The outcome on the calibration part: out of the study file, else measured and kept there."""
    known = study.outcome(modes)
    if known is None:
        known = problem.measure(modes, "calibration")
        study.keep(modes, known)
    return known


def search(
    problem: Problem,
    study: StudyFile,
    budget: Budget,
    *,
    family: str = "all",
    save: str = "macs",
    trials: int = 80,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Modes, Outcome, Outcome]:
    """The settings that save the most on the calibration part: they, what they give, and normal.

    Parameters
    ----------
    problem, study : Problem, StudyFile
        What is searched, and where measurements are kept.
    budget : Budget
        What may be lost.
    family, save, trials, seed
        As ``tune``.
    progress
        Told after each trial.

    Raises
    ------
    NetworkError
        A choice is none, or the budget cannot be met.
    """
    space = Space(family, problem.layers, problem.activation_bits)
    _check(save, trials)
    normal = _remember(problem, study, NORMAL)
    budget.check_metric(problem.metric, normal.score.lower)
    budget.least(normal.score, problem.metric)
    considered = {NORMAL: normal}

    def consider(modes: Modes) -> tuple[float, float]:
        outcome = considered[modes] = _remember(problem, study, modes)
        return outcome.saved(save), budget.excess(outcome, normal.score, problem.metric)

    exact = list(space.exact()) if family != "skip" else []
    for number, modes in enumerate(exact):
        consider(modes)
        progress(number + 1, len(exact) + trials)
    if not budget.exact or family == "skip":
        study.optimize(
            space,
            consider,
            name=f"{family} {save} {budget.text} {seed}",
            trials=trials,
            seed=seed,
            progress=lambda done: progress(len(exact) + done, len(exact) + trials),
        )
    best = _choose(considered, normal, budget, problem.metric, save)
    return best, considered[best], normal


def _choose(considered: dict, normal: Outcome, budget: Budget, metric: str, save: str) -> Modes:
    """The settings within the budget that save the most, but none that is within it by luck.

    Of many settings that were measured on the same few examples the best one is partly lucky. What
    is milder in everything cannot cost more, so all milder settings must be within the budget too.
    """
    beyond = [
        modes
        for modes, outcome in considered.items()
        if budget.excess(outcome, normal.score, metric) > 0
    ]
    best = NORMAL
    for modes, outcome in considered.items():
        lucky = not outcome.exact and any(milder(other, modes) for other in beyond)
        if modes not in beyond and not lucky:
            best = max(best, modes, key=lambda each: considered[each].saved(save))
    return best


def milder(one: Modes, other: Modes) -> bool:
    """Whether ``one`` approximates no more than ``other``, in every layer and in every way."""
    count = max(len(one.layers), len(other.layers))
    pairs = zip(one.for_layers(count), other.for_layers(count), strict=True)
    return all(first.mode == "normal" or _milder(first, second) for first, second in pairs)


def _milder(one: LayerModes, other: LayerModes) -> bool:
    if other.normal_every not in (0, one.normal_every):
        return False
    if one.deltas and not (
        other.deltas
        and one.x_threshold <= other.x_threshold
        and one.h_threshold <= other.h_threshold
    ):
        return False
    return not one.skips or (
        other.skips
        and (one.skip_action, one.reference) == (other.skip_action, other.reference)
        and one.skip_threshold >= other.skip_threshold
        and (other.max_skips == 0 or 0 < one.max_skips <= other.max_skips)
    )


def _check(save: str, trials: int):
    if save not in SAVINGS:
        raise NetworkError(f"what to save must be {' or '.join(SAVINGS)}, not {save}")
    if trials < 1:
        raise NetworkError(f"a search takes at least 1 trial, not {trials}")


def tune(
    problem: Problem,
    study: StudyFile,
    budget: Budget,
    *,
    family: str = "all",
    save: str = "macs",
    trials: int = 80,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Modes, dict]:
    """The settings, with the search in their notes, and the report, ready for JSON.

    Parameters
    ----------
    problem, study : Problem, StudyFile
        What is tuned, and where measurements are kept.
    budget : Budget
        What may be lost.
    family : str
        One of ``space.FAMILIES``.
    save : str
        One of ``SAVINGS``.
    trials, seed : int
        Settings that are tried, and what the search begins with.
    say, progress
        Told what happens, and how far it is.

    Raises
    ------
    NetworkError
        A choice is none, the budget cannot be met, or the metric is not defined on the data.
    """
    # Before the search: a metric that is not defined on these data is found out now.
    held = {"normal": problem.measure(NORMAL, "held_out")}
    budget.check_metric(problem.metric, held["normal"].score.lower)
    least = budget.least(held["normal"].score, problem.metric)
    say("searching on the calibration data")
    choices = {"save": save, "seed": seed, "trials": trials}
    best, *calibrated = search(problem, study, budget, family=family, progress=progress, **choices)
    say("measuring on the held-out data")
    held["tuned"] = problem.measure(best, "held_out")
    allowed = budget.excess(held["tuned"], held["normal"].score, problem.metric) <= 0
    notes = _notes(problem, budget, **choices)
    notes["held_out_within_budget"] = allowed
    return Modes(layers=best.layers, notes=notes), {
        **notes,
        "calibration": _rows(dict(zip(("tuned", "normal"), calibrated, strict=True))),
        "held_out": _rows(held),
        "held_out_limit": _finite(-least if held["normal"].score.lower else least),
        "measured_settings": study.size,
        "settings": [layer.changed() for layer in best.layers],
    }


def _notes(problem: Problem, budget: Budget, **choices) -> dict:
    """What a settings file says of the search."""
    subject = {"of": problem.title, "metric": problem.metric, "budget": budget.text}
    return {"made_by": "refrain tune", **subject, **choices}


def _rows(outcomes: dict[str, Outcome]) -> dict[str, dict]:
    return {name: outcome_row(outcomes[name]) for name in ("normal", "tuned")}


def outcome_row(outcome: Outcome) -> dict:
    """An outcome, ready for JSON and tables; what is infinite or not a number is None."""
    score: Score = outcome.score
    values = {name: _finite(value) for name, value in asdict(score).items() if name != "lower"}
    return {
        "score": values.pop("value"),
        **values,
        "exact": outcome.exact,
        "macs_avoided_share": outcome.macs,
        "weight_bytes_avoided_share": outcome.bytes,
    }


def _finite(value):
    return value if abs(value) < float("inf") else None
