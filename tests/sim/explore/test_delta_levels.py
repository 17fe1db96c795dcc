"""What levels do to a real network in delta mode, and what the compiler says of them."""

import pytest

from sim.explore.machines import make_config
from sim.explore.tuning.problems import WorkloadProblem
from sim.image.modes import LayerModes, Modes
from sim.workloads.catalogue import find_workload


@pytest.fixture(scope="module")
def score():
    """ROC AUC of a level on the held-out part of a conversation."""
    workload = find_workload("silero")
    case = workload.load()

    def measure(name, level, **modes):
        problem = WorkloadProblem(workload, case, make_config(workload.config, name, 8, 8))
        settings = {"zero_skip": True, f"{modes['mode']}_level": level, **modes}
        settings |= {"unsafe_level": level} if modes["mode"] == "delta" else {}
        return problem.measure(Modes.of(LayerModes(**settings)), "held_out").score.value

    return measure


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, level, thresholds", [("constant:5,32", 1, (0, 0)), ("truncated:4,5,6,7", 3, (4, 6))]
)
def test_errors_that_cancel_on_average_ruin_a_network_that_is_never_flushed(
    score, name, level, thresholds
):
    moved = dict(zip(("x_threshold", "h_threshold"), thresholds, strict=True))
    direct = score(name, level, mode="reduced")
    delta = score(name, level, mode="delta", **moved)
    flushed = score(name, level, mode="delta", normal_every=64, **moved)
    assert direct > 0.95 and delta < 0.8 and flushed > 0.92


@pytest.mark.slow
def test_a_constant_ruins_a_network_although_it_is_flushed(score):
    assert score("constant:6,80", 1, mode="reduced") > 0.97
    assert score("constant:6,80", 1, mode="delta", normal_every=64) < 0.8
    assert score("compensated:6", 1, mode="delta", normal_every=64) > 0.97


@pytest.mark.slow
def test_linear_errors_need_no_normal_steps(score):
    assert score("perforated", 1, mode="delta") > 0.96
