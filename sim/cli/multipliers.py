"""The commands on multipliers: list them, and say what one does to products and what it costs."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hw.multipliers.catalogue import MULTIPLIERS
from hw.multipliers.family import Multiplier
from sim.cli import printing
from sim.cli.options import Json, NodeName, grouped
from sim.explore import files
from sim.explore.multipliers.cost import fpga_cost, lanes_cost, liberty_cost
from sim.explore.multipliers.importing import open_multiplier
from sim.explore.multipliers.liberty import read_liberty
from sim.explore.multipliers.operands import workload_parts
from sim.explore.multipliers.report import (
    differing_products,
    level_reports,
    multiplier_rows,
    network_parts,
    part_operands,
    write_table,
)
from sim.explore.multipliers.table import WORKLOADS, Conditions, multiplier_table
from sim.explore.multipliers.text import markdown, shown_rows, table_picture
from sim.explore.sweep.points import split_multipliers
from sim.networks.network import NetworkError

__all__ = ["multiplier", "multipliers"]

_SHOWN = ("level", "name", "mean_error", "mae", "rmse", "nmed", "mred_percent", "worst")
_PROPERTIES = (
    *("level", "name", "zero_preserving", "proportionate", "odd_symmetric", "linear"),
    "in_delta",
)


def multipliers(
    table: Annotated[
        bool, typer.Option("--table", help="Measure every level: energy, LUTs and real networks.")
    ] = False,
    liberty: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --table: energy with these cells.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.md", help="The table's document.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Its Pareto fronts; needs --liberty.")
    ] = None,
    names: Annotated[str | None, typer.Option(help="These multipliers only, with commas.")] = None,
    workloads: Annotated[str, typer.Option(help="Workloads, with commas.")] = ",".join(WORKLOADS),
    threshold: Annotated[int, typer.Option(help="Threshold of x and h in delta mode.")] = 4,
    normal_every: Annotated[
        int, typer.Option(help="Every so many steps of delta mode is normal.")
    ] = 64,
    jobs: Annotated[int | None, typer.Option(help="Processes; all cores without.")] = None,
    cache: Annotated[
        Path, typer.Option(metavar="DIR", help="Keeps what is measured, also when interrupted.")
    ] = Path("build/multipliers"),
    json: Json = None,
) -> None:
    """List the multipliers that have a name, or measure them all."""
    printing.check_json(json)
    if not table:
        if any(each is not None for each in (liberty, output, picture, names, jobs)):
            raise NetworkError("--liberty, --output, --picture, --names and --jobs need --table")
        rows = multiplier_rows()
        printing.print_rows(rows)
        printing.write_json(json, rows)
        return
    if picture is not None and liberty is None:
        raise NetworkError("--picture draws energy, and without --liberty none is measured")
    if jobs is not None and jobs < 1:
        raise NetworkError(f"--jobs must be at least 1, not {jobs}")
    files.check_folder(cache)
    for path in (output, picture):
        if path is not None:
            files.check_writable(path)
    conditions = Conditions(liberty=liberty, threshold=threshold, normal_every=normal_every)
    chosen = split_multipliers(names) if names else tuple(MULTIPLIERS)
    with printing.working("measuring multipliers") as (say, tell):
        rows = multiplier_table(
            *(chosen, tuple(dict.fromkeys(workloads.split(","))), conditions, cache),
            jobs=jobs or os.cpu_count() or 1,
            say=say,
            progress=tell,
        )
    _print_table(rows, conditions, output, picture)
    printing.write_json(json, rows)


def _print_table(rows: list[dict], conditions: Conditions, output, picture) -> None:
    printing.print_rows(shown_rows(rows), "Families and levels")
    library = "" if conditions.liberty is None else read_liberty(conditions.liberty).name
    place = "" if None in (picture, output) else os.path.relpath(picture, output.parent)
    for path, content in (
        (output, lambda: markdown(rows, conditions, library, place).encode()),
        (picture, lambda: table_picture(rows)),
    ):
        if path is not None:
            files.write_whole(path, content())
            printing.say(f"wrote {path}")


@dataclass(frozen=True, kw_only=True)
class Operands:
    """What is multiplied: all pairs, or those of a network."""

    network: Annotated[
        Path | None,
        typer.Option(metavar="NET", help="Operands of this network, with --data."),
    ] = None
    node: NodeName = None
    data: Annotated[
        Path | None, typer.Option(metavar="X", help="The input that --network runs on.")
    ] = None
    workload: Annotated[str | None, typer.Option(help="Or operands of this workload.")] = None
    threshold: Annotated[int, typer.Option(help="Threshold of delta mode's events.")] = 4

    def check(self) -> None:
        """Refuse what does not go together."""
        if (self.network is None) != (self.data is None):
            raise NetworkError("--network and --data go together")
        if self.node is not None and self.network is None:
            raise NetworkError("--node chooses an LSTM of the file that --network names")

    def parts(self, say):
        """Weights and operands, where a network or a workload is named."""
        if self.network is not None:
            return network_parts(self.network, self.data, self.node)
        return None if self.workload is None else workload_parts(self.workload, say)


@grouped
def multiplier(
    name: Annotated[
        str,
        typer.Argument(help="NAME or NAME:NUMBERS of 'refrain multipliers', a .npy or a .v file."),
    ],
    level: Annotated[int | None, typer.Option(help="This level; all of them without.")] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="T.npy", help="Write the level's products here.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="T.npy", help="Compare the level's products with these.")
    ] = None,
    weight_bits: Annotated[int, typer.Option(help="Bits of a weight, sign included.")] = 8,
    length: Annotated[int, typer.Option(help="Length of the dot products.")] = 256,
    operands: Operands = Operands(),
    cells: Annotated[bool, typer.Option("--cells", help="Count FPGA cells, by Yosys.")] = False,
    lanes: Annotated[
        int | None, typer.Option(help="Count cells of so many lanes on Xilinx 7 series, too.")
    ] = None,
    liberty: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Area, delay and energy with these cells.")
    ] = None,
    json: Json = None,
) -> None:
    """Say what a multiplier's errors are like, and what it costs."""
    printing.check_json(json)
    chosen = open_multiplier(name, weight_bits)
    levels = list(range(len(chosen.levels))) if level is None else [level]
    if (table is not None or compare is not None) and len(levels) > 1:
        raise NetworkError(f"{name} has {len(levels)} levels; choose one with --level")
    operands.check()
    threshold = operands.threshold
    if length < 1 or threshold < 0:
        raise NetworkError("--length must be at least 1 and --threshold at least 0")
    if table is not None:
        files.check_writable(table)
    with printing.working("measuring") as (say, _):
        parts = operands.parts(say)
        given = {} if parts is None else part_operands(parts, threshold)
        figures = {"levels": level_reports(chosen, levels, length, given)}
        figures |= _cells(chosen, cells, lanes, say)
        if liberty is not None:
            figures["liberty"] = liberty_cost(chosen, liberty, levels, parts, threshold, say)
    _print(name, figures)
    if table is not None:
        write_table(chosen, levels[0], table)
        printing.say(f"wrote {table}")
    printing.write_json(json, {"multiplier": repr(chosen), **figures})
    if compare is not None:
        wrong = differing_products(chosen, levels[0], compare)
        printing.say(f"products that differ from {compare}: {wrong:,} of 65,536")
        if wrong:
            raise typer.Exit(1)


def _cells(chosen: Multiplier, cells: bool, lanes: int | None, say) -> dict:
    """Cells in FPGAs, as far as they were asked for."""
    figures = {}
    if cells:
        say("synthesising")
        figures["cells"] = fpga_cost(chosen)
    if lanes is not None:
        say("synthesising lanes")
        figures["lanes"] = [lanes_cost(chosen, lanes)]
    return figures


def _print(name: str, figures: dict) -> None:
    rows = figures["levels"]
    snr = tuple(key for key in rows[0] if key.startswith("snr_db"))
    for keys, title in (
        ((*_SHOWN, "error_percent"), f"Products of {name}"),
        (_PROPERTIES, "In delta mode"),
        (("level", "name", *snr), "Signal-to-noise ratio of dot products, dB (-: no error)"),
    ):
        printing.print_rows([{key: row[key] for key in keys} for row in rows], title)
    for key, title in (
        ("cells", "Cells of one product on FPGAs, and with multiplier blocks"),
        ("lanes", "Lanes with their sums on a Xilinx 7 series part"),
        ("liberty", "One lane: operand registers, product, accumulator"),
    ):
        if key in figures:
            printing.print_rows(figures[key], title)
