"""What a single step takes beside its own work, by the model of time, which is exact."""

import re
from dataclasses import replace
from pathlib import Path

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


@pytest.mark.parametrize("inputs", [88, 900])
def test_the_page_says_what_inputs_cost(inputs):
    page = (Path(__file__).parents[4] / "docs" / "modes.md").read_text()
    network = random_network([inputs, 60])
    x = moving_input(network, 0.0, 40)
    delta, skip = settle(network, x, 0.0, EDGE), replace(MODES["scored"], skip_threshold=1)
    cases = ((moving_input(network, 0.2, 40), MODES["normal"]), (x, delta), (x, skip))
    normal, still, frozen = (
        round(compare(ModelBackend(EDGE), network, rows, modes)["above"]) for rows, modes in cases
    )
    said = rf"\n\| {inputs} \| {normal} above \| \d+ above \| {still} above \| {frozen} above \|"
    assert re.search(said, page)
