from itertools import product

import numpy as np
import pytest

from sim.workloads.ctc import ctc_loss
from sim.workloads.transcripts import decode

CASES = {
    "letters that differ": [0, 1],
    "equal neighbours": [1, 1],
    "one letter": [0],
    "no letter": [],
    "as long as it can be": [0, 1, 0, 1],
}


def _labels(texts):
    labels = np.full((len(texts), max(1, *map(len, texts))), -1)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = text
    return labels


def _chance(scores, text):
    """Chance of a text: the sum over all paths that decode to it."""
    chance = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    total = 0.0
    for path in product(range(scores.shape[1]), repeat=len(scores)):
        one_hot = np.eye(scores.shape[1])[list(path)]
        if decode(one_hot).tolist() == list(text):
            total += np.prod(chance[np.arange(len(path)), path])
    return total


@pytest.mark.parametrize("text", CASES.values(), ids=list(CASES))
def test_the_loss_sums_over_all_paths(text):
    scores = np.random.default_rng(0).normal(size=(4, 1, 3))
    loss, _ = ctc_loss(scores, np.array([4]), _labels([text, []])[:1])
    assert loss == pytest.approx(-np.log(_chance(scores[:, 0], text)), rel=1e-12)


def test_slopes_are_those_of_the_loss():
    scores = np.random.default_rng(1).normal(size=(7, 4, 4))
    lengths, labels = np.array([7, 5, 6, 2]), _labels([[0, 0, 1], [2, 1], [], [2]])
    _, slopes = ctc_loss(scores, lengths, labels)
    step = 1e-5
    for place in np.ndindex(scores.shape):
        losses = []
        for sign in (1, -1):
            moved = scores.copy()
            moved[place] += sign * step
            losses.append(ctc_loss(moved, lengths, labels)[0])
        # Central differences are off by step**2 and by rounding over step.
        assert slopes[place] == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-8)


def test_what_follows_the_end_of_a_sequence_does_not_matter():
    scores = np.random.default_rng(2).normal(size=(5, 2, 3))
    lengths, labels = np.array([3, 5]), _labels([[0, 1], [1]])
    loss, slopes = ctc_loss(scores, lengths, labels)
    scores[3:, 0] = 50 * np.arange(3)
    again, others = ctc_loss(scores, lengths, labels)
    assert again == loss and (others == slopes).all()
    assert not slopes[3:, 0].any() and slopes[:, 1].any(axis=1).all()


def test_slopes_have_the_type_of_the_scores():
    scores = np.zeros((3, 1, 3), np.float32)
    assert ctc_loss(scores, np.array([3]), _labels([[0], []])[:1])[1].dtype == np.float32
