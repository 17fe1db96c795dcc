import struct

import numpy as np
import pytest

from sim.workloads.meetings import Meetings, meeting_members, read_floats


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


def test_a_recording_has_its_own_samples_and_turns(tmp_path):
    paths = [tmp_path / name for name in ("trn01.wav", "trn02.wav", "debug.train.rttm")]
    for number, path in enumerate(paths[:2], 1):
        path.write_bytes(_wav([number / 4]))
    paths[2].write_text(
        "SPEAKER trn01 1 1.0 2.0 <NA> <NA> who <NA> <NA>\n"
        "SPEAKER trn02 1 5.0 0.5 <NA> <NA> who <NA> <NA>\n"
    )
    meetings = Meetings(paths)
    assert meetings.samples("trn02").tolist() == [0.5]
    assert meetings.turns("trn01").tolist() == [[1, 3]]
    assert meetings.turns("trn02").tolist() == [[5, 5.5]]


def test_members_are_recordings_and_the_files_of_their_turns():
    names = [member.path.rpartition("/")[2] for member in meeting_members(("tst00", "trn03"))]
    assert names == ["debug.test.rttm", "debug.train.rttm", "trn03.wav", "tst00.wav"]
    assert all(member.source for member in meeting_members(["dev01"]))
