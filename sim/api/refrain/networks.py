"""Networks: read from files, looked into, quantised."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.explore.inspecting import inspect_file
from sim.networks.container import Part
from sim.networks.loader import load_network
from sim.networks.network import FloatNetwork, IntegerNetwork
from sim.networks.whole import WholeModel

__all__ = ["Arrays", "Network", "Quantized", "inspect", "load", "opened", "quantize"]

Arrays = np.ndarray | Mapping[str, np.ndarray]
"""One array, for a network with one input; or arrays by the names of the inputs."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that was read from a file.

    Members
    -------
    path : Path
        The file.
    content : IntegerNetwork, FloatNetwork or WholeModel
        What is in it: LSTM layers in integers, LSTM layers in floating point, or a whole model.
    """

    path: Path
    content: IntegerNetwork | FloatNetwork | WholeModel

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs of a whole model; ``("x",)`` for LSTM layers alone."""
        return getattr(self.content, "inputs", ("x",))

    @property
    def is_integer(self) -> bool:
        """Whether its LSTM layers are in integers already, so that it runs as it is."""
        return isinstance(self.content, IntegerNetwork)


def load(path: str | Path, node: str | None = None) -> Network:
    """Read a network: ``.onnx``, ``.tflite``, ``.safetensors``, ``.pt`` or ``.refrain``.

    Parameters
    ----------
    path : path
        The file. Nothing in it is executed.
    node : str or None
        Which LSTM, where a file of weights holds several.

    Raises
    ------
    RefrainError
        The file cannot be read, or the network cannot run: one sentence says what was found and
        what helps.
    """
    return Network(path=Path(path), content=load_network(path, node))


def opened(network: Network | str | Path) -> Network:
    """A network, which may go by its file.

    Raises
    ------
    RefrainError
        As of ``load``.
    """
    return network if isinstance(network, Network) else load(network)


def inspect(path: str | Path) -> dict[str, Any]:
    """What is in a file, what of it will run where, and what is refused and why.

    It works on files that ``load`` refuses. The figures are those of ``refrain inspect --json``.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    RefrainError
        The file cannot be looked into.
    """
    return inspect_file(Path(path))


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """LSTM layers in integers.

    Members
    -------
    parts : tuple of Part
        Networks with their names.
    figures : tuple of dict
        Formats of each, and its signal-to-noise ratio on the samples.
    steps : int
        Steps of the samples, which a ``.tflite`` file fixes.
    """

    parts: tuple[Part, ...]
    figures: tuple[dict[str, Any], ...]
    steps: int

    @property
    def sqnr_db(self) -> float:
        """The least signal-to-noise ratio of all parts against floating point, in dB."""
        return min(float(each["sqnr_db"]) for each in self.figures)

    def save(self, path: str | Path) -> Path:
        """Write a ``.tflite`` file, or a ``.refrain`` file, which holds any networks.

        Raises
        ------
        RefrainError
            A ``.tflite`` file cannot hold them; the sentence says why.
        """
        # Here, as it brings the writers with it.
        from sim.explore.quantising import write_quantized

        write_quantized(Path(path), self.parts, self.steps)
        return Path(path)


def quantize(
    network: Network | str | Path,
    samples: Arrays,
    *,
    node: str | None = None,
    states: tuple[str, ...] = (),
    percentile: float | None = None,
    weight_bits: int = 8,
    activation_bits: int = 8,
    row_scales: bool = False,
) -> Quantized:
    """LSTM layers of a file in integers, in formats chosen on samples.

    Parameters
    ----------
    network : Network or path
        An ``.onnx``, ``.safetensors`` or ``.pt`` file.
    samples : array or arrays by name
        Inputs of the whole model for ``.onnx``, ``[n, time, I]`` otherwise.
    node : str or None
        Which LSTM, where there are several; all of a model without.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call.
    percentile : float or None
        Share of the samples' values that the formats cover; None takes what loses least.
    weight_bits, activation_bits : int
        Bits of a weight, 2 to 8, and of a value of ``x`` or ``h``, 4 to 8 or 16.
    row_scales : bool
        A scale for each row of weights, else for each gate; a ``.tflite`` file holds none of rows.

    Raises
    ------
    RefrainError
        The file or the samples cannot be used.
    """
    from sim.explore.quantising import load_subjects, quantize_measured

    path = network.path if isinstance(network, Network) else Path(network)
    subjects = load_subjects(path, samples, node, states)
    bits = {"weight_bits": weight_bits, "activation_bits": activation_bits}
    how = {"percentile": percentile, "row_scales": row_scales, **bits}
    done = [quantize_measured(subject, **how) for subject in subjects]
    return Quantized(
        parts=tuple(part for part, _ in done),
        figures=tuple(figures for _, figures in done),
        steps=max(call.x.shape[1] for subject in subjects for call in subject.seen),
    )
