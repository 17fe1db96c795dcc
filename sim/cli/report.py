"""The command that makes a page of a sweep's results, or of a run."""

from pathlib import Path
from typing import Annotated

import typer

from sim.cli import printing
from sim.explore import files
from sim.explore.report.page import report_page, title_of
from sim.explore.report.run_page import read_run, read_trace, run_page
from sim.explore.sweep.store import read_results
from sim.networks.network import NetworkError

__all__ = ["report"]


def report(
    *,
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS|RUN.json",
            help="A folder of a sweep, or its results.db; or what run --report wrote.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write.")
    ] = Path("report.html"),
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a run: what run --trace wrote, to draw each step."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="What stands above it.")] = None,
) -> None:
    """Make one page of a sweep or of a run, with charts and tables.

    It is a file that needs no server and no network. Of a sweep: Pareto fronts with error bars, a
    table that is sorted and filtered, and the commands that build each point. Of a run: the mode of
    each step, and energy by part. A sweep may still be running.
    """
    files.check_writable(output)
    if results.suffix.lower() == ".json":
        figures = read_run(results)
        steps = None if trace is None else read_trace(trace)
        page = run_page(title or f"Run on {figures['config']['name']}", results, figures, steps)
    elif trace is not None:
        raise NetworkError("--trace is of a run: name the .json that run --report wrote")
    else:
        rows, failed, _, about = read_results(results)
        page = report_page(title or title_of(rows), rows, failed, about)
    files.write_whole(output, page)
    printing.say(f"wrote {output}")
