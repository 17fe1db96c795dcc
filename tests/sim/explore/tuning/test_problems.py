from dataclasses import replace

import numpy as np
import pytest

import sim.model.backend
from hw.config import CONFIGS
from sim.explore.evidence.padded import run_padded
from sim.explore.tuning.metrics import Metric
from sim.explore.tuning.problems import Examples, FileProblem, WorkloadProblem, digest, divide
from sim.explore.workloads import quantize_case, run_results
from sim.image.modes import NORMAL, LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.networks.quantizer import quantize
from sim.workloads.scores import share_right
from sim.workloads.workload import Case, Workload, last_valid, pad

DELTA = Modes(layers=(LayerModes(mode="delta", x_threshold=6, h_threshold=9, zero_skip=True),))
EXACT = Modes(layers=(LayerModes(mode="delta"),))
SKIP = Modes(layers=(LayerModes(mode="skip", skip_threshold=0.7, max_skips=2),))


def _float_network(seed=0, hidden=8, reverse=False):
    rng = np.random.default_rng(seed)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, hidden, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, hidden, hidden)).astype(np.float32),
        bias=rng.normal(0, 0.2, (4, hidden)).astype(np.float32),
        reverse=reverse,
    )
    return FloatNetwork(layers=(FloatLayer(directions=(lstm,)),))


def _sequences(seed, count=12):
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.normal(0, 0.3, (5 + n % 4, 3)), axis=0) for n in range(count)]


@pytest.fixture
def case():
    split, held = (pad(_sequences(seed), np.arange(12) % 2) for seed in (1, 2))
    return Case(
        network=_float_network(),
        calibration=split,
        evaluation=held,
        score=lambda h, s: share_right(last_valid(h, s.lengths)[:, 0] > 0, s.labels),
    )


@pytest.fixture
def toy(case):
    return Workload(
        name="toy",
        summary="",
        metric="accuracy",
        source="",
        licence="",
        members=(),
        prepare=lambda paths, say: case,
    )


@pytest.mark.parametrize("modes", [NORMAL, DELTA, SKIP], ids=["normal", "delta", "skip"])
def test_a_padded_run_is_the_runs_of_each_length(case, modes):
    network, backend = quantize_case(case), ModelBackend(CONFIGS["tiny"])
    done = run_padded(network, case.evaluation, backend, modes)
    h, results = run_results(network, case.evaluation, backend, modes=modes, resident=False)
    assert (done.h[done.valid] == h[done.valid]).all()
    total = sum((result.counts for result in results[1:]), start=results[0].counts)
    shares = done.shares()
    dense = total.macs_avoided + total.macs_done
    assert shares["macs"] == pytest.approx(total.macs_avoided / dense, abs=1e-12)
    dense = total.weight_bytes_avoided + total.weight_bytes
    assert shares["bytes"] == pytest.approx(total.weight_bytes_avoided / dense, abs=1e-12)
    assert (shares["macs"] > 0.1) is (modes is not NORMAL)


@pytest.mark.parametrize("modes", [NORMAL, DELTA, SKIP], ids=["normal", "delta", "skip"])
def test_a_padded_run_leaves_out_columns_without_weights(case, modes):
    network = quantize_case(case)
    direction = network.layers[0].directions[0]
    direction.W[:, :2, 0] = direction.R[:, 4:6, 2:] = 0
    config = replace(CONFIGS["tiny"], row_cycles=1, map_words=64)
    done = run_padded(network, case.evaluation, ModelBackend(config), modes)
    how = {"modes": modes, "resident": False}
    _, results = run_results(network, case.evaluation, ModelBackend(config), **how)
    total = sum((result.counts for result in results[1:]), start=results[0].counts)
    shares = done.shares()
    dense = total.macs_avoided + total.macs_done
    assert shares["macs"] == pytest.approx(total.macs_avoided / dense, abs=1e-12)
    dense = total.weight_bytes_avoided + total.weight_bytes
    assert shares["bytes"] == pytest.approx(total.weight_bytes_avoided / dense, abs=1e-12)
    plain = run_padded(network, case.evaluation, ModelBackend(CONFIGS["tiny"]), modes)
    assert shares["macs"] > plain.shares()["macs"]
    if modes is NORMAL:
        # Forty-four words, of which a column of x and five of h are left out in a block each.
        assert done.cycles() == 38
        small = run_padded(
            network, case.evaluation, ModelBackend(replace(config, weight_words=21)), modes
        )
        # The last block alone stays; two would have 22 words.
        assert small.streamed_words() == 38 - 11


def test_cycles_follow_the_performance_model(case):
    network, config = quantize_case(case), replace(CONFIGS["tiny"], row_cycles=1)
    normal = run_padded(network, case.evaluation, ModelBackend(config), NORMAL)
    # Four blocks of two units, eleven events, all weights resident.
    assert normal.cycles() == 44
    small = replace(config, weight_words=22)
    # Two blocks are streamed, a word of 8 bytes a beat of 8: no more than the products.
    assert run_padded(network, case.evaluation, ModelBackend(small), NORMAL).cycles() == 44
    idle = Modes(layers=(LayerModes(mode="skip", skip_threshold=0.0),))
    skipped = run_padded(network, case.evaluation, ModelBackend(config), idle)
    steps = case.evaluation.steps
    normal = int((skipped.activity[0].mode[skipped.valid] == 0).sum())
    assert 12 <= normal < steps / 2
    # A skipped step takes 32 gate rows, one a cycle.
    assert skipped.cycles() == pytest.approx((normal * 44 + (steps - normal) * 32) / steps)


def test_a_network_that_runs_backwards_cannot_be_padded(case):
    network = quantize(_float_network(reverse=True), case.calibration.x)
    with pytest.raises(NetworkError) as caught:
        run_padded(network, case.evaluation, ModelBackend(CONFIGS["tiny"]), NORMAL)
    assert str(caught.value) == "a workload's network must not run backwards"


def test_a_workload_is_judged_by_its_own_score_on_its_own_parts(toy, case):
    problem = WorkloadProblem(toy, case, CONFIGS["tiny"])
    assert problem.title == "workload toy" and problem.metric == "accuracy"
    for part in ("calibration", "held_out"):
        assert problem.measure(NORMAL, part).exact and problem.measure(EXACT, part).exact
        assert not problem.measure(DELTA, part).exact
        assert problem.measure(EXACT, part).score == problem.measure(NORMAL, part).score
    assert problem.key == WorkloadProblem(toy, case, CONFIGS["tiny"]).key
    assert problem.key != WorkloadProblem(toy, case, CONFIGS["edge"]).key
    # Not only called otherwise: what is measured depends on all of a configuration.
    wider = replace(CONFIGS["tiny"], lanes=16)
    assert problem.key != WorkloadProblem(toy, case, wider).key
    other = replace(case, network=_float_network(seed=5))
    assert problem.key != WorkloadProblem(toy, other, CONFIGS["tiny"]).key


def test_digests_tell_things_apart():
    arrays = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, np.float32), np.ones(4)]
    assert len({digest(each) for each in arrays}) == 4
    assert digest({"a": 1, "b": arrays[0]}) == digest({"b": arrays[0], "a": 1})
    assert digest("a", "bc") != digest("ab", "c")


def test_examples_are_divided_in_order():
    x, labels = np.arange(24.0).reshape(4, 3, 2), np.arange(4)
    parts = divide(Examples(inputs=x, labels=labels), 0.75)
    assert (parts["calibration"].inputs == x[:3]).all() and (
        parts["held_out"].inputs == x[3:]
    ).all()
    assert parts["held_out"].labels.tolist() == [3]


def test_a_single_sequence_is_cut_in_time():
    x, labels = np.arange(20.0).reshape(1, 10, 2), np.arange(10)[None]
    parts = divide(Examples(inputs=x, labels=labels), 0.4)
    assert parts["calibration"].inputs.shape == (1, 4, 2)
    assert parts["held_out"].labels.tolist() == [[4, 5, 6, 7, 8, 9]]


def test_inputs_that_are_no_examples_stay_whole():
    inputs = {"x": np.zeros((8, 3)), "state": np.ones((1, 1, 5))}
    parts = divide(Examples(inputs=inputs, labels=None), 0.5)
    assert parts["held_out"].inputs["x"].shape == (4, 3)
    assert parts["held_out"].inputs["state"].shape == (1, 1, 5)


@pytest.mark.parametrize(
    ("x", "labels", "sentence"),
    [
        (
            np.zeros((1, 1, 2)),
            None,
            "the calibration and the held-out part must both hold an example, not 0 and 1",
        ),
        (np.zeros((4, 3, 2)), np.zeros(3), "the labels must be for 4 examples, not [3]"),
    ],
)
def test_data_that_cannot_be_divided_are_refused(x, labels, sentence):
    with pytest.raises(NetworkError) as caught:
        divide(Examples(inputs=x, labels=labels), 0.5)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("integer", [False, True])
def test_a_network_file_is_judged_by_its_outputs_in_no_time(integer, monkeypatch):
    monkeypatch.setattr(sim.model.backend, "estimate", None)
    x = np.cumsum(np.random.default_rng(3).normal(0, 0.3, (6, 9, 3)), axis=1)
    parts = divide(Examples(inputs=x, labels=None), 0.5)
    network = _float_network()
    if integer:
        network = quantize(network, x)
    problem = FileProblem("a file", network, parts, Metric("sqnr"), CONFIGS["tiny"])
    exact, delta = (problem.measure(modes, "held_out") for modes in (EXACT, DELTA))
    assert exact.exact and exact.score.value == float("inf") and exact.bytes > 0
    assert not delta.exact and 5 < delta.score.value < 40 and delta.macs > exact.macs


def test_inputs_by_name_are_for_whole_models():
    parts = divide(Examples(inputs={"x": np.zeros((4, 3, 3))}, labels=None), 0.5)
    with pytest.raises(NetworkError) as caught:
        FileProblem("a file", _float_network(), parts, Metric("sqnr"), CONFIGS["tiny"])
    assert str(caught.value) == (
        "inputs by name are for whole models; this network takes one .npy array"
    )
