"""What a machine runs while its energy is measured."""

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.silicon import measuring
from sim.explore.silicon.measuring import open_task
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.workloads.workload import Case, Workload, pad

LENGTHS = (4, 7, 5)


@pytest.fixture
def workload(monkeypatch):
    """A workload that needs no files, by any name."""
    rng = np.random.default_rng(1)

    def some(*shape):
        return rng.uniform(-0.5, 0.5, shape).astype(np.float32)

    lstm = FloatLstm(W=some(4, 8, 3), R=some(4, 8, 8), bias=some(4, 8))
    split = pad([some(length, 3) for length in LENGTHS], np.zeros(len(LENGTHS)))
    case = Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(lstm,)),)),
        calibration=split,
        evaluation=split,
        score=lambda h, split: None,
    )
    made = Workload(
        name="small",
        summary="",
        metric="",
        source="",
        licence="",
        members=(),
        prepare=lambda paths, say: case,
    )
    monkeypatch.setattr(measuring, "find_workload", lambda name: made)
    return made


def test_the_longest_sequence_gives_the_measured_steps_and_those_before(workload):
    task = open_task(CONFIGS["tiny"], "small", 3)
    assert task.x.shape == (1, 2 + 3, 3) and task.x.dtype == np.int8
    assert task.network.layers[0].directions[0].hidden_size == 8


def test_weights_of_fewer_bits_are_in_the_tasks_name(workload):
    few = open_task(CONFIGS["tiny"], "small", 3, 4)
    assert few.name == "small, weights of 4 bits"
    (direction,) = few.network.layers[0].directions
    assert np.abs(direction.W).max() <= 7 and np.abs(direction.R).max() <= 7
    assert open_task(CONFIGS["tiny"], "small", 3, 8).name == "small"
    with pytest.raises(NetworkError, match="must have at most the 8 bits of configuration tiny"):
        open_task(CONFIGS["tiny"], "small", 3, 9)


@pytest.mark.parametrize(
    "steps, sentence",
    [
        (0, "--steps must be at least 1, not 0"),
        (
            6,
            "--steps must be at most 5, as the longest sequence of small that was held out has 7, "
            "not 6",
        ),
    ],
)
def test_steps_that_there_are_not_are_refused(workload, steps, sentence):
    with pytest.raises(NetworkError) as refusal:
        open_task(CONFIGS["tiny"], "small", steps)
    assert str(refusal.value) == sentence
