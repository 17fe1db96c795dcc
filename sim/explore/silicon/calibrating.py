"""Energy coefficients of a mapped machine: measured on networks made for it, tested on others."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hw.config import Config
from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.estimating import energy_of
from sim.explore.energy.fitting import Sample, errors_of, fit_work
from sim.explore.machine_values import values_of
from sim.explore.silicon.energy import KINDS
from sim.explore.silicon.measuring import (
    FIRST,
    IDLE_CYCLES,
    MODES,
    GateBench,
    Ran,
    Runs,
    Task,
    run_modes,
)
from sim.explore.silicon.parts import PARTS
from sim.explore.silicon.report import Process
from sim.image.modes import LayerModes
from sim.model.random_network import random_network
from sim.model.work import LOAD, WORK
from sim.networks.network import IntegerNetwork

__all__ = ["Training", "calibrate", "training_tasks"]

Table = dict[str, dict[str, float]]

_TRAINED = {
    **MODES,
    "skip, hold": LayerModes(mode="skip", skip_threshold=0.0, skip_action="hold"),
}

_SHAPES = ((24, 6, 192, None), (9, 24, 128, None), (14, 12, 64, False))
"""Of each network: inputs, blocks, hidden units at most, and whether its weights are resident.
Machines of many lanes have large blocks, and their gates run a few hundred cycles in a second."""

_STEPS = 3
"""Counted steps of each network that coefficients are fitted to."""

_JUDGED = 0.1
"""Parts that take at least this share of the energy are judged one by one."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What coefficients are fitted to: a task, and options of its runs."""

    task: Task
    options: Mapping = field(default_factory=dict)


def training_tasks(config: Config) -> list[Training]:
    """Networks with random weights, of sizes that fit a machine, on inputs that move like signals.

    Two of them keep their weights on chip, as far as they fit, and one streams all of them.
    """
    unit, most = config.units_per_block, config.max_hidden
    found = []
    for seed, (inputs, blocks, largest, resident) in enumerate(_SHAPES, 1):
        hidden = min(max(unit * blocks, 16), max(unit, largest), most)
        network = random_network(
            [min(inputs, config.max_input), hidden],
            seed=seed,
            weight_bits=config.multiplier.weight_width,
            activation_bits=config.act_width,
            row_scales=config.row_scales,
        )
        name = f"random {network.layers[0].input_size} to {hidden}"
        name += "" if resident is None else ", streamed"
        task = Task(name, network, _signals(network, FIRST + _STEPS, seed))
        found.append(Training(task=task, options={} if resident is None else {"resident": False}))
    return found


def _signals(network: IntegerNetwork, steps: int, seed: int) -> np.ndarray:
    """Codes of signals that move by a part of their range, each in some of the steps."""
    rng = np.random.default_rng(seed)
    form, size = network.layers[0].directions[0].x, network.layers[0].input_size
    reach = (form.high - form.low) / 2
    moves = rng.normal(0, reach / 8, (steps, size)) * (rng.random((steps, size)) < 0.7)
    walk = rng.normal(0, reach / 3, size) + np.cumsum(moves, axis=0)
    return np.clip(np.rint(walk + form.zero_point), form.low, form.high).astype(form.dtype)[None]


def calibrate(
    bench: GateBench,
    process: Process,
    tested: Sequence[tuple[Task, Runs]],
    say: Callable[[str], None] = lambda text: None,
) -> Coefficients:
    """Coefficients of a machine, fitted to networks made for it and tested on ``tested``.

    Parameters
    ----------
    bench : GateBench
        The machine.
    process : Process
        What it was mapped to.
    tested : sequence of (Task, Runs)
        Networks that take no part in the fit, and what the gates did with them.
    say : function of str
        Told what happens.

    Raises
    ------
    NetworkError
        A bit of ``h`` differs.
    """
    trained = [
        (each.task, run_modes(bench, each.task, _TRAINED, say, **each.options))
        for each in training_tasks(bench.config)
    ]
    say("simulating idle gates")
    idle = _by_part(bench.energy.count(bench.idle()) / IDLE_CYCLES)
    fitted, judged = (_samples(bench, runs, idle) for runs in (trained, tested))
    judged = [sample for sample in judged if not sample.mode.endswith(LOAD)]
    say("fitting coefficients")
    coefficients = Coefficients(
        config=values_of(bench.config),
        work=fit_work(fitted, idle),
        idle=idle,
        leakage=dict(zip(PARTS, map(float, bench.watts), strict=True)),
        clock_mhz=bench.hertz / 1e6,
        origin=_origin(process, fitted, [task for task, _ in tested]),
        errors={},
    )
    errors = {
        "of": "estimated less measured, without leakage, in per cent of what was measured",
        "fitted": _errors(coefficients, fitted),
        "tested": _errors(coefficients, judged),
    }
    return replace(coefficients, errors=errors)


def _samples(bench: GateBench, tasks: Sequence[tuple[Task, Runs]], idle) -> list[Sample]:
    """Of each mode the first steps with all that comes before them, and the steps behind those."""
    found = []
    for task, runs in tasks:
        for name, pair in runs.items():
            (work, energy), (more_work, more_energy) = (_done(bench, ran, idle) for ran in pair)
            more = {key: more_work[key] - work[key] for key in work}
            found += [
                Sample(network=task.name, mode=f"{name}, {LOAD}", work=work, energy=energy),
                Sample(
                    network=task.name, mode=name, work=more, energy=_less(more_energy, energy, 1.0)
                ),
            ]
    return found


def _done(bench: GateBench, ran: Ran, idle) -> tuple[dict[str, float], Table]:
    """The work of a run, and its energy."""
    work = {key: sum(row[key] for row in ran.result.work.values()) for key in WORK}
    work["cycle"] = float(ran.result.cycles)
    # While the host writes and polls registers, the machine is idle.
    outside = float(ran.tally.pulses[-1]) - ran.result.cycles
    return work, _less(_by_part(bench.energy.count(ran.tally)), idle, outside)


def _by_part(joules: np.ndarray) -> Table:
    """Picojoules by part and kind."""
    return {
        part: {kind: 1e12 * float(joules[k, place]) for place, kind in enumerate(KINDS)}
        for k, part in enumerate(PARTS)
    }


def _less(energy: Mapping, other: Mapping, times: float) -> Table:
    return {
        part: {kind: pj - times * other[part][kind] for kind, pj in kinds.items()}
        for part, kinds in energy.items()
    }


def _errors(coefficients: Coefficients, samples: Sequence[Sample]) -> list[dict]:
    return errors_of(samples, (energy_of(coefficients, s.work) for s in samples), _JUDGED)


def _origin(process: Process, fitted: Sequence[Sample], tested: Sequence[Task]) -> dict:
    choice = process.choice
    return {
        "library": choice.library.name,
        "volts": choice.library.voltage,
        "degrees": choice.library.temperature,
        "liberty_sha256": hashlib.sha256(choice.text.encode()).hexdigest(),
        "memories": sorted(macro.name for macro in choice.macros),
        "mapped_for_mhz": choice.clock_mhz,
        "gated_clocks": choice.gated,
        "memory_area": choice.area,
        "wire_ff_per_pin": round(1e15 * process.wire, 3),
        "fitted_to": list(dict.fromkeys(sample.network for sample in fitted)),
        "tested_on": [task.name for task in tested],
    }
