"""The package's own simulations, as its pages tell to run them."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import write_compiled
from sim.image.modes import LayerModes, Modes
from sim.model.random_network import random_network

TINY = CONFIGS["tiny"]


def test_icarus_runs_the_example(copied, run):
    run("iverilog", "-V", folder=copied)
    said = run("make", "-C", "sim", folder=copied)
    assert "PASS: interrupt after" in said
    assert "warning" not in said


def test_the_bench_hears_a_core_that_never_ends(copied, run):
    path = copied / "sim" / "bench.v"
    path.write_text(path.read_text().replace("LONGEST = 200000", "LONGEST = 500"))
    with pytest.raises(AssertionError, match="FAIL: no interrupt"):
        run("make", "-C", "sim", folder=copied)


@pytest.mark.slow
def test_verilator_runs_the_example(copied, run):
    run("verilator", "--version", folder=copied)
    assert "PASS: interrupt after" in run("make", "-C", "sim", "verilator", folder=copied)


@pytest.fixture
def cocotb(copied, run, monkeypatch):
    """Function that runs the cocotb bench on an image; its two commands but for pip."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    return lambda *more: run("make", "-C", "sim/cocotb", *more, folder=copied)


@pytest.mark.slow
def test_cocotb_runs_the_example(cocotb):
    said = cocotb()
    assert "TESTS=3 PASS=3 FAIL=0" in said


@pytest.mark.slow
def test_cocotb_runs_an_image_of_ones_own(cocotb, tmp_path):
    network = random_network((5, 6, 7), seed=1, bidirectional=True, initial=True)
    modes = Modes.of(LayerModes(mode="delta", x_threshold=1))
    wanted = Wanted(config=TINY, steps=3, sequences=2, modes=modes, base=0x8000)
    write_compiled(compile_integer(network, wanted), tmp_path / "net", "net")
    assert "TESTS=3 PASS=3 FAIL=0" in cocotb(f"IMAGE={tmp_path / 'net'}")


@pytest.mark.slow
def test_cocotb_hears_an_image_of_other_values(cocotb, tmp_path):
    wanted = Wanted(config=replace(TINY, act_width=16), steps=1)
    write_compiled(compile_integer(random_network((5, 6), activation_bits=16), wanted), tmp_path)
    with pytest.raises(AssertionError, match="an image for a core with other features"):
        cocotb(f"IMAGE={tmp_path}")


@pytest.mark.slow
def test_cocotb_hears_a_wrong_bit(cocotb, copied):
    path = copied / "images" / "batch" / "expected.bin"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AssertionError, match="PASS=2 FAIL=1"):
        cocotb()
