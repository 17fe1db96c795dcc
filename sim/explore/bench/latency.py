"""Cycles from a start to the end of a single step that goes on from the one before."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.config import CONFIGS
from sim.explore.bench.events import moving_input, settle
from sim.explore.bench.utilisation import LATENCY
from sim.explore.hardware import Simulation
from sim.image.modes import LayerModes
from sim.model.random_network import random_network
from sim.networks.network import IntegerNetwork

__all__ = ["LATENCY_CASES", "LatencyCase", "bench_latency", "compare"]

_STEPS = 40
_SETTLED = 12
"""The first steps are not counted: what moves in them is not what moves later."""


@dataclass(frozen=True, kw_only=True)
class LatencyCase:
    """A configuration, a size whose weights it holds, and the memory's latency in cycles."""

    config: str
    inputs: int
    hidden: int
    latency: int


LATENCY_CASES = (
    LatencyCase(config="tiny", inputs=16, hidden=56, latency=1),
    LatencyCase(config="edge", inputs=64, hidden=128, latency=1),
    LatencyCase(config="edge", inputs=64, hidden=128, latency=LATENCY),
    LatencyCase(config="edge", inputs=16, hidden=240, latency=1),
)
"""What ``refrain bench`` measures: sizes of which states, sums and weights stay in the machine."""


def bench_latency(say: Callable[[str], None], progress: Callable[[int, int], None]) -> list[dict]:
    """Cycles of runs of one step, beside what the same steps take in one run, for every case.

    What is measured is in ``cycles`` of the machine: from the write that starts it to its
    interrupt. Final states are not stored.
    """
    return [row for case in LATENCY_CASES for row in _measure(case, say, progress)]


def _measure(case: LatencyCase, say, progress) -> list[dict]:
    config = CONFIGS[case.config]
    simulation = Simulation(config, case.latency, say, progress)
    network = random_network([case.inputs, case.hidden])
    busy, still = (moving_input(network, share, _STEPS) for share in (0.2, 0.0))
    freeze = LayerModes(mode="skip", skip_threshold=1, skip_action="freeze")
    cases = (
        ("normal", busy, LayerModes()),
        ("delta, a fifth moves", busy, settle(network, busy, 0.2, config)),
        ("delta, nothing moves", still, settle(network, still, 0.0, config)),
        ("skip", still, freeze),
    )
    return [
        {
            "config": case.config,
            "inputs": case.inputs,
            "hidden": case.hidden,
            "memory_latency": case.latency,
            "mode": mode,
            **compare(simulation, network, x, modes),
        }
        for mode, x, modes in cases
    ]


def compare(simulation, network: IntegerNetwork, x: np.ndarray, modes: LayerModes) -> dict:
    """Mean cycles of a step alone, and of the same step among others, on any backend."""
    options = {"modes": modes, "resident": True, "store_state": False}
    counted = _STEPS - _SETTLED
    simulation.run(network, x[:, :_SETTLED], **options)
    together = simulation.run(network, x[:, _SETTLED:], resume=True, **options)
    simulation.run(network, x[:, :_SETTLED], **options)
    alone = [
        simulation.run(network, x[:, step : step + 1], resume=True, **options).cycles
        for step in range(_SETTLED, _STEPS)
    ]
    among = together.cycles / counted
    return {
        "cycles_alone": sum(alone) / counted,
        "cycles_among_others": among,
        "above": sum(alone) / counted - among,
    }
