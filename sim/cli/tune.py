"""The command that finds settings of the modes."""

from pathlib import Path
from typing import Annotated

import typer

from hw.config import CONFIGS
from sim.cli import printing
from sim.cli.commands import Json
from sim.explore import files
from sim.explore.budgets import Budget
from sim.explore.evidence import study_path
from sim.explore.running import find_config
from sim.explore.settings_space import FAMILIES
from sim.explore.study_file import StudyFile
from sim.explore.tuning import SAVINGS, tune
from sim.explore.tuning_metrics import METRICS, Metric
from sim.explore.tuning_problems import Examples, FileProblem, WorkloadProblem, divide
from sim.networks.loader import load_network
from sim.networks.network import NetworkError
from sim.workloads.catalogue import WORKLOADS, find_workload

__all__ = ["tune_network"]


def tune_network(
    network: Annotated[
        Path | None, typer.Argument(help="A .tflite, .onnx, .safetensors or .pt file.")
    ] = None,
    workload: Annotated[
        str | None, typer.Option(help=f"Tune a workload instead: {', '.join(WORKLOADS)}.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="X", help="Samples: .npy, or .npz with inputs by name."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="Y", help="Labels of the samples, .npy.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help=f"What must not be lost: {', '.join(METRICS)}.")
    ] = None,
    budget: Annotated[
        str,
        typer.Option(help="How much of it may be: 0 (exact), 0.01, 1%, 1se, >=0.95 or 30dB."),
    ] = "0",
    modes: Annotated[str, typer.Option(help=f"What to tune: {', '.join(FAMILIES)}.")] = "all",
    save: Annotated[str, typer.Option(help=f"What to save: {' or '.join(SAVINGS)}.")] = "macs",
    trials: Annotated[int, typer.Option(help="Settings to try.")] = 60,
    seed: Annotated[int, typer.Option(help="What the search begins with.")] = 0,
    calibration_share: Annotated[
        float, typer.Option(help="Share of the samples that settings are chosen on.")
    ] = 0.5,
    config: Annotated[
        str | None, typer.Option(help=f"The accelerator: {', '.join(CONFIGS)}.")
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(help="Where measurements are kept and taken up again; the cache without."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the settings, for run --settings."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report to this file.")] = None,
    json: Json = None,
) -> None:
    """Find the settings that save the most within an accuracy budget."""
    for path in (study, output, report, json):
        printing.check_json(path)
    allowed = Budget(budget)
    if (network is None) == (workload is None):
        raise NetworkError("name a network file or a --workload to tune, one of them")
    with printing.working("searching") as (say, tell):
        if workload is not None:
            problem = _workload_problem(workload, config, (data, labels, metric), say, tell)
        else:
            share = calibration_share
            problem = _file_problem(network, data, labels, metric, share, config)
        allowed.check_metric(problem.metric)
        kept = StudyFile(study or study_path(problem.key), problem.key, problem.title)
        found, figures = tune(
            problem,
            kept,
            allowed,
            family=modes,
            save=save,
            trials=trials,
            seed=seed,
            say=say,
            progress=tell,
        )
    _print(figures)
    if output is not None:
        files.write_whole(output, found.to_json().encode())
        printing.say(f"wrote {output}")
    for path in (report, json):
        printing.write_json(path, figures)


def _workload_problem(name: str, config, given, say, tell) -> WorkloadProblem:
    if any(each is not None for each in given):
        raise NetworkError("a workload has its own data, labels and metric")
    chosen = find_workload(name)
    machine = find_config(config or chosen.config)
    return WorkloadProblem(chosen, chosen.load(say, tell), machine)


def _file_problem(path: Path, data, labels, metric, share: float, config) -> FileProblem:
    if data is None or metric is None:
        raise NetworkError("a network file is tuned on samples: give --data and --metric")
    if not 0 < share < 1:
        raise NetworkError(f"the calibration share must be between 0 and 1, not {share:g}")
    measure = Metric(metric, labelled=labels is not None)
    machine = find_config(config or "edge")
    truth = None if labels is None else files.read_array(labels)
    parts = divide(Examples(inputs=files.read_arrays(data), labels=truth), share)
    return FileProblem(str(path), load_network(path), parts, measure, machine)


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
    if not figures["held_out_within_budget"]:
        printing.say("the held-out data lose more than the budget: choose a smaller one")
