"""FuseSoC runs the targets of the core file, each from a clean folder."""

import sys
from pathlib import Path

import pytest

CORE = "refrain:ip:refrain_tiny"


@pytest.fixture
def fusesoc(package, run, tmp_path, monkeypatch):
    """Function that runs a target in an empty folder; gives what FuseSoC and the tool say."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "work"
    folder.mkdir()
    program = Path(sys.executable).with_name("fusesoc")

    def call(target, *arguments, cores=package):
        command = (program, "--cores-root", cores, "run", "--target", target, *arguments, CORE)
        return run(*command, folder=folder)

    return call


def test_the_core_file_lists_every_source(package):
    text = (package / "refrain_tiny.core").read_text()
    assert text.startswith("CAPI=2:\n")
    for path in (package / "rtl").iterdir():
        assert f"- rtl/{path.name}\n" in text


def test_lint_says_nothing(fusesoc, run):
    run("verilator", "--version", folder=".")
    said = fusesoc("lint")
    assert "lint" in said and "%Warning" not in said and "%Error" not in said


@pytest.mark.slow
def test_lint_hears_a_fault(fusesoc, copied):
    path = copied / "rtl" / "refrain_tiny.v"
    path.write_text(path.read_text().replace("endmodule", "wire w = 2'd1;\nendmodule", 1))
    with pytest.raises(AssertionError, match="WIDTH"):
        fusesoc("lint", cores=copied)


def test_the_simulation_passes(fusesoc, run):
    run("iverilog", "-V", folder=".")
    assert "PASS: interrupt after" in fusesoc("sim")


@pytest.mark.slow
def test_the_simulation_fails_where_a_byte_is_wrong(fusesoc, copied):
    path = copied / "sim" / "expected.mem"
    lines = path.read_text().splitlines()
    word = int(lines[1], 16) ^ 1
    path.write_text("\n".join([lines[0], f"{word:016x}", *lines[2:]]) + "\n")
    with pytest.raises(AssertionError, match="FAIL: 1 words are wrong"):
        fusesoc("sim", cores=copied)


def test_synthesis_reads_every_source(fusesoc, package, run, tmp_path):
    """What Yosys is told. PyPI's has no Tcl, in which FuseSoC writes, so Tcl says the commands."""
    fusesoc("synth", "--setup")
    (script,) = (tmp_path / "work").rglob("edalize_yosys_template.tcl")
    flat = f"proc yosys args {{}}\nproc unknown args {{puts $args}}\nsource {script.name}\n"
    (script.parent / "flat.tcl").write_text(flat)
    commands = run("tclsh", "flat.tcl", folder=script.parent, package="tcl").splitlines()
    read = {line.rpartition("/")[2] for line in commands if line.startswith("read_verilog ")}
    assert read == {path.name for path in (package / "rtl").iterdir()}
    assert "synth_xilinx -top refrain_tiny" in commands
