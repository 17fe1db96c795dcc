import numpy as np
import pytest

from sim.workloads.scores import accuracy, roc_auc


@pytest.mark.parametrize("seed", range(5))
def test_area_is_the_share_of_pairs_in_order(seed):
    rng = np.random.default_rng(seed)
    probability = rng.integers(0, 8, 60) / 8
    label = rng.random(60) < 0.4
    difference = probability[label][:, None] - probability[~label][None, :]
    expected = np.mean((difference > 0) + 0.5 * (difference == 0))
    assert roc_auc(probability, label) == pytest.approx(expected, abs=1e-12)


def test_perfect_order_scores_one_and_reversed_order_zero():
    label = np.array([0, 0, 1, 1])
    assert roc_auc(np.array([0.1, 0.2, 0.3, 0.4]), label) == 1
    assert roc_auc(np.array([0.4, 0.3, 0.2, 0.1]), label) == 0


def test_one_kind_of_label_is_refused():
    with pytest.raises(ValueError, match=r"^the area .* both kinds$"):
        roc_auc(np.zeros(3), np.ones(3))


def test_accuracy_counts_the_right_side_of_the_threshold():
    assert accuracy(np.array([0.2, 0.6, 0.5, 0.9]), np.array([0, 1, 1, 0])) == 0.5
