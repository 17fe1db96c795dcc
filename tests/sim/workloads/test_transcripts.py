import numpy as np
import pytest

from sim.workloads.transcripts import decode, edits, letters_right


def _scores(path, classes=4):
    return np.eye(classes)[list(path)]


@pytest.mark.parametrize(
    ("path", "letters"),
    [
        ([0, 0, 1, 1, 1, 2], [0, 1, 2]),
        ([3, 0, 3, 0, 0, 3], [0, 0]),
        ([3, 3], []),
        ([2], [2]),
    ],
)
def test_repeats_are_one_letter_and_blanks_are_none(path, letters):
    assert decode(_scores(path)).tolist() == letters


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("abc", "abc", 0),
        ("flaw", "lawn", 2),
        ("abcdef", "azced", 3),
    ],
)
def test_edits_are_the_fewest(one, other, number):
    one, other = (np.array([ord(letter) for letter in word], int) for word in (one, other))
    assert edits(one, other) == edits(other, one) == number


def test_letters_are_counted_over_all_texts():
    references = [np.array([1, 2, 3, 4]), np.array([5] * 6), np.array([], int)]
    texts = [np.array([1, 2, 4]), np.array([5] * 6), np.array([7])]
    score = letters_right(texts, references)
    assert (score.value, score.examples) == (0.8, 10)


def test_equal_texts_have_no_error_and_different_ones_have():
    references = [np.array([1, 2, 3, 4])] * 10
    same = [np.array([1, 2, 3])] * 10
    assert letters_right(same, references).standard_error == pytest.approx(0, abs=1e-12)
    mixed = [np.array([1, 2, 3, 4])] * 5 + [np.array([], int)] * 5
    # Half of ten texts wholly wrong: sqrt(1/2 1/2 / 10), to the accuracy of 500 draws.
    assert letters_right(mixed, references).standard_error == pytest.approx(0.158, rel=0.15)


def test_more_edits_than_letters_count_as_nothing_right():
    assert letters_right([np.array([1, 1, 1])], [np.array([2])]).value == 0


def test_references_without_letters_are_refused():
    with pytest.raises(ValueError, match=r"^the references hold no letter$"):
        letters_right([np.array([1])], [np.array([], int)])
