"""The commands on workloads: list them, fetch their files, measure them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.cli.options import Changes, Json, NetworkBits, OtherConfig
from sim.explore import files
from sim.explore.accuracy.measuring import BY_CALL, CURVE, METHODS, accuracy_rows
from sim.explore.accuracy.subjects import NETWORKS, network_subject, workload_subject
from sim.explore.accuracy.table import accuracy_markdown, byte_rows, score_rows, shown_rows
from sim.explore.bench.published import format_rows, published_markdown, published_rows
from sim.explore.bench.utilisation import LATENCY
from sim.explore.evidence.agreement import agrees, compare_workload
from sim.explore.evidence.schemes import evidence
from sim.explore.evidence.table import markdown, shown_row
from sim.explore.machines import find_config
from sim.explore.pruned_workloads import pruned_rows
from sim.explore.running import make_backend
from sim.explore.training import train_anew, write_trained
from sim.explore.workloads import measure_workload, workload_rows
from sim.networks.network import NetworkError
from sim.workloads.catalogue import WORKLOADS, find_workload, trained_here
from sim.workloads.packages import cache_folder
from sim.workloads.published.catalogue import PUBLISHED

__all__ = ["workload"]

workload = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(help=f"The workload: {', '.join(WORKLOADS)}.")]


@workload.callback()
def show_help(context: typer.Context) -> None:
    """Measure real networks on real data."""
    if context.invoked_subcommand is None:
        printing.say(context.get_help())


@workload.command("list")
def list_all(json: Json = None) -> None:
    """List the workloads."""
    printing.check_json(json)
    rows = workload_rows(WORKLOADS.values())
    shown = ("name", "summary", "metric", "licence")
    printing.print_rows({key: row[key] for key in shown} for row in rows)
    printing.write_json(json, rows)


@workload.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="Workloads; all of them without any.")
    ] = None,
) -> None:
    """Download the files of workloads into the cache."""
    chosen = [find_workload(name, final) for name in names or WORKLOADS for final in (False, True)]
    with printing.working("fetching") as (say, _):
        paths = [path for each in chosen for path in each.fetch(say)]
    for path in dict.fromkeys(paths):
        printing.say(str(path))


@workload.command()
def run(
    name: Name,
    config: OtherConfig = None,
    changes: Changes = None,
    network_bits: NetworkBits = None,
    json: Json = None,
) -> None:
    """Measure a workload in floating point and in integers.

    On the held-out data of the division for development.
    """
    printing.check_json(json)
    chosen = find_workload(name)
    backend = make_backend("model", find_config(config or chosen.config, changes or ()), LATENCY)
    with printing.working("measuring") as (say, _):
        figures = measure_workload(chosen, backend, say, network_bits)
    # Which way a metric is better is for programs; its name tells people.
    scores = [{k: v for k, v in row.items() if k != "lower"} for row in figures["scores"]]
    printing.print_rows(scores, chosen.summary)
    shown = ("sequences", "steps", "macs", "macs_per_step")
    printing.print_values({key: figures[key] for key in shown})
    printing.write_json(json, figures)


@workload.command()
def prune(
    names: Annotated[
        list[str] | None, typer.Argument(help="Workloads; all but deepspeech without any.")
    ] = None,
    keep: Annotated[
        list[float] | None,
        typer.Option(help="Share of columns that each block keeps; 0.75, 0.5, 0.25 without."),
    ] = None,
    config: OtherConfig = None,
    changes: Changes = None,
    json: Json = None,
) -> None:
    """Prune networks of workloads on calibration data, and measure them on held-out data."""
    printing.check_json(json)
    chosen = [find_workload(name) for name in names or WORKLOADS if names or name != "deepspeech"]
    machine = find_config(config or "edge", changes or ())
    rows = []
    with printing.working("pruning") as (say, _):
        for each in chosen:
            rows += pruned_rows(each, keep or (0.75, 0.5, 0.25), machine, say)
    printing.print_rows(rows)
    printing.write_json(json, rows)


@workload.command()
def train(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Workloads whose network is trained here; all of them without any."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Write the networks into this folder."),
    ] = None,
    json: Json = None,
) -> None:
    """Train networks anew, and say whether they are the same bits as those that are kept.

    Both divisions are trained. All other commands go on with the networks that are kept.
    """
    printing.check_json(json)
    if output is not None:
        files.check_folder(output)
    done = []
    with printing.working("training") as (say, tell):
        for each in trained_here(names):
            done.append(train_anew(each, say, tell))
    rows = [each.row for each in done]
    printing.print_rows(rows)
    if output is not None:
        write_trained(output, done)
        printing.say(f"wrote {len(done)} networks and their hashes into {output}")
    printing.write_json(json, rows)
    others = [row["network"] for row in rows if not row["same_bits"]]
    printing.say(f"other bits: {', '.join(others)}" if others else "the same bits")


@workload.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(help="Workloads; all of them without any.")
    ] = None,
    latency: Annotated[
        int, typer.Option(help="Cycles from a memory read's address to its first data.")
    ] = LATENCY,
    json: Json = None,
) -> None:
    """Compare exact delta with normal, and RTL with the model.

    Bit for bit, on held-out data of the final division.
    """
    printing.check_json(json)
    chosen = [find_workload(name, final=True) for name in names or WORKLOADS]
    rows = []
    with printing.working("simulating the RTL") as (say, tell):
        for each in chosen:
            rows += compare_workload(each, find_config(each.config), latency, say, tell)
    printing.print_rows(rows)
    printing.write_json(json, rows)
    wrong = sorted({row["workload"] for row in rows if not agrees(row)})
    printing.say(f"differences: {', '.join(wrong)}" if wrong else "no bit and no counter differs")
    if wrong:
        raise typer.Exit(1)


@workload.command()
def published(
    names: Annotated[
        list[str] | None, typer.Argument(help="Networks; all of them without any.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table as Markdown.")
    ] = None,
    json: Json = None,
) -> None:
    """Run networks as their packages ship them.

    Says of each how near it is to floating point, with activations of 8 and of 16 bits, and what
    exact delta leaves out.
    """
    for path in (output, json):
        printing.check_json(path)
    unknown = [name for name in names or () if name not in PUBLISHED]
    if unknown:
        known = ", ".join(PUBLISHED)
        raise NetworkError(f"there is no published network {unknown[0]}; there are {known}")
    with printing.working("running") as (say, _):
        rows = published_rows([PUBLISHED[name] for name in names or PUBLISHED], say)
    printing.print_rows({k: v for k, v in row.items() if k != "formats"} for row in rows)
    others = format_rows(rows)
    if others:
        printing.print_rows(others, "Output and LSTM in other formats")
    if output is not None:
        files.write_whole(output, published_markdown(rows).encode())
        printing.say(f"wrote {output}")
    printing.write_json(json, rows)
    broken = [row["network"] for row in rows if row["exact"] is False]
    if broken:
        printing.say(f"exact delta changes bits of {', '.join(broken)}")
        raise typer.Exit(1)


@workload.command()
def accuracy(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Networks and workloads; four networks and all workloads without any."),
    ] = None,
    curve: Annotated[
        bool, typer.Option("--curve", help="Weights of 6, 3 and 2 bits, too.")
    ] = False,
    by_call: Annotated[
        bool, typer.Option("--by-call", help="ONNX Runtime call by call in streams, too.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the tables as a Markdown page.")
    ] = None,
    json: Json = None,
) -> None:
    """Compare networks in integers with floating point, ONNX Runtime beside them.

    Signal-to-noise ratios of outputs and LSTM layers, metrics of workloads, bytes of weights. Goes
    on where it was stopped.
    """
    for path in (output, json):
        printing.check_json(path)
    chosen = [_subject_of(name) for name in names or (*NETWORKS, *WORKLOADS)]
    methods = (*METHODS, *(CURVE if curve else ()), *(BY_CALL if by_call else ()))
    with printing.working("measuring") as (say, tell):
        subjects = [make(say) for make in chosen]
        rows = accuracy_rows(subjects, methods, cache_folder(), say, tell)
    printing.print_rows(shown_rows(rows))
    scores = score_rows(rows)
    if scores:
        printing.print_rows(scores, "Metrics on held-out data")
    printing.print_rows(byte_rows(rows), "Bytes of weights, and of what is beside them")
    if output is not None:
        files.write_whole(output, accuracy_markdown(rows).encode())
        printing.say(f"wrote {output}")
    printing.write_json(json, rows)


def _subject_of(name: str) -> Callable:
    """What makes a subject of this name, told what to say."""
    if name in PUBLISHED:
        return lambda say: network_subject(PUBLISHED[name])
    if name not in WORKLOADS:
        known = ", ".join((*PUBLISHED, *WORKLOADS))
        raise NetworkError(f"there is no network or workload {name}; there are {known}")
    return lambda say: workload_subject(WORKLOADS[name], say)


@workload.command()
def table(
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This workload; all without.")
    ] = None,
    config: OtherConfig = None,
    changes: Changes = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table as Markdown.")
    ] = None,
    json: Json = None,
) -> None:
    """Measure what every scheme costs and saves.

    On held-out data of the final division; goes on where it was stopped.
    """
    for path in (output, json):
        printing.check_json(path)
    chosen = [find_workload(name, final=True) for name in only or WORKLOADS]
    machines = [find_config(config or each.config, changes or ()) for each in chosen]
    rows = []
    with printing.working("measuring") as (say, tell):
        for each, machine in zip(chosen, machines, strict=True):
            rows += evidence(each, machine, say, tell)
    for each, machine in zip(chosen, machines, strict=True):
        shown = [shown_row(row) for row in rows if row["workload"] == each.name]
        printing.print_rows(shown, f"{each.name}: {each.metric}, configuration {machine.name}")
    if output is not None:
        files.write_whole(output, markdown(rows).encode())
        printing.say(f"wrote {output}")
    printing.write_json(json, rows)
