"""Speech activity every 10 ms: an LSTM of our own on recorded meetings.

The recordings are half minutes of meetings of several people, 16 kHz, with the turns of each person
marked; they are the data that the publishers of a diarisation toolkit test their training with, and
their division is kept. Features are 40 logarithms of mel bands in frames of 25 ms, 10 ms apart: the
hop is ours, not the data's. A frame counts as speech where a turn covers its centre. Each half
minute runs as one sequence from a zero state.

References
----------
J. Carletta et al., "The AMI meeting corpus: a pre-announcement", MLMI 2005. Recordings: test data
of pyannote.audio, github.com/pyannote/pyannote-audio.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.networks.network import FloatLayer, FloatNetwork
from sim.workloads import silero
from sim.workloads.cepstra import mel_filters
from sim.workloads.keeping import trained
from sim.workloads.labelling import Labeller, LabellingRecipe, frame_loss
from sim.workloads.packages import Member
from sim.workloads.scores import Score, block_error, roc_auc
from sim.workloads.workload import Case, Progress, Say, Split, Workload, pad

__all__ = ["ACTIVITY", "HOP_SECONDS", "frame_labels", "log_mel", "read_floats"]

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


def read_floats(path: Path) -> np.ndarray:
    """Samples, float32, of a mono recording in floating point at 16 kHz."""
    content = path.read_bytes()
    chunks, at = {}, 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        chunks[name] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    form = struct.unpack_from("<HHIIHH", chunks.get(b"fmt ", bytes(16)))
    if content[8:12] != b"WAVE" or form[:3] != (3, 1, silero.RATE) or form[5] != 32:
        raise ValueError(f"{path} must be mono 32-bit floating point at {silero.RATE} Hz")
    return np.frombuffer(chunks[b"data"], "<f4")


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


class _Meetings:
    """The frames and labels of some recordings."""

    def __init__(self, recordings: Sequence[Path], turns: Path):
        self.frames, self.labels = [], []
        for path in recordings:
            frames = log_mel(read_floats(path))
            self.frames.append(frames)
            marked = silero.read_turns(turns, path.stem)
            self.labels.append(frame_labels(marked, len(frames)))

    def standardize(self, mean: np.ndarray, deviation: np.ndarray):
        """Make the features' mean zero and their deviation one, as they are in other data."""
        self.frames = [(frames - mean) / deviation for frames in self.frames]

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


def _prepare(paths: list[Path], say: Say, progress: Progress) -> Case:
    files = {path.name: path for path in paths}
    meetings = {
        part: _Meetings([files[f"{name}.wav"] for name in names], files[f"debug.{part}.rttm"])
        for part, names in _PARTS.items()
    }
    training = meetings["train"]
    seen = np.concatenate(training.frames)
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    for each in meetings.values():
        each.standardize(mean, deviation)
    seen = (seen, *training.labels)
    labeller = trained("activity", training.draw, frame_loss, _RECIPE, seen, say, progress)
    return Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(labeller.lstm,)),)),
        calibration=meetings["development"].split(),
        evaluation=meetings["test"].split(),
        score=lambda h, split: _score(labeller, h, split),
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


_PARTS = {
    "train": tuple(f"trn0{number}" for number in range(1, 10)),
    "development": ("dev00", "dev01"),
    "test": ("tst00", "tst01"),
}

_FILES = {
    "debug.development.rttm": "9667a672072f7d0ad5b647cfaed987d8c52209a4e1ddc252fed06d0b955e7aeb",
    "debug.test.rttm": "eae147d74d3f08002a5028183538eb35e6a7c7a77fe7d87c51eec95852d33161",
    "debug.train.rttm": "972ee04414fc7644f26eabe1909d6a0f6a3fa57ab840719ec0112d26f3a957d5",
    "dev00.wav": "187386cda67317574da5b30068a8b853e52cc6df0d13abfec381912dfa9e7461",
    "dev01.wav": "13834217e1bd46a581af1b8040018bfba1e65ce1e0b9ee46cdcefa9334b9ddea",
    "trn01.wav": "b5e8d91105604d25cb05cc3840d015d88bd6689a2acba35506dd0d7dcb00668a",
    "trn02.wav": "2e4ce968332e68cac5ed74cd00f96b63ed6c034667583be34a32a7c2aa260803",
    "trn03.wav": "d12d132a6d4788f85efaa8e18563e575746e6a6fcc928e919c7c0e6a3e0238b2",
    "trn04.wav": "afa4bd13ee05be34953beb594d0d755ba83284c5a742ae27e388952d41c4d0f1",
    "trn05.wav": "ec694aa5c9eea7453263eaf90d38ed921c1b6f8cc4f52897d9a4457a504d668d",
    "trn06.wav": "e70cbed4f13c7971fdf9d424b079d87a25ed1ce3928da0bccd18f143eb4ac359",
    "trn07.wav": "77628cd91dcc27c61f9b709e670f003cb860d597fda56e7ccb0ccbbc42d5a26f",
    "trn08.wav": "a7d3397e82cb1025307f08b0fe8459a9d43fe61f3d9ce674f17819c7450bfac5",
    "trn09.wav": "8e18bc410e6d54a166bbba2ff0b46a222626706788fa222add4f97bca842f822",
    "tst00.wav": "0af781fb566501f7950479fd8bd92329276782c7ac930a03497d553b21c33397",
    "tst01.wav": "a40925742870d05363eb781bd2cf1501fc37883cf003389175a39b24a5b2c7c9",
}

ACTIVITY = Workload(
    name="activity",
    summary="speech activity every 10 ms: LSTM 40 -> 64, trained here, on 6 min of meetings",
    metric="roc_auc",
    source="PyPI pyannote-audio 4.0.7, source archive (AMI meeting corpus)",
    licence="package MIT, recordings CC BY 4.0",
    members=tuple(
        Member(
            package="pyannote-audio",
            version="4.0.7",
            path=f"pyannote_audio-4.0.7/tests/data/{name}",
            sha256=sha256,
            source=True,
        )
        for name, sha256 in _FILES.items()
    ),
    prepare=_prepare,
)
"""Whether somebody speaks, every 10 ms."""
