"""Speech detection: the Silero VAD network on a labelled conversation.

The network takes 16 kHz audio in chunks of 512 samples (32 ms), each with the 64 samples before it
as context; a convolutional encoder turns a chunk into 128 features, an LSTM 128 -> 128 carries the
memory, and a head gives the probability of speech. The published sequence model takes all chunks
at once. The recording is half a minute of two people talking, with the turns of each marked.

A chunk counts as speech where at least one speaker's turn covers its centre.

References
----------
Silero team, "Silero VAD: pre-trained enterprise-grade voice activity detector",
github.com/snakers4/silero-vad (MIT licence). Recording: sample of pyannote.audio,
github.com/pyannote/pyannote-audio (MIT licence).
"""

import wave
from pathlib import Path

import numpy as np

from sim.workloads.packages import Member, fetch

__all__ = [
    "CHUNK_SAMPLES",
    "CHUNK_SECONDS",
    "MODEL",
    "RATE",
    "RECORDING",
    "TURNS",
    "chunk_labels",
    "inputs",
    "load",
    "read_samples",
    "read_turns",
]

RATE = 16000
"""Samples per second."""

CHUNK_SAMPLES = 512
CONTEXT_SAMPLES = 64
CHUNK_SECONDS = CHUNK_SAMPLES / RATE
"""Time between two steps of the LSTM."""

STATE_SIZE = 128

MODEL = Member(
    package="silero-vad",
    version="6.2.3",
    path="silero_vad/data/silero_vad_16k_sequence.onnx",
    sha256="9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
)
RECORDING = Member(
    package="pyannote-audio",
    version="4.0.7",
    path="pyannote/audio/sample/sample.wav",
    sha256="c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
)
TURNS = Member(
    package="pyannote-audio",
    version="4.0.7",
    path="pyannote/audio/sample/sample.rttm",
    sha256="d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87",
)


def read_samples(path: Path) -> np.ndarray:
    """Samples, float32 from -1 to 1, of a 16-bit mono recording at 16 kHz."""
    with wave.open(str(path)) as file:
        form = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if form != (1, 2, RATE):
            raise ValueError(f"{path} must be 16-bit mono at {RATE} Hz, not {form}")
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


def read_turns(path: Path, recording: str | None = None) -> np.ndarray:
    """Turns, float64 [turns, 2], as start and end in seconds, of an RTTM file.

    Those of ``recording``, where the file holds the turns of several.
    """
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    rows = [row for row in rows if recording in (None, row[1])]
    return np.array([[float(row[3]), float(row[3]) + float(row[4])] for row in rows])


def chunk_labels(turns: np.ndarray, chunks: int) -> np.ndarray:
    """Labels, bool [chunks]: whether a turn covers the chunk's centre."""
    centre = (np.arange(chunks) + 0.5) * CHUNK_SECONDS
    return ((turns[:, :1] <= centre) & (centre < turns[:, 1:])).any(axis=0)


def inputs(samples: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of the sequence model, by name: chunks with their context, and a zero state.

    The last chunk is filled with silence.
    """
    chunks = -(-samples.size // CHUNK_SAMPLES)
    padded = np.zeros(CONTEXT_SAMPLES + chunks * CHUNK_SAMPLES, np.float32)
    padded[CONTEXT_SAMPLES : CONTEXT_SAMPLES + samples.size] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT_SAMPLES + CHUNK_SAMPLES)
    state = np.zeros((1, 1, STATE_SIZE), np.float32)
    return {"input": windows[::CHUNK_SAMPLES].copy(), "h": state, "c": state.copy()}


def load() -> tuple[Path, np.ndarray, np.ndarray]:
    """The network's file, the recording's samples and its turns; fetched on first use.

    Raises
    ------
    PackageError
        A file could not be fetched.
    """
    return fetch(MODEL), read_samples(fetch(RECORDING)), read_turns(fetch(TURNS))
