"""The command that measures many machines, precisions and settings."""

import os
import shlex
import sys
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
    NodeName,
    OtherConfig,
    Percentile,
    RowScales,
    StatePairs,
    grouped,
)
from sim.explore import files
from sim.explore.sweep.fronts import fronts_of, pareto, varied
from sim.explore.sweep.picture import sweep_picture
from sim.explore.sweep.plan import EXAMPLE, Plan, read_plan
from sim.explore.sweep.points import split_multipliers, split_numbers
from sim.explore.sweep.running import AXES, rows_csv
from sim.explore.sweep.running import sweep as run_sweep
from sim.explore.sweep.short import short_plan
from sim.explore.sweep.subjects import Subject as Measured
from sim.networks.network import NetworkError
from sim.workloads.catalogue import WORKLOADS

__all__ = ["sweep"]

_FAILED = 1
_SETTINGS = (
    *("subject", "weight_bits", "activation_bits", "network_bits", "percentile", "multiplier"),
    *("mode", "level", "x_threshold", "h_threshold", "lanes", "bus_width", "max_input"),
    *("max_hidden", "weight_words", "stream_words", "cell_lanes", "row_cycles", "clock_mhz"),
    "row_scales",
)
_FIGURES = ("score", "standard_error", "macs", "bytes", "energy_pj", "step_us")
_CELLS = ("lut", "ff", "dsp", "bram", "fits", "cells_from")
_SHOWN_FAILURES = 5


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured."""

    network: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLAN.toml|NETWORK]",
            help="A plan; or a .onnx, .safetensors, .pt, .tflite or .refrain file.",
        ),
    ] = None
    node: NodeName = None
    workload: Annotated[
        str | None, typer.Option(help=f"Or a workload: {', '.join(WORKLOADS)}.")
    ] = None
    data: Annotated[Path | None, typer.Option(metavar="X", help="Samples for a network file.")] = (
        None
    )
    labels: Annotated[Path | None, typer.Option(metavar="Y", help="Labels of the samples.")] = None
    metric: MetricName = None
    lower: Lower = False
    config: OtherConfig = None
    changes: Changes = None
    percentile: Percentile = None
    state: StatePairs = None

    def measured(self) -> Measured:
        """The same, checked."""
        if self.workload is not None and self.percentile is not None:
            raise NetworkError("--state and --percentile are for a network file")
        given = {
            name: None if getattr(self, name) is None else str(getattr(self, name))
            for name in ("network", "data", "labels")
        }
        found = Measured(
            name=self.workload or str(self.network),
            workload=self.workload,
            node=self.node,
            metric=self.metric,
            lower=self.lower,
            states=tuple(self.state or ()),
            **given,
        )
        found.check()
        return found


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What is combined."""

    weight_bits: Annotated[str, typer.Option(help="Bits of a weight, with commas.")] = "8"
    activation_bits: Annotated[str, typer.Option(help="Bits of x and h, with commas.")] = "8"
    network_bits: Annotated[
        str | None,
        typer.Option(help="Bits of the network's weights in each machine, with commas; its own."),
    ] = None
    multipliers: Annotated[
        str, typer.Option(help="Multipliers, with commas, as 'refrain multipliers' lists them.")
    ] = "exact"
    levels: Annotated[str, typer.Option(help="Levels by number, with commas, or all.")] = "all"
    modes: Annotated[str, typer.Option(help="normal, delta and reduced, with commas.")] = (
        "normal,delta"
    )
    row_scales: RowScales = False
    threshold_x: Annotated[str, typer.Option(help="Thresholds of x, with commas.")] = "0"
    threshold_h: Annotated[str, typer.Option(help="Thresholds of h, with commas.")] = "0"
    normal_every: Annotated[
        int, typer.Option(help="Every so many steps of delta mode is normal; 0 for the first.")
    ] = 0
    unsafe_level: Annotated[
        str | None, typer.Option(metavar="NAME", help="Allow this level in delta mode.")
    ] = None

    def plan(self, subject: Subject) -> Plan:
        """The plan that these options are short for."""
        levels, bits = self.levels, self.network_bits
        return short_plan(
            subject.measured(),
            base=subject.config,
            changes=subject.changes or (),
            weight_bits=split_numbers("--weight-bits", self.weight_bits),
            activation_bits=split_numbers("--activation-bits", self.activation_bits),
            multipliers=split_multipliers(self.multipliers),
            levels=None if levels == "all" else split_numbers("--levels", levels),
            modes=tuple(dict.fromkeys(self.modes.split(","))),
            x_thresholds=split_numbers("--threshold-x", self.threshold_x),
            h_thresholds=split_numbers("--threshold-h", self.threshold_h),
            normal_every=self.normal_every,
            row_scales=self.row_scales,
            unsafe_level=self.unsafe_level,
            network_bits=None if bits is None else split_numbers("--network-bits", bits),
            percentile=subject.percentile,
        )


@dataclass(frozen=True, kw_only=True)
class How:
    """Where it is measured, and what becomes of results that are there."""

    jobs: Annotated[int | None, typer.Option(help="Processes; all cores without.")] = None
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Measure on the workers of this Dask scheduler."),
    ] = None
    synthesise: Annotated[
        str | None,
        typer.Option(
            metavar="front|all",
            help="Count cells of these points' machines by Yosys: minutes each.",
        ),
    ] = None
    part: Annotated[
        str | None,
        typer.Option(
            help="The FPGA that machines are compared with: xc7z020, say. What is not synthesised "
            "is estimated."
        ),
    ] = None
    retry: Annotated[bool, typer.Option("--retry", help="Measure points that failed again.")] = (
        False
    )
    extend: Annotated[
        bool, typer.Option("--extend", help="Add to the results of another plan.")
    ] = False


def _show_example(wanted: bool):
    if wanted:
        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


@grouped
def sweep(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write into.")
    ],
    subject: Subject = Subject(),
    axes: Axes = Axes(),
    liberty: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Measure products with these cells.")
    ] = None,
    energy: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What refrain silicon --coefficients measured of a machine; once for each. The "
            "energy of other machines is not known.",
        ),
    ] = None,
    how: How = How(),
    json: Json = None,
    example: Annotated[
        bool,
        typer.Option(
            "--example", callback=_show_example, is_eager=True, help="Print a plan that runs."
        ),
    ] = False,
) -> None:
    """Measure many machines, precisions and settings.

    On held-out data, on all cores; what is done is kept when interrupted. A plan in a file says
    what is varied; without one, options do.
    """
    printing.check_json(json)
    files.check_folder(output)
    if how.jobs is not None and how.jobs < 1:
        raise NetworkError(f"--jobs must be at least 1, not {how.jobs}")
    if how.jobs is not None and how.scheduler is not None:
        raise NetworkError("--jobs is for this computer; a cluster has as many as its workers")
    plan = _plan(subject, axes)
    with printing.counting("sweeping") as (say, tell):
        done = run_sweep(
            plan,
            output,
            jobs=how.jobs or os.cpu_count() or 1,
            scheduler=how.scheduler,
            liberty=liberty,
            energy=energy or (),
            retry=how.retry,
            extend=how.extend,
            synthesise=how.synthesise,
            part=how.part,
            about=_about(subject),
            say=say,
            progress=tell,
        )
    _report_failed(done.failed)
    if done.rows:
        _write(done.rows, str(subject.workload or subject.network), output)
        _say_energy(done.rows)
    printing.write_json(json, done.rows)
    if done.failed:
        raise typer.Exit(_FAILED)


def _plan(subject: Subject, axes: Axes) -> Plan:
    """The plan of the file, or that of the options."""
    if subject.network is None or subject.network.suffix != ".toml":
        return axes.plan(subject)
    if subject != Subject(network=subject.network) or axes != Axes():
        raise NetworkError(
            f"{subject.network} says what is swept: leave out the options that say so, too, or "
            f"write them into the plan"
        )
    return read_plan(subject.network)


def _about(subject: Subject) -> dict[str, str]:
    """What repeats the sweep: the command, and the plan's text where it has a file."""
    said = {"command": f"refrain {shlex.join(sys.argv[1:])}"}
    if subject.network is not None and subject.network.suffix == ".toml":
        said["text"] = subject.network.read_text()
    return said


def _say_energy(rows: list[dict]) -> None:
    unknown = sum(row.get("energy_pj") is None for row in rows)
    if unknown:
        printing.say(
            f"the energy of {unknown} of {len(rows)} points is not known: refrain silicon "
            f"--coefficients measures a machine, and --energy takes its file"
        )


def _report_failed(failed: list[dict]):
    if not failed:
        return
    printing.note(f"{len(failed)} points failed:")
    for row in failed[:_SHOWN_FAILURES]:
        printing.note(f"  {row['subject']}, {row['mode']}, {row['multiplier']}: {row['error']}")
    if len(failed) > _SHOWN_FAILURES:
        printing.note("  and others; results.db has the reasons of all")


def _write(rows: list[dict], title: str, folder: Path) -> None:
    marked = fronts_of(rows, AXES)
    for subject in dict.fromkeys(row["subject"] for row in marked):
        _print_fronts([row for row in marked if row["subject"] == subject])
    for name, content in (
        ("sweep.csv", rows_csv(rows)),
        ("sweep.png", sweep_picture(rows, title)),
    ):
        files.write_whole(folder / name, content)
        printing.say(f"wrote {folder / name}")


def _print_fronts(rows: list[dict]) -> None:
    """Fronts of one subject; costs whose fronts are the same points share a table."""
    settings = [name for name in _SETTINGS if len({row.get(name) for row in rows}) > 1]
    counted = [name for name in _CELLS if any(row.get(name) is not None for row in rows)]
    shown = [*(settings or ["mode"]), *_FIGURES, *counted]
    fronts: dict[tuple, list[str]] = {}
    for cost in varied(rows, AXES) or ["macs"]:
        fronts.setdefault(tuple(row["key"] for row in pareto(rows, cost)), []).append(cost)
    for keys, costs in fronts.items():
        front = [{name: row.get(name) for name in shown} for row in pareto(rows, costs[0])]
        near = sum(row[f"near_{costs[0]}"] for row in rows) - len(keys)
        printing.print_rows(
            front,
            f"{rows[0]['subject']}: Pareto front of {rows[0]['metric']} against "
            f"{', '.join(costs)}; {near} other points are no worse within the standard error",
        )
