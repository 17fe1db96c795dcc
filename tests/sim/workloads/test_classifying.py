import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.workloads.classifying import Sequences, classifier_case, train_classifier
from sim.workloads.training import Recipe

RECIPE = Recipe(hidden=4, classes=2, epochs=2, batch=8)
PARTS = {
    "training": np.arange(20),
    "calibration": np.arange(20, 30),
    "evaluation": np.arange(30, 40),
}


@pytest.fixture
def data(rising):
    sequences = [row[:length] for row, length in zip(rising.x, rising.lengths, strict=True)]
    return Sequences(sequences=sequences, labels=rising.labels, parts=PARTS)


def _train(data):
    return train_classifier(data, RECIPE, lambda done, total: None)


def test_the_same_data_and_recipe_give_the_same_bits(data):
    for one, two in zip(*(_train(data).arrays().values() for _ in range(2)), strict=True):
        assert (one == two).all()


def test_features_are_standardised_by_the_training_part_alone(data, rising):
    trained = _train(data)
    case = classifier_case(data, trained)
    frames = np.concatenate(data.sequences[:20])
    first = (rising.x[30, :3] - frames.mean(axis=0)) / frames.std(axis=0)
    assert case.evaluation.x[0, :3] == pytest.approx(first, abs=1e-5)
    split = data.split("training", trained.mean, trained.deviation)
    frames = np.concatenate([row[:n] for row, n in zip(split.x, split.lengths, strict=True)])
    assert frames.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert frames.std(axis=0) == pytest.approx(1, abs=1e-6)


def test_a_case_has_the_splits_and_the_network(data):
    trained = _train(data)
    case = classifier_case(data, trained)
    assert len(case.calibration.lengths) == len(case.evaluation.lengths) == 10
    assert (case.evaluation.labels == data.labels[30:]).all()
    assert case.network.layers[0].directions[0] is trained.network.lstm


def test_a_score_takes_the_last_valid_step(data):
    case = classifier_case(data, _train(data))
    h = case.evaluation.run(lambda x: run_float(case.network, x)[0])
    score = case.score(h, case.evaluation)
    behind = np.arange(h.shape[1]) >= case.evaluation.lengths[:, None]
    assert behind.any()
    h[behind] = 100
    assert case.score(h, case.evaluation) == score
    assert score.examples == 10
