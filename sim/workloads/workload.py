"""What a workload is: a real network with real, labelled data and a figure of merit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sim.networks.network import FloatNetwork, NetworkError
from sim.workloads.packages import Member, fetch_all
from sim.workloads.scores import Score

__all__ = ["Case", "Progress", "Say", "Split", "Workload", "last_valid", "pad"]

Say = Callable[[str], None]
"""Told what happens next."""

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def _silent(*_) -> None:
    """Say nothing."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Sequences of one part of the data.

    Members
    -------
    x : float32 [sequences, time, I]
        What reaches the LSTM; zero after the end of a sequence.
    lengths : int64 [sequences]
        Valid steps of each.
    labels : array [sequences, ...]
        What the workload's score compares with.
    """

    x: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray

    @property
    def steps(self) -> int:
        """Valid steps of all sequences."""
        return int(self.lengths.sum())

    def groups(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Sequences of equal length together: their numbers, and ``x`` without any padding.

        A run over groups does and counts no work that the data did not ask for.
        """
        for length in np.unique(self.lengths):
            (numbers,) = np.nonzero(self.lengths == length)
            yield numbers, self.x[numbers, :length]

    def run(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Float outputs [sequences, time, H] of ``function`` for each group's ``x``, padded."""
        h = None
        for numbers, x in self.groups():
            y = function(x)
            if h is None:
                h = np.zeros((*self.x.shape[:2], y.shape[2]), y.dtype)
            h[numbers, : x.shape[1]] = y
        return h


@dataclass(frozen=True, kw_only=True)
class Case:
    """A workload that is ready to run.

    Members
    -------
    network : FloatNetwork
        The LSTM layers.
    calibration : Split
        What formats and thresholds may be chosen on.
    evaluation : Split
        Held out: neither training nor calibration has seen it.
    score : function of (h, Split)
        ``Score`` of the LSTM's float outputs ``[sequences, time, H]`` on either split, through
        the layers behind the LSTM. Steps after the end of a sequence do not matter.
    """

    network: FloatNetwork
    calibration: Split
    evaluation: Split
    score: Callable[[np.ndarray, Split], Score]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A real network with real data, fetched when it is needed.

    Parameters
    ----------
    name : str
        What it is called on the command line.
    summary : str
        Network and data, in one line.
    metric : str
        What the score measures.
    source : str
        Where network and data come from.
    licence : str
        Their licences.
    members : tuple of Member
        The files that are fetched.
    prepare : function of (paths, Say)
        The ``Case``, from the files' paths in the order of ``members``.
    config : str
        A named configuration that it fits.
    """

    name: str
    summary: str
    metric: str
    source: str
    licence: str
    members: tuple[Member, ...]
    prepare: Callable[..., Case]
    config: str = "edge"

    def fetch(self, say: Say = _silent) -> list:
        """Paths of the files in the cache; they are downloaded where they are not there.

        Raises
        ------
        PackageError
            A file could not be fetched.
        """
        return fetch_all(self.members, say)

    def load(self, say: Say = _silent) -> Case:
        """Network, splits and score; what is missing of the data is fetched.

        Raises
        ------
        PackageError, NetworkError
            A file could not be fetched; a network that was trained here is not what it was.
        """
        return self.prepare(self.fetch(say), say)


def pad(sequences: list[np.ndarray], labels: np.ndarray) -> Split:
    """A split of sequences ``[time, I]`` of any lengths."""
    lengths = np.array([len(sequence) for sequence in sequences])
    x = np.zeros((len(sequences), lengths.max(), sequences[0].shape[1]), np.float32)
    for row, sequence in zip(x, sequences, strict=True):
        row[: len(sequence)] = sequence
    return Split(x=x, lengths=lengths, labels=np.asarray(labels))


def last_valid(h: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Outputs ``[sequences, H]`` at the last valid step of each sequence.

    Raises
    ------
    NetworkError
        ``h`` has another number of sequences, or fewer steps than a sequence.
    """
    if h.ndim != 3 or len(h) != len(lengths) or h.shape[1] < lengths.max():
        raise NetworkError(
            f"h must have the shape [{len(lengths)}, {lengths.max()}, H], not {list(h.shape)}"
        )
    return h[np.arange(len(h)), lengths - 1]
