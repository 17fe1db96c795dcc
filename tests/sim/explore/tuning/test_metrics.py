import numpy as np
import pytest

from sim.explore.tuning.metrics import METRICS, Metric
from sim.networks.network import NetworkError

RNG = np.random.default_rng(0)
OUTPUTS = RNG.normal(size=(6, 5, 3))


def _score(name, outputs, labels=None, normal=OUTPUTS):
    return Metric(name, labelled=labels is not None).score(outputs, normal, labels, "held_out")


def test_equal_outputs_have_no_error():
    assert _score("sqnr", OUTPUTS).value == float("inf")
    assert _score("sqnr", OUTPUTS * 1.1).value == pytest.approx(20)


def test_agreement_compares_the_largest_outputs():
    moved = OUTPUTS.copy()
    moved[0, 0] = np.roll(moved[0, 0], 1)
    score = _score("agreement", moved)
    assert score.value == pytest.approx(29 / 30) and score.examples == 30


@pytest.mark.parametrize(
    ("labels", "examples"),
    [(np.argmax(OUTPUTS, axis=2), 30), (np.argmax(OUTPUTS[:, -1], axis=1), 6)],
)
def test_labels_are_for_each_step_or_for_each_sequence(labels, examples):
    score = _score("accuracy", OUTPUTS, labels)
    assert score.value == 1 and score.examples == examples
    assert _score("accuracy", OUTPUTS, (labels + 1) % 3).value == 0


def test_the_area_is_that_of_the_last_output():
    labels = (OUTPUTS[:, :, -1] > 0.3).astype(int)
    score = _score("roc_auc", OUTPUTS, labels)
    assert score.value == 1 and score.examples == 30
    flat = _score("roc_auc", OUTPUTS[:, :, -1:], labels[:, :, None])
    assert flat.value == 1


@pytest.mark.parametrize("label", [0, 1])
def test_an_area_of_one_kind_of_label_is_refused(label):
    with pytest.raises(NetworkError) as caught:
        _score("roc_auc", OUTPUTS, np.full((6, 5), label))
    assert str(caught.value) == (
        f"roc_auc is not defined on the held-out data: its labels are all {label}"
    )


def test_labels_of_another_shape_are_refused():
    with pytest.raises(NetworkError) as caught:
        _score("accuracy", OUTPUTS, np.zeros((6, 4), int))
    assert str(caught.value) == (
        "the labels must have the shape [6, 5] of the outputs, or one label for each sequence, "
        "not [6, 4]"
    )


@pytest.mark.parametrize("name", ["agreement", "accuracy"])
def test_one_output_has_no_largest(name):
    labels = np.zeros((6, 5), int) if name == "accuracy" else None
    with pytest.raises(NetworkError) as caught:
        _score(name, OUTPUTS[:, :, :1], labels, OUTPUTS[:, :, :1])
    assert str(caught.value) == f"metric {name} compares outputs, and this network has only one"


def test_a_metric_has_labels_where_it_needs_them_and_only_there():
    for name, labelled, sentence in (
        ("speed", False, "the metric must be sqnr, agreement, accuracy or roc_auc, not speed"),
        ("accuracy", False, "metric accuracy compares with labels: give them by --labels"),
        ("sqnr", True, "metric sqnr takes no labels: it compares with normal mode"),
    ):
        with pytest.raises(NetworkError) as caught:
            Metric(name, labelled=labelled)
        assert str(caught.value) == sentence
    assert len(METRICS) == 4
