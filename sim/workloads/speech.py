"""Speech detection as a workload: the LSTM of Silero VAD, the rest of its graph around it.

The recording is cut in the middle: formats and thresholds are chosen on its first half, the area
under the curve is taken on its second half, both from a zero state. The standard error draws
blocks of a second, since neighbouring chunks of 32 ms are alike.
"""

from pathlib import Path

import numpy as np

from sim.networks.network import FloatNetwork
from sim.networks.onnx_runner import OnnxModel
from sim.workloads import silero
from sim.workloads.scores import Score, block_error, roc_auc
from sim.workloads.workload import Case, Progress, Say, Split, Workload

__all__ = ["SILERO"]

_BLOCK = round(1 / silero.CHUNK_SECONDS)
_OUTPUT = "speech_probs"


class _Detector:
    """The graph around the LSTM.

    A split's labels, int64 ``[1, chunks, 2]``, are the number of each chunk and whether it is
    speech.
    """

    def __init__(self, path: Path, samples: np.ndarray, turns: np.ndarray):
        self.model = OnnxModel(path)
        (self.layer,) = self.model.lstm_layers.values()
        self.inputs = silero.inputs(samples)
        chunks = len(self.inputs["input"])
        self.speech = silero.chunk_labels(turns, chunks)
        self.halves = np.split(np.arange(chunks), [chunks // 2])

    def split(self, chunks: np.ndarray) -> Split:
        """What reaches the LSTM in some chunks of the recording, and their labels."""
        (x,) = self.model.capture(self._inputs(chunks)).values()
        labels = np.stack([chunks, self.speech[chunks]], axis=1)[None]
        return Split(x=x, lengths=np.array([x.shape[1]]), labels=labels)

    def score(self, h: np.ndarray, split: Split) -> Score:
        """Area under the curve of the probabilities that follow from ``h``."""
        chunks, speech = split.labels[0].T

        def given(name, layer, x, h0, c0):
            last = h[None, :, -1].astype(np.float32)
            return h.astype(np.float32), last, np.zeros_like(last)

        probability = self.model.run(self._inputs(chunks), given)[_OUTPUT].ravel()
        return Score(
            value=roc_auc(probability, speech),
            standard_error=block_error(
                lambda rows: roc_auc(probability[rows], speech[rows]), len(speech), _BLOCK
            ),
            examples=len(speech),
        )

    def _inputs(self, chunks: np.ndarray) -> dict[str, np.ndarray]:
        return {**self.inputs, "input": self.inputs["input"][chunks]}


def _prepare(paths: list[Path], say: Say, progress: Progress) -> Case:
    model, recording, turns = paths
    detector = _Detector(model, silero.read_samples(recording), silero.read_turns(turns))
    calibration, evaluation = map(detector.split, detector.halves)
    return Case(
        network=FloatNetwork(layers=(detector.layer,)),
        calibration=calibration,
        evaluation=evaluation,
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
