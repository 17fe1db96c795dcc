"""What a single step takes beside its own work, by the model of time, which is exact."""

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


SIZES = [(1, 250), (16, 240), (56, 176), (128, 192), (256, 144), (900, 64)]
"""With most hidden units that edge takes with resident weights beside these inputs."""


@pytest.mark.parametrize("inputs, hidden", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_single_step_on_edge_takes_little_more_than_among_others(inputs, hidden, share):
    network = random_network([inputs, hidden])
    x = moving_input(network, share, 40)
    backend = ModelBackend(EDGE)
    settled = {"as many units as columns of x": settle(network, x, share, EDGE)}
    for name, modes in (MODES | settled).items():
        assert compare(backend, network, x, modes)["above"] <= LIMIT, name


WIDE = [(592, 64, 190, LIMIT), (1024, 48, 240, 245)]
"""Inputs, hidden units, and cycles above that are between these two."""


@pytest.mark.parametrize("inputs, hidden, least, most", WIDE)
def test_scores_and_a_search_for_what_moved_take_two_passes_of_a_row(inputs, hidden, least, most):
    network = random_network([inputs, hidden])
    x = moving_input(network, 0.02, 40)
    thresholds = {"skip_threshold": 1, "delta_threshold": 0.5, "x_threshold": 4, "h_threshold": 4}
    modes = LayerModes(mode="auto", **thresholds)
    assert least <= compare(ModelBackend(EDGE), network, x, modes)["above"] <= most


@pytest.mark.parametrize("inputs", [88, 128, 256, 900])
def test_the_page_says_what_inputs_cost(inputs):
    page = (Path(__file__).parents[4] / "docs" / "modes.md").read_text()
    network = random_network([inputs, 60])
    busy, x = (moving_input(network, share, 40) for share in (0.2, 0.0))
    delta, skip = settle(network, x, 0.0, EDGE), replace(MODES["scored"], skip_threshold=1)
    fifth = settle(network, busy, 0.2, EDGE)
    cases = ((busy, MODES["normal"]), (busy, fifth), (x, delta), (x, skip))
    normal, fifth, still, frozen = (
        round(compare(ModelBackend(EDGE), network, rows, modes)["above"]) for rows, modes in cases
    )
    said = " | ".join(f"{above} above" for above in (normal, fifth, still, frozen))
    assert f"\n| {inputs} | {said} |" in page
