"""The one network of a file that is laid out in memory, in integers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hw.config import Config
from sim.explore.quantising import Subject, load_subjects, quantize_measured
from sim.explore.running import precision
from sim.networks.chains import join_chains
from sim.networks.loader import SEVERAL, file_kind, load_network
from sim.networks.network import FloatNetwork, IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.whole import WholeModel

__all__ = ["choose_network"]

_IN_INTEGERS = "the network is in integers already, so calibration samples do nothing"


def choose_network(
    path: Path,
    config: Config,
    samples: np.ndarray | Mapping[str, np.ndarray] | None = None,
    *,
    node: str | None = None,
    states: tuple[str, ...] = (),
    weight_bits: int | None = None,
    percentile: float | None = None,
) -> IntegerNetwork:
    """The LSTM layers of a file: one network or, of a whole model, one chain of layers.

    Parameters
    ----------
    path : Path
        A file that ``load_network`` reads.
    config : Config
        A network in floating point is quantised to its widths.
    samples : array, dict of array or None
        What it is quantised on; None for a network in integers.
    node : str or None
        Which LSTM, where there are several.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call.
    weight_bits : int or None
        Bits of the weights that are quantised; those of the configuration when None.
    percentile : float or None
        Of ``quantize``.

    Raises
    ------
    NetworkError
        There is no such network, one must be named, or samples are missing or too much.
    """
    bits = precision(config, weight_bits)
    found = _in_integers(path, node)
    if found is not None:
        told = {"--state": states, "--network-bits": weight_bits, "--percentile": percentile}
        if samples is not None:
            raise NetworkError(f"{path}: {_IN_INTEGERS}")
        for option, value in told.items():
            if value:
                raise NetworkError(f"{path}: the network is in integers, so {option} does nothing")
        return found
    if samples is None:
        raise NetworkError(
            f"{path} is in floating point: name samples of its input with --calibration, on which "
            f"it is quantised"
        )
    subject = _only(path, load_subjects(path, samples, node, states))
    part, _ = quantize_measured(subject, percentile, **bits)
    return part.network


def _only(path: Path, subjects: tuple[Subject, ...]) -> Subject:
    if len(subjects) > 1:
        raise _several(path, [subject.nodes for subject in subjects])
    return subjects[0]


def _several(path: Path, chains) -> NetworkError:
    named = "; ".join(" -> ".join(names) for names in chains)
    return NetworkError(
        f"{path} has LSTM layers that do not follow each other: {named}; choose one with --node"
    )


def _in_integers(path: Path, node: str | None) -> IntegerNetwork | None:
    """The network of a file in integers; None of one in floating point."""
    choosing = file_kind(path) in SEVERAL
    loaded = load_network(path, node if choosing else None)
    if isinstance(loaded, IntegerNetwork):
        if node is not None and not choosing:
            raise NetworkError(f"{path} is one network, so --node does nothing")
        return loaded
    if isinstance(loaded, FloatNetwork):
        return None
    if not all(isinstance(layer, IntegerLayer) for layer in loaded.lstm_layers.values()):
        return None
    return _of_model(loaded, node)


def _of_model(model: WholeModel, node: str | None) -> IntegerNetwork:
    """The layer of that name, or the only chain of layers, of a whole model in integers."""
    layers = model.lstm_layers
    if node is not None and node not in layers:
        raise NetworkError(f"{model.path} has no LSTM layer {node}; it has {', '.join(layers)}")
    groups = [(node,)] if node is not None else join_chains(layers, model.leaders)
    if len(groups) > 1:
        raise _several(model.path, groups)
    return IntegerNetwork(layers=tuple(layers[name] for name in groups[0]))
