"""The commands on boards."""

import json

import pytest

from sim.cli.app import run
from sim.explore.boards import frames as explore


def test_boards_are_listed(capsys, tmp_path):
    path = tmp_path / "boards.json"
    assert run(["boards", "--json", str(path)]) == 0
    assert "ulx3s-85f" in capsys.readouterr().out
    assert {"arty-z7-20", "icebreaker"} <= {row["name"] for row in json.loads(path.read_text())}


def test_a_plan_is_written_without_the_vendors_tools(capsys, tmp_path):
    arguments = ["build", "arty-a7-35", "--bare", "--plan-only", "-o", str(tmp_path)]
    assert run(arguments) == 0
    assert str(tmp_path / "build_top.sh") in capsys.readouterr().out
    assert (tmp_path / "top.tcl").exists()


def test_a_plan_for_sdram_is_written(capsys, tmp_path):
    arguments = ["build", "ulx3s-85f", "--memory", "sdram", "--bare", "--plan-only"]
    assert run([*arguments, "-o", str(tmp_path)]) == 0
    assert "sdram_0__clk__io" in (tmp_path / "top.lpf").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["build", "arty"], "there is no board 'arty'; the boards are arty-z7-20, "),
        (
            ["build", "icebreaker", "--config", "tiny"],
            "no machine fits into the iCE40UP5K of icebreaker; it is built without one",
        ),
        (
            ["build", "cora-z7-10", "--bare", "--plan-only"],
            "cora-z7-10 has no line to try, so it is not built without a machine",
        ),
        (
            ["build", "ulx3s-85f", "--toolchain", "vivado"],
            "ulx3s-85f is built with Trellis, not vivado",
        ),
        (
            ["build", "arty-a7-35", "--memory", "sdram", "--plan-only"],
            "the memory of arty-a7-35 must be block or ddr3, not sdram",
        ),
        (["flash", "ulx3s-85f", "--bitstream", "none"], "none is not there; refrain build "),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(capsys, arguments, sentence):
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith(f"refrain: {sentence}")


@pytest.mark.parametrize(("clock", "missed"), [(99.9, True), (100.0, False)])
def test_a_missed_clock_is_said(capsys, monkeypatch, clock, missed):
    figures = {"board": "ulx3s-85f", "wanted_mhz": 100.0, "clock_mhz": clock}
    monkeypatch.setattr(explore, "build", lambda *names, **options: figures)
    assert run(["build", "ulx3s-85f"]) == int(missed)
    assert ("the clock is missed: " in capsys.readouterr().out) == missed
