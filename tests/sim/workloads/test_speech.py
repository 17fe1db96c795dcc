import numpy as np
import pytest

from sim.networks.network import FloatLayer
from sim.networks.whole import Seen, float_lstm
from sim.workloads import silero, speech
from sim.workloads.scores import roc_auc
from sim.workloads.speech import FINAL_PARTS, SILERO, SILERO_FINAL


class Graph:
    """Stands in for the detector: the LSTM's input is the chunk's first sample and h its output."""

    def __init__(self, path):
        self.lstm_layers = {"lstm": FloatLayer(directions=())}

    def capture(self, inputs):
        return {"lstm": (Seen(x=inputs["input"][None, :, 64:65]),)}

    def run(self, inputs, lstm):
        ((call,),) = self.capture(inputs).values()
        h, last_h, last_c = lstm("lstm", None, call.x, inputs["h"], inputs["c"])
        assert last_h.shape == last_c.shape == (1, 1, 1)
        return {"speech_probs": h}


@pytest.fixture
def case(monkeypatch):
    """Ten seconds, loud while somebody speaks; the last chunk of speech is silent."""
    chunks = 312
    turns = np.array([[0.5, 2.0], [4.0, 6.0], [9.0, 9.5]])
    labels = silero.chunk_labels(turns, chunks)
    loud = labels.astype(np.float32)
    loud[np.nonzero(labels)[0][-1]] = -1
    monkeypatch.setattr(speech, "OnnxModel", Graph)
    monkeypatch.setattr(silero, "read_samples", lambda path: np.repeat(loud, 512))
    monkeypatch.setattr(silero, "read_turns", lambda path: turns)
    return SILERO.prepare(["a.onnx", "a.wav", "a.rttm"], None), labels, loud


def test_the_recording_is_cut_in_the_middle(case):
    case, labels, loud = case
    halves = [case.calibration, case.evaluation]
    assert [half.x.shape for half in halves] == [(1, 156, 1)] * 2
    assert np.concatenate([half.x[0, :, 0] for half in halves]) == pytest.approx(loud)
    assert (np.concatenate([half.labels[0, :, 1] for half in halves]) == labels).all()
    assert [half.steps for half in halves] == [156, 156]


def test_each_half_is_scored_against_its_own_labels(case):
    case, labels, loud = case
    for half, part in ((case.calibration, slice(0, 156)), (case.evaluation, slice(156, 312))):
        score = case.score(half.x, half)
        assert score.value == roc_auc(loud[part], labels[part])
        assert score.examples == 156
    assert case.score(case.calibration.x, case.calibration).value == 1
    assert 0.9 < score.value < 1
    assert 0 < score.standard_error < 0.1


class Heard:
    """Stands in for the meetings: a quarter of a second of each is loud, where somebody speaks."""

    def __init__(self, paths):
        pass

    def samples(self, name):
        chunks = silero.chunk_labels(self.turns(name), 31)
        return np.repeat(chunks * np.float32(1 + int(name[-1])), 512)

    def turns(self, name):
        start = int(name[-1]) / 20
        return np.array([[start, start + 0.25]])


def test_the_final_division_is_of_whole_meetings(monkeypatch):
    monkeypatch.setattr(speech, "OnnxModel", Graph)
    monkeypatch.setattr(speech, "Meetings", Heard)
    case = SILERO_FINAL.prepare(["a.onnx"], None)
    for split, names in zip((case.calibration, case.evaluation), FINAL_PARTS.values(), strict=True):
        assert split.x.shape == (len(names), 31, 1)
        loud = [row.max() for row in split.x]
        assert loud == [1 + int(name[-1]) for name in names]
        score = case.score(split.x, split)
        assert score.value == 1 and score.examples == 31 * len(names)
        silent = np.concatenate([np.zeros_like(split.x[:1]), split.x[1:]])
        speech_share = split.labels[0, :, 1].sum() / split.labels[..., 1].sum()
        # What is silent in the first recording ties with all that is not speech.
        assert case.score(silent, split).value == pytest.approx(1 - speech_share / 2)
    first, second = (set(names) for names in FINAL_PARTS.values())
    assert not first & second and len(first | second) == 13


@pytest.mark.slow
def test_the_score_goes_through_the_real_graph():
    path, samples, turns = silero.load()
    case = SILERO.load()
    seen = []

    def record(name, layer, x, h0, c0):
        seen.append(x)
        return float_lstm(name, layer, x, h0, c0)

    inputs = silero.inputs(samples)
    inputs["input"] = inputs["input"][469:]
    expected = speech.OnnxModel(path).run(inputs, record)["speech_probs"].ravel()
    assert (seen[0] == case.evaluation.x).all()
    h = float_lstm("", case.network.layers[0], seen[0], None, None)[0]
    labels = silero.chunk_labels(turns, 938)[469:]
    assert case.score(h, case.evaluation).value == pytest.approx(roc_auc(expected, labels))
