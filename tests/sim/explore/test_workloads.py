import json

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.running import make_backend
from sim.explore.workloads import (
    measure_workload,
    quantize_case,
    run_float_split,
    run_split,
    workload_rows,
)
from sim.networks.float_lstm import run_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.quantizer import sqnr
from sim.workloads.catalogue import WORKLOADS
from sim.workloads.scores import share_right
from sim.workloads.workload import Case, Workload, last_valid, pad


def _network(rng, inputs=3, hidden=8):
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, hidden, inputs)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, hidden, hidden)).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, hidden)).astype(np.float32),
    )
    return FloatNetwork(layers=(FloatLayer(directions=(lstm,)),))


def _silent(*_):
    pass


def _score(h, split):
    return share_right(last_valid(h, split.lengths)[:, 0] > 0, split.labels)


@pytest.fixture
def case():
    """A random network; the labels are what it says in floating point."""
    rng = np.random.default_rng(3)
    network = _network(rng)
    splits = []
    for _ in range(2):
        split = pad([rng.normal(size=(2 + number % 5, 3)) for number in range(30)], np.zeros(30))
        labels = last_valid(run_float_split(network, split), split.lengths)[:, 0] > 0
        splits.append(pad([x[:n] for x, n in zip(split.x, split.lengths, strict=True)], labels))
    return Case(network=network, calibration=splits[0], evaluation=splits[1], score=_score)


@pytest.fixture
def workload(case):
    return Workload(
        name="toy",
        summary="a toy",
        metric="accuracy",
        source="nowhere",
        licence="none",
        members=(),
        prepare=lambda paths, say: case,
    )


@pytest.fixture
def backend():
    return make_backend("model", CONFIGS["tiny"])


def test_padding_is_neither_computed_nor_counted(case, backend):
    h, report = run_split(quantize_case(case), case.evaluation, backend)
    assert report["steps"] == case.evaluation.lengths.sum() == 120
    assert report["macs_done"] == 120 * 32 * 11
    behind = np.arange(6) >= case.evaluation.lengths[:, None]
    assert not h[behind].any() and h[~behind].any()


def test_integers_follow_the_float_network(case, backend):
    h, _ = run_split(quantize_case(case), case.evaluation, backend)
    reference = run_float_split(case.network, case.evaluation)
    assert sqnr(reference, h) > 30
    one = 7
    alone = case.evaluation.x[one : one + 1, : case.evaluation.lengths[one]]
    expected = run_float(case.network, alone)[0][0]
    # Float32 against float64.
    assert reference[one, : len(expected)] == pytest.approx(expected, abs=1e-6)


def test_padding_does_not_reach_the_calibration(case):
    network = quantize_case(case)
    for row, length in zip(case.calibration.x, case.calibration.lengths, strict=True):
        row[length:] = 50
    again = quantize_case(case)
    for one, two in zip(network.layers, again.layers, strict=True):
        assert one.directions[0].x == two.directions[0].x
        assert one.directions[0].h == two.directions[0].h
        assert one.directions[0].c_power == two.directions[0].c_power


def test_a_workload_is_measured_in_float_and_in_integers(workload, backend):
    told = []
    figures = measure_workload(workload, backend, told.append)
    assert json.loads(json.dumps(figures)) == figures
    rows = {row.pop("run"): row for row in figures["scores"]}
    assert rows["float"]["accuracy"] == 1 and rows["int8"]["accuracy"] > 0.9
    assert rows["float"]["standard_error"] > 0 and rows["float"]["examples"] == 30
    assert (figures["workload"], figures["sequences"], figures["steps"]) == ("toy", 30, 120)
    assert figures["macs_per_step"] == 32 * 11
    assert figures["report"]["config"] == "tiny"
    assert told == ["running in floating point", "running in integers"]


def test_every_workload_says_what_it_is(workload):
    (row,) = workload_rows([workload])
    assert row == {
        "name": "toy",
        "summary": "a toy",
        "metric": "accuracy",
        "source": "nowhere",
        "licence": "none",
    }


LEAST = {
    "silero": 0.96,
    "deepspeech": 0.999,
    "strings": 0.93,
    "activity": 0.93,
    "digits": 0.97,
    "vowels": 0.95,
}
"""Well below what was measured: other BLAS libraries train other weights."""


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKLOADS)
def test_real_networks_keep_their_accuracy_in_integers(name):
    chosen = WORKLOADS[name]
    backend = make_backend("model", CONFIGS[chosen.config])
    figures = measure_workload(chosen, backend, _silent)
    real, integer = (row[chosen.metric] for row in figures["scores"])
    assert real > LEAST[name]
    assert integer > real - 4 * figures["scores"][1]["standard_error"]
