"""Workloads with a classifier of their own: standardised inputs, and what tells classes apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.workloads.keeping import Trained
from sim.workloads.scores import Score, share_right
from sim.workloads.training import Recipe, train
from sim.workloads.workload import Case, Progress, Split, pad

__all__ = ["Sequences", "classifier_case", "train_classifier"]


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Labelled sequences, divided.

    Members
    -------
    sequences : arrays [time, I]
        All of the data.
    labels : int [sequences]
        Classes from 0.
    parts : dict of int array
        Numbers of the sequences of ``training``, ``calibration`` and ``evaluation``.
    """

    sequences: Sequence[np.ndarray]
    labels: np.ndarray
    parts: dict[str, np.ndarray]

    def split(self, part: str, mean: np.ndarray, deviation: np.ndarray) -> Split:
        """A part, each feature less its ``mean`` and divided by its ``deviation``."""
        numbers = self.parts[part]
        standard = [(self.sequences[number] - mean) / deviation for number in numbers]
        return pad(standard, self.labels[numbers])


def train_classifier(data: Sequences, recipe: Recipe, progress: Progress) -> Trained:
    """A classifier of the training part."""
    frames = np.concatenate([data.sequences[number] for number in data.parts["training"]])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    classifier = train(data.split("training", mean, deviation), recipe, progress)
    return Trained(network=classifier, mean=mean, deviation=deviation)


def classifier_case(data: Sequences, trained: Trained) -> Case:
    """The case of a classifier."""

    def score(h: np.ndarray, split: Split) -> Score:
        return share_right(trained.network.classify(h, split.lengths), split.labels)

    return Case(
        network=trained.layers,
        calibration=data.split("calibration", trained.mean, trained.deviation),
        evaluation=data.split("evaluation", trained.mean, trained.deviation),
        score=score,
    )
