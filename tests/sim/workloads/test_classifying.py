from dataclasses import replace

import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.workloads import classifying
from sim.workloads.classifying import classifier_case, classifier_path, standardize
from sim.workloads.training import Recipe

RECIPE = Recipe(hidden=4, classes=2, epochs=2, batch=8)
PARTS = {
    "training": np.arange(20),
    "calibration": np.arange(20, 30),
    "evaluation": np.arange(30, 40),
}


@pytest.fixture
def trainings(monkeypatch):
    """How often something was trained."""
    calls = []
    train = classifying.train
    monkeypatch.setattr(
        classifying, "train", lambda *given: calls.append(given[1]) or train(*given)
    )
    return calls


def _silent(*_):
    pass


def _case(split, recipe=RECIPE, say=_silent):
    sequences = [row[:length] for row, length in zip(split.x, split.lengths, strict=True)]
    return classifier_case("toy", sequences, split.labels, PARTS, recipe, say, _silent)


def test_weights_are_trained_once_and_kept(rising, trainings, cache):
    told = []
    first, second = _case(rising, say=told.append), _case(rising, say=told.append)
    assert len(trainings) == 1 and told == ["training toy"]
    assert len(list((cache / "trained").iterdir())) == 1
    one, two = (case.network.layers[0].directions[0] for case in (first, second))
    assert (one.W == two.W).all() and (one.R == two.R).all() and (one.bias == two.bias).all()
    h, _ = run_float(first.network, first.evaluation.x)
    assert first.score(h, first.evaluation) == second.score(h, second.evaluation)


def test_damaged_weights_are_trained_again(rising, trainings, cache):
    _case(rising)
    (path,) = (cache / "trained").iterdir()
    for content in (path.read_bytes()[:100], b"", b"PK\x03\x04" + bytes(300)):
        path.write_bytes(content)
        _case(rising)
    assert len(trainings) == 4


def test_weights_are_kept_by_data_and_recipe(rising):
    paths = {
        classifier_path("toy", rising, RECIPE),
        classifier_path("toy", rising, replace(RECIPE, seed=2)),
        classifier_path("toy", replace(rising, x=rising.x + 1), RECIPE),
        classifier_path("toy", replace(rising, labels=1 - rising.labels), RECIPE),
    }
    assert len(paths) == 4


def test_features_are_standardised_by_the_training_part_alone(rising):
    case = _case(rising)
    frames = np.concatenate([row[:n] for row, n in zip(rising.x, rising.lengths, strict=True)][:20])
    first = (rising.x[30, :3] - frames.mean(axis=0)) / frames.std(axis=0)
    assert case.evaluation.x[0, :3] == pytest.approx(first, abs=1e-5)
    (one,) = standardize([frames], [frames])
    assert one.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert one.std(axis=0) == pytest.approx(1, abs=1e-6)


def test_a_score_takes_the_last_valid_step(rising):
    case = _case(rising)
    h = case.evaluation.run(lambda x: run_float(case.network, x)[0])
    score = case.score(h, case.evaluation)
    behind = np.arange(h.shape[1]) >= case.evaluation.lengths[:, None]
    assert behind.any()
    h[behind] = 100
    assert case.score(h, case.evaluation) == score
    assert score.examples == 10
