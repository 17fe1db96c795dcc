"""What can be tuned: a workload, or a network file with sample data."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw.config import CONFIGS, Config
from sim.explore.evidence.padded import Padded, run_padded
from sim.explore.files import as_numbers, codes
from sim.explore.given import given_networks
from sim.explore.judging import judge_network, judge_nodes
from sim.explore.nodes import LstmNodes, named_inputs, quantize_nodes
from sim.explore.outputs import real_values
from sim.explore.running import check_alone, precision
from sim.explore.tuning.budgets import Outcome
from sim.explore.tuning.metrics import Metric
from sim.explore.workloads import quantize_case
from sim.image.modes import NORMAL, Modes
from sim.model.backend import ModelBackend
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.quantizer import from_codes, quantize
from sim.networks.streams import as_stream
from sim.networks.whole import Seen
from sim.workloads.workload import Case, Workload

__all__ = [
    "PARTS",
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


def _machine(config: Config) -> str | Config:
    """What a configuration is called where it is the one of that name; otherwise all of it."""
    return config.name if CONFIGS.get(config.name) == config else config


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
        self.case, self.backend = case, ModelBackend(config, timed=False)
        self.network = quantize_case(case, **precision(config, weight_bits))
        self.layers, self.activation_bits = len(self.network.layers), config.act_width
        self.splits = dict(zip(PARTS, (case.calibration, case.evaluation), strict=True))
        arrays = [vars(split) for split in self.splits.values()]
        self.key = digest(self.metric, _machine(config), network_digest(self.network), *arrays)
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

    A network in floating point is quantised on the calibration part. Of a whole model the first
    output counts, and every LSTM layer has settings of its own. Of a model that runs call by call,
    a part is a stream.

    Parameters
    ----------
    title : str
        What it is.
    network : IntegerNetwork, FloatNetwork or WholeModel
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
    percentile : float or None
        Of ``quantize``.
    states : tuple of str
        ``IN=OUT`` for each state of a model that runs call by call, see ``as_stream``.
    by : function
        ``quantize``, or what gives the same.

    Members
    -------
    notes : tuple of str
        What to tell the user about how the data were taken.

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
        *,
        quantized: Path | None = None,
        percentile: float | None = None,
        states: tuple[str, ...] = (),
        by: Callable = quantize,
    ):
        how = {"percentile": percentile, "by": by, **precision(config, weight_bits)}
        self.title, self.metric, self._metric = title, metric.name, metric
        self.parts, self.backend = dict(parts), ModelBackend(config, timed=False)
        self.activation_bits = config.act_width
        self.notes, self._given, self._judged = (), network, []
        if isinstance(network, IntegerNetwork | FloatNetwork):
            inputs = [part.inputs for part in self.parts.values()]
            check_alone(*inputs, quantized=quantized, states=states)
            self.model, self.networks = None, {"": self._layers(network, **how)}
            self.layers = len(self.networks[""].layers)
        else:
            data = [part.inputs for part in parts.values()]
            self.model, self.notes = as_stream(network, states, data)
            self.parts = {
                name: replace(part, inputs=named_inputs(self.model, part.inputs))
                for name, part in parts.items()
            }
            given = {} if quantized is None else given_networks(quantized, network)
            seen = self.parts["calibration"].inputs
            self.networks = quantize_nodes(self.model, seen, given=given, **how)
            self.layers = len(self.networks)
        data = [vars(part) for part in self.parts.values()]
        digests = [network_digest(each) for each in self.networks.values()]
        self.key = digest(*metric.key, _machine(config), digests, *data)
        self._normal = {}

    def _layers(self, network, by: Callable, **how) -> IntegerNetwork:
        """The integer form of a network of nothing but LSTM layers."""
        if isinstance(network, IntegerNetwork):
            return network
        self.parts = {
            name: replace(part, inputs=as_numbers(part.inputs)) for name, part in self.parts.items()
        }
        seen = self.parts["calibration"].inputs
        integer = by(network, seen, **how)
        names = [f"layer {number}" for number in range(len(network.layers))]
        self._judged = judge_network(names, network, integer, [Seen(x=seen)])
        return integer

    def warnings(self) -> tuple[str, ...]:
        """Sentences about layers that are far from floating point on the calibration part."""
        if self.model is not None and not self._judged:
            nodes = LstmNodes(self.networks, self.backend)
            self.model.run(self.parts["calibration"].inputs, nodes)
            self._judged = judge_nodes(self.model, nodes)
        return tuple(each.sentence for each in self._judged if each.sentence is not None)

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
        if self.model is not None:
            nodes = LstmNodes(self.networks, backend, modes)
            outputs = self.model.run(inputs, nodes)
            results = [result for each in nodes.results.values() for result in each]
            return self._numbers(outputs), results
        network = self.networks[""]
        first, last = network.layers[0].directions[0], network.layers[-1].directions[0]
        result = backend.run(network, codes(inputs, first.input_size, first.x), modes=modes)
        return from_codes(result.h, last.h), [result]

    def _numbers(self, outputs: Mapping) -> np.ndarray:
        """The first output of a model, real values, refused unless it holds numbers."""
        name = self.model.outputs[0]
        output = real_values(self.model, name, outputs[name])
        if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiu" or not output.size:
            kind = output.dtype if isinstance(output, np.ndarray) else "a sequence"
            raise NetworkError(
                f"{self.model.path}: metric {self.metric} needs numbers in the first output "
                f"{name}, which holds {kind}; export the model with its scores as "
                f"the first output"
            )
        return output


class _Streaming:
    """A backend with all weights streamed."""

    def __init__(self, backend):
        self.backend, self.config = backend, backend.config

    def sibling(self) -> "_Streaming":
        """As the backend's."""
        return _Streaming(self.backend.sibling())

    def run(self, network, x, **options):
        """As the backend's."""
        return self.backend.run(network, x, resident=False, **options)
