"""Speed of the NumPy model in delta mode, on one thread.

``python -m sim.explore.bench.delta`` prints the figures as JSON.
"""

import json
import sys
from dataclasses import asdict, dataclass
from time import process_time

import numpy as np

from hw.config import CONFIGS
from sim.explore.bench.model import on_one_thread
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.model.network import Model
from sim.model.random_network import random_network
from sim.networks.network import IntegerNetwork

__all__ = ["DELTA_CASES", "DeltaCase", "bench_delta", "measure_delta"]

_MODES = Modes(layers=(LayerModes(mode="delta", x_threshold=4, h_threshold=4),))
_MOVING = 0.3
"""Share of the columns of x that move from step to step."""


@dataclass(frozen=True, kw_only=True)
class DeltaCase:
    """One measurement.

    Members
    -------
    inputs, hidden : int
        Size of the LSTM.
    sequences, steps : int
        Sequences run at once, and their length.
    config : str
        The machine.
    follow : bool
        Whether to measure the backend too, which counts cycles: of streamed weights burst by burst.
    """

    inputs: int
    hidden: int
    sequences: int
    steps: int
    config: str
    follow: bool


DELTA_CASES = (
    DeltaCase(inputs=128, hidden=128, sequences=1, steps=100_000, config="edge", follow=True),
    DeltaCase(inputs=2048, hidden=2048, sequences=1, steps=40, config="chip", follow=False),
    DeltaCase(inputs=2048, hidden=2048, sequences=16, steps=20, config="chip", follow=False),
)
"""What ``bench_delta`` measures."""


def bench_delta(cases: tuple[DeltaCase, ...] = DELTA_CASES) -> list[dict]:
    """Figures of all cases: see :func:`measure_delta`; each in a process with one thread."""
    return [row for case in cases for row in on_one_thread(__spec__.name, json.dumps(asdict(case)))]


def measure_delta(case: DeltaCase) -> dict:
    """Seconds of CPU time, and steps per second, of one run.

    ``seconds`` is of values and events; ``seconds_with_cycles`` of what ``refrain run`` does, with
    all counters and the model of time, None where it was not measured.
    """
    config = CONFIGS[case.config]
    network = random_network([case.inputs, case.hidden])
    x = _walk(network, case)
    model, backend = Model(network, config), ModelBackend(config)
    count = case.sequences * case.steps
    model.run(x[:, :2], None, _MODES)
    seconds = _seconds(lambda: model.run(x, None, _MODES, trace=True))
    followed = _seconds(lambda: backend.run(network, x, modes=_MODES)) if case.follow else None
    return {
        "inputs": case.inputs,
        "hidden": case.hidden,
        "sequences": case.sequences,
        "steps": count,
        "seconds": seconds,
        "steps_per_second": count / seconds,
        "seconds_with_cycles": followed,
    }


def _seconds(run) -> float:
    started = process_time()
    run()
    return process_time() - started


def _walk(network: IntegerNetwork, case: DeltaCase) -> np.ndarray:
    """int8 ``[sequences, steps, I]`` of which some columns move a little in every step."""
    rng = np.random.default_rng(3)
    shape = (case.sequences, case.steps, network.layers[0].input_size)
    moves = rng.integers(-12, 13, shape) * (rng.random(shape) < _MOVING)
    return np.cumsum(moves, axis=1).astype(np.int8)


if __name__ == "__main__":
    print(json.dumps([measure_delta(DeltaCase(**json.loads(sys.argv[1])))]))
