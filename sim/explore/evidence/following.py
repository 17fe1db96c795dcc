"""Cycles of a step by the model of time, which follows every block and every burst of a run.

It takes a Python step for every burst, so of a split with many steps of a large network it follows
the first ones only, and says so.
"""

from dataclasses import dataclass

import numpy as np

from sim.explore.evidence.padded import Padded
from sim.image.modes import Modes
from sim.model.backend import ModelBackend
from sim.networks.quantizer import to_codes
from sim.workloads.workload import Split

__all__ = ["Followed", "follow"]

_WORDS = 8_000_000
"""Streamed column words of a dense run that are followed: half a minute of work at the most."""


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What was followed.

    Members
    -------
    cycles_per_step : float
        Mean over all steps. Where only some were followed, the performance model's mean over all,
        times how far these are above the performance model.
    steps : int
        How many were followed.
    """

    cycles_per_step: float
    steps: int


def follow(done: Padded, split: Split, modes: Modes, latency: int, words: int = _WORDS) -> Followed:
    """Follow a split sequence by sequence, as far as ``words`` go.

    The beginning of each sequence counts, loading of parameters and resident weights does not: the
    machine has them from the run before.

    Parameters
    ----------
    done : Padded
        What the split gave in these modes.
    split, modes : Split, Modes
        What ran.
    latency : int
        Cycles from a read address to its first beat.
    words : int
        How many column words to follow that a dense run reads from DRAM; resident ones cost little.
    """
    streamed = done.streamed_words()
    steps = max(1, words // streamed) if streamed else split.steps
    followed = _share(split.lengths, steps)
    backend = ModelBackend(done.config, latency)
    x = to_codes(split.x, done.network.layers[0].directions[0].x)
    cycles = 0
    for length in np.unique(followed[followed > 0]):
        (numbers,) = np.nonzero(followed == length)
        run = backend.run(done.network, x[numbers, :length], modes=modes, load=False)
        cycles += run.cycles
    count = int(followed.sum())
    part = np.arange(x.shape[1]) < followed[:, None]
    whole = 1.0 if count == split.steps else done.cycles() / done.cycles(part)
    return Followed(cycles_per_step=cycles / count * whole, steps=count)


def _share(lengths: np.ndarray, steps: int) -> np.ndarray:
    """Steps of each sequence that are followed: the first ``steps`` of all."""
    before = np.cumsum(lengths) - lengths
    return np.clip(steps - before, 0, lengths)
