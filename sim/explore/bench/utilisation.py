"""Measurements of the generated hardware: how busy its lanes and its memory bus are, and speed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time

from hw.config import CONFIGS, Config
from sim.explore.hardware import Simulation
from sim.model.random_network import random_codes, random_network

__all__ = ["CASES", "LATENCY", "Case", "bench_hardware", "case_config", "measure"]

LATENCY = 30
"""Cycles from a read address to its first data beat."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement.

    Members
    -------
    inputs, hidden : int
        Size of the LSTM.
    resident : bool
        Whether the weights are in the weight memory or stream from DRAM.
    steps : int
        Time steps that are simulated.
    peer : float or None
        Utilisation of the best published design of the same size: EdgeDRNN with 64 processing
        elements, by its RTL in simulation.
    """

    inputs: int
    hidden: int
    resident: bool
    steps: int
    peer: float | None = None


CASES = (
    Case(inputs=64, hidden=128, resident=True, steps=200, peer=0.979),
    Case(inputs=256, hidden=512, resident=True, steps=25, peer=0.997),
    Case(inputs=64, hidden=128, resident=False, steps=100),
    Case(inputs=256, hidden=512, resident=False, steps=10),
)
"""What ``refrain bench`` measures, on 64 lanes."""


def case_config(case: Case) -> Config:
    """``edge``, with a weight memory that holds the network where it is to be resident."""
    config = CONFIGS["edge"]
    words = config.blocks(case.hidden) * (case.inputs + case.hidden)
    return replace(config, weight_words=max(config.weight_words, words if case.resident else 0))


def measure(case: Case, say: Callable[[str], None], progress: Callable[[int, int], None]) -> dict:
    """Figures of one case by the hardware counters of its RTL simulation.

    The first run loads parameters and resident weights; the second, which is measured, finds them
    there, as every run does on a device that stays switched on. Simulated cycles are per second of
    CPU time.

    Parameters
    ----------
    case : Case
        What to measure.
    say, progress
        Told what is being done, see ``Simulation``.
    """
    config = case_config(case)
    backend = Simulation(config, LATENCY, say, progress)
    network = random_network([case.inputs, case.hidden])
    x = random_codes(network, 1, case.steps)
    backend.run(network, x[:, :1], resident=case.resident)
    started = process_time()
    result = backend.run(network, x, resident=case.resident, load=False)
    seconds = process_time() - started
    return {
        "inputs": case.inputs,
        "hidden": case.hidden,
        "lanes": config.lanes,
        "weights": "resident" if case.resident else "streamed",
        "steps": case.steps,
        "cycles_per_step": result.cycles / case.steps,
        "utilisation": result.utilisation,
        "edgedrnn": case.peer,
        "read_beats_share": result.counts.read_bytes / config.bus_bytes / result.cycles,
        "simulated_cycles_per_second": result.cycles / seconds,
    }


def bench_hardware(say: Callable[[str], None], progress: Callable[[int, int], None]) -> list[dict]:
    """Figures of every case: see ``measure``."""
    return [measure(case, say, progress) for case in CASES]
