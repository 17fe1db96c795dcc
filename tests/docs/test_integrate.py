"""The pages that integrate a package do what they say, with the package alone."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.config import CONFIGS
from sim.explore.packaging.writing import write_package
from sim.model.random_network import random_network
from sim.networks.tflite.writer import write_tflite

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "integrate"
ELSEWHERE = ("cd", "pip", "vivado")
"""Commands that are not for a test: the folder is there, packages are installed, Vivado is not."""

pytestmark = pytest.mark.slow


def block(page, language):
    """The only block of a language on a page."""
    text = (PAGES / f"{page}.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A package of ``tiny``."""
    folder = tmp_path_factory.mktemp("made") / "refrain_tiny"
    write_package(CONFIGS["tiny"], folder, command="refrain package tiny")
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A package that a reader has just made, in an empty folder; programs of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return shutil.copytree(made, tmp_path / "refrain_tiny")


def run(line, folder):
    """What a line of a page says, which must succeed."""
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, f"{line}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("page", ["verilog", "fusesoc"])
def test_the_commands_of_a_page_succeed(folder, page):
    write_tflite(random_network((5, 6)), folder / "net.tflite", steps=4)
    text = re.sub(r"^```.*?^```$", "", (PAGES / f"{page}.md").read_text(), flags=re.M | re.S)
    lines = re.findall(r"^    (\S.*)$", text, re.M)
    assert lines[0] == "refrain package tiny -o refrain_tiny"
    said = ""
    for line in lines[1:]:
        if line.split()[0] not in ELSEWHERE:
            said += run(line.replace("refrain ", f"{sys.executable} -m sim.cli ", 1), folder)
    assert "PASS: interrupt after" in said
    assert page == "fusesoc" or "TESTS=3 PASS=3 FAIL=0" in said


def test_the_instance_is_whole_and_clean(folder):
    (folder / "system.v").write_text(block("verilog", "verilog"))
    options = "-Wall -Wno-DECLFILENAME -Wno-SYMRSVDWORD -Wno-PINCONNECTEMPTY"
    said = run(f"verilator --lint-only {options} --top-module system system.v rtl/*.v", folder)
    assert "%Warning" not in said


def test_a_core_that_depends_on_it_is_linted(folder, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "system.core").write_text(block("fusesoc", "yaml"))
    (mine / "system.v").write_text(block("verilog", "verilog"))
    assert folder == mine.parent / "refrain_tiny"
    for line in block("fusesoc", "sh").splitlines():
        run(line, mine)


def test_the_litex_system_is_made(folder):
    assert importlib.util.find_spec("litex"), "litex is missing: pip install '.[dram]'"
    (folder / "system.py").write_text(block("litex", "python"))
    run(f"{sys.executable} -W ignore system.py", folder)
    text = (folder / "top.v").read_text()
    assert "\nrefrain_tiny refrain_tiny(" in text
    # The processor's writes reach the registers.
    assert re.search(r"accelerator_control_aw_valid <?= [^1]*[a-z]", text)


def test_the_port_for_vitis_compiles(folder):
    headers = {
        "xil_cache.h": "#include <stdint.h>\ntypedef intptr_t INTPTR;\n"
        "void Xil_DCacheFlushRange(INTPTR, unsigned int);\n"
        "void Xil_DCacheInvalidateRange(INTPTR, unsigned int);\n",
        "port.c": block("vivado", "c"),
    }
    for name, text in headers.items():
        (folder / "driver" / name).write_text(text)
    run("gcc -std=c99 -Wall -Wextra -Werror -I. -c port.c", folder / "driver")


def test_what_pages_name_is_in_the_package(folder):
    for page in PAGES.glob("*.md"):
        text = page.read_text()
        for name in re.findall(r"`((?:sim|rtl|driver|registers|vivado|litex|doc)/[\w./]+)`", text):
            assert (folder / name).exists(), f"{page.name}: {name}"
