"""Half minutes of meetings of several people, 16 kHz, with the turns of each person marked.

They are the data that the publishers of a diarisation toolkit test their training with: nine
recordings to train on, two to develop with and two to test with, each part with a file of turns.
(A tenth of the first kind has a name that not every disk can hold.)

References
----------
J. Carletta et al., "The AMI meeting corpus: a pre-announcement", MLMI 2005. Recordings: test data
of pyannote.audio, github.com/pyannote/pyannote-audio.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sim.workloads import silero
from sim.workloads.packages import Member

__all__ = ["Meetings", "meeting_members", "read_floats"]

_TURNS = {"dev": "development", "trn": "train", "tst": "test"}
"""The publishers' part that a recording's name begins with, and that part in its file of turns."""


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


class Meetings:
    """Samples and turns by a recording's name.

    Parameters
    ----------
    paths : iterable of Path
        The files of ``meeting_members``; others do not matter.
    """

    def __init__(self, paths: Iterable[Path]):
        self._files = {path.name: path for path in paths}

    def samples(self, name: str) -> np.ndarray:
        """Samples, float32 from -1 to 1, of a recording."""
        return read_floats(self._files[f"{name}.wav"])

    def turns(self, name: str) -> np.ndarray:
        """Turns, float64 [turns, 2], of a recording: start and end in seconds."""
        return silero.read_turns(self._files[_turns_file(name)], name)


def meeting_members(names: Iterable[str]) -> tuple[Member, ...]:
    """The files of the named recordings and of their turns."""
    names = sorted(names)
    wanted = sorted({_turns_file(name) for name in names}) + [f"{name}.wav" for name in names]
    return tuple(
        Member(
            package="pyannote-audio",
            version="4.0.7",
            path=f"pyannote_audio-4.0.7/tests/data/{name}",
            sha256=_FILES[name],
            source=True,
        )
        for name in wanted
    )


def _turns_file(name: str) -> str:
    return f"debug.{_TURNS[name[:3]]}.rttm"


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
