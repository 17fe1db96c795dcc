"""Japanese vowels: an LSTM of our own that tells nine speakers apart.

Each of 640 utterances of /ae/ is a sequence of 12 cepstral coefficients, 7 to 29 frames long. The
publishers' own division is kept for development: 270 utterances to train on, 370 held out; in the
final one they change places. Training data are few, so formats are calibrated on the very
utterances that the network was trained on.

References
----------
M. Kudo, J. Toyama and M. Shimbo, "Multidimensional curve classification using passing-through
regions", Pattern Recognition Letters 20, 1999.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from sim.workloads.classifying import Sequences, classifier_case, train_classifier
from sim.workloads.keeping import OwnNetwork
from sim.workloads.packages import Member
from sim.workloads.training import Recipe
from sim.workloads.workload import Workload

__all__ = ["VOWELS", "VOWELS_FINAL", "read_ts"]

_RECIPE = Recipe(hidden=64, classes=9, epochs=150)


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Sequences, float32 ``[time, I]``, and class names of a ``.ts`` file.

    A line holds the features, each a list of values, separated by colons; the class comes last.
    """
    lines = path.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.lower() == "@data")
    sequences, labels = [], []
    for line in lines[start + 1 :]:
        if line.strip():
            *features, label = line.split(":")
            sequences.append(np.array([row.split(",") for row in features], np.float32).T)
            labels.append(label.strip())
    return sequences, np.array(labels)


def _divide(order: tuple[int, int], paths: list[Path]) -> Sequences:
    """The utterances of two files, by number: those to train on, and those held out."""
    sequences, labels = read_ts(paths[order[0]])
    training = np.arange(len(sequences))
    held_sequences, held_labels = read_ts(paths[order[1]])
    sequences += held_sequences
    classes = np.concatenate([labels, held_labels]).astype(int) - 1
    evaluation = np.arange(len(training), len(sequences))
    parts = {"training": training, "calibration": training, "evaluation": evaluation}
    return Sequences(sequences=sequences, labels=classes, parts=parts)


def _own(name: str, order: tuple[int, int]) -> OwnNetwork:
    return OwnNetwork(
        name=name,
        recipe=_RECIPE,
        data=partial(_divide, order),
        train=train_classifier,
        case=classifier_case,
    )


def _member(part: str, sha256: str) -> Member:
    path = f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts"
    return Member(package="aeon", version="1.6.0", path=path, sha256=sha256)


VOWELS = Workload(
    name="vowels",
    summary="Japanese vowels, which speaker: LSTM 12 -> 64, trained here, on 640 utterances",
    metric="accuracy",
    source="PyPI aeon 1.6.0 (UCI Japanese Vowels as cepstra)",
    licence="package BSD-3-Clause, data UCI CC BY 4.0",
    members=(
        _member("TRAIN", "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"),
        _member("TEST", "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"),
    ),
    prepare=_own("vowels", (0, 1)),
)
"""Which of nine speakers says the vowel."""

VOWELS_FINAL = replace(VOWELS, prepare=_own("vowels-final", (1, 0)))
"""The same, divided otherwise."""
