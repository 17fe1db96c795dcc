"""Networks of workloads trained anew, and how far they are from those that are kept."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.explore.files import write_all
from sim.explore.workloads import run_float_split
from sim.workloads.keeping import SUMS, Trained, trained_bytes
from sim.workloads.workload import Workload

__all__ = ["Anew", "train_anew", "write_trained"]


@dataclass(frozen=True, kw_only=True)
class Anew:
    """A network that was trained anew.

    Members
    -------
    row : dict
        What is said of it, ready for a table: ``network``, ``same_bits``, ``largest_difference``
        of a weight, and the metric on held-out data of the network that is kept and of the one
        that was trained, in floating point, with the standard error.
    file : str
        Name of its file.
    content : bytes
        Of this file.
    """

    row: dict
    file: str
    content: bytes


def train_anew(
    workload: Workload, say: Callable[[str], None], progress: Callable[[int, int], None]
) -> Anew:
    """Train a workload's network, and compare it with the one that is kept.

    Parameters
    ----------
    workload : Workload
        Its network is one that is trained here.
    say, progress
        Told what happens, and how far the training is.

    Raises
    ------
    PackageError, NetworkError
        A file cannot be fetched; the network that is kept is not what it was.
    """
    own = workload.prepare
    paths, kept = workload.fetch(say), own.read()
    data = own.data(paths)
    say(f"training {own.name}")
    trained = own.train(data, own.recipe, progress)
    say(f"comparing {own.name}")
    scores = [_score(own.case(data, each)) for each in (kept, trained)]
    differences = _differences(kept, trained)
    row = {
        "network": own.name,
        "same_bits": differences is not None and not any(differences),
        "largest_difference": None if differences is None else max(differences),
        "metric": workload.metric,
        "kept": scores[0].value,
        "trained": scores[1].value,
        "standard_error": scores[0].standard_error,
    }
    return Anew(row=row, file=own.path.name, content=trained_bytes(trained, own.recipe))


def _score(case):
    split = case.evaluation
    return case.score(run_float_split(case.network, split), split)


def _differences(kept: Trained, trained: Trained) -> list[float] | None:
    """Largest difference of each array; None where the shapes or types are others."""
    pairs = list(zip(kept.arrays().values(), trained.arrays().values(), strict=True))
    if any(one.shape != two.shape or one.dtype != two.dtype for one, two in pairs):
        return None
    return [float(np.abs(one - two).max(initial=0)) for one, two in pairs]


def write_trained(folder: Path, networks: Iterable[Anew]) -> None:
    """Write the files and their hashes, all or none; hashes of other files in the folder stay."""
    contents = {each.file: each.content for each in networks}
    sums = folder / SUMS
    words = sums.read_text().split() if sums.is_file() else []
    hashes = dict(zip(words[1::2], words[::2], strict=True))
    hashes |= {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    lines = [f"{hashes[name]}  {name}\n" for name in sorted(hashes)]
    write_all(folder, {**contents, SUMS: "".join(lines).encode()})
