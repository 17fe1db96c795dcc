"""How fast a configuration is, by the model that agrees with the gates to the cycle."""

from dataclasses import dataclass

import numpy as np

from hw.config import Config
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.model.result import share

__all__ = ["MOVED", "STEPS", "Speed", "speeds"]

STEPS = 16
MOVED = (1.0, 0.2, 0.0)
"""Shares of the inputs that move from step to step."""
_UNITS = 128
_LATENCY = 30
"""Cycles of a memory read."""


@dataclass(frozen=True)
class Speed:
    """Cycles of a step of a layer.

    Members
    -------
    units : int
        Inputs and hidden units of the layer.
    mode : str
        ``normal`` or ``delta``.
    moved : float
        Share of the inputs that move from step to step.
    cycles : float
        Cycles of a step, over steps of one run with its start.
    avoided : float
        Share of the multiply-accumulates that were left out.
    """

    units: int
    mode: str
    moved: float
    cycles: float
    avoided: float


def speeds(config: Config) -> list[Speed]:
    """Normal mode, and exact delta mode for inputs that move more and less."""
    units = min(_UNITS, config.max_input, config.max_hidden)
    bits = {"weight_bits": config.multiplier.weight_width, "activation_bits": config.act_width}
    network = random_network((units, units), seed=2, **bits)
    backend = ModelBackend(config, _LATENCY)
    form = network.layers[0].directions[0].x
    found = []
    for mode, moved in [("normal", 1.0), *(("delta", part) for part in MOVED)]:
        x = _rows(units, moved, form.low, form.high).astype(form.dtype)
        done = backend.run(network, x, modes=LayerModes(mode=mode))
        avoided = share(done.counts.macs_avoided, done.counts.macs_done)
        found.append(Speed(units, mode, moved, done.cycles / STEPS, avoided))
    return found


def _rows(units: int, moved: float, low: int, high: int) -> np.ndarray:
    """Codes [1, steps, units], the same in every version of NumPy."""
    rng = np.random.RandomState(3)
    rows = [rng.randint(low, high + 1, units)]
    for _ in range(STEPS - 1):
        row = rows[-1].copy()
        chosen = rng.permutation(units)[: round(moved * units)]
        row[chosen] = np.where(row[chosen] < (low + high) // 2, row[chosen] + 5, row[chosen] - 5)
        rows.append(row)
    return np.array(rows)[np.newaxis]
