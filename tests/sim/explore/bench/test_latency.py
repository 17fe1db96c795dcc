"""What a single step takes beside its own work, by the model of time, which is exact."""

import pytest

from hw.config import CONFIGS
from sim.explore.bench.events import moving_input, settle
from sim.explore.bench.latency import compare
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network

EDGE = CONFIGS["edge"]
LIMIT = 200
MODES = {
    "normal": LayerModes(),
    "only what is not zero": LayerModes(zero_skip=True),
    "every change": LayerModes(mode="delta"),
    "scored": LayerModes(mode="skip", skip_threshold=0.99, skip_action="freeze"),
}


@pytest.mark.parametrize("inputs, hidden", [(1, 250), (16, 240), (56, 176)])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_single_step_on_edge_takes_little_more_than_among_others(inputs, hidden, share):
    """Most hidden units that edge takes with resident weights, and fewer with more inputs."""
    network = random_network([inputs, hidden])
    x = moving_input(network, share, 40)
    backend = ModelBackend(EDGE)
    settled = {"as many units as columns of x": settle(network, x, share, EDGE)}
    for name, modes in (MODES | settled).items():
        assert compare(backend, network, x, modes)["above"] <= LIMIT, name
