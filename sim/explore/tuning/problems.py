"""What can be tuned: a workload, or a network file with sample data."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw.config import Config
from sim.explore.evidence.padded import Padded, run_padded
from sim.explore.files import codes
from sim.explore.given import given_networks
from sim.explore.running import LstmNodes, named_inputs, precision, quantize_nodes
from sim.explore.tuning.budgets import Outcome
from sim.explore.tuning.metrics import Metric
from sim.explore.workloads import quantize_case
from sim.image.modes import NORMAL, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.quantizer import from_codes, quantize
from sim.workloads.workload import Case, Workload

__all__ = [
    "Examples",
    "FileProblem",
    "WorkloadProblem",
    "digest",
    "divide",
    "network_digest",
    "shares",
]

PARTS = ("calibration", "held_out")


def digest(*things) -> str:
    """A name for values and arrays: equal only for equal ones."""
    total = hashlib.sha256()
    for thing in things:
        if isinstance(thing, np.ndarray):
            total.update(f"{thing.dtype}{thing.shape}".encode())
            total.update(np.ascontiguousarray(thing).tobytes())
        elif isinstance(thing, Mapping):
            total.update(
                digest(*(part for item in sorted(thing.items()) for part in item)).encode()
            )
        else:
            total.update(repr(thing).encode())
        total.update(b"\0")
    return total.hexdigest()[:32]


def network_digest(network: IntegerNetwork) -> str:
    """A name for an integer network's weights and formats."""
    parts = [
        value
        for layer in network.layers
        for direction in layer.directions
        for item in sorted(vars(direction).items())
        for value in item
    ]
    return digest(*parts)


def shares(results) -> dict[str, float]:
    """Shares of products and bytes that runs avoided; all of their weights were streamed."""
    total = sum((result.counts for result in results[1:]), start=results[0].counts)
    return {
        "macs": total.macs_avoided / (total.macs_avoided + total.macs_done),
        "bytes": total.weight_bytes_avoided / (total.weight_bytes_avoided + total.weight_bytes),
    }


class WorkloadProblem:
    """A workload, judged by its own score.

    Parameters
    ----------
    workload : Workload
        For its name and metric.
    case : Case
        Its network and data.
    config : Config
        The machine.
    weight_bits : int or None
        Bits of the network's weights; those of the machine when None.
    """

    def __init__(
        self, workload: Workload, case: Case, config: Config, weight_bits: int | None = None
    ):
        self.title, self.metric = f"workload {workload.name}", workload.metric
        self.case, self.backend = case, ModelBackend(config)
        self.network = quantize_case(case, **precision(config, weight_bits))
        self.layers = len(self.network.layers)
        self.splits = dict(zip(PARTS, (case.calibration, case.evaluation), strict=True))
        arrays = [vars(split) for split in self.splits.values()]
        self.key = digest(self.metric, config.name, network_digest(self.network), *arrays)
        self._normal = {}

    def measure(self, modes: Modes, part: str) -> Outcome:
        """What settings give on the ``calibration`` or the ``held_out`` part."""
        done = self.run(modes, part)
        score = self.case.score(done.h, self.splits[part])
        return Outcome(score=score, exact=done.equals(self.run(NORMAL, part)), **done.shares())

    def run(self, modes: Modes, part: str) -> Padded:
        """What a part gives in some modes; that of the normal mode is kept."""
        if modes == NORMAL and part in self._normal:
            return self._normal[part]
        done = run_padded(self.network, self.splits[part], self.backend, modes)
        if modes == NORMAL:
            self._normal[part] = done
        return done


@dataclass(frozen=True, kw_only=True)
class Examples:
    """One part of a file's data.

    Members
    -------
    inputs : array or dict of array
        By name only for an ONNX model.
    labels : array or None
        What outputs are compared with.
    """

    inputs: np.ndarray | Mapping[str, np.ndarray]
    labels: np.ndarray | None


def divide(data: Examples, share: float) -> dict[str, Examples]:
    """The first ``share`` of the examples to calibrate on, the rest held out.

    Examples stand along the first axis of every array that is as long there as the first input.
    A single sequence ``[1, time, I]`` is cut in time.

    Raises
    ------
    NetworkError
        There are too few examples, or labels of another number.
    """
    arrays = data.inputs if isinstance(data.inputs, Mapping) else {"": data.inputs}
    first = next(iter(arrays.values()))
    axis = int(first.ndim == 3 and len(first) == 1)
    count = first.shape[axis] if first.ndim > axis else 0
    cut = round(count * share)
    if not 0 < cut < count:
        raise NetworkError(
            "the calibration and the held-out part must both hold an example, not "
            f"{cut} and {count - cut}"
        )
    if data.labels is not None and (data.labels.ndim <= axis or data.labels.shape[axis] != count):
        raise NetworkError(
            f"the labels must be for {count} examples, not {list(data.labels.shape)}"
        )
    parts = {}
    for part, rows in zip(PARTS, (slice(0, cut), slice(cut, None)), strict=True):
        at = (slice(None),) * axis + (rows,)
        inputs = {
            name: array[at] if array.ndim > axis and array.shape[axis] == count else array
            for name, array in arrays.items()
        }
        parts[part] = Examples(
            inputs=inputs if isinstance(data.inputs, Mapping) else inputs[""],
            labels=None if data.labels is None else data.labels[at],
        )
    return parts


class FileProblem:
    """A network of a file, judged by what comes out of it.

    A network in floating point is quantised on the calibration part. Of an ONNX model the first
    output counts, and every LSTM node is a layer with settings of its own.

    Parameters
    ----------
    title : str
        What it is.
    network : IntegerNetwork, FloatNetwork or OnnxModel
        As ``load_network`` gives it.
    parts : dict of Examples
        ``calibration`` and ``held_out``.
    metric : Metric
        What is measured.
    config : Config
        The machine.
    weight_bits : int or None
        Bits of the weights of a network that is quantised; those of the machine when None.
    quantized : Path or None
        A file of integers for LSTM layers of a whole model, see ``given_networks``.

    Raises
    ------
    NetworkError
        Data that do not fit the network.
    """

    def __init__(
        self,
        title: str,
        network,
        parts: dict[str, Examples],
        metric: Metric,
        config: Config,
        weight_bits: int | None = None,
        quantized: Path | None = None,
    ):
        bits = precision(config, weight_bits)
        self.title, self.metric, self._metric = title, metric.name, metric
        self.parts, self.backend = dict(parts), ModelBackend(config)
        self._onnx = isinstance(network, OnnxModel)
        seen = parts["calibration"].inputs
        if self._onnx:
            self.parts = {
                name: replace(part, inputs=named_inputs(network, part.inputs))
                for name, part in parts.items()
            }
            given = {} if quantized is None else given_networks(quantized, network)
            seen = self.parts["calibration"].inputs
            networks = quantize_nodes(network, seen, given=given, **bits)
            self.model, self.networks = network, networks
        else:
            if quantized is not None:
                raise NetworkError("--quantized is for whole models; this network runs alone")
            if isinstance(seen, Mapping):
                raise NetworkError(
                    "inputs by name are for ONNX models; this network takes one .npy array"
                )
            integer = network
            if isinstance(network, FloatNetwork):
                integer = quantize(network, seen, **bits)
            self.networks = {"": integer}
        self.layers = len(self.networks) if self._onnx else len(self.networks[""].layers)
        data = [vars(part) for part in self.parts.values()]
        digests = [network_digest(each) for each in self.networks.values()]
        self.key = digest(*metric.key, config.name, digests, *data)
        self._normal = {}

    def measure(self, modes: Modes, part: str) -> Outcome:
        """What settings give on the ``calibration`` or the ``held_out`` part."""
        if part not in self._normal:
            self._normal[part] = self._run(NORMAL, part)
        outputs, results = self._normal[part] if modes == NORMAL else self._run(modes, part)
        normal_outputs, normal_results = self._normal[part]
        exact = all(
            (one.h == other.h).all() for one, other in zip(results, normal_results, strict=True)
        )
        score = self._metric.score(outputs, normal_outputs, self.parts[part].labels, part)
        return Outcome(score=score, exact=exact, **shares(results))

    def _run(self, modes: Modes, part: str):
        inputs = self.parts[part].inputs
        backend = _Streaming(self.backend)
        if self._onnx:
            nodes = LstmNodes(self.networks, backend, modes)
            outputs = self.model.run(inputs, nodes)
            return outputs[self.model.outputs[0]], [
                result for results in nodes.results.values() for result in results
            ]
        network = self.networks[""]
        first, last = network.layers[0].directions[0], network.layers[-1].directions[0]
        result = backend.run(network, codes(inputs, first.input_size, first.x), modes=modes)
        return from_codes(result.h, last.h), [result]


class _Streaming:
    """A backend with all weights streamed."""

    def __init__(self, backend):
        self.backend, self.config = backend, backend.config

    def run(self, network, x, **options):
        """As the backend's."""
        return self.backend.run(network, x, resident=False, **options)
