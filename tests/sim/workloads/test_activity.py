import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.workloads import activity
from sim.workloads.activity import ACTIVITY, ACTIVITY_FINAL, PARTS, frame_labels, log_mel
from sim.workloads.labelling import LabellingRecipe
from sim.workloads.meetings import meeting_members


def test_frames_are_ten_milliseconds_apart():
    samples = np.zeros(16000, np.float32)
    samples[8000:8160] = np.sin(np.arange(160))
    features = log_mel(samples)
    assert features.shape == (98, 40) and features.dtype == np.float32
    loud = np.nonzero(features.max(axis=1) > features.min() + 1)[0]
    # Frames that hold one of the samples: 400 long, 160 apart.
    assert loud[0] == 48 and loud[-1] == 50


def test_a_frame_is_speech_where_a_turn_covers_its_centre():
    labels = frame_labels(np.array([[0.02, 0.035], [0.06, 0.07]]), 7)
    # Centres at 12.5, 22.5, ... ms.
    assert labels.tolist() == [0, 1, 1, 0, 0, 1, 0]


class _Heard:
    """Stands in for the recordings: four seconds, the two in the middle are speech."""

    def __init__(self, paths):
        self.rng = np.random.default_rng(0)

    def samples(self, name):
        samples = self.rng.normal(0, 0.001, 4 * 16000).astype(np.float32)
        samples[16000:48000] *= 30
        return samples

    def turns(self, name):
        return np.array([[1.0, 3.0]])


def _case(workload, monkeypatch):
    """The case of a small network that is trained on what is heard."""
    recipe = LabellingRecipe(hidden=4, outputs=1, batches=12, rate=0.03)
    monkeypatch.setattr(activity, "Meetings", _Heard)
    own = workload.prepare
    data = own.data([])
    return own.case(data, own.train(data, recipe, lambda done, total: None))


@pytest.fixture
def case(monkeypatch):
    return _case(ACTIVITY, monkeypatch)


def test_speech_is_told_from_silence(case):
    split = case.evaluation
    assert split.x.shape == (2, 398, 40) and split.labels.sum() == 2 * 200
    score = case.score(split.run(lambda x: run_float(case.network, x)[0]), split)
    assert score.value > 0.9 and score.examples == 796 and score.standard_error > 0


def test_features_are_standardised_by_the_training_part(case):
    assert abs(case.calibration.x.mean()) < 0.2 and 0.8 < case.calibration.x.std() < 1.2


@pytest.mark.parametrize("division", PARTS.values(), ids=list(PARTS))
def test_no_recording_is_in_two_parts(division):
    names = [name for part in division.values() for name in part]
    assert len(names) == len(set(names)) == 13
    assert set(meeting_members(names)) == set(ACTIVITY.members)


def test_the_final_division_holds_out_what_was_only_trained_on(monkeypatch):
    development, final = PARTS["development"], PARTS["final"]
    for part in ("calibration", "evaluation"):
        assert set(final[part]) <= set(development["training"])
    assert _case(ACTIVITY_FINAL, monkeypatch).evaluation.x.shape == (3, 398, 40)
