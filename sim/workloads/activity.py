"""Speech activity every 10 ms: an LSTM of our own on recorded meetings.

Features are 40 logarithms of mel bands in frames of 25 ms, 10 ms apart: the hop is ours, not the
data's. A frame counts as speech where a turn covers its centre. Each half minute runs as one
sequence from a zero state. The publishers' division is kept for development; the final one is by
recordings that were only trained on before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from sim.workloads import silero
from sim.workloads.cepstra import mel_filters
from sim.workloads.keeping import OwnNetwork, Trained
from sim.workloads.labelling import Labeller, LabellingRecipe, frame_loss, train_labeller
from sim.workloads.meetings import Meetings, meeting_members
from sim.workloads.scores import Score, block_error, roc_auc
from sim.workloads.workload import Case, Progress, Split, Workload, pad

__all__ = ["ACTIVITY", "ACTIVITY_FINAL", "HOP_SECONDS", "PARTS", "frame_labels", "log_mel"]

HOP_SECONDS = 0.01
"""Time between two steps of the LSTM."""

_HOP, _WINDOW, _SPECTRUM = 160, 400, 512
"""Samples between frames, of a frame, and of its transform."""
_BANDS = 40
_FLOOR = 1e-6
_BLOCK = round(1 / HOP_SECONDS)

_CHUNK, _BATCH = 300, 16
"""Frames of a training sequence, and sequences of a batch."""
_GAIN = 0.3
"""Deviation of the level by which a training sequence is louder or softer, in units of x."""

_RECIPE = LabellingRecipe(hidden=64, outputs=1, batches=500, rate=3e-3)

_TRAINED = tuple(f"trn0{number}" for number in range(1, 10))
PARTS = {
    "development": {
        "training": _TRAINED,
        "calibration": ("dev00", "dev01"),
        "evaluation": ("tst00", "tst01"),
    },
    "final": {
        "training": (*_TRAINED[:3], "dev00", "dev01", "tst00", "tst01"),
        "calibration": _TRAINED[3:6],
        "evaluation": _TRAINED[6:],
    },
}
"""Recordings of each part, by division."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Features float32 ``[frames, 40]`` of samples from -1 to 1 at 16 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    power = np.abs(np.fft.rfft(frames * hann, _SPECTRUM, axis=1)) ** 2
    filters = mel_filters(power.shape[1], silero.RATE, _BANDS, 20, silero.RATE / 2)
    return np.log(power @ filters.T + _FLOOR).astype(np.float32)


def frame_labels(turns: np.ndarray, frames: int) -> np.ndarray:
    """Labels, int ``[frames]``: whether one of ``turns [n, 2]`` covers the frame's centre."""
    centre = np.arange(frames) * HOP_SECONDS + _WINDOW / 2 / silero.RATE
    return ((turns[:, :1] <= centre) & (centre < turns[:, 1:])).any(axis=0).astype(int)


@dataclass(frozen=True)
class _Part:
    """The frames and labels of some recordings."""

    frames: list[np.ndarray]
    labels: list[np.ndarray]

    def standardized(self, mean: np.ndarray, deviation: np.ndarray) -> "_Part":
        """The same with features less a mean and divided by a deviation."""
        return _Part([(frames - mean) / deviation for frames in self.frames], self.labels)

    def draw(self, rng: np.random.Generator, done: float):
        """A batch to train on: pieces of three seconds from anywhere, at slightly other levels."""
        rows = []
        for number in rng.integers(0, len(self.frames), _BATCH):
            start = rng.integers(0, len(self.frames[number]) - _CHUNK + 1)
            rows.append((number, slice(start, start + _CHUNK)))
        x = np.stack([self.frames[number][piece] for number, piece in rows])
        x = x + rng.normal(0, _GAIN, (_BATCH, 1, 1)).astype(np.float32)
        labels = np.stack([self.labels[number][piece] for number, piece in rows])
        return x, np.full(_BATCH, _CHUNK), labels

    def split(self) -> Split:
        """Every recording as a sequence."""
        return pad(self.frames, np.stack(self.labels))


def _divide(division: Mapping[str, Sequence[str]], paths: list[Path]) -> dict[str, _Part]:
    """The parts of the data by name, as they were recorded."""
    meetings = Meetings(paths)
    return {part: _heard(meetings, names) for part, names in division.items()}


def _heard(meetings: Meetings, names: Sequence[str]) -> _Part:
    frames = [log_mel(meetings.samples(name)) for name in names]
    counts = dict(zip(names, map(len, frames), strict=True))
    return _Part(frames, [frame_labels(meetings.turns(name), counts[name]) for name in names])


def _train(parts: dict[str, _Part], recipe: LabellingRecipe, progress: Progress) -> Trained:
    seen = np.concatenate(parts["training"].frames)
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    draw = parts["training"].standardized(mean, deviation).draw
    labeller = train_labeller(draw, frame_loss, recipe, progress)
    return Trained(network=labeller, mean=mean, deviation=deviation)


def _case(parts: dict[str, _Part], trained: Trained) -> Case:
    splits = {
        part: parts[part].standardized(trained.mean, trained.deviation).split()
        for part in ("calibration", "evaluation")
    }
    return Case(
        network=trained.layers,
        score=lambda h, split: _score(trained.network, h, split),
        **splits,
    )


def _score(labeller: Labeller, h: np.ndarray, split: Split) -> Score:
    """Area under the curve over the frames of all recordings."""
    scores, labels = labeller.scores(h).ravel(), split.labels.ravel()
    return Score(
        value=roc_auc(scores, labels),
        standard_error=block_error(
            lambda rows: roc_auc(scores[rows], labels[rows]), len(labels), _BLOCK, draws=200
        ),
        examples=len(labels),
    )


def _own(name: str, division: str) -> OwnNetwork:
    data = partial(_divide, PARTS[division])
    return OwnNetwork(name=name, recipe=_RECIPE, data=data, train=_train, case=_case)


ACTIVITY = Workload(
    name="activity",
    summary="speech activity every 10 ms: LSTM 40 -> 64, trained here, on 6 min of meetings",
    metric="roc_auc",
    source="PyPI pyannote-audio 4.0.7, source archive (AMI meeting corpus)",
    licence="package MIT, recordings CC BY 4.0",
    members=meeting_members(name for names in PARTS["final"].values() for name in names),
    prepare=_own("activity", "development"),
)
"""Whether somebody speaks, every 10 ms."""

ACTIVITY_FINAL = replace(ACTIVITY, prepare=_own("activity-final", "final"))
"""The same, divided otherwise."""
