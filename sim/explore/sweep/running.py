"""A sweep over precision, multipliers, levels and thresholds: measured in parallel, resumable."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from hw.config import Config
from hw.multipliers.family import Multiplier
from sim.explore import files
from sim.explore.kept import measure_missing
from sim.explore.multipliers.cost import liberty_cost
from sim.explore.outputs import real_values
from sim.explore.sweep.energy import Coefficients, step_energy
from sim.explore.sweep.points import Point
from sim.explore.tuning.budgets import Outcome
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import (
    Examples,
    FileProblem,
    WorkloadProblem,
    digest,
    divide,
    shares,
)
from sim.networks.float_lstm import run_float
from sim.networks.loader import load_network
from sim.networks.network import FloatNetwork, IntegerNetwork
from sim.workloads.catalogue import find_workload

__all__ = ["AXES", "Target", "pareto", "rows_csv", "sweep"]

AXES = ("macs", "bytes", "energy_pj")
"""What a step costs, in the order of the picture."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is swept: a workload, or a network file with data.

    Members
    -------
    config : Config
        The configuration that points change.
    workload : str or None
        Its name.
    network, data, labels : str or None
        Files, without a workload.
    node : str or None
        Which LSTM of a file of weights.
    metric : str or None
        One of ``METRICS`` or a function of the user's, for files.
    lower : bool
        Whether less of it is better.
    percentile : float or None
        Of ``quantize``.
    states : tuple of str
        Pairs ``IN=OUT`` of a model that runs call by call.
    share : float
        Share of a file's samples that formats are chosen on; the rest is measured.
    """

    config: Config
    workload: str | None = None
    network: str | None = None
    data: str | None = None
    labels: str | None = None
    node: str | None = None
    metric: str | None = None
    lower: bool = False
    percentile: float | None = None
    states: tuple[str, ...] = ()
    share: float = 0.5

    def key(self) -> str:
        """A name that changes with the content of files."""
        paths = (self.network, self.data, self.labels)
        chosen = () if self.node is None else (self.node,)
        if self.percentile is not None or self.states:
            chosen = (*chosen, self.percentile, self.states)
        contents = [None if path is None else Path(path).read_bytes() for path in paths]
        metric = (None,) if self.metric is None else self.judge().key
        return digest(self.config, self.workload, *metric, self.share, *contents, *chosen)

    def judge(self) -> Metric:
        """The metric of a network file.

        Raises
        ------
        NetworkError
            There is none, or it does not go with the labels.
        """
        return Metric(self.metric, labelled=self.labels is not None, lower=self.lower)

    def problem(self, config: Config, bits: int | None):
        """What measures a machine, and a network with weights of so many bits."""
        if self.workload is not None:
            workload = find_workload(self.workload)
            return WorkloadProblem(workload, _case(self.workload), config, bits)
        truth = None if self.labels is None else files.read_array(Path(self.labels))
        examples = Examples(inputs=files.read_arrays(Path(self.data)), labels=truth)
        metric = self.judge()
        network = load_network(Path(self.network), self.node)
        parts = divide(examples, self.share)
        how = {"percentile": self.percentile, "states": self.states}
        return _SweptFile(self.network, network, parts, metric, config, bits, **how)


class _SweptFile(FileProblem):
    """A network file whose outputs are compared with floating point: precision is swept, too.

    A network that comes in integers is compared with its own normal mode.
    """

    def measure(self, modes, part: str) -> Outcome:
        """As that of a tuned file, but for what is compared with."""
        if isinstance(self._given, IntegerNetwork):
            return super().measure(modes, part)
        outputs, results = self._run(modes, part)
        data = self.parts[part]
        if isinstance(self._given, FloatNetwork):
            reference = run_float(self._given, data.inputs)[0]
        else:
            found = self.model.reference(data.inputs)
            if found is None:
                return super().measure(modes, part)
            name = self.model.outputs[0]
            reference = real_values(self.model, name, found[name])
        score = self._metric.score(outputs, reference, data.labels, part)
        return Outcome(score=score, exact=False, **shares(results))


@lru_cache(maxsize=1)
def _case(name: str):
    return find_workload(name).load()


@lru_cache(maxsize=2)
def _problem(target: Target, config: Config, bits: int | None):
    return target.problem(config, bits)


def _dense(problem, config: Config) -> tuple[int, int]:
    """Products and bytes of weights of a step that multiplies everything."""
    networks = getattr(problem, "networks", None) or {"": problem.network}
    macs = weight_bytes = 0
    for network in networks.values():
        for layer in network.layers:
            for each in layer.directions:
                columns = each.input_size + each.hidden_size
                macs += 4 * each.hidden_size * columns
                weight_bytes += config.blocks(each.hidden_size) * config.column_bytes * columns
    return macs, weight_bytes


def measure(target: Target, point: Point) -> dict:
    """What a point gives on the held-out data, ready for JSON; energy is added later."""
    config = point.config(target.config)
    problem = _problem(target, config, point.network_bits)
    outcome = problem.measure(point.modes(), "held_out")
    macs, weight_bytes = _dense(problem, config)
    return {
        "metric": problem.metric,
        "score": outcome.score.value,
        "lower_is_better": outcome.score.lower,
        "standard_error": outcome.score.standard_error,
        "examples": outcome.score.examples,
        "macs": macs * (1 - outcome.macs),
        "bytes": weight_bytes * (1 - outcome.bytes),
        "macs_avoided_share": outcome.macs,
        "bytes_avoided_share": outcome.bytes,
    }


def sweep(
    target: Target,
    points: Sequence[Point],
    folder: Path,
    *,
    jobs: int = 1,
    liberty: Path | None = None,
    coefficients: Coefficients | None = None,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict]:
    """Measure every point that has not been; the rows of all, ready for a table.

    Parameters
    ----------
    target : Target
        What is measured.
    points : sequence of Point
        What is varied.
    folder : Path
        ``points.jsonl`` in it keeps what has been measured, a line for each point.
    jobs : int
        Processes.
    liberty : Path or None
        A Liberty file that the energy of a product is measured with.
    coefficients : Coefficients or None
        Of the rest of the energy.
    say, progress
        Told what happens, and how many points are done.

    Raises
    ------
    NetworkError, ConfigError
        A point that cannot be measured; the file of the folder is damaged.
    """
    coefficients = coefficients or Coefficients()
    lanes = _LaneEnergy(target, points, liberty, coefficients, say)

    def load():
        if target.workload is not None:
            say("loading")
            find_workload(target.workload).load(say)
        say("measuring")

    results = measure_missing(
        *(folder / "points.jsonl", target.key(), points, partial(measure, target)),
        jobs=jobs,
        load=load,
        progress=progress,
    )
    rows = []
    for point, result in zip(points, results, strict=True):
        energy = step_energy(result["macs"], result["bytes"], lanes.mac(point), coefficients)
        rows.append({**point.shown(), **result, "mac_pj": lanes.mac(point), **energy})
    return rows


class _LaneEnergy:
    """Energy of a product and its addition, measured once for each multiplier and level.

    With a cell library all of it is measured at once, so that a library that cannot be used is
    refused before anything else is done.
    """

    def __init__(self, target: Target, points, liberty: Path | None, coefficients, say):
        self._coefficients, self._known = coefficients, {}
        if liberty is None:
            return
        levels: dict[Multiplier, set[int]] = {}
        for point in points:
            levels.setdefault(point.config(target.config).multiplier, set()).add(point.level)
        for multiplier, used in levels.items():
            for row in liberty_cost(multiplier, liberty, sorted(used), None, 0, say):
                self._known[multiplier, row["level"]] = row["energy_pj"]
        self._machine = target.config

    def mac(self, point: Point) -> float:
        """Picojoules."""
        if not self._known:
            return self._coefficients.mac(point.weight_bits, point.activation_bits)
        return self._known[point.config(self._machine).multiplier, point.level]


def pareto(rows: Sequence[dict], cost: str) -> list[dict]:
    """Rows that no other row beats in score and cost, the cheapest first."""

    def gain(row: dict) -> float:
        return -row["score"] if row["lower_is_better"] else row["score"]

    front = []
    for row in sorted(rows, key=lambda row: (row[cost], -gain(row))):
        if not front or gain(row) > gain(front[-1]):
            front.append(row)
    return front


def rows_csv(rows: Sequence[dict]) -> bytes:
    """The table, with a column for each cost that says whether a row is on its Pareto front."""
    fronts = {cost: pareto(rows, cost) for cost in AXES}
    text = io.StringIO()
    names = [*rows[0], *(f"front_{cost}" for cost in AXES)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        on = {f"front_{cost}": int(any(row is each for each in fronts[cost])) for cost in AXES}
        writer.writerow({**row, **on})
    return text.getvalue().encode()
