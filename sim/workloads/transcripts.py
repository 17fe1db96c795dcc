"""Letters out of class scores, and how many of them are right."""

import numpy as np

from sim.workloads.scores import Score

__all__ = ["decode", "edits", "letters_right"]


def decode(scores: np.ndarray) -> np.ndarray:
    """Classes of the likeliest path of scores ``[time, classes]``, the last class being the blank.

    Classes that follow each other are one letter; blanks are none (connectionist temporal
    classification).
    """
    path = np.argmax(scores, axis=1)
    changed = np.concatenate([[True], path[1:] != path[:-1]])
    return path[changed & (path != scores.shape[1] - 1)]


def edits(one: np.ndarray, other: np.ndarray) -> int:
    """Fewest letters to insert, remove or replace that turn one into the other."""
    row = np.arange(len(other) + 1)
    for number, letter in enumerate(one, 1):
        least = np.minimum(row[1:] + 1, row[:-1] + (other != letter))
        # An insertion adds one to what stands before it: a running minimum less the position.
        row = np.concatenate([[number], least]) - np.arange(len(row))
        row = np.minimum.accumulate(row) + np.arange(len(row))
    return int(row[-1])


def letters_right(texts: list[np.ndarray], references: list[np.ndarray], draws: int = 500) -> Score:
    """One minus the edits for each letter of the references, and zero at the least.

    The standard error draws whole texts (bootstrap).

    Raises
    ------
    ValueError
        The references hold no letter.
    """
    wrong = np.array([edits(*pair) for pair in zip(texts, references, strict=True)])
    letters = np.array([len(reference) for reference in references])
    if not letters.sum():
        raise ValueError("the references hold no letter")
    drawn = np.random.default_rng(0).integers(0, len(letters), (draws, len(letters)))
    rates = wrong[drawn].sum(axis=1) / np.maximum(letters[drawn].sum(axis=1), 1)
    return Score(
        value=max(0.0, 1 - float(wrong.sum() / letters.sum())),
        standard_error=float(np.std(rates)),
        examples=int(letters.sum()),
    )
