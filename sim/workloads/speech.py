"""Speech detection as a workload: the LSTM of Silero VAD, the rest of its graph around it.

For development one recording is cut in the middle: formats and thresholds are chosen on its first
half, the area under the curve is taken on its second half, both from a zero state. The final
division is of half minutes of meetings, each a sequence from a zero state. The standard error draws
blocks of a second, since neighbouring chunks of 32 ms are alike.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.networks.network import FloatNetwork
from sim.networks.onnx.model import OnnxModel
from sim.workloads import silero
from sim.workloads.meetings import Meetings, meeting_members
from sim.workloads.scores import Score, block_error, roc_auc
from sim.workloads.workload import Case, Say, Split, Workload

__all__ = ["FINAL_PARTS", "SILERO", "SILERO_FINAL"]

FINAL_PARTS = {
    "calibration": ("dev00", "dev01", "trn01", "trn02", "trn03", "trn04"),
    "evaluation": ("trn05", "trn06", "trn07", "trn08", "trn09", "tst00", "tst01"),
}
"""Recordings of the final division."""

_BLOCK = round(1 / silero.CHUNK_SECONDS)
_OUTPUT = "speech_probs"


class _Detector:
    """The graph around the LSTM, and the chunks of all recordings, one after the other.

    A split's labels, int64 ``[sequences, chunks, 2]``, are the number of each chunk and whether it
    is speech.
    """

    def __init__(self, path: Path, recordings: Sequence[tuple[np.ndarray, np.ndarray]]):
        self.model = OnnxModel(path)
        (self.layer,) = self.model.lstm_layers.values()
        inputs = [silero.inputs(samples) for samples, _ in recordings]
        self.inputs = {**inputs[0], "input": np.concatenate([each["input"] for each in inputs])}
        self.speech = np.concatenate(
            [
                silero.chunk_labels(turns, len(each["input"]))
                for each, (_, turns) in zip(inputs, recordings, strict=True)
            ]
        )

    def split(self, sequences: np.ndarray) -> Split:
        """What reaches the LSTM in the chunks ``[sequences, chunks]``, and their labels."""
        x = np.concatenate([self._seen(chunks) for chunks in sequences])
        labels = np.stack([sequences, self.speech[sequences]], axis=2)
        return Split(x=x, lengths=np.full(len(x), x.shape[1]), labels=labels)

    def _seen(self, chunks: np.ndarray) -> np.ndarray:
        ((call,),) = self.model.capture(self._inputs(chunks)).values()
        return call.x

    def score(self, h: np.ndarray, split: Split) -> Score:
        """Area under the curve of the probabilities that follow from ``h``."""
        numbers, speech = np.moveaxis(split.labels, 2, 0)
        speech = speech.ravel()
        probability = np.concatenate(
            [self._probability(*each) for each in zip(numbers, h, strict=True)]
        )
        return Score(
            value=roc_auc(probability, speech),
            standard_error=block_error(
                lambda rows: roc_auc(probability[rows], speech[rows]), len(speech), _BLOCK
            ),
            examples=len(speech),
        )

    def _probability(self, chunks: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Of speech in the chunks of a sequence, from its ``h``."""
        h = h[None].astype(np.float32)

        def given(name, layer, x, h0, c0):
            last = h[None, :, -1]
            return h, last, np.zeros_like(last)

        return self.model.run(self._inputs(chunks), given)[_OUTPUT].ravel()

    def _inputs(self, chunks: np.ndarray) -> dict[str, np.ndarray]:
        return {**self.inputs, "input": self.inputs["input"][chunks]}


def _prepare(paths: list[Path], say: Say) -> Case:
    model, recording, turns = paths
    detector = _Detector(model, [(silero.read_samples(recording), silero.read_turns(turns))])
    chunks = np.arange(len(detector.speech))[None]
    return _case(detector, *np.split(chunks, [chunks.size // 2], axis=1))


def _prepare_final(paths: list[Path], say: Say) -> Case:
    meetings, names = Meetings(paths), [name for part in FINAL_PARTS.values() for name in part]
    recordings = [(meetings.samples(name), meetings.turns(name)) for name in names]
    detector = _Detector(paths[0], recordings)
    sequences = np.arange(len(detector.speech)).reshape(len(names), -1)
    return _case(detector, *np.split(sequences, [len(FINAL_PARTS["calibration"])]))


def _case(detector: _Detector, calibration: np.ndarray, evaluation: np.ndarray) -> Case:
    return Case(
        network=FloatNetwork(layers=(detector.layer,)),
        calibration=detector.split(calibration),
        evaluation=detector.split(evaluation),
        score=detector.score,
    )


SILERO = Workload(
    name="silero",
    summary="speech detection: Silero VAD, LSTM 128 -> 128, on 30 s of conversation",
    metric="roc_auc",
    source="PyPI silero-vad 6.2.3, pyannote-audio 4.0.7",
    licence="MIT",
    members=(silero.MODEL, silero.RECORDING, silero.TURNS),
    prepare=_prepare,
)
"""Whether somebody speaks, every 32 ms."""

SILERO_FINAL = replace(
    SILERO,
    summary="speech detection: Silero VAD, LSTM 128 -> 128, on 6 min of meetings",
    licence="MIT, recordings CC BY 4.0",
    members=(
        silero.MODEL,
        *meeting_members(name for names in FINAL_PARTS.values() for name in names),
    ),
    prepare=_prepare_final,
)
"""The same on other recordings."""
