"""What a run gave and what it cost, the same for every backend."""

from dataclasses import dataclass

import numpy as np

from sim.image.image import State
from sim.model.counts import Counts

__all__ = ["Result"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """Outputs and counters of one run.

    Members
    -------
    h : int8 [sequences, steps, sum of H]
        Outputs of the last layer.
    states : tuple of State
        Final state of each direction; empty where states were not stored.
    counts : Counts
        Events, products and bytes.
    cycles : int or None
        Clock cycles from start to done; None where the backend does not know.
    stall_cycles : dict or None
        Cycles that the lanes waited, by cause: load, input, hidden, weights, cell, drain.
    lanes : int
        Multiply-accumulate lanes of the configuration.
    config : str
        Name of the configuration.
    backend : str
        What ran: ``model``, ``rtl`` or a board.
    """

    h: np.ndarray
    states: tuple[State, ...]
    counts: Counts
    cycles: int | None
    stall_cycles: dict[str, int] | None
    lanes: int
    config: str
    backend: str

    @property
    def utilisation(self) -> float | None:
        """Products done for every product that the lanes could have done."""
        if not self.cycles:
            return None
        return self.counts.macs_done / (self.lanes * self.cycles)

    def report(self) -> dict:
        """The figures, ready for JSON."""
        counts = self.counts
        return {
            "backend": self.backend,
            "config": self.config,
            "lanes": self.lanes,
            "steps": counts.steps,
            "cycles": self.cycles,
            "utilisation": self.utilisation,
            "events_x": counts.events_x,
            "events_h": counts.events_h,
            "macs_done": counts.macs_done,
            "macs_avoided": counts.macs_avoided,
            "dram_read_bytes": counts.read_bytes,
            "dram_write_bytes": counts.write_bytes,
            "stall_cycles": self.stall_cycles,
            "mode_steps": {"normal": counts.mode_normal},
        }
