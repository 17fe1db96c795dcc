"""The wheel, installed elsewhere: everything that a command needs is in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from safetensors.numpy import save_file

from sim.cli.table import COMMANDS

ROOT = Path(__file__).parent.parent
PACKAGES = ("boards", "constraints", "hw", "sim")

pytestmark = pytest.mark.slow


def _checked(command, folder, status=0, **environment):
    """Output of a command that must end with this status."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.returncode == status, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of the source archive, which is built of a copy of this checkout."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    _checked([sys.executable, "-m", "build", "--outdir", folder / "dist", source], folder)
    assert len(list((folder / "dist").glob("refrain-*.tar.gz"))) == 1
    (built,) = (folder / "dist").glob("refrain-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs the installed command in an empty folder with an empty cache; gives what it says.

    The packages that it needs, and their tools, are those of this environment; of the project
    there is the wheel alone.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = folder / "environment"
    _checked([sys.executable, "-m", "venv", "--without-pip", environment], folder)
    python = environment / "bin" / "python"
    find = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(_checked([python, "-c", find], folder).strip())
    others = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (own / "others.pth").write_text("\n".join(dict.fromkeys(others)) + "\n")
    for tool in Path(sysconfig.get_path("scripts")).glob("yowasp-*"):
        (python.parent / tool.name).symlink_to(tool)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    _checked([*pip, "--no-deps", "--no-index", "--force-reinstall", wheel], folder)
    work = folder / "work"
    work.mkdir()

    # Yosys stays prepared: that is YoWASP's work, and takes longer than everything here.
    yosys = os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP")
    places = {"XDG_CACHE_HOME": str(folder / "cache"), "YOWASP_CACHE_DIR": yosys}

    def run(*arguments, status=0):
        return _checked([environment / "bin" / "refrain", *arguments], work, status, **places)

    where = "import hw, refrain, sim; print(*(m.__file__ for m in (hw, refrain, sim)))"
    assert all(str(own) in place for place in _checked([python, "-c", where], work).split())
    _write_network(work)
    return run


def _write_network(folder):
    """``net.safetensors``, an LSTM of 3 inputs and 5 units, and ``x.npy`` for it."""
    rng = np.random.default_rng(0)
    shapes = {"weight_ih_l0": (20, 3), "weight_hh_l0": (20, 5)}
    shapes |= {"bias_ih_l0": (20,), "bias_hh_l0": (20,)}
    arrays = {name: rng.normal(0, 0.4, s).astype(np.float32) for name, s in shapes.items()}
    save_file(arrays, folder / "net.safetensors")
    np.save(folder / "x.npy", rng.normal(size=(4, 20, 3)).astype(np.float32))


LINES = (
    "configs",
    "inspect net.safetensors",
    "quantize net.safetensors --calibration x.npy -o net.tflite",
    "prune net.safetensors --data x.npy -o pruned.safetensors",
    "run net.tflite --input x.npy --trace-picture trace.png --trace trace.csv --report run.json",
    "run net.tflite --input x.npy --backend rtl --config tiny",
    "compile net.tflite --config tiny -o compiled",
    "inspect compiled/manifest.json",
    "tune net.tflite --data x.npy --metric sqnr --budget 10dB --trials 2 --config tiny",
    "sweep net.safetensors --data x.npy --metric sqnr --config tiny -o sweep",
    "report sweep -o report.html",
    "report run.json --trace trace.csv -o run.html",
    "advise net.safetensors --data x.npy --part xc7z020",
    "compare chip",
    "demo --config speech",
    "verilog tiny -o verilog",
    "package tiny -o package",
    "multipliers",
    "multiplier truncated --cells",
    "boards",
    "build ulx3s-85f --memory sdram --bare --plan-only",
    "bench --synth",
    "workload list",
)
"""A line for each command, in an order in which files are there when they are read."""


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                # What Python imports as `refrain` stands in its room.
                assert str(path.relative_to(ROOT)).removeprefix("sim/api/") in names


def test_the_archives_are_what_pypi_takes(wheel):
    archives = sorted(wheel.parent.iterdir())
    assert [path.suffix for path in archives] == [".whl", ".gz"]
    said = _checked([sys.executable, "-m", "twine", "check", "--strict", *archives], wheel.parent)
    assert said.count("PASSED") == 2


def test_every_command_runs_from_the_wheel(installed):
    others = {"flash", "silicon"}
    assert {line.split()[0] for line in LINES} | others == COMMANDS.keys()
    for line in LINES:
        installed(*line.split())
    # Without a board there is nothing to load it into.
    assert "refrain build" in installed("flash", "ulx3s-85f", "--bitstream", "none", status=2)
    # A foundry's cells are the user's.
    assert "cannot be read" in installed("silicon", "tiny", "--liberty", "none", status=2)


@pytest.mark.parametrize("board", ["arty-a7-35", "arty-z7-20"])
def test_constraints_come_with_the_wheel(installed, board):
    installed("build", board, "--plan-only", "-o", board)


def test_the_version_is_that_of_the_wheel(installed, wheel):
    assert installed("--version").split()[1] in wheel.name
