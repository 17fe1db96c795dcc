"""Networks run with integers chosen in several ways, each compared with floating point."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime

from sim.explore.accuracy import layers as layers_module
from sim.explore.accuracy import subjects as subjects_module
from sim.explore.accuracy.layers import (
    DynamicLayers,
    ExactWeights,
    IntegerLayers,
    Listener,
    run_joined,
)
from sim.explore.accuracy.subjects import DataSet, Subject
from sim.explore.kept import measure_missing
from sim.explore.outputs import ratio
from sim.explore.tuning.problems import digest
from sim.image.parameters import unit_bytes
from sim.model import lstm as model_lstm
from sim.networks import codes as codes_module
from sim.networks import float_lstm as float_module
from sim.networks import quantizer
from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer
from sim.networks.quantizing import weights

__all__ = ["BY_CALL", "CURVE", "METHODS", "Method", "accuracy_rows"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to choose integers.

    Members
    -------
    name : str
        What it is called.
    options : dict
        Of ``quantize``; of ``DynamicLayers`` where ``foreign`` is set.
    foreign : bool
        It is ONNX Runtime's.
    by_call : bool
        A stream runs call by call, and ``x`` has a scale in each; else it is one sequence.
    exact_weights : bool
        Weights and gates stay in floating point; ``x``, ``h`` and the cell state have the formats
        that are chosen with these options.
    """

    name: str
    options: Mapping = field(default_factory=dict)
    foreign: bool = False
    by_call: bool = False
    exact_weights: bool = False


METHODS = (
    Method(name="per gate"),
    Method(name="ONNX Runtime per tensor", options={"per_channel": False}, foreign=True),
    Method(name="per row", options={"row_scales": True}),
    Method(name="ONNX Runtime per channel", options={"per_channel": True}, foreign=True),
    Method(name="per row, 4 bits", options={"row_scales": True, "weight_bits": 4}),
    Method(name="exact weights", options={"row_scales": True}, exact_weights=True),
    Method(name="per row, 16x8", options={"row_scales": True, "activation_bits": 16}),
)
"""What the table compares."""

BY_CALL = tuple(
    Method(name=f"{each.name}, call by call", options=each.options, foreign=True, by_call=True)
    for each in METHODS
    if each.foreign
)
"""ONNX Runtime as it runs in a stream: there it has another scale of ``x`` in each call."""

CURVE = tuple(
    Method(name=f"per row, {bits} bits", options={"row_scales": True, "weight_bits": bits})
    for bits in (6, 3, 2)
)
"""Other widths of weights; two bits are the weights -1, 0 and 1 times the scale of a row."""


@dataclass(frozen=True)
class _Point:
    """What is measured, as it is kept: by content, so that names may change."""

    content: str
    options: str
    foreign: bool
    by_call: bool
    exact_weights: bool


def accuracy_rows(
    subjects: Sequence[Subject],
    methods: Sequence[Method],
    folder: Path,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict]:
    """A row for each subject and method, ready for JSON; none by call of what is no stream.

    What has been measured is kept in ``folder`` and found again as long as network, data, method
    and code are the same.

    Members of a row
    ----------------
    name, kind, method : str
        The subject's name and kind, and the method's name.
    weight_bytes, parameter_bytes : int or None
        What weights take in the machine's memory, and what stands beside them: biases,
        multipliers, shifts. None for ONNX Runtime and for weights that are no integers.
    seconds : float or None
        To choose the integers; None where bytes are.
    sets : dict of dict
        By data set: ``outputs`` and ``lstm``, ratios to floating point in dB by name, of whole
        runs in integers, or None where there is no signal; of a workload ``score``,
        ``standard_error`` and ``float_score``.
    """
    by_point = {}
    for subject in subjects:
        for method in methods:
            if method.by_call and not subject.stream:
                continue
            options = repr(sorted(method.options.items()))
            names = ("foreign", "by_call", "exact_weights")
            how = {name: getattr(method, name) for name in names}
            by_point[_Point(content=subject.content, options=options, **how)] = subject, method
    measurement = _Measurement(by_point, say)
    found = measure_missing(
        *(folder / "accuracy.jsonl", _code_digest(), by_point, measurement),
        jobs=1,
        load=lambda: None,
        progress=progress,
    )
    return [
        {"name": subject.name, "kind": subject.kind, "method": method.name, **result}
        for (subject, method), result in zip(by_point.values(), found, strict=True)
    ]


def _code_digest() -> str:
    """A name for the code that a measurement depends on."""
    modules = (quantizer, codes_module, float_module, model_lstm, layers_module, subjects_module)
    paths = [Path(__file__), *(Path(module.__file__) for module in modules)]
    paths += sorted(Path(weights.__file__).parent.glob("*.py"))
    return digest(onnxruntime.__version__, *(path.read_bytes() for path in paths))


class _Measurement:
    """Measures points; what a data set gives in floating point is computed once."""

    def __init__(self, subjects: Mapping[_Point, tuple[Subject, Method]], say):
        self._subjects, self._say, self._known = subjects, say, {}
        self._quantised = {}

    def __call__(self, point: _Point) -> dict:
        subject, method = self._subjects[point]
        self._say(f"{subject.name}, {method.name}")
        figures = dict.fromkeys(("weight_bytes", "parameter_bytes", "seconds"))
        if method.foreign:
            run = DynamicLayers(**method.options)
        else:
            networks, seconds = self._networks(subject, method)
            if method.exact_weights:
                run = ExactWeights(networks)
            else:
                figures |= {"seconds": seconds}
                figures |= _bytes([subject.layers[name] for name in networks], **method.options)
                run = IntegerLayers(networks)
        joined = method.foreign and subject.stream and not method.by_call
        sets = {each.name: self._compare(subject, each, run, joined) for each in subject.sets}
        return {**figures, "sets": sets}

    def _networks(self, subject: Subject, method: Method) -> tuple[dict, float]:
        """The layers in integers, and the seconds that choosing them took."""
        key = subject.content, repr(sorted(method.options.items()))
        if key not in self._quantised:
            begin = time.perf_counter()
            networks = subject.quantize(**method.options)
            # Those of one subject are enough: points come subject by subject.
            known = {k: v for k, v in self._quantised.items() if k[0] == subject.content}
            self._quantised = known | {key: (networks, time.perf_counter() - begin)}
        return self._quantised[key]

    def _compare(self, subject: Subject, data: DataSet, run, joined: bool) -> dict:
        outputs, layers = run_joined(data.run, run) if joined else _heard(data, run)
        truth, true_layers = self._truth(subject, data)
        found = data.judge(truth, outputs)
        if "score" in found:
            found["float_score"] = data.judge(truth, truth)["score"]
        found["lstm"] = {name: ratio(true_layers[name], layers[name]) for name in layers}
        return found

    def _truth(self, subject: Subject, data: DataSet) -> tuple[dict, dict]:
        key = subject.content, data.name
        if key not in self._known:
            self._known[key] = _heard(data, _float_layer)
        return self._known[key]


def _heard(data: DataSet, run) -> tuple[dict, dict[str, np.ndarray]]:
    """Outputs, and what each layer gave."""
    listener = Listener(run)
    return data.run(listener), listener.joined()


def _float_layer(name, layer, x, h0, c0):
    return run_layer(layer, x, h0, c0, dtype=np.float32)


def _bytes(
    layers: Sequence[FloatLayer],
    weight_bits: int = 8,
    row_scales: bool = False,
    activation_bits: int = 8,
) -> dict:
    """What weights and their parameters take; activations do not change that."""
    directions = [each for layer in layers for each in layer.directions]
    bits = weight_bits + weight_bits % 2
    return {
        "weight_bytes": sum(each.W.size + each.R.size for each in directions) * bits // 8,
        "parameter_bytes": sum(each.hidden_size for each in directions) * unit_bytes(row_scales),
    }
