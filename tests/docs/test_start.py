"""A newcomer's walk: every command of the first page runs and prints what the page says."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from sim.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "start.md").read_text()
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.M | re.S)
LEFT_OUT = "..."


def _steps():
    """Every command of the page, in order, with the lines that it is said to print."""
    for block in BLOCKS:
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, *lines = part.splitlines()
            yield shlex.split(command), lines


def _same(said, printed):
    """Whether a line was printed, up to spaces and 5 % of a number."""
    ours, theirs = said.split(), printed.split()
    return len(ours) == len(theirs) and all(map(_near, ours, theirs))


def _near(said, printed):
    try:
        ours, theirs = (float(word.replace(",", "")) for word in (said, printed))
    except ValueError:
        return said == printed
    return abs(ours - theirs) <= 0.05 * abs(ours)


def _check(said, printed):
    """Lines that the page shows are printed in this order, without others but at ``...``."""
    rest, may_skip = list(printed), False
    for line in said:
        if line == LEFT_OUT:
            may_skip = True
            continue
        while may_skip and rest and not _same(line, rest[0]):
            rest.pop(0)
        assert rest and _same(line, rest[0]), (line, rest[:1])
        rest.pop(0)
        may_skip = False
    assert may_skip or not rest, rest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The empty folder of a newcomer, who has saved the example."""
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    (tmp_path / "example.py").write_text(example)
    return tmp_path


def test_the_page_is_true(folder, capsys):
    for command, said in _steps():
        match command:
            case ["python", script]:
                runpy.run_path(script)
            case ["refrain", *arguments]:
                assert app.run(arguments) == 0, capsys.readouterr().err
        output = capsys.readouterr()
        _check(said, (output.out + output.err).splitlines())
    for name in ("settings.json", "verilog/refrain_tiny.v", "board/build_top.sh"):
        assert (folder / name).is_file()


def test_the_walk_has_every_part():
    commands = [command for command, _ in _steps()]
    assert {command[0] for command in commands} == {"python", "refrain"}
    used = {command[1] for command in commands}
    assert used >= {"inspect", "run", "tune", "verilog", "build"}
    assert any("rtl" in command for command in commands)


def test_the_number_of_commands_is_that_of_the_page():
    (count,) = re.findall(r"(\d+) commands from an empty folder", PAGE)
    assert int(count) == len(list(_steps()))


@pytest.mark.parametrize(
    "said, printed",
    [(["a 1"], ["a 2"]), (["a"], ["b", "a"]), ([LEFT_OUT, "a"], ["b"]), (["a"], ["a", "b"])],
)
def test_what_is_not_printed_is_seen(said, printed):
    with pytest.raises(AssertionError):
        _check(said, printed)
