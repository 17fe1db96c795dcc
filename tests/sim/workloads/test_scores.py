import numpy as np
import pytest

from sim.workloads.scores import accuracy, block_error, roc_auc, share_right


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


def test_a_share_of_right_answers_has_a_binomial_error():
    score = share_right(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4]))
    assert (score.value, score.examples) == (0.75, 4)
    assert score.standard_error == pytest.approx(np.sqrt(4 / 6 * 2 / 6 / 4))


def test_a_perfect_share_is_not_certain():
    assert share_right(np.ones(100), np.ones(100)).standard_error > 0.005


def test_the_block_bootstrap_finds_the_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=1000)
    error = block_error(lambda rows: float(values[rows].mean()), 1000, 1, draws=2000)
    # Of 2000 draws the error itself is known to 1.6 %: five times that, and the sample's own.
    assert error == pytest.approx(values.std() / np.sqrt(1000), rel=0.08)


def test_neighbours_that_repeat_each_other_count_once():
    values = np.repeat(np.random.default_rng(0).normal(size=100), 10)
    single, block = (
        block_error(lambda rows: float(values[rows].mean()), 1000, size) for size in (1, 50)
    )
    assert block > 2 * single


def test_draws_without_a_score_are_left_out():
    label = np.array([0] * 5 + [1])
    probability = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.5])
    error = block_error(lambda rows: roc_auc(probability[rows], label[rows]), 6, 1)
    assert 0 < error < 0.5
