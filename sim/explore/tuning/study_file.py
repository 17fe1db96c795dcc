"""A file of everything that a search has measured, so that nothing is measured twice."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from boards.writing import written
from sim.explore.tuning.budgets import Outcome
from sim.explore.tuning.space import Space
from sim.image.modes import Modes
from sim.networks.network import NetworkError
from sim.workloads.scores import Score

__all__ = ["StudyFile"]

_OUTCOMES = "measured"
"""The study whose attributes are the outcomes; the others are searches."""


class StudyFile:
    """Measurements and searches of one problem, in an Optuna journal: a line for each event.

    Parameters
    ----------
    path : Path
        The file; it is made where there is none. A line that an interruption left half written is
        cut off.
    key : str
        The problem's.
    title : str
        What the problem is, for a refusal.

    Raises
    ------
    NetworkError
        The file is no study, is damaged, or belongs to another problem.
    """

    def __init__(self, path: Path, key: str, title: str):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _mend(path)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with _replayed(path):
            # Whoever opens a study file holds it, so Optuna needs no lock of its own, which a
            # process that was killed would leave behind.
            backend = JournalFileBackend(str(path), lock_obj=_NoLock())
            self._storage = JournalStorage(backend)
            names = optuna.get_all_study_names(self._storage)
            if names and _OUTCOMES not in names:
                raise NetworkError(f"{path} is not a study file, or is damaged")
            self._kept = self._study(_OUTCOMES)
            attributes = self._kept.user_attrs
            self._outcomes = {
                name: _read_outcome(value) for name, value in attributes.items() if name[:1] == "["
            }
        if attributes.get("key", key) != key:
            raise NetworkError(
                f"{path} holds the study of {attributes.get('title')} with other data, metric or "
                f"settings; name another file for {title}"
            )
        if "key" not in attributes:
            with written(path):
                self._kept.set_user_attr("key", key)
                self._kept.set_user_attr("title", title)

    def _study(self, name: str) -> optuna.Study:
        return optuna.create_study(
            storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
        )

    @property
    def size(self) -> int:
        """Settings that have been measured."""
        return len(self._outcomes)

    def outcome(self, modes: Modes) -> Outcome | None:
        """What settings gave, where they have been measured."""
        return self._outcomes.get(_name(modes))

    def keep(self, modes: Modes, outcome: Outcome):
        """Write down what settings gave."""
        values = asdict(outcome)
        values["score"] = {name: _plain(value) for name, value in values["score"].items()}
        with written(self.path):
            self._kept.set_user_attr(_name(modes), values)
        self._outcomes[_name(modes)] = outcome

    def optimize(
        self,
        space: Space,
        consider: Callable[[Modes], tuple[float, float]],
        *,
        name: str,
        trials: int,
        seed: int,
        progress: Callable[[int], None],
    ):
        """Try settings of a space until ``trials`` have been tried, those of earlier runs included.

        Parameters
        ----------
        space : Space
            What is tried.
        consider : function of Modes
            What they save, and how far they are beyond the budget (not positive: within).
        name : str
            Of this search.
        trials, seed : int
            How many, and what the sampler begins with.
        progress
            Told how many were tried.
        """
        with _replayed(self.path):
            study = self._study(name)
            _enqueue(study, space)
        while (done := self._completed(study)) < trials:
            progress(done)
            # A sampler for each trial: a search that goes on is the one that was interrupted.
            study.sampler = TPESampler(seed=seed + done, n_startup_trials=1)
            with _replayed(self.path):
                trial = study.ask()
                modes = space.suggest(trial)
            try:
                saved, excess = consider(modes)
            except BaseException:
                with written(self.path):
                    study.tell(trial, state=TrialState.FAIL)
                raise
            with written(self.path):
                trial.set_constraint("excess", excess)
                study.tell(trial, saved)
        # Of a search that is finished, too, what was best has to be seen again.
        with _replayed(self.path):
            complete = study.get_trials(states=(TrialState.COMPLETE,))[:trials]
            again = [space.suggest(_Again(trial.params)) for trial in complete]
        for modes in again:
            consider(modes)
        progress(trials)

    def _completed(self, study: optuna.Study) -> int:
        with _replayed(self.path):
            return len(study.get_trials(states=(TrialState.COMPLETE,)))


class _NoLock:
    """Of a file that nobody else opens."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextmanager
def _replayed(path: Path) -> Iterator[None]:
    """Where Optuna reads the journal again."""
    try:
        with written(path):
            yield
    except (OSError, NetworkError):
        raise
    except Exception as error:
        # Optuna trusts its journal: it raises whatever a damaged one leads to.
        raise NetworkError(f"{path} is not a study file, or is damaged") from error


def _enqueue(study: optuna.Study, space: Space):
    """Put in line what a space begins with, but for what was tried or is in line already."""
    known = [trial.params for trial in study.get_trials(states=(TrialState.COMPLETE,))]
    waiting = study.get_trials(states=(TrialState.WAITING,))
    known += [trial.system_attrs.get("fixed_params") for trial in waiting]
    for choices in space.first():
        if choices not in known:
            study.enqueue_trial(choices)


class _Again:
    """Suggests what a finished trial was."""

    def __init__(self, choices: dict):
        self._choices = choices

    def suggest_int(self, name: str, *_, **__):
        return self._choices[name]

    suggest_float = suggest_categorical = suggest_int


def _name(modes: Modes) -> str:
    return json.dumps([layer.changed() for layer in modes.layers], sort_keys=True)


def _plain(value: float):
    return value if math.isfinite(value) else str(value)


def _read_outcome(values: dict) -> Outcome:
    """An outcome that was kept.

    Raises
    ------
    ValueError, TypeError, KeyError
        It is none.
    """
    lower = bool(values["score"].get("lower", False))
    score = {name: float(value) for name, value in values["score"].items() if name != "lower"}
    score["examples"] = int(score["examples"])
    shares = {name: float(values[name]) for name in ("macs", "bytes")}
    if not all(0 <= share <= 1 for share in shares.values()) or math.isnan(score["value"]):
        raise ValueError
    return Outcome(score=Score(**score, lower=lower), exact=bool(values["exact"]), **shares)


def _mend(path: Path):
    """Cut off a line without an end; refuse what is no journal before Optuna reads it."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = [json.loads(line) for line in whole.splitlines()]
        good = all("op_code" in line for line in lines) and (lines or not content)
    except (ValueError, TypeError, RecursionError):
        good = False
    if not good:
        raise NetworkError(f"{path} is not a study file, or is damaged")
    if whole != content:
        path.write_bytes(whole)
