import struct

import numpy as np
import pytest

from sim.networks.float_lstm import run_float
from sim.workloads import activity
from sim.workloads.activity import ACTIVITY, frame_labels, log_mel, read_floats
from sim.workloads.labelling import LabellingRecipe


def _wav(samples, kind=3, bits=32):
    data = np.asarray(samples, "<f4").tobytes()
    form = struct.pack("<HHIIHHH", kind, 1, 16000, 64000, 4, bits, 0)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"odd " + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_samples_in_floating_point_are_read(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(_wav([0.5, -0.25]))
    assert read_floats(path).tolist() == [0.5, -0.25]


@pytest.mark.parametrize("content", [_wav([0], kind=1), _wav([0], bits=16), b"RIFF"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_floats(path)
    assert str(caught.value) == f"{path} must be mono 32-bit floating point at 16000 Hz"


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


@pytest.fixture
def case(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for part, names in activity._PARTS.items():
        turns = [f"SPEAKER {name} 1 1.0 2.0 <NA> <NA> who <NA> <NA>\n" for name in names]
        paths.append(tmp_path / f"debug.{part}.rttm")
        paths[-1].write_text("".join(turns))
        for name in names:
            samples = rng.normal(0, 0.001, 4 * 16000)
            samples[16000:48000] *= 30
            paths.append(tmp_path / f"{name}.wav")
            paths[-1].write_bytes(_wav(samples))
    recipe = LabellingRecipe(hidden=4, outputs=1, batches=12, rate=0.03)
    monkeypatch.setattr(activity, "_RECIPE", recipe)
    return ACTIVITY.prepare(paths, lambda text: None, lambda done, total: None)


def test_speech_is_told_from_silence(case):
    split = case.evaluation
    assert split.x.shape == (2, 398, 40) and split.labels.sum() == 2 * 200
    score = case.score(split.run(lambda x: run_float(case.network, x)[0]), split)
    assert score.value > 0.9 and score.examples == 796 and score.standard_error > 0


def test_features_are_standardised_by_the_training_part(case):
    assert abs(case.calibration.x.mean()) < 0.2 and 0.8 < case.calibration.x.std() < 1.2


def test_no_recording_is_in_two_parts():
    names = [name for part in activity._PARTS.values() for name in part]
    assert len(names) == len(set(names)) == 13
    assert {f"{name}.wav" for name in names} < set(activity._FILES)
