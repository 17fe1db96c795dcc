import wave

import numpy as np
import pytest

from sim.workloads import silero


def test_chunks_follow_their_context():
    samples = np.arange(1, 1300, dtype=np.float32)
    chunks = silero.inputs(samples)["input"]
    assert chunks.shape == (3, 576)
    assert not chunks[0, :64].any()
    assert (chunks[0, 64:] == samples[:512]).all()
    assert (chunks[1] == samples[512 - 64 : 1024]).all()
    assert (chunks[2, : 64 + 275] == samples[1024 - 64 :]).all()
    assert not chunks[2, 64 + 275 :].any()


def test_state_starts_at_zero():
    given = silero.inputs(np.ones(512, np.float32))
    assert given["h"].shape == given["c"].shape == (1, 1, 128)
    assert not given["h"].any() and not given["c"].any()


def test_a_chunk_is_speech_where_a_turn_covers_its_centre():
    turns = np.array([[0.0, 0.017], [0.1, 0.15], [0.14, 0.2]])
    # Centres at 16, 48, 80, 112, 144, 176 and 208 ms.
    assert silero.chunk_labels(turns, 7).tolist() == [1, 0, 0, 1, 1, 1, 0]


def test_turns_are_read_from_rttm(tmp_path):
    path = tmp_path / "turns.rttm"
    path.write_text(
        "SPEAKER talk 1 6.690 0.430 <NA> <NA> anna <NA> <NA>\n"
        "SPKR-INFO talk 1 <NA> <NA> <NA> adult anna <NA> <NA>\n"
        "SPEAKER talk 1 7.500 1.000 <NA> <NA> bert <NA> <NA>\n"
    )
    assert silero.read_turns(path) == pytest.approx(np.array([[6.69, 7.12], [7.5, 8.5]]))


def _record(path, rate):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())


def test_turns_of_one_recording_are_read(tmp_path):
    path = tmp_path / "two.rttm"
    rows = [
        "SPEAKER a 1 1.0 0.5 <NA> <NA> x <NA> <NA>",
        "SPEAKER b 1 3.0 2.0 <NA> <NA> y <NA> <NA>",
    ]
    path.write_text("\n".join(rows))
    assert silero.read_turns(path, "b").tolist() == [[3, 5]]
    assert silero.read_turns(path).tolist() == [[1, 1.5], [3, 5]]


def test_samples_are_scaled_to_one(tmp_path):
    _record(tmp_path / "a.wav", 16000)
    assert silero.read_samples(tmp_path / "a.wav").tolist() == [0, 0.5, -1]


def test_another_rate_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    _record(path, 8000)
    with pytest.raises(ValueError) as caught:
        silero.read_samples(path)
    assert str(caught.value) == f"{path} must be 16-bit mono at 16000 Hz, not (1, 2, 8000)"
