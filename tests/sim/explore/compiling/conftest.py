import json
from dataclasses import replace

import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import compiled_files
from sim.model.random_network import random_network
from sim.networks.network import IntegerLayer, IntegerNetwork


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
def sparse(compiled):
    """Compiles three layers for a machine with a map, of which the last has no zero columns."""

    def make(**wanted):
        config = replace(CONFIGS["tiny"], map_words=512, weight_words=40)
        below = random_network((70, 6, 7), seed=1, zeros=0.6, zero_units=2)
        above = random_network((7, 5), seed=1)
        first = below.layers[-1].directions[0].h
        layer = above.layers[0].directions[0]
        last = IntegerLayer(directions=(replace(layer, x=first),))
        network = IntegerNetwork(layers=(*below.layers, last))
        return compiled(network=network, config=config, **wanted)

    return make


@pytest.fixture(scope="session")
def manifest():
    """The manifest of what was compiled, as JSON keeps it."""
    return lambda made: json.loads(compiled_files(made)["manifest.json"])
