"""Configurations as names and files, wherever the command line takes one."""

import json
import tomllib
from pathlib import Path

import pytest

from hw.config import CONFIGS
from sim.cli.app import Deferred, app
from sim.cli.design import Design
from sim.explore.machine_values import values_of


@pytest.fixture
def mine(refrain, tmp_path):
    """A file of `tiny` with other lanes, as the command prints it."""
    changes = ["--set", "lanes=16", "--set", "name=mine", "--set", "multiplier=truncated:4,5,6"]
    status, out, _ = refrain("configs", "--show", "tiny", *changes)
    assert status == 0
    path = tmp_path / "mine.toml"
    path.write_text(out)
    return path


def test_what_is_shown_is_a_file_of_the_configuration(refrain, mine, tmp_path):
    expected = values_of(CONFIGS["tiny"]) | {
        "lanes": 16,
        "name": "mine",
        "multiplier": "truncated:4,5,6",
    }
    assert tomllib.loads(mine.read_text()) == expected
    figures = tmp_path / "c.json"
    status, out, _ = refrain("configs", "--show", mine, "--json", figures)
    assert status == 0 and out == mine.read_text()
    assert json.loads(figures.read_text()) == {"config": expected}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_is_shown(refrain, name):
    status, out, _ = refrain("configs", "--show", name)
    assert status == 0 and tomllib.loads(out) == values_of(CONFIGS[name])


def test_a_list_is_not_changed(refused):
    sentence = "--set changes a configuration: name one with --show"
    assert refused("configs", "--set", "lanes=16") == sentence


def test_a_run_takes_a_file_and_changes_and_its_report_repeats_it(refrain, net, x, mine, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    changes = ["--set", "lanes=32", "--set", "bus_width=128", "--weight-bits", "8"]
    given = ["run", net, "--input", x]
    assert refrain(*given, "--config", mine, *changes, "--report", first)[0] == 0
    told = json.loads(first.read_text())
    assert told["lanes"] == 32
    expected = tomllib.loads(mine.read_text()) | {"lanes": 32, "bus_width": 128}
    assert told["config"] == expected
    status, out, _ = refrain(*given, "--config", first, "--report", second)
    assert status == 0 and "bursts_in_flight" not in out
    assert second.read_bytes() == first.read_bytes()


def test_a_board_is_planned_with_changes(refrain, refused, mine, tmp_path):
    given = ["build", "ulx3s-85f", "--plan-only", "-o", tmp_path / "plan"]
    assert refused(*given, "--bare", "--set", "lanes=16") == (
        "--set changes a configuration, and --bare leaves it out"
    )
    assert refused(*given, "--config", mine, "--set", "lanes=24") == (
        "lanes must be a power of two of at least 4, not 24"
    )


def test_a_board_without_a_machine_has_nothing_to_change(refused):
    assert refused("build", "icebreaker", "--set", "lanes=16") == (
        "--set changes a configuration, and icebreaker has none; give a --config"
    )


def test_the_boards_own_configuration_is_not_changed(refused, net, x):
    given = ["run", net, "--input", x, "--backend", "board", "--set", "lanes=16"]
    sentence = "--set changes a configuration: name the board's with --config"
    assert refused(*given) == sentence


def _commands(command, names=()):
    """Every command by its name, those inside a group with the group's."""
    command = command.load() if isinstance(command, Deferred) else command
    if not hasattr(command, "commands"):
        return {names: command}
    found = {}
    for name, inner in command.commands.items():
        found |= _commands(inner, (*names, name))
    return found


def test_whatever_takes_a_configuration_takes_changes():
    for names, command in _commands(app).items():
        options = {name for each in command.params for name in each.opts}
        takes = bool({"--config", "--show", "config"} & options)
        assert takes == ("--set" in options), names


WRONG = [
    (["--set", "lane=16"], "there is no field lane; "),
    (["--set", "bus_width=512"], "bus_width must be at most 64, what 8 lanes of 8-bit weights "),
]


@pytest.mark.parametrize("options, sentence", WRONG)
@pytest.mark.parametrize(
    "command",
    [
        ["demo", "-o", "OUT", "--config", "tiny"],
        ["verilog", "tiny", "-o", "OUT"],
        ["configs", "--show", "tiny"],
        ["compile", "NET", "-o", "OUT", "--config", "tiny"],
        ["build", "ulx3s-85f", "--config", "tiny", "-o", "OUT"],
        ["run", "NET", "--input", "X", "--config", "tiny"],
        ["tune", "NET", "--data", "X", "--metric", "sqnr", "--config", "tiny"],
        ["sweep", "NET", "--data", "X", "--metric", "sqnr", "--config", "tiny", "-o", "OUT"],
        ["workload", "run", "vowels", "--config", "tiny"],
        ["workload", "table", "--only", "vowels", "--config", "tiny"],
    ],
    ids=" ".join,
)
def test_every_command_refuses_the_same(refused, net, x, tmp_path, command, options, sentence):
    places = {"NET": net, "X": x, "OUT": tmp_path / "out"}
    assert refused(*(places.get(word, word) for word in command), *options).startswith(sentence)


def test_the_header_of_verilog_names_the_file_and_the_changes():
    changes = ["lanes=16", "multiplier=here/mine.npy"]
    design = Design(
        config="there/mine.toml",
        output=Path("out"),
        weight_bits=4,
        row_scales=True,
        changes=changes,
    )
    assert design.command_line("verilog", {"--source": True, "--pdf": False}) == (
        "refrain verilog mine.toml --weight-bits 4 --set lanes=16 --set multiplier=mine.npy "
        "--row-scales --source"
    )
