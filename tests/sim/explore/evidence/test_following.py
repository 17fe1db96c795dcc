from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.evidence.following import follow
from sim.explore.evidence.padded import run_padded
from sim.explore.workloads import quantize_case, run_results
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads.workload import Case, pad

DELTA = Modes(layers=(LayerModes(mode="delta", x_threshold=2, h_threshold=2),))
WORDS = 4 * 11
"""Column words of a dense step, none of which the weight memory below holds."""
TINY = replace(CONFIGS["tiny"], row_cycles=1)
STREAMING = replace(TINY, weight_words=1)


@pytest.fixture
def case():
    rng = np.random.default_rng(4)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, 8, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, 8, 8)).astype(np.float32),
        bias=np.zeros((4, 8), np.float32),
    )
    network = FloatNetwork(layers=(FloatLayer(directions=(lstm,)),))
    split = pad([rng.normal(size=(5 + number % 3, 3)) for number in range(6)], np.zeros(6))
    return Case(network=network, calibration=split, evaluation=split, score=None)


@pytest.mark.parametrize("modes", [NORMAL, DELTA], ids=["normal", "delta"])
@pytest.mark.parametrize("latency", [1, 30])
def test_cycles_are_those_of_the_reports(case, modes, latency):
    network, split = quantize_case(case), case.evaluation
    backend = ModelBackend(TINY, latency)
    done = run_padded(network, split, backend, modes)
    _, results = run_results(network, split, backend, modes=modes, load=False)
    found = follow(done, split, modes, latency)
    assert found.steps == split.steps == 36
    assert found.cycles_per_step == sum(result.cycles for result in results) / 36
    assert found.cycles_per_step > done.cycles()


def test_of_many_steps_the_first_are_followed_and_the_formula_does_the_rest(case):
    network, split = quantize_case(case), case.evaluation
    backend = ModelBackend(STREAMING, 30)
    done = run_padded(network, split, backend, DELTA)
    assert done.streamed_words() == WORDS
    # The first sequence, of five steps, and two steps of the second.
    found = follow(done, split, DELTA, 30, words=7 * WORDS + 1)
    assert found.steps == 7
    x = network.layers[0].directions[0].x
    codes = np.clip(np.round(split.x / x.scale) + x.zero_point, -128, 127).astype(np.int8)
    first = backend.run(network, codes[:1, :5], modes=DELTA, load=False).cycles
    second = backend.run(network, codes[1:2, :2], modes=DELTA, load=False).cycles
    part = np.zeros(split.x.shape[:2], bool)
    part[0, :5] = part[1, :2] = True
    assert done.cycles(part) != done.cycles()
    expected = (first + second) / 7 / done.cycles(part) * done.cycles()
    assert found.cycles_per_step == pytest.approx(expected)


def test_a_step_is_followed_whatever_it_takes(case):
    network, split = quantize_case(case), case.evaluation
    done = run_padded(network, split, ModelBackend(STREAMING), NORMAL)
    assert follow(done, split, NORMAL, 1, words=1).steps == 1
    resident = run_padded(network, split, ModelBackend(TINY), NORMAL)
    assert follow(resident, split, NORMAL, 1, words=1).steps == split.steps
