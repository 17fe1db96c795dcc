"""Energy of a mapped machine that runs a real network, mode by mode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hw.config import Config
from sim.explore.running import precision
from sim.explore.silicon.energy import KINDS, Energy, leakage
from sim.explore.silicon.parts import PARTS
from sim.explore.silicon.report import Silicon
from sim.explore.silicon.simulating import GateSimulator, Tally
from sim.explore.silicon.timing import Timing
from sim.explore.workloads import quantize_case
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.result import Result
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.quantizer import to_codes
from sim.rtl.backend import DeviceBackend
from sim.rtl.memory_model import MemoryModel
from sim.workloads.catalogue import find_workload

__all__ = [
    "FIRST",
    "IDLE",
    "IDLE_CYCLES",
    "MODES",
    "GateBench",
    "Ran",
    "Runs",
    "Task",
    "measure_energy",
    "open_task",
    "run_modes",
]

FIRST = 2
"""Steps before those that are counted; the first is normal in every mode."""

IDLE_CYCLES = 200

IDLE = "idle, a cycle"
"""What the row of an idle machine is called; it is of one cycle."""

MODES = {
    "normal": LayerModes(),
    "delta": LayerModes(mode="delta"),
    "delta, thresholds": LayerModes(mode="delta", x_threshold=4, h_threshold=4),
    "skip": LayerModes(mode="skip", skip_threshold=0.0, skip_action="freeze"),
}
"""Modes that are measured: normal; delta that loses nothing; delta with thresholds of 4; and
skipped steps that hold ``h`` and ``c``."""


@dataclass(frozen=True)
class Task:
    """What a machine runs.

    Members
    -------
    name : str
        The workload's, and what is particular about it.
    network : IntegerNetwork
        Its network.
    x : int8 [1, steps, I]
        Steps of a sequence that was held out.
    """

    name: str
    network: IntegerNetwork
    x: np.ndarray


@dataclass(frozen=True)
class Ran:
    """A run from power-on: what was counted in the gates, and its result with its work."""

    tally: Tally
    result: Result


Runs = Mapping[str, tuple[Ran, Ran]]
"""By mode: a run of the first steps alone, and one of these and the steps that are counted."""


def open_task(
    config: Config,
    workload: str,
    steps: int,
    weight_bits: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Task:
    """The network of a workload in integers, and ``steps`` steps beside the first ones.

    Its weights have ``weight_bits``, those of the machine without, and where they are fewer the
    task is named after them.

    Raises
    ------
    NetworkError
        The steps are none or more than there are, the network does not fit the machine, or its
        weights would have more bits than the machine's.
    PackageError
        A file cannot be fetched, or there is no such workload.
    """
    if steps < 1:
        raise NetworkError(f"--steps must be at least 1, not {steps}")
    case = find_workload(workload).load(say)
    widths = precision(config, weight_bits)
    network = quantize_case(case, **widths)
    check_integer(network)
    split = case.evaluation
    longest = int(np.argmax(split.lengths))
    most = int(split.lengths[longest]) - FIRST
    if steps > most:
        raise NetworkError(
            f"--steps must be at most {most}, as the longest sequence of {workload} that was held "
            f"out has {most + FIRST}, not {steps}"
        )
    x = to_codes(split.x[longest : longest + 1], network.layers[0].directions[0].x)
    ModelBackend(config).run(network, x[:, :FIRST])
    few = widths["weight_bits"] < config.multiplier.weight_width
    name = f"{workload}, weights of {weight_bits} bits" if few else workload
    return Task(name, network, x[:, : FIRST + steps])


class GateBench:
    """Runs networks on the gates of a machine, and compares every bit of ``h`` with the model.

    Parameters
    ----------
    silicon : Silicon
        The mapped machine.
    config : Config
        Its configuration.
    progress : function of (int, int)
        Told the cycles of a run so far, and those to be expected.

    Members
    -------
    energy : Energy
        What transitions, pulses and accesses cost.
    watts : float
        Leakage.
    hertz : float
        The clock at which leakage counts.
    """

    def __init__(
        self,
        silicon: Silicon,
        config: Config,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ):
        process = silicon.process
        macros = {macro.name: macro for macro in process.choice.macros}
        timing = Timing(silicon.gates, process.choice.library, macros, process.wire)
        self.config, self._progress = config, progress
        self.energy = Energy(timing, process.wire)
        self.watts = leakage(silicon.gates)
        self.hertz = 1e6 * process.choice.clock_mhz
        self.simulator = GateSimulator(timing)

    def run(self, network: IntegerNetwork, x: np.ndarray, modes: LayerModes, **options) -> Ran:
        """A run from power-on; ``options`` are those of ``RunOptions``.

        Raises
        ------
        NetworkError
            A bit of ``h`` differs: the netlist is wrong.
        """
        self.simulator.restart(MemoryModel())
        before = self.simulator.tally.copy()
        backend = DeviceBackend(self.config, self.simulator, "gates")
        options["modes"] = modes
        expected = ModelBackend(self.config).run(network, x, work=True, **options)
        result = backend.run(
            network, x, progress=lambda done: self._progress(done, expected.cycles), **options
        )
        if not np.array_equal(result.h, expected.h):
            wrong = int(np.count_nonzero(result.h != expected.h))
            raise NetworkError(
                f"{wrong} of {result.h.size} values of h differ between the gates and the model: "
                f"the netlist does not compute what the machine does"
            )
        tally = self.simulator.tally.copy().less(before)
        return Ran(tally, replace(result, work=expected.work))

    def idle(self) -> Tally:
        """Cycles behind a run, in which nobody asks for anything."""
        before = self.simulator.tally.copy()
        self.simulator.run(IDLE_CYCLES)
        return self.simulator.tally.copy().less(before)


def run_modes(
    bench: GateBench,
    task: Task,
    modes: Mapping[str, LayerModes] = MODES,
    say: Callable[[str], None] = lambda text: None,
    **options,
) -> Runs:
    """Runs of a task in each mode: of the first steps, and from power-on of all of them.

    Raises
    ------
    NetworkError
        A bit of ``h`` differs.
    """
    found = {}
    for name, chosen in modes.items():
        say(f"simulating the gates with {task.name} in mode {name}")
        given = (task.x[:, :FIRST], task.x)
        found[name] = tuple(bench.run(task.network, x, chosen, **options) for x in given)
    return found


def measure_energy(
    bench: GateBench, task: Task, runs: Runs, say: Callable[[str], None] = lambda text: None
) -> dict:
    """Joules of a step, by mode, part and kind.

    What the longer run of a mode takes more than the shorter one is of the steps that are counted.
    The gates go on from the last run for the cycles in which they are idle.

    Returns
    -------
    dict
        ``modes``: a row for each mode, and one of an idle machine; ``parts``: for each mode a row
        for each part; ``glitch_energy_share``, ``clashes``, ``workload``, ``steps``.
    """
    steps = task.x.shape[1] - FIRST
    rows, parts, glitches = [], {}, {}
    for name, (first, whole) in runs.items():
        tally = whole.tally.less(first.tally)
        work = {
            "cycle": (whole.result.cycles - first.result.cycles) / steps,
            "product": (whole.result.counts.macs_done - first.result.counts.macs_done) / steps,
        }
        found = bench.energy.count(tally) / steps
        still = bench.watts * work["cycle"] / bench.hertz
        rows.append(_row(name, found, still, work))
        parts[name] = _part_rows(found, still)
        glitches[name] = bench.energy.glitches(tally)["glitch_energy_share"]
    say("simulating idle gates")
    idle = bench.energy.count(bench.idle()) / IDLE_CYCLES
    still = bench.watts / bench.hertz
    rows.append(_row(IDLE, idle, still, {"cycle": 1, "product": 0}))
    parts[IDLE] = _part_rows(idle, still)
    return {
        "workload": task.name,
        "steps": steps,
        "clashes": bench.energy.clashes(bench.simulator.tally.copy()),
        "modes": rows,
        "parts": parts,
        "glitch_energy_share": glitches,
    }


def _row(name: str, found: np.ndarray, still: np.ndarray, work: dict) -> dict:
    total, macs = float(found.sum() + still.sum()), work["product"]
    return {
        "mode": name,
        "cycles": work["cycle"],
        "products": macs,
        "pj": 1e12 * total,
        "pj_per_product": 1e12 * total / macs if macs else None,
        **{f"{kind}_pj": 1e12 * float(found[:, k].sum()) for k, kind in enumerate(KINDS)},
        "leakage_pj": 1e12 * float(still.sum()),
    }


def _part_rows(found: np.ndarray, still: np.ndarray) -> list[dict]:
    whole = found.sum(axis=1) + still
    total = float(whole.sum())
    return [
        {
            "part": part,
            "pj": 1e12 * float(whole[k]),
            "share_percent": 100 * float(whole[k]) / max(total, 1e-30),
            **{f"{kind}_pj": 1e12 * float(found[k, place]) for place, kind in enumerate(KINDS)},
            "leakage_pj": 1e12 * float(still[k]),
        }
        for k, part in enumerate(PARTS)
    ]
