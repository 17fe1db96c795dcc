"""The command that finds settings of the modes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import (
    Changes,
    Json,
    Lower,
    MetricName,
    NetworkBits,
    NodeName,
    OtherConfig,
    Percentile,
    Quantized,
    StatePairs,
    grouped,
)
from sim.explore import files
from sim.explore.evidence.schemes import study_path
from sim.explore.machine_values import values_of
from sim.explore.machines import find_config
from sim.explore.running import precision
from sim.explore.tuning.budgets import Budget
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import Examples, FileProblem, WorkloadProblem, divide
from sim.explore.tuning.search import SAVINGS, tune
from sim.explore.tuning.space import FAMILIES
from sim.explore.tuning.study_file import StudyFile
from sim.networks.loader import load_network
from sim.networks.network import NetworkError
from sim.workloads.catalogue import WORKLOADS, find_workload

__all__ = ["tune_network"]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What a network file is tuned on."""

    data: Annotated[
        Path | None,
        typer.Option(metavar="X", help="Samples: .npy, or .npz with inputs by name."),
    ] = None
    labels: Annotated[
        Path | None, typer.Option(metavar="Y", help="Labels of the samples, .npy.")
    ] = None
    metric: MetricName = None
    lower: Lower = False
    calibration_share: Annotated[
        float, typer.Option(help="Share of the samples that settings are chosen on.")
    ] = 0.5
    quantized: Quantized = None
    percentile: Percentile = None
    state: StatePairs = None


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to search."""

    budget: Annotated[
        str,
        typer.Option(
            help="What may be lost. exact: no bit changes. 0: bits change, the metric loses "
            "nothing. 0.01, 1% or 1se (standard errors): it loses so much. >=0.95, <=0.05, 30dB: "
            "it stays there.",
        ),
    ] = "exact"
    modes: Annotated[str, typer.Option(help=f"What to tune: {', '.join(FAMILIES)}.")] = "all"
    save: Annotated[str, typer.Option(help=f"What to save: {' or '.join(SAVINGS)}.")] = "macs"
    trials: Annotated[int, typer.Option(help="Settings to try.")] = 60
    seed: Annotated[int, typer.Option(help="What the search begins with.")] = 0


@dataclass(frozen=True, kw_only=True)
class Written:
    """Files to write."""

    study: Annotated[
        Path | None,
        typer.Option(help="Where measurements are kept and taken up again; the cache without."),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the settings, for run --settings."),
    ] = None
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write settings that lose more than the budget on held-out data, too."
        ),
    ] = False
    report: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None
    json: Json = None

    def check(self) -> None:
        """Refuse what could not be written, before any work."""
        for path in (self.study, self.output, self.report, self.json):
            printing.check_json(path)


@grouped
def tune_network(
    network: Annotated[
        Path | None, typer.Argument(help="A .tflite, .onnx, .safetensors, .pt or .refrain file.")
    ] = None,
    workload: Annotated[
        str | None, typer.Option(help=f"Tune a workload instead: {', '.join(WORKLOADS)}.")
    ] = None,
    node: NodeName = None,
    samples: Samples = Samples(),
    wanted: Search = Search(),
    config: OtherConfig = None,
    changes: Changes = None,
    network_bits: NetworkBits = None,
    written: Written = Written(),
) -> None:
    """Find the settings that save the most within a budget.

    The budget says how much accuracy may be lost. Settings are chosen on one share of the samples
    and measured on the rest; where they lose more than the budget there, they are not written. A
    search that was stopped goes on.
    """
    written.check()
    named = (config, changes or ())
    allowed = Budget(wanted.budget)
    if (network is None) == (workload is None):
        raise NetworkError("name a network file or a --workload to tune, one of them")
    with printing.working("searching") as (say, tell):
        if workload is not None:
            if samples.quantized is not None:
                raise NetworkError("--quantized is for a network file, not for a workload")
            if node is not None:
                raise NetworkError("--node chooses an LSTM of a network file, not of a workload")
            problem = _workload_problem(workload, named, network_bits, samples, say)
        else:
            problem = _file_problem(network, node, named, network_bits, samples, allowed)
        allowed.check_metric(problem.metric, samples.lower)
        path = written.study or study_path(problem.key)
        with files.held(path, "search", "--study names another file"):
            found, figures = _search(problem, path, allowed, wanted, say, tell)
        warnings = () if workload is not None else (*problem.notes, *problem.warnings())
    figures = {**figures, "config": values_of(problem.backend.config)}
    _print(figures)
    for sentence in warnings:
        printing.say(sentence)
    for path in (written.report, written.json):
        printing.write_json(path, figures)
    _check_held_out(figures, written)
    if written.output is not None:
        files.write_whole(written.output, found.to_json().encode())
        printing.say(f"wrote {written.output}")


def _check_held_out(figures: dict, written: Written) -> None:
    """Refuse settings that keep to the budget only on the data that they were chosen on.

    Raises
    ------
    NetworkError
        They lose more on the held-out data, and are not wanted all the same.
    """
    if figures["held_out_within_budget"]:
        return
    reached = printing.number(figures["held_out"]["tuned"]["score"])
    limit = printing.number(figures["held_out_limit"])
    sentence = (
        f"on the held-out data {figures['metric']} is {reached}, and the budget "
        f"{figures['budget']} ends at {limit}"
    )
    if written.force:
        printing.say(f"{sentence}: choose a smaller budget, or give more samples")
        return
    left = "" if written.output is None else f"{written.output} is not written; "
    raise NetworkError(
        f"{sentence}: {left}choose a smaller budget, give more samples, or take --force"
    )


def _search(problem, path: Path, budget: Budget, wanted: Search, say, tell):
    """Search; an interruption says where what was measured is."""
    study = StudyFile(path, problem.key, problem.title)
    try:
        return tune(
            problem,
            study,
            budget,
            family=wanted.modes,
            save=wanted.save,
            trials=wanted.trials,
            seed=wanted.seed,
            say=say,
            progress=tell,
        )
    except KeyboardInterrupt:
        printing.note(
            f"refrain: stopped; {study.size} settings that were measured are kept in {path}, and "
            "the same command goes on from there"
        )
        raise


def _workload_problem(name: str, named, bits, samples: Samples, say) -> WorkloadProblem:
    if samples.state or samples.percentile is not None:
        raise NetworkError("--state and --percentile are for a network file")
    given = (samples.data, samples.labels, samples.metric)
    if any(each is not None for each in given) or samples.lower:
        raise NetworkError("a workload has its own data, labels and metric")
    chosen = find_workload(name)
    machine = find_config(named[0] or chosen.config, named[1])
    precision(machine, bits)
    return WorkloadProblem(chosen, chosen.load(say), machine, bits)


def _file_problem(path: Path, node, named, bits, samples: Samples, budget: Budget) -> FileProblem:
    share, labels = samples.calibration_share, samples.labels
    if samples.data is None or samples.metric is None:
        raise NetworkError("a network file is tuned on samples: give --data and --metric")
    if not 0 < share < 1:
        raise NetworkError(f"the calibration share must be between 0 and 1, not {share:g}")
    measure = Metric(
        samples.metric,
        labelled=labels is not None,
        lower=samples.lower,
        errors=budget.in_errors,
    )
    machine = find_config(named[0] or "edge", named[1])
    truth = None if labels is None else files.read_array(labels)
    parts = divide(Examples(inputs=files.read_arrays(samples.data), labels=truth), share)
    how = {
        "quantized": samples.quantized,
        "percentile": samples.percentile,
        "states": tuple(samples.state or ()),
    }
    return FileProblem(str(path), load_network(path, node), parts, measure, machine, bits, **how)


def _print(figures: dict):
    rows = [
        {"data": part.replace("_", "-"), "settings": name, **row}
        for part in ("calibration", "held_out")
        for name, row in figures[part].items()
    ]
    printing.print_rows(rows, f"{figures['of']}: {figures['metric']} within {figures['budget']}")
    for number, layer in enumerate(figures["settings"]):
        chosen = ", ".join(f"{name} {printing.number(value)}" for name, value in layer.items())
        printing.say(f"layer {number}: {chosen}")
