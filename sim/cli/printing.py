"""Figures and progress on the terminal, and figures in JSON files."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sim.cli.sentences import printable
from sim.explore.files import check_writable, write_whole

__all__ = [
    "check_json",
    "counting",
    "note",
    "number",
    "print_report",
    "print_rows",
    "print_values",
    "say",
    "working",
    "write_json",
]


def _console(stderr: bool = False) -> Console:
    # Tables keep their width in a pipe, where rich would assume 80 columns.
    # Names come from files of anybody: nothing in them is markup.
    console = Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160
    return console


def number(value) -> str:
    """A figure as people read it: thousands apart, four digits of what is not whole."""
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return printable(str(value))
    if isinstance(value, list):
        return ", ".join(map(number, value))
    if isinstance(value, int):
        return f"{value:,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def say(sentence: str) -> None:
    """One line of text."""
    _console().print(printable(sentence))


def note(sentence: str) -> None:
    """One line of text on the error output."""
    _console(stderr=True).print(printable(sentence))


def print_values(values: Mapping[str, object], title: str = "") -> None:
    """Names and figures, one pair a line; a mapping inside is indented."""
    console = _console()
    if title:
        console.print(title, style="bold")
    width = max(len(printable(name)) for name in _flat_names(values)) + 4
    for name, value in values.items():
        name = printable(name)
        if isinstance(value, Mapping):
            console.print(f"  {name}")
            for inner, count in value.items():
                inner = printable(inner)
                console.print(f"    {inner:<{width - 2}}{number(count)}")
        else:
            console.print(f"  {name:<{width}}{number(value)}")


def _flat_names(values: Mapping) -> Iterator[str]:
    for name, value in values.items():
        yield name
        if isinstance(value, Mapping):
            yield from value


def print_rows(rows: Iterable[Mapping[str, object]], title: str = "") -> None:
    """A table of rows that share their column names."""
    rows = list(rows)
    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in rows[0]:
        text = isinstance(rows[0][column], str)
        table.add_column(column.replace("_", " "), justify="left" if text else "right")
    for row in rows:
        # Names of files and layers are no markup.
        table.add_row(*(Text(number(value)) for value in row.values()))
    _console().print(table)


def print_report(figures: Mapping[str, object], title: str = "") -> None:
    """The figures of a run, and a table of its modes if a step was not normal.

    Not its configuration, which is for files.
    """
    shown = {name: figures[name] for name in figures if name not in ("modes", "config")}
    print_values(shown, title)
    modes = figures["modes"]
    if list(modes) != ["normal"]:
        print_rows({"mode": name, **counts} for name, counts in modes.items())


@contextmanager
def working(text: str) -> Iterator:
    """Progress of a long step on the error output.

    Yields two functions: ``say(text)`` names what is being done, ``tell(done, total)`` says how
    far it is. Nothing is shown where the error output is no terminal.
    """
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    console = _console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text, total=None)

        def say(what: str) -> None:
            bar.update(task, description=what)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=min(done, total), total=total, description=text)

        yield say, tell


@contextmanager
def counting(text: str) -> Iterator:
    """Progress of many measurements on the error output: done, failed, rate and time left.

    Yields two functions: ``say(text)`` names what is being done, ``tell(state)`` takes an object
    with ``done``, ``failed``, ``total``, ``rate`` (a second) and ``left`` (seconds or None).
    Where the error output is no terminal, nothing is shown.
    """
    with working(text) as (say, tell):

        def show(state) -> None:
            tell(state.done + state.failed, state.total)
            failed = f", {state.failed} failed" if state.failed else ""
            left = "" if state.left is None else f", {state.rate:.3g}/s, {_span(state.left)} left"
            say(f"{text}: {state.done} of {state.total} done{failed}{left}")

        yield say, show


def _span(seconds: float) -> str:
    """A time as people read it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def check_json(path: Path | None) -> None:
    """Refuse a JSON file that could not be written, before any work."""
    if path is not None:
        check_writable(path)


def write_json(path: Path | None, figures: object) -> None:
    """Write the figures that were printed, where a file is named."""
    if path is not None:
        write_whole(path, (json.dumps(figures, indent=2) + "\n").encode())
