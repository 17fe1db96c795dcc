"""Networks that are trained here: their files stand beside this module, so that they are the same
bits on every machine.

Training adds in the order of the machine's BLAS, and the same recipe gives other bits on another
machine. So a file is made once and checked against its SHA-256 whenever it is read.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.workloads.labelling import Labeller, LabellingRecipe
from sim.workloads.training import Classifier, Recipe
from sim.workloads.workload import Case, Progress, Say

__all__ = ["FOLDER", "SUMS", "OwnNetwork", "Trained", "trained_bytes", "trained_from"]

FOLDER = Path(__file__).parent / "trained"
"""Where the files are."""
SUMS = "SHA256SUMS"
"""Their hashes, as ``sha256sum`` writes and checks them."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training gives.

    Members
    -------
    network : Classifier or Labeller
        The network.
    mean, deviation : float [features]
        Of the data that it was trained on; features are standardised with them.
    """

    network: Classifier | Labeller
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def layers(self) -> FloatNetwork:
        """The LSTM layer alone."""
        return FloatNetwork(layers=(FloatLayer(directions=(self.network.lstm,)),))

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by name, as a file holds them."""
        lstm = self.network.lstm
        others = {
            each.name: getattr(self.network, each.name)
            for each in fields(self.network)
            if each.name != "lstm"
        }
        return {
            **{"W": lstm.W, "R": lstm.R, "lstm_bias": lstm.bias},
            **others,
            **{"mean": self.mean, "deviation": self.deviation},
        }


def trained_bytes(trained: Trained, recipe: Recipe | LabellingRecipe) -> bytes:
    """The content of a file: arrays, and the recipe that they were made by."""
    arrays = {name: np.ascontiguousarray(array) for name, array in trained.arrays().items()}
    return safetensors.numpy.save(arrays, metadata={"recipe": json.dumps(asdict(recipe))})


def trained_from(content: bytes, kind: type[Classifier] | type[Labeller]) -> Trained:
    """What ``trained_bytes`` was given, of a network of that kind."""
    arrays = safetensors.numpy.load(content)
    lstm = FloatLstm(W=arrays.pop("W"), R=arrays.pop("R"), bias=arrays.pop("lstm_bias"))
    mean, deviation = arrays.pop("mean"), arrays.pop("deviation")
    return Trained(network=kind(lstm=lstm, **arrays), mean=mean, deviation=deviation)


@dataclass(frozen=True, kw_only=True)
class OwnNetwork:
    """A workload's network that is trained here; prepares the workload's case.

    Parameters
    ----------
    name : str
        Of its file.
    recipe : Recipe or LabellingRecipe
        How it is trained.
    data : function of paths
        The workload's data, divided.
    train : function of (data, recipe, Progress)
        Trains it on them, ``Trained``.
    case : function of (data, Trained)
        The ``Case`` of a network.
    """

    name: str
    recipe: Recipe | LabellingRecipe
    data: Callable[[list[Path]], Any]
    train: Callable[[Any, Any, Progress], Trained]
    case: Callable[[Any, Trained], Case]

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.name}.safetensors"

    def __call__(self, paths: list[Path], say: Say) -> Case:
        """The case of the network that is kept."""
        return self.case(self.data(paths), self.read())

    def read(self) -> Trained:
        """The network that is kept.

        Raises
        ------
        NetworkError
            Its file is not there, or is another one than belongs to this version.
        """
        try:
            content = self.path.read_bytes()
            sums = (FOLDER / SUMS).read_text().split()
        except OSError as error:
            raise NetworkError(cannot_read(self.path, error)) from None
        expected = dict(zip(sums[1::2], sums[::2], strict=True)).get(self.path.name)
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise NetworkError(
                f"{self.path} is not the network that was trained for this version: its SHA-256 "
                f"is {found}, not {expected}; install refrain again, or restore the file"
            )
        kind = Classifier if isinstance(self.recipe, Recipe) else Labeller
        return trained_from(content, kind)
