"""The files that `refrain verilog` writes, and a network to run on them."""

import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.export import write_verilog
from sim.image.compile import compile_network
from sim.image.image import Image
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network

WORDS = 8192
"""Words of the test bench's memory."""


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


@dataclass(frozen=True)
class Case:
    """A compiled network, and what the model says comes out."""

    image: Image
    data: bytes
    h: np.ndarray

    def options(self, flag):
        """Parameters of the test bench, each behind ``flag``."""
        values = {
            "DESCRIPTOR": self.image.descriptor,
            "OUTPUT_BASE": self.image.output_base,
            "OUTPUT_LIMIT": self.image.output_limit,
            "WORDS": WORDS,
        }
        return [f"{flag}{name}={value}" for name, value in values.items()]

    def write(self, folder):
        """Write the memory before the run, a word of the bus on each line."""
        size = self.image.config.bus_bytes
        data = self.data.ljust(size * WORDS, b"\0")
        lines = [data[k : k + size][::-1].hex() for k in range(0, len(data), size)]
        (folder / "memory.hex").write_text("\n".join(lines) + "\n")

    def check(self, folder):
        """``h`` in the memory after the run is the model's, bit for bit."""
        text = (folder / "written.hex").read_text()
        words = [line for line in text.splitlines() if line and not line.startswith("//")]
        assert not any(set(word) & set("xzXZ") for word in words)
        data = b"".join(bytes.fromhex(word)[::-1] for word in words)
        written = np.frombuffer(data, np.uint8)[self.image.output_base : self.image.output_limit]
        assert np.array_equal(self.image.unpack_h(written, self.image.output_base), self.h)


@pytest.fixture(scope="session")
def case():
    """Function that gives a small network with two sequences of five steps, by its mode."""
    config = CONFIGS["tiny"]
    network = random_network((9, 14), seed=3)
    x = random_codes(network, 2, 5, seed=3)

    def make(mode):
        options = CASES[mode]
        image = compile_network(network, config, steps=5, sequences=2, **options)
        h = ModelBackend(config).run(network, x, **options).h
        return Case(image, image.data + image.pack_x(x), h)

    return make
