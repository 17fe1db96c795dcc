"""Speech recognition: a DeepSpeech network of Armenian, LSTM 2048 -> 2048.

Three dense layers look at 19 frames of 26 cepstral coefficients around each instant, 20 ms apart;
an LSTM follows, a fourth dense layer, and the classes of connectionist temporal classification.
The published network has int8 weights with one scale for each matrix and computes in floating
point; so does this one, on weights that are dequantised once.

No recorded Armenian is in any package, so the network listens to English, and its letters are
compared with those that the network itself finds in floating point: fidelity, not a word error
rate. Recordings are cut into pieces of two seconds. For development there is one, the first half of
its pieces to calibrate on; the final division is of half minutes of meetings.

References
----------
A. Hannun et al., "Deep Speech: scaling up end-to-end speech recognition", 2014. V. Baghdasaryan,
"ArmSpeech: Armenian spoken language corpus", 2022.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tflite

from sim.networks.float_lstm import run_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads import silero
from sim.workloads.cepstra import cepstra
from sim.workloads.meetings import Meetings, meeting_members
from sim.workloads.packages import Member
from sim.workloads.scores import Score
from sim.workloads.transcripts import decode, letters_right
from sim.workloads.workload import Case, Say, Split, Workload, pad

__all__ = ["DEEPSPEECH", "DEEPSPEECH_FINAL", "FINAL_PARTS", "Tensors", "read_lstm", "windows"]

FINAL_PARTS = {
    "calibration": ("dev00", "dev01"),
    "evaluation": ("trn07", "trn08", "trn09", "tst00", "tst01"),
}
"""Recordings of the final division."""

_WINDOW, _HOP, _COEFFICIENTS = 512, 320, 26
"""Samples of a frame and between frames, and what is kept of each."""

_CONTEXT = 9
"""Frames before and after an instant that the first layer sees."""

_PIECE = 2 * silero.RATE

_CELL = "cudnn_lstm/rnn/multi_rnn_cell/cell_0/cudnn_compatible_lstm_cell/"
_FILE_GATES = (0, 2, 1, 3)
"""Where the gates input, forget, cell, output stand in the file."""

_CLIP = 20
"""Where the dense layers' rectifiers end."""


class Tensors:
    """Constants of a .tflite file by name, in floating point."""

    def __init__(self, path: Path):
        self._model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
        graph = self._model.Subgraphs(0)
        tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
        self._tensors = {tensor.Name().decode(): tensor for tensor in tensors}

    def __getitem__(self, name: str) -> np.ndarray:
        """The float32 tensor of that name; int8 is dequantised."""
        tensor = self._tensors[name]
        content = self._model.Buffers(tensor.Buffer()).DataAsNumpy()
        if tensor.Type() == tflite.TensorType.INT8:
            scale = np.float32(tensor.Quantization().Scale(0))
            values = content.view(np.int8).astype(np.float32) * scale
        else:
            values = content.view(np.float32)
        return values.reshape(tensor.ShapeAsNumpy())


def read_lstm(weights: np.ndarray, bias: np.ndarray) -> FloatLstm:
    """The LSTM of a matrix ``[4H, I + H]`` whose rows are the gates input, cell, forget, output."""
    hidden = len(bias) // 4
    gates = weights.reshape(4, hidden, -1)[list(_FILE_GATES)]
    return FloatLstm(
        W=np.ascontiguousarray(gates[:, :, :-hidden]),
        R=np.ascontiguousarray(gates[:, :, -hidden:]),
        bias=np.ascontiguousarray(bias.reshape(4, hidden)[list(_FILE_GATES)]),
    )


def windows(frames: np.ndarray) -> np.ndarray:
    """Each frame between its neighbours, ``[time, 19 * coefficients]``; silence is zero."""
    edge = np.zeros((_CONTEXT, frames.shape[1]), frames.dtype)
    padded = np.concatenate([edge, frames, edge])
    seen = np.lib.stride_tricks.sliding_window_view(padded, 2 * _CONTEXT + 1, axis=0)
    return seen.swapaxes(1, 2).reshape(len(frames), -1)


@dataclass(frozen=True)
class _Dense:
    """A fully connected layer."""

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weights.T + self.bias


class _Recognizer:
    """The layers around the LSTM."""

    def __init__(self, path: Path):
        tensors = Tensors(path)
        # The layers' biases are numbered by their products, which leave out the LSTM's.
        biases = ("MatMul_bias", "MatMul_1_bias", "MatMul_2_bias", "MatMul_3_bias", "MatMul_4_bias")
        numbers = (1, 2, 3, 5, 6)
        layers = [
            _Dense(tensors[f"layer_{number}/weights/transpose"], tensors[bias])
            for number, bias in zip(numbers, biases, strict=True)
        ]
        self.before, self.after = layers[:3], layers[3:]
        weights = tensors[f"{_CELL}kernel/transpose_13"]
        lstm = read_lstm(weights, tensors[f"{_CELL}MatMul_15_bias"])
        self.network = FloatNetwork(layers=(FloatLayer(directions=(lstm,)),))

    def features(self, samples: np.ndarray) -> np.ndarray:
        """What reaches the LSTM, ``[time, 2048]``."""
        x = windows(cepstra(samples, silero.RATE, _WINDOW, _HOP, _COEFFICIENTS))
        for layer in self.before:
            x = np.clip(layer(x), 0, _CLIP)
        return x

    def classes(self, h: np.ndarray) -> np.ndarray:
        """Scores of the classes, from ``h`` ``[..., 2048]``."""
        hidden, last = self.after
        return last(np.clip(hidden(h.astype(np.float32)), 0, _CLIP))

    def texts(self, h: np.ndarray, split: Split) -> list[np.ndarray]:
        """Letters of each sequence."""
        scores = self.classes(h)
        return [decode(s[:length]) for s, length in zip(scores, split.lengths, strict=True)]

    def labelled(self, pieces: list[np.ndarray]) -> Split:
        """A split whose labels are the network's own letters, -1 behind their end."""
        split = pad([self.features(piece) for piece in pieces], np.zeros(len(pieces)))
        h = split.run(lambda x: run_float(self.network, x, dtype=np.float32)[0])
        texts = self.texts(h, split)
        labels = np.full((len(texts), max(len(text) for text in texts)), -1)
        for row, text in zip(labels, texts, strict=True):
            row[: len(text)] = text
        return replace(split, labels=labels)

    def score(self, h: np.ndarray, split: Split) -> Score:
        """Share of the letters that stay as they are in floating point."""
        return letters_right(self.texts(h, split), [row[row >= 0] for row in split.labels])


def _prepare(paths: list[Path], say: Say) -> Case:
    recognizer = _Recognizer(paths[0])
    pieces = _pieces(silero.read_samples(paths[1]))
    half = len(pieces) // 2
    return _case(recognizer, pieces[:half], pieces[half:], say)


def _prepare_final(paths: list[Path], say: Say) -> Case:
    meetings = Meetings(paths)
    parts = [
        [piece for name in names for piece in _pieces(meetings.samples(name))]
        for names in FINAL_PARTS.values()
    ]
    return _case(_Recognizer(paths[0]), *parts, say)


def _pieces(samples: np.ndarray) -> list[np.ndarray]:
    return [samples[at : at + _PIECE] for at in range(0, samples.size - _PIECE + 1, _PIECE)]


def _case(recognizer: _Recognizer, calibration: list, evaluation: list, say: Say) -> Case:
    say("finding the network's own letters")
    return Case(
        network=recognizer.network,
        calibration=recognizer.labelled(calibration),
        evaluation=recognizer.labelled(evaluation),
        score=recognizer.score,
    )


_MODEL = Member(
    package="armspeech",
    version="0.1.4",
    path="armspeech-0.1.4/src/model/model.tflite",
    sha256="3b834da11f2d0a1a5079b44dd5d5da2b1955dec56474ba11b4c3793e934787bc",
    source=True,
)


DEEPSPEECH = Workload(
    name="deepspeech",
    summary="speech to letters: DeepSpeech, LSTM 2048 -> 2048, on 30 s of conversation",
    metric="letters_kept",
    source="PyPI armspeech 0.1.4, pyannote-audio 4.0.7",
    licence="MIT",
    members=(_MODEL, silero.RECORDING),
    prepare=_prepare,
    config="chip",
)
"""Letters of a language, every 20 ms; the large network."""

DEEPSPEECH_FINAL = replace(
    DEEPSPEECH,
    summary="speech to letters: DeepSpeech, LSTM 2048 -> 2048, on 3.5 min of meetings",
    licence="MIT, recordings CC BY 4.0",
    members=(_MODEL, *meeting_members(name for names in FINAL_PARTS.values() for name in names)),
    prepare=_prepare_final,
)
"""The same on other recordings."""
