"""Spoken digit strings: connected digits without marks between them, read off by an LSTM.

Strings are recordings of single digits, one after the other without a pause. A frame is 13 cepstral
coefficients with their first and second derivatives in time; a dense layer with rectifiers turns it
into what the LSTM sees, and a linear layer gives the classes of connectionist temporal
classification. Training, calibration and held-out strings are made of different recordings, those
of the workload ``digits``.

References
----------
S. Young et al., "The HTK Book", section 5.9 (derivatives). Z. Jackson et al., "Free Spoken Digit
Dataset", github.com/Jakobovski/free-spoken-digit-dataset.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from sim.workloads.ctc import ctc_loss
from sim.workloads.digits import DIGITS, split_numbers
from sim.workloads.keeping import OwnNetwork, Trained
from sim.workloads.labelling import Labeller, LabellingRecipe, train_labeller
from sim.workloads.scores import Score
from sim.workloads.transcripts import decode, letters_right
from sim.workloads.workload import Case, Progress, Split, Workload, pad

__all__ = ["STRINGS", "STRINGS_FINAL", "make_strings", "with_derivatives"]

_DIGITS = 7
"""Digits of a string."""
_STRINGS = {"calibration": 300, "evaluation": 150}
_BATCH = 32
_SINGLE, _GROWN = 0.2, 0.6
"""Shares of the training until which strings are one digit long, and from which they are seven."""
_REACH = 2
"""Frames before and after that a derivative looks at."""

_RECIPE = LabellingRecipe(hidden=128, outputs=11, front=64, batches=2000)


def with_derivatives(frames: np.ndarray) -> np.ndarray:
    """Frames ``[time, n]`` with first and second derivatives, ``[time, 3 n]``."""
    first = _derivative(frames)
    return np.concatenate([frames, first, _derivative(first)], axis=1)


def _derivative(frames: np.ndarray) -> np.ndarray:
    """Slope of a line through five frames; the ends are repeated."""
    padded = np.pad(frames, ((_REACH, _REACH), (0, 0)), mode="edge")
    count = len(frames)
    slope = sum(
        reach * (padded[_REACH + reach :][:count] - padded[_REACH - reach :][:count])
        for reach in range(1, _REACH + 1)
    )
    return slope / (2 * sum(reach**2 for reach in range(1, _REACH + 1)))


def make_strings(numbers: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Recordings of each string, int ``[count, 7]``; each is used once before any is used again."""
    rng = np.random.default_rng(seed)
    rounds = -(-count * _DIGITS // len(numbers))
    drawn = np.concatenate([rng.permutation(numbers) for _ in range(rounds)])
    return drawn[: count * _DIGITS].reshape(count, _DIGITS)


@dataclass(frozen=True)
class _Recordings:
    """Recordings of single digits, their labels, and the numbers of those of each part."""

    sequences: list[np.ndarray]
    labels: np.ndarray
    parts: dict[str, np.ndarray]


class _Strings:
    """Recordings put together, standardised."""

    def __init__(self, recordings: _Recordings, mean: np.ndarray, deviation: np.ndarray):
        self.sequences, self.labels = recordings.sequences, recordings.labels
        self.training = recordings.parts["training"]
        self.mean, self.deviation = mean, deviation

    def split(self, strings: np.ndarray) -> Split:
        """Features of strings of recordings, and their digits."""
        features = [
            (with_derivatives(np.concatenate([self.sequences[n] for n in row])) - self.mean)
            / self.deviation
            for row in strings
        ]
        return pad(features, self.labels[strings])

    def draw(self, rng: np.random.Generator, done: float):
        """A batch to train on: strings grow from one digit, on which learning begins, to seven."""
        grown = (done - _SINGLE) / (_GROWN - _SINGLE)
        digits = int(np.clip(1 + grown * _DIGITS, 1, _DIGITS))
        split = self.split(rng.choice(self.training, (_BATCH, digits)))
        return split.x, split.lengths, split.labels


def _divide(final: bool, paths: list[Path]) -> _Recordings:
    with np.load(paths[0], allow_pickle=False) as data:
        frames, lengths, labels = data["X"], data["lengths"], data["y"]
    sequences = np.split(frames, np.cumsum(lengths)[:-1])
    return _Recordings(sequences, labels, split_numbers(len(labels), final=final))


def _train(recordings: _Recordings, recipe: LabellingRecipe, progress: Progress) -> Trained:
    heard = [recordings.sequences[number] for number in recordings.parts["training"]]
    frames = np.concatenate([with_derivatives(each) for each in heard])
    mean, deviation = frames.mean(axis=0), frames.std(axis=0)
    strings = _Strings(recordings, mean, deviation)
    labeller = train_labeller(strings.draw, ctc_loss, recipe, progress)
    return Trained(network=labeller, mean=mean, deviation=deviation)


def _case(recordings: _Recordings, trained: Trained) -> Case:
    labeller = trained.network
    strings = _Strings(recordings, trained.mean, trained.deviation)
    splits = {}
    for seed, (part, count) in enumerate(_STRINGS.items()):
        split = strings.split(make_strings(recordings.parts[part], count, seed))
        splits[part] = Split(
            x=labeller.features(split.x).astype(np.float32),
            lengths=split.lengths,
            labels=split.labels,
        )
    return Case(
        network=trained.layers,
        score=lambda h, split: _score(labeller, h, split),
        **splits,
    )


def _score(labeller: Labeller, h: np.ndarray, split: Split) -> Score:
    """One minus the word error rate of the likeliest paths."""
    scores = labeller.scores(h)
    texts = [decode(row[:length]) for row, length in zip(scores, split.lengths, strict=True)]
    return letters_right(texts, list(split.labels))


def _own(name: str, final: bool) -> OwnNetwork:
    return OwnNetwork(
        name=name, recipe=_RECIPE, data=partial(_divide, final), train=_train, case=_case
    )


STRINGS = Workload(
    name="strings",
    summary="strings of seven spoken digits: LSTM 64 -> 128, trained here, on 3000 recordings",
    metric="digits_right",
    source=DIGITS.source,
    licence=DIGITS.licence,
    members=DIGITS.members,
    prepare=_own("strings", False),
)
"""Which digits are spoken, and how many: one minus the word error rate."""

STRINGS_FINAL = replace(STRINGS, prepare=_own("strings-final", True))
"""The same, divided otherwise."""
