"""Workloads that train their own network: standardised inputs, and weights that are kept."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads import backpropagation, training
from sim.workloads.packages import cache_folder, keep
from sim.workloads.scores import Score, share_right
from sim.workloads.training import Classifier, Recipe, train
from sim.workloads.workload import Case, Progress, Say, Split, pad

__all__ = ["classifier_case", "classifier_path", "standardize"]


def standardize(sequences: Sequence[np.ndarray], seen: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sequences ``[time, I]``, each feature with the mean and deviation it has in ``seen``."""
    frames = np.concatenate(seen)
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    return [(sequence - mean) / deviation for sequence in sequences]


def classifier_case(
    name: str,
    sequences: Sequence[np.ndarray],
    labels: np.ndarray,
    parts: dict[str, np.ndarray],
    recipe: Recipe,
    say: Say,
    progress: Progress,
) -> Case:
    """The case of a classifier, which is trained unless it has been before.

    Parameters
    ----------
    name : str
        The workload's.
    sequences : arrays [time, I]
        All of the data.
    labels : int [sequences]
        Classes from 0.
    parts : dict of int array
        Numbers of the sequences of ``training``, ``calibration`` and ``evaluation``.
    recipe : Recipe
        How to train.
    say, progress
        Told how far the training is.
    """
    sequences = standardize(sequences, [sequences[number] for number in parts["training"]])
    splits = {
        part: pad([sequences[number] for number in numbers], labels[numbers])
        for part, numbers in parts.items()
    }
    classifier = _trained(name, splits["training"], recipe, say, progress)

    def score(h: np.ndarray, split: Split) -> Score:
        return share_right(classifier.classify(h, split.lengths), split.labels)

    return Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(classifier.lstm,)),)),
        calibration=splits["calibration"],
        evaluation=splits["evaluation"],
        score=score,
    )


def classifier_path(name: str, split: Split, recipe: Recipe) -> Path:
    """Where trained weights are kept: named by the data, the recipe and the training's code."""
    digest = hashlib.sha256(repr(recipe).encode())
    for module in (backpropagation, training):
        digest.update(Path(module.__file__).read_bytes())
    for array in (split.x, split.lengths, split.labels):
        digest.update(np.ascontiguousarray(array).tobytes())
    return cache_folder() / "trained" / f"{name}-{digest.hexdigest()[:24]}.npz"


def _trained(name: str, split: Split, recipe: Recipe, say: Say, progress: Progress) -> Classifier:
    path = classifier_path(name, split, recipe)
    kept = _read(path)
    if kept is not None:
        return kept
    say(f"training {name}")
    classifier = train(split, recipe, progress)
    lstm, buffer = classifier.lstm, io.BytesIO()
    arrays = {"W": lstm.W, "R": lstm.R, "lstm_bias": lstm.bias}
    np.savez(buffer, **arrays, weights=classifier.weights, bias=classifier.bias)
    keep(path, buffer.getvalue())
    return classifier


def _read(path: Path) -> Classifier | None:
    """The classifier of a file; None where it is not there or is damaged: it is trained again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            lstm = FloatLstm(W=arrays["W"], R=arrays["R"], bias=arrays["lstm_bias"])
            return Classifier(lstm=lstm, weights=arrays["weights"], bias=arrays["bias"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
