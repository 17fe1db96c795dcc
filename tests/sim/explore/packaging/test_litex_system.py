"""A RISC-V in a LiteX system loads the images of the package with the driver, and runs them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

PARTS = Path(__file__).parent / "litex_system"
COMPILER = "riscv64-unknown-elf-"


@pytest.fixture
def built(package, run, tmp_path):
    """Function that writes the system's Verilog, and gives the address of its word of result."""

    def call(*program):
        command = (sys.executable, "-W", "ignore", PARTS / "system.py", package, *program)
        said = run(*command, folder=tmp_path)
        return re.search(r"^said: (0x[0-9a-f]+)$", said, re.M)[1]

    return call


def compiled(package, run, folder, said):
    """The program's bytes, with the driver as its Makefile compiles it."""
    driver = package / "driver"
    places = (driver, package / "registers", *(package / "images").iterdir())
    flags = ("-march=rv32im", "-mabi=ilp32", "-std=c99", "-O2", "-ffreestanding", "-nostdlib")
    flags += ("-Wall", "-Wextra", "-Werror", "-Wno-unused-const-variable", f"-DSAID={said}")
    flags += ("-DEXAMPLE_WITHOUT_MAIN", *(f"-I{place}" for place in places))
    sources = (PARTS / "start.S", PARTS / "main.c", driver / "refrain.c", driver / "example.c")
    link = ("-T", PARTS / "link.ld", "-lgcc", "-o", "program.elf")
    run(f"{COMPILER}gcc", *flags, *sources, *link, folder=folder, package=f"gcc-{COMPILER[:-1]}")
    run(f"{COMPILER}objcopy", "-O", "binary", "program.elf", "program.bin", folder=folder)
    return "program.bin"


@pytest.mark.slow
def test_a_riscv_runs_the_example_in_litex(package, built, run, tmp_path):
    built(compiled(package, run, tmp_path, built()))
    processor = Path(importlib.util.find_spec("pythondata_cpu_vexriscv").origin).parent
    sources = [PARTS / "bench.v", "top.v", processor / "verilog" / "VexRiscv.v"]
    options = ("--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style")
    options += ("--top-module", "bench", "-o", "run")
    options += ("-CFLAGS", "-O0", "-MAKEFLAGS", "OPT_GLOBAL=-O0")
    run("verilator", *options, *sources, *(package / "rtl").glob("*.v"), folder=tmp_path)
    # Every value was compared by the program: no step failed, and the status is 0.
    assert "said 600d0000 after" in run(tmp_path / "obj_dir" / "run", folder=tmp_path)
