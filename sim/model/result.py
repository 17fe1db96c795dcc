"""What a run gave and what it cost, the same for every backend."""

from dataclasses import dataclass

import numpy as np

from hw.modes import Mode
from sim.image.image import State
from sim.model.activity import Activity
from sim.model.counts import Counts

__all__ = ["Result", "share"]


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
    weight_bits : tuple of int
        Bits that weights took in memory, each number that occurs.
    lanes : int
        Multiply-accumulate lanes of the configuration.
    config : str
        Name of the configuration.
    backend : str
        What ran: ``model``, ``rtl`` or a board.
    trace : tuple of Activity
        Of each direction, layer by layer, where a trace was wanted; else empty.
    layers : tuple of int8 [sequences, steps, sum of H]
        Outputs of every layer, where a trace was wanted; else empty.
    counted_by : str
        What counted steps, events, products and weight bytes of each mode: ``machine``, or
        ``model`` where the machine has no counters for that.
    work : dict or None
        What the parts of the machine were given to do, by mode, where that was wanted: see
        ``sim.model.work``.
    left_out : dict or None
        Of a machine with maps, the MACs of ``macs_avoided`` by why they were left out:
        ``no_event``, ``zero_columns``; None where the counters do not tell.
    """

    h: np.ndarray
    states: tuple[State, ...]
    counts: Counts
    cycles: int | None
    stall_cycles: dict[str, int] | None
    weight_bits: tuple[int, ...]
    lanes: int
    config: str
    backend: str
    trace: tuple[Activity, ...] = ()
    layers: tuple[np.ndarray, ...] = ()
    counted_by: str = "machine"
    work: dict[str, dict[str, float]] | None = None
    left_out: dict[str, int | None] | None = None

    @property
    def utilisation(self) -> float | None:
        """Products done for every product that the lanes could have done."""
        if not self.cycles:
            return None
        return self.counts.macs_done / (self.lanes * self.cycles)

    def report(self) -> dict:
        """The figures, ready for JSON; modes that no step was in are left out, and work unasked."""
        counts = self.counts
        modes = {mode.name.lower(): vars(counts.modes[mode]) for mode in Mode}
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
            "macs_avoided_share": share(counts.macs_avoided, counts.macs_done),
            **{f"macs_avoided_{why}": macs for why, macs in (self.left_out or {}).items()},
            "weight_bits": list(self.weight_bits),
            "weight_bytes": counts.weight_bytes,
            "weight_bytes_avoided": counts.weight_bytes_avoided,
            "weight_bytes_avoided_share": share(counts.weight_bytes_avoided, counts.weight_bytes),
            "dram_read_bytes": counts.read_bytes,
            "dram_write_bytes": counts.write_bytes,
            "stall_cycles": self.stall_cycles,
            "mode_steps": {k: v["steps"] for k, v in modes.items() if v["steps"]},
            "modes": {k: dict(v) for k, v in modes.items() if v["steps"]},
            **({} if self.counted_by == "machine" else {"counted_by": self.counted_by}),
            **({} if self.work is None else {"work": self.work}),
        }


def share(avoided: int, done: int) -> float | None:
    """What was avoided of all that a dense run would have done; None where that is nothing."""
    return avoided / (avoided + done) if avoided + done else None
