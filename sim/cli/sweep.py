"""The command that measures many precisions, multipliers, levels and thresholds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hw.config import Config
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
from sim.explore.machines import find_config
from sim.explore.sweep.picture import sweep_picture
from sim.explore.sweep.points import Point, make_points, split_multipliers, split_numbers
from sim.explore.sweep.running import AXES, Target, pareto, rows_csv
from sim.explore.sweep.running import sweep as run_sweep
from sim.networks.network import NetworkError
from sim.workloads.catalogue import WORKLOADS, find_workload

__all__ = ["sweep"]

_SHOWN = (
    *("weight_bits", "activation_bits", "network_bits", "multiplier", "mode", "level"),
    *("x_threshold", "h_threshold", "score", "macs", "bytes", "energy_pj"),
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured."""

    network: Annotated[
        Path | None, typer.Argument(help="A .onnx, .safetensors, .pt, .tflite or .refrain file.")
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

    def target(self) -> Target:
        """The same, checked."""
        if (self.network is None) == (self.workload is None):
            raise NetworkError("name a network file or a --workload to sweep, one of them")
        if self.workload is not None:
            if self.node is not None:
                raise NetworkError("--node chooses an LSTM of a network file, not of a workload")
            if self.state or self.percentile is not None:
                raise NetworkError("--state and --percentile are for a network file")
            if (
                any(each is not None for each in (self.data, self.labels, self.metric))
                or self.lower
            ):
                raise NetworkError("a workload has its own data, labels and metric")
            machine = find_config(
                self.config or find_workload(self.workload).config, self.changes or ()
            )
            return Target(config=machine, workload=self.workload)
        if self.data is None or self.metric is None:
            raise NetworkError("a network file is swept on samples: give --data and --metric")
        target = Target(
            config=find_config(self.config or "edge", self.changes or ()),
            network=str(self.network),
            node=self.node,
            data=str(self.data),
            labels=None if self.labels is None else str(self.labels),
            metric=self.metric,
            lower=self.lower,
            percentile=self.percentile,
            states=tuple(self.state or ()),
        )
        target.judge()
        for path in (self.network, self.data, self.labels):
            if path is not None and not path.is_file():
                raise NetworkError(f"{path} is no file")
        return target


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

    def points(self, machine: Config) -> list[Point]:
        """Every combination, for a configuration."""
        levels = self.levels
        return make_points(
            machine,
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
            network_bits=self.network_bits and split_numbers("--network-bits", self.network_bits),
        )


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
    jobs: Annotated[int | None, typer.Option(help="Processes; all cores without.")] = None,
    json: Json = None,
) -> None:
    """Measure every combination of widths, levels and modes.

    On held-out data, in all the processes that are wanted; what is done is kept when interrupted.
    """
    printing.check_json(json)
    files.check_folder(output)
    if jobs is not None and jobs < 1:
        raise NetworkError(f"--jobs must be at least 1, not {jobs}")
    target = subject.target()
    points = axes.points(target.config)
    with printing.working("sweeping") as (say, tell):
        cores = jobs or os.cpu_count() or 1
        rows = run_sweep(
            target, points, output, jobs=cores, liberty=liberty, say=say, progress=tell
        )
    _write(rows, subject.workload or str(subject.network), output)
    printing.write_json(json, rows)


def _write(rows: list[dict], title: str, folder: Path) -> None:
    for cost in AXES:
        front = [{key: row[key] for key in _SHOWN} for row in pareto(rows, cost)]
        printing.print_rows(front, f"Pareto front of {rows[0]['metric']} against {cost}")
    for name, content in (
        ("sweep.csv", rows_csv(rows)),
        ("sweep.png", sweep_picture(rows, title)),
    ):
        files.write_whole(folder / name, content)
        printing.say(f"wrote {folder / name}")
