import json

import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import compiled_files
from sim.model.random_network import random_network


@pytest.fixture(scope="session")
def compiled():
    """Compiles a random network of two layers in both directions, with states, unless told."""

    def make(sizes=(5, 6, 7), network=None, **wanted):
        wanted = {"config": CONFIGS["tiny"], "steps": 3, "sequences": 2, **wanted}
        if network is None:
            network = random_network(sizes, seed=1, bidirectional=True, initial=True)
        return compile_integer(network, Wanted(**wanted))

    return make


@pytest.fixture(scope="session")
def manifest():
    """The manifest of what was compiled, as JSON keeps it."""
    return lambda made: json.loads(compiled_files(made)["manifest.json"])
