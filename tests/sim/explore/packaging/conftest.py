"""A package of ``tiny``, and what runs on it."""

import shutil
import subprocess

import pytest

from hw.config import CONFIGS
from sim.explore.packaging.facts import Facts
from sim.explore.packaging.writing import write_package

COMMAND = "refrain package tiny"


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory):
    """The folder of a package of ``tiny``; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("package") / "refrain_tiny"
    write_package(CONFIGS["tiny"], folder, command=COMMAND)
    return folder


@pytest.fixture(scope="session")
def package(tiny_package):
    """The same, where a file has no packages of its own."""
    return tiny_package


@pytest.fixture
def copied(package, tmp_path):
    """A copy of the package, for tools that write beside what they read."""
    return shutil.copytree(package, tmp_path / "copied")


@pytest.fixture(scope="session")
def facts(package):
    """What files of the package say of ``tiny``."""
    paths = sorted((package / "rtl").iterdir(), key=lambda path: path.stem != "refrain_tiny")
    verilog = {path.name: path.read_text() for path in paths}
    return Facts(config=CONFIGS["tiny"], command=COMMAND, verilog=verilog)


@pytest.fixture(scope="session")
def run():
    """Function that gives what a program says that succeeds."""

    def call(*command, folder, package="", **options):
        words = [str(part) for part in command]
        if shutil.which(words[0]) is None:
            pytest.fail(f"{words[0]} is missing: apt-get install {package or words[0]}")
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, **options)
        assert not done.returncode, (done.stdout + done.stderr)[-4000:]
        return done.stdout + done.stderr

    return call
