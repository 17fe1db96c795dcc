"""Settings that save the most within an accuracy budget."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from hw.config import Config
from refrain.networks import Arrays, Network, opened
from refrain.options import chosen_config
from refrain.settings import Settings
from sim.explore.files import write_whole
from sim.explore.machine_values import values_of

__all__ = ["Tuned", "tune"]


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search found.

    Members
    -------
    settings : Settings
        For ``run``.
    figures : dict
        What was measured on the calibration share and on held-out data: the report of
        ``refrain tune --json``.
    within_budget : bool
        Whether held-out data lose no more than the budget.
    """

    settings: Settings
    figures: dict[str, Any]
    within_budget: bool

    def save(self, path: str | Path) -> Path:
        """Write the settings, for ``refrain run --settings`` and ``refrain.settings``."""
        write_whole(Path(path), self.settings.to_json().encode())
        return Path(path)


def tune(
    network: Network | str | Path,
    data: Arrays,
    labels: np.ndarray | None = None,
    *,
    metric: str = "sqnr",
    budget: str = "0",
    lower: bool = False,
    config: Config | str = "edge",
    family: Literal["all", "delta", "skip"] = "all",
    save: Literal["macs", "bytes"] = "macs",
    trials: int = 60,
    seed: int = 0,
    calibration_share: float = 0.5,
    weight_bits: int | None = None,
    study: str | Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tuned:
    """Find the settings of modes that save the most within an accuracy budget.

    Parameters
    ----------
    network : Network or path
        The network.
    data : array or arrays by name
        Samples; the first share chooses settings, the rest judges them.
    labels : array or None
        What metrics other than ``sqnr`` and ``agreement`` compare with.
    metric : str
        ``sqnr``, ``agreement``, ``accuracy``, ``roc_auc``, or ``FILE.py:function`` of your own.
    budget : str
        ``exact`` (bit for bit), ``0``, ``0.01``, ``1%``, ``1se``, ``>=0.95`` or ``30dB``.
    lower : bool
        Less is better of a metric of your own.
    config : Config or str
        The accelerator, its name or its file.
    family : str
        What to tune: ``delta`` (thresholds), ``skip`` (whole steps) or ``all``.
    save : str
        What to save: ``macs``, or ``bytes`` of weights.
    trials : int
        How many settings to try.
    seed : int
        What the search begins with.
    calibration_share : float
        Share of the samples that settings are chosen on.
    weight_bits : int or None
        Bits of the weights of a network that is quantised.
    study : path or None
        Where measurements are kept and taken up again; nowhere when None.
    progress : function of (int, int)
        Told how far the search is.

    Raises
    ------
    RefrainError
        The data or the budget do not fit the network, or no settings keep to the budget.
    """
    # Here, as searching brings Optuna with it.
    from sim.explore.tuning.budgets import Budget
    from sim.explore.tuning.metrics import Metric
    from sim.explore.tuning.problems import Examples, FileProblem, divide
    from sim.explore.tuning.search import tune as search
    from sim.explore.tuning.study_file import StudyFile

    allowed = Budget(budget)
    measure = Metric(metric, labelled=labels is not None, lower=lower, errors=allowed.in_errors)
    allowed.check_metric(measure.name, lower)
    held = opened(network)
    chosen = chosen_config(config)
    parts = divide(Examples(inputs=data, labels=labels), calibration_share)
    problem = FileProblem(str(held.path), held.content, parts, measure, chosen, weight_bits)
    with TemporaryDirectory() as folder:
        kept = StudyFile(
            Path(folder) / "study" if study is None else Path(study), problem.key, problem.title
        )
        found, figures = search(
            problem,
            kept,
            allowed,
            family=family,
            save=save,
            trials=trials,
            seed=seed,
            progress=progress,
        )
    figures = {**figures, "config": values_of(chosen)}
    return Tuned(
        settings=found, figures=figures, within_budget=bool(figures["held_out_within_budget"])
    )
