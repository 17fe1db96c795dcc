"""Trained networks that are kept in the cache, named by data, recipe and code of the training."""

import hashlib
import io
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.networks.network import FloatLstm
from sim.workloads import backpropagation, labelling
from sim.workloads.labelling import Draw, Labeller, LabellingRecipe, Loss, train_labeller
from sim.workloads.packages import cache_folder, keep
from sim.workloads.workload import Progress, Say

__all__ = ["kept_path", "trained"]

_ARRAYS = ("weights", "bias", "front_weights", "front_bias")


def kept_path(
    name: str, draw: Draw, loss: Loss, recipe: LabellingRecipe, seen: Sequence[np.ndarray]
) -> Path:
    """Where weights are kept.

    Parameters
    ----------
    name : str
        The workload's.
    draw, loss : function
        What makes batches, and what they are judged by: the code of their modules counts.
    recipe : LabellingRecipe
        How to train.
    seen : arrays
        What batches are made of.
    """
    digest = hashlib.sha256(repr(recipe).encode())
    modules = {sys.modules[function.__module__] for function in (draw, loss)}
    for module in sorted({backpropagation, labelling, *modules}, key=lambda each: each.__name__):
        digest.update(Path(module.__file__).read_bytes())
    for array in seen:
        digest.update(np.ascontiguousarray(array).tobytes())
    return cache_folder() / "trained" / f"{name}-{digest.hexdigest()[:24]}.npz"


def trained(
    name: str,
    draw: Draw,
    loss: Loss,
    recipe: LabellingRecipe,
    seen: Sequence[np.ndarray],
    say: Say,
    progress: Progress,
) -> Labeller:
    """The labeller of the cache; it is trained where there is none. Arguments as ``kept_path``."""
    path = kept_path(name, draw, loss, recipe, seen)
    kept = _read(path)
    if kept is not None:
        return kept
    say(f"training {name}")
    labeller = train_labeller(draw, loss, recipe, progress)
    lstm, buffer = labeller.lstm, io.BytesIO()
    arrays = {"W": lstm.W, "R": lstm.R, "lstm_bias": lstm.bias}
    np.savez(buffer, **arrays, **{each: getattr(labeller, each) for each in _ARRAYS})
    keep(path, buffer.getvalue())
    return labeller


def _read(path: Path) -> Labeller | None:
    """The labeller of a file; None where it is not there or is damaged: it is trained again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            lstm = FloatLstm(W=arrays["W"], R=arrays["R"], bias=arrays["lstm_bias"])
            return Labeller(lstm=lstm, **{each: arrays[each] for each in _ARRAYS})
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
