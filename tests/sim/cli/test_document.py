"""docs/cli.md lists every option of every command, and no other."""

import re
from pathlib import Path

import pytest

from sim.cli.app import Deferred, app

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def _commands(command, names=()):
    """Every command by its name, those inside a group with the group's."""
    command = command.load() if isinstance(command, Deferred) else command
    if not hasattr(command, "commands"):
        return {" ".join(names): command}
    found = {}
    for name, inner in command.commands.items():
        found |= _commands(inner, (*names, name))
    return found


COMMANDS = _commands(app)


def _usages():
    """What the page's usage lines say, by command."""
    usages, name = {}, None
    for line in PAGE.splitlines():
        words = line.split()
        if line.startswith("    refrain "):
            name = next(each for n in (2, 1) if (each := " ".join(words[1 : n + 1])) in COMMANDS)
        elif not line.startswith("        "):
            name = None
        if name:
            usages[name] = usages.get(name, "") + line + "\n"
    return usages


USAGES = _usages()


def _options(command):
    """The names of each option, of which the page needs one."""
    return [
        {*each.opts, *each.secondary_opts}
        for each in command.params
        if each.param_type_name == "option"
    ]


def test_every_command_is_on_the_page():
    assert USAGES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_options_are_those_of_the_command(name):
    said = set(OPTION.findall(USAGES[name]))
    there = _options(COMMANDS[name])
    missing = [min(names) for names in there if not names & said]
    assert not missing, f"the page lacks {missing}"
    assert said <= set().union(*there)


def test_every_option_that_the_text_names_is_there():
    there = set().union(*(names for each in COMMANDS.values() for names in _options(each)))
    there |= {"--help", "--version", "--install-completion"}
    named = {name for text in re.findall(r"`([^`\n]+)`", PAGE) for name in OPTION.findall(text)}
    # Of Python, which runs the command from a checkout.
    assert named - {"-m"} <= there


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_has_a_place(name):
    arguments = [each for each in COMMANDS[name].params if each.param_type_name == "argument"]
    for line in USAGES[name].splitlines()[:1]:
        rest = line.split()[1 + len(name.split()) :]
        assert bool(arguments) == bool(rest and not rest[0].startswith(("-", "[-"))), line
