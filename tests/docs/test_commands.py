"""Every command, and every option of it, that a page names is there."""

import re
from functools import cache
from pathlib import Path

import pytest

from sim.cli.app import app
from sim.cli.table import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "docs" / "notebooks").glob("*.py")),
]


def _lines(text):
    """Commands in blocks, in the text between backticks, and synopses over several lines."""
    text = re.sub(r"^# ?", "", text, flags=re.M)
    yield from re.findall(r"`refrain ([^`]+)`", text)
    for line in re.findall(r"^(?: {4}|\$ )refrain ([^#\n]+(?:\n {9,}[^#\n]+)*)", text, re.M):
        yield line.replace("\\\n", " ")


def _named():
    for page in PAGES:
        for line in _lines(page.read_text()):
            yield pytest.param(line, id=f"{page.relative_to(ROOT)}: {' '.join(line.split())[:60]}")


NAMED = list(_named())


@cache
def _options(name, inner):
    """Options of a command, or of a command within it."""
    command = app.commands[name].load()
    if inner is not None:
        command = command.commands[inner]
    found = {"--help"}
    for parameter in command.params:
        found |= {*parameter.opts, *parameter.secondary_opts}
    return found


def test_there_are_commands_to_check():
    assert len(NAMED) > 100


@pytest.mark.parametrize("line", NAMED)
def test_a_command_and_its_options_exist(line):
    name, *rest = line.split()
    if name.startswith(("--", "COMMAND", "ARGUMENTS")):
        assert set(line.split()) <= {"--help", "--version", "--install-completion", "COMMAND"}
        return
    name = name.rstrip(",")
    assert name in COMMANDS
    inner = None
    if hasattr(app.commands[name].load(), "commands") and rest:
        inner = rest[0].rstrip(",|")
    used = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join(rest)))
    assert used <= _options(name, inner), used - _options(name, inner)
