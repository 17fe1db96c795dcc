"""Networks: read from files, looked into, quantised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.explore.inspecting import inspect_file
from sim.networks.container import Part
from sim.networks.loader import load_network
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
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
    weights : tuple of dict
        Where a budget chose the bits of weights, a row for each part of each layer.
    """

    parts: tuple[Part, ...]
    figures: tuple[dict[str, Any], ...]
    steps: int
    weights: tuple[dict[str, Any], ...] = ()

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
    weight_bits: int | Sequence[tuple[int, int]] = 8,
    activation_bits: int = 8,
    row_scales: bool = False,
    budget: str | None = None,
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
    weight_bits : int, or sequence of (int, int)
        Bits of a weight, 2 to 8; or those of ``W`` and of ``R`` for each layer of one network.
    activation_bits : int
        Bits of a value of ``x`` or ``h``, 4 to 8 or 16.
    row_scales : bool
        A scale for each row of weights, else for each gate; a ``.tflite`` file holds none of rows.
    budget : str or None
        Choose the bits of weights layer by layer, ``W`` and ``R`` apart, by what they cost on the
        samples: within so many bytes (``"120kB"``), or down to such a signal-to-noise ratio
        (``"40dB"``). What was chosen is in ``weights``.

    Raises
    ------
    RefrainError
        The file or the samples cannot be used.
    """
    from sim.explore.budgets import parse_budget, quantize_within
    from sim.explore.quantising import load_subjects, quantize_measured

    path = network.path if isinstance(network, Network) else Path(network)
    subjects = load_subjects(path, samples, node, states)
    how: dict[str, Any] = {"activation_bits": activation_bits, "row_scales": row_scales}
    rows: list[dict[str, Any]] = []
    if budget is None:
        how["weight_bits"] = weight_bits
        done = [quantize_measured(subject, percentile, **how) for subject in subjects]
    elif weight_bits != 8:
        raise NetworkError("budget chooses the bits of weights; leave out weight_bits")
    else:
        done, rows = quantize_within(subjects, parse_budget(budget), percentile, **how)
    return Quantized(
        parts=tuple(part for part, _ in done),
        figures=tuple(figures for _, figures in done),
        weights=tuple(rows),
        steps=max(call.x.shape[1] for subject in subjects for call in subject.seen),
    )
