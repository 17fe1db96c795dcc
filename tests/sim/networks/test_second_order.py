import numpy as np
import pytest

from sim.networks.second_order import DAMPINGS, best_damping, damped, mean_products


def lost_by(strengths):
    """A loss that says what it was asked for."""
    asked = []

    def lost(made, judged, damping):
        asked.append((made[0, 0], judged[0, 0], damping))
        return strengths[damping]

    return lost, asked


def test_powers_are_raised_by_a_part_of_their_mean_without_the_constant():
    gram = np.diag([1.0, 3.0, 100.0])
    np.testing.assert_allclose(np.diag(damped(gram, 0.5)), [2.0, 4.0, 101.0])


@pytest.mark.parametrize("best", DAMPINGS)
def test_the_damping_that_loses_least_is_taken(best):
    lost, _ = lost_by({each: abs(each - best) for each in DAMPINGS})
    assert best_damping(np.ones((300, 4)), lost, too_few=9) == best


def test_where_samples_drift_the_second_half_judges_the_first_too():
    seen = np.repeat([1.0, 2.0], 256)[:, None] * np.ones((512, 3))
    lost, asked = lost_by(dict.fromkeys(DAMPINGS, 1.0))
    best_damping(seen, lost, too_few=9)
    assert {pair[:2] for pair in asked} == {(2.5, 2.5)}
    asked.clear()
    best_damping(seen, lost, too_few=9, drifting=True)
    assert {pair[:2] for pair in asked} == {(2.5, 2.5), (1, 4), (4, 1)}


def test_few_samples_are_not_divided():
    lost, asked = lost_by({})
    assert best_damping(np.ones((255, 4)), lost, too_few=0.7) == 0.7
    assert best_damping(np.ones((300, 301)), lost, too_few=0.7) == DAMPINGS[-1]
    assert not asked


def test_products_are_means_over_the_samples():
    seen = np.array([[1.0, 1], [3, 1]])
    np.testing.assert_array_equal(mean_products(seen), [[5, 2], [2, 1]])
