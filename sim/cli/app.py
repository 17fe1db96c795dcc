"""The commands put together, and errors turned into sentences."""

import importlib
import importlib.metadata
import sys
import tempfile
from typing import Annotated

import typer
from typer.core import TyperCommand, TyperGroup

from hw.errors import UserError
from sim.cli.sentences import one_line
from sim.cli.surroundings import quiet_packages
from sim.cli.table import COMMANDS, Entry

__all__ = ["Deferred", "app", "run"]

_NAME = "refrain"
_REFUSED = 2
# Of the click package, or of the copy of it inside typer: versions differ.
_UsageError = typer.BadParameter.__base__


class Deferred(TyperCommand):
    """Stands in the list of commands for one whose module is loaded when it is run.

    Parameters
    ----------
    name : str
        What it is called.
    entry : Entry
        What is known of it.
    """

    def __init__(self, name: str, entry: Entry):
        super().__init__(name, help=entry.help, rich_help_panel=entry.panel)
        self.entry = entry

    def load(self):
        """The command itself."""
        found = getattr(importlib.import_module(self.entry.module), self.entry.attribute)
        example = f"Example: {self.entry.example}"
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name, group.epilog = self.name, example
            return group
        holder = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        holder.command(self.name, epilog=example)(found)
        return typer.main.get_command(holder)


class _Commands(TyperGroup):
    """Commands of which only the one that is run, or asked for its help, is loaded."""

    def resolve_command(self, context, arguments):
        name, command, rest = super().resolve_command(context, arguments)
        return name, command.load() if isinstance(command, Deferred) else command, rest


_settings = typer.Typer(
    name=_NAME,
    cls=_Commands,
    epilog="Help of one command, with an example: refrain run --help",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool):
    if wanted:
        typer.echo(f"{_NAME} {importlib.metadata.version(_NAME)}")
        raise typer.Exit


@_settings.callback()
def _about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Generate LSTM accelerators and run networks on them."""


app = typer.main.get_command(_settings)
for _name, _entry in COMMANDS.items():
    app.add_command(Deferred(_name, _entry))


def _of_system(error: OSError) -> str:
    """What the operating system refused, and where."""
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    if error.errno is None:
        # A sentence of this project's.
        return str(error)
    folder = tempfile.gettempdir()
    return f"a file could not be used ({error.strerror}); temporary files are made in {folder}"


def run(arguments: list[str]) -> int:
    """Exit status of the command line ``refrain ARGUMENTS``."""
    try:
        with quiet_packages():
            return app.main(arguments or ["--help"], prog_name=_NAME, standalone_mode=False) or 0
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _UsageError as error:
        sentence = error.format_message()
    except OSError as error:
        sentence = _of_system(error)
    except MemoryError as error:
        sentence = f"there is not enough memory for this: {str(error) or 'an array is too large'}"
    except UserError as error:
        sentence = str(error)
    print(f"{_NAME}: {one_line(sentence)}", file=sys.stderr)
    return _REFUSED
