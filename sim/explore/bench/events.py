"""Cycles of a step against the performance model, from no event to every column."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sim.explore.bench.utilisation import LATENCY, Case, case_config
from sim.explore.hardware import Simulation
from sim.image.modes import LayerModes
from sim.model.activity import Activity
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.network import IntegerNetwork

__all__ = ["EVENT_CASES", "SHARES", "bench_events", "moving_input", "performance_model", "settle"]

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of the columns of x that move from step to step; of h, about as many are events."""

_STEPS = (12, 60)
"""The first steps are not counted: the run begins with them."""


@dataclass(frozen=True, kw_only=True)
class EventCase:
    """A size, where its weights are, and what EdgeDRNN takes for a step without any event."""

    inputs: int
    hidden: int
    resident: bool
    peer: int


EVENT_CASES = (
    EventCase(inputs=64, hidden=128, resident=True, peer=218),
    EventCase(inputs=256, hidden=512, resident=True, peer=824),
    EventCase(inputs=64, hidden=128, resident=False, peer=218),
    EventCase(inputs=256, hidden=512, resident=False, peer=824),
)
"""What ``refrain bench`` measures, on 64 lanes."""


def performance_model(config, hidden: int, streamed: int, events: np.ndarray) -> np.ndarray:
    """Least cycles of steps with so many events each.

    Parameters
    ----------
    config : Config
        The machine.
    hidden : int
        Hidden units.
    streamed : int
        Blocks whose weights come from DRAM.
    events : int array
        Columns of ``x`` and of ``h`` together, per step.

    References
    ----------
    ``docs/machine.md``: the performance model.
    """
    lanes = config.blocks(hidden) * events
    bus = streamed * events * config.column_bytes // config.bus_bytes
    cell = hidden * config.unit_cycles
    return np.maximum(np.maximum(lanes, bus), cell)


def bench_events(say: Callable[[str], None], progress: Callable[[int, int], None]) -> list[dict]:
    """Measured and least cycles of a step for every case and share of ``SHARES``."""
    rows = []
    for case in EVENT_CASES:
        shape = Case(inputs=case.inputs, hidden=case.hidden, resident=case.resident, steps=0)
        config = case_config(shape)
        simulation = Simulation(config, LATENCY, say, progress)
        network = random_network([case.inputs, case.hidden])
        simulation.run(network, moving_input(network, 0, 1), resident=case.resident)
        rows += [_measure(case, simulation, network, share) for share in SHARES]
    return rows


def _measure(case: EventCase, simulation: Simulation, network: IntegerNetwork, share: float):
    config = simulation.config
    x = moving_input(network, share, _STEPS[1])
    modes = settle(network, x, share, config)
    options = {"resident": case.resident, "load": False, "modes": modes}
    trace = ModelBackend(config).run(network, x, trace=True, **options).trace[0]
    runs = [simulation.run(network, x[:, :steps], **options) for steps in _STEPS]
    counted = _STEPS[1] - _STEPS[0]
    measured = (runs[1].cycles - runs[0].cycles) / counted
    events = (trace.events_x + trace.events_h)[0, _STEPS[0] :]
    streamed = 0 if case.resident else config.blocks(case.hidden)
    least = float(performance_model(config, case.hidden, streamed, events).mean())
    return {
        "inputs": case.inputs,
        "hidden": case.hidden,
        "weights": "resident" if case.resident else "streamed",
        "events_share": float(events.mean()) / (case.inputs + case.hidden),
        "cycles_per_step": measured,
        "model": least,
        "above": measured - least,
        "allowed": 0.05 * least + 40,
        "edgedrnn_without_events": case.peer if not events.any() else None,
    }


def moving_input(network: IntegerNetwork, share: float, steps: int) -> np.ndarray:
    """int8 ``[1, steps, I]`` of which that share of the columns moves in every step."""
    rng = np.random.default_rng(7)
    inputs = network.layers[0].input_size
    x = np.empty((1, steps, inputs), np.int8)
    row = rng.integers(-128, 128, inputs)
    moving = round(share * inputs)
    for step in range(steps):
        columns = rng.permutation(inputs)[:moving]
        # By at least 20 codes and less than the whole range, so that no threshold below hides it.
        row[columns] = (row[columns] + 128 + rng.integers(20, 236, moving)) % 256 - 128
        x[0, step] = row
    return x


def settle(network: IntegerNetwork, x: np.ndarray, share: float, config) -> LayerModes:
    """Delta mode with the threshold of h at which about that share of h moves."""
    model, hidden = ModelBackend(config), network.layers[0].output_size

    def events(threshold: int) -> tuple[Activity, float]:
        modes = LayerModes(mode="delta", h_threshold=threshold)
        trace = model.run(network, x, modes=modes, trace=True).trace[0]
        return modes, float(trace.events_h[0, _STEPS[0] :].mean()) / hidden

    low, high = 0, 255
    while low < high:
        middle = (low + high) // 2
        if events(middle)[1] > share:
            low = middle + 1
        else:
            high = middle
    return events(low)[0]
