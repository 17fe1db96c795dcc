"""The files that `refrain verilog` writes, and a network to run on them."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.export import write_verilog
from sim.explore.packaging.benches import bench_files
from sim.explore.packaging.facts import Facts
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network


@pytest.fixture(scope="session")
def tool():
    """Function that gives the path of a program that no Python package holds."""

    def find(name, package):
        found = shutil.which(name)
        if found is None:
            pytest.fail(f"{name} is missing: apt-get install {package}")
        return found

    return find


@pytest.fixture(scope="session")
def run():
    """Function that gives what a command says that succeeds, unless its failure is asked for."""

    def call(*command, folder, fails=False, **options):
        words = [str(part) for part in command]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, **options)
        said = done.stdout + done.stderr
        assert bool(done.returncode) == fails, said[-4000:]
        return said

    return call


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Function that gives the exported files of a configuration, made once."""
    made = {}

    def files(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = write_verilog(CONFIGS[name], folder, command=f"refrain verilog {name}")
        return made[name]

    return files


CASES = {
    "normal": {"resident": True},
    "delta": {"modes": LayerModes(mode="delta", x_threshold=1, h_threshold=1)},
    "streamed": {
        "resident": False,
        "modes": LayerModes(mode="auto", delta_threshold=0.0, skip_threshold=0.6, lookahead=1),
    },
}


@pytest.fixture(scope="session")
def bench(exported):
    """Function that writes an IP package's test bench for a small network, by the mode of it.

    The network has two sequences of five steps, and what must come out is the model's.
    """
    config = CONFIGS["tiny"]
    network = random_network((9, 14), seed=3)
    x = random_codes(network, 2, 5, seed=3)

    def write(mode, folder):
        verilog = {path.name: path.read_text() for path in exported("tiny")}
        facts = Facts(config=config, command="refrain verilog tiny", verilog=verilog)
        image = compile_network(network, config, steps=5, sequences=2, **CASES[mode])
        h = ModelBackend(config).run(network, x, **CASES[mode]).h
        made = compile_integer(network, Wanted(config=config, x=x))
        made = replace(made, image=image, data=image.data, h=h)
        for path, text in bench_files(facts, made).items():
            if path.endswith((".v", ".mem")):
                (folder / Path(path).name).write_text(text)
        return folder / "bench.v"

    return write
