"""Coefficients that tell measured energies best, none of them negative, part by part."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sim.explore.energy.estimating import LEAKAGE

__all__ = ["CAUSES", "Sample", "errors_of", "fit_work"]

CAUSES = {
    "lanes": ("operation", "value", "operand_bit", "weight_bit", "product_bit", "pass"),
    "accumulators": ("pass", "resumed_pass", "block", "operation", "value", "product_bit"),
    "weight memory": ("resident_beat", "weight_bit", "loaded_beat", "streamed_beat"),
    "weight fetch": ("streamed_beat", "followed_word", "loaded_beat", "h_event", "step"),
    "event lists": ("operation", "followed_word", "x_event", "h_event", "input", "unit"),
    "replay": ("operation", "value", "operand_bit", "pass", "step"),
    "similarity": ("input", "scored_input", "x_event", "unit", "step"),
    "cell unit": ("row", "pass", "held_unit", "block", "unit", "parameter_beat"),
    "output": ("unit", "write_beat", "step"),
    "sequencer": ("parameter_beat", "step", "run"),
    "bus": ("read_beat", "streamed_beat", "write_beat", "step", "run"),
    "registers and counters": ("operation", "step", "run", "unit"),
    "connections": (
        *("operation", "operand_bit", "loaded_beat", "streamed_beat", "row", "held_unit", "unit"),
    ),
}
"""What each part works for. Every part may take energy for cycles of a run, beside what it takes
when idle."""

_NOTHING = 1e-9
"""Picojoules that are rounding."""

_SMALL = 0.01
"""A part that takes less of a sample is weighed as if it took so much: its errors are no matter."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What was measured in some steps of a network.

    Members
    -------
    network, mode : str
        What ran, and how.
    work : dict of float
        What was done, its cycles among it.
    energy : dict of dict of float
        Picojoules by part and kind, without leakage.
    """

    network: str
    mode: str
    work: Mapping[str, float]
    energy: Mapping[str, Mapping[str, float]]

    @property
    def total(self) -> float:
        """Picojoules."""
        return sum(sum(kinds.values()) for kinds in self.energy.values())


def fit_work(
    samples: Sequence[Sample], idle: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Picojoules by part, kind and piece of work.

    Parameters
    ----------
    samples : sequence of Sample
        What was measured.
    idle : dict of dict of float
        Picojoules of an idle cycle by part and kind, which every cycle takes.
    """
    found = {}
    for part, kinds in idle.items():
        names = ("cycle", *CAUSES[part])
        weights = np.array([1 / _size(sample, part) for sample in samples])
        causes = np.array([[sample.work[name] for name in names] for sample in samples])
        scale = np.maximum(causes.max(axis=0), 1e-30)
        found[part] = {}
        for kind, cycle in kinds.items():
            effect = [s.energy[part][kind] - cycle * s.work["cycle"] for s in samples]
            factors, _ = nnls(causes / scale * weights[:, None], np.array(effect) * weights)
            pairs = zip(names, factors / scale, strict=True)
            found[part][kind] = {name: float(pj) for name, pj in pairs if pj > _NOTHING}
    return found


def _size(sample: Sample, part: str) -> float:
    return max(sum(sample.energy[part].values()), _SMALL * sample.total)


def errors_of(samples: Iterable[Sample], estimates: Iterable[Mapping], least: float) -> list[dict]:
    """How far estimates are off: a row for each sample.

    Parameters
    ----------
    samples, estimates : iterables
        What was measured, and the same estimated.
    least : float
        Parts that take a smaller share of a sample are not judged one by one.

    Returns
    -------
    list of dict
        ``network``, ``mode``, ``operations``, ``cycles``, ``measured_pj``, ``estimated_pj``,
        ``error_percent``, and ``parts``: the error of each part in per cent.
    """
    rows = []
    for sample, estimate in zip(samples, estimates, strict=True):
        guess = {part: _active(kinds) for part, kinds in estimate.items()}
        real = {part: sum(kinds.values()) for part, kinds in sample.energy.items()}
        rows.append(
            {
                "network": sample.network,
                "mode": sample.mode,
                "operations": sample.work["operation"],
                "cycles": sample.work["cycle"],
                "measured_pj": sample.total,
                "estimated_pj": sum(guess.values()),
                "error_percent": 100 * (sum(guess.values()) / sample.total - 1),
                "parts": {
                    part: 100 * (guess[part] / pj - 1)
                    for part, pj in real.items()
                    if pj >= least * sample.total
                },
            }
        )
    return rows


def _active(kinds: Mapping[str, float]) -> float:
    return sum(pj for kind, pj in kinds.items() if kind != LEAKAGE)
