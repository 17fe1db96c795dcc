"""The command that makes a page of a sweep's results."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.explore import files
from sim.explore.report.page import report_page, title_of
from sim.explore.sweep.store import read_results

__all__ = ["report"]


def report(
    *,
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="A folder of a sweep, or its results.db.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write.")
    ] = Path("report.html"),
    title: Annotated[str | None, typer.Option(help="What stands above it.")] = None,
) -> None:
    """Make one page of a sweep's results, with charts and tables.

    It is a file that needs no server and no network: Pareto fronts with error bars, a table that is
    sorted and filtered, and the commands that build each point. A sweep may still be running.
    """
    files.check_writable(output)
    rows, failed, _, about = read_results(results)
    files.write_whole(output, report_page(title or title_of(rows), rows, failed, about))
    printing.say(f"wrote {output}")
