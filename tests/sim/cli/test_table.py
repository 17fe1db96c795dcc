import importlib
import shlex

import pytest
import typer

from sim.cli.app import Deferred, app
from sim.cli.table import COMMANDS


def _loaded(name):
    return Deferred(name, COMMANDS[name]).load()


def _first_sentence(command):
    return command.help.split("\n\n")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name):
    assert _first_sentence(_loaded(name)) == COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_its_example(refrain, name):
    status, out, _ = refrain(name, "--help")
    assert status == 0
    assert f"Example: {COMMANDS[name].example}" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_fits_into_a_line_and_parses(name):
    example = COMMANDS[name].example
    assert len(f" Example: {example} ") <= 80
    program, called, *arguments = shlex.split(example)
    assert (program, called) == ("refrain", name)
    context = typer.Context(app, info_name="refrain")
    command = _loaded(name)
    made = command.make_context(name, arguments, parent=context)
    if hasattr(command, "commands"):
        _, inner, rest = command.resolve_command(made, arguments)
        inner.make_context(arguments[0], rest, parent=made)


def test_every_command_of_the_folder_is_in_the_table():
    offered = set()
    for entry in COMMANDS.values():
        module = importlib.import_module(entry.module)
        offered |= {(entry.module, name) for name in module.__all__}
    named = {(entry.module, entry.attribute) for entry in COMMANDS.values()}
    assert offered == named
