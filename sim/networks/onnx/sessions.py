"""Pieces of a graph in ONNX Runtime, whose failures become sentences of ours."""

import re
from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime

from sim.networks.network import NetworkError
from sim.networks.wording import shortened

__all__ = ["exact_options", "make_session", "parse_type", "run_session"]

_FATAL = 4
"""ONNX Runtime's log level from which it speaks: what it says of errors, it raises, too."""
_HALVES = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
_ELEMENTS = {"float": "FLOAT", "double": "DOUBLE"}
"""Elements that ONNX Runtime calls otherwise than ONNX; others differ in case alone."""
_LOAD = (
    (
        re.compile(r"(\S+?)\(-?\d+\) is not a registered function/op"),
        "ONNX Runtime does not know its operator {0}",
    ),
    (
        re.compile(r"Could not find an implementation for (\w+)\(\d+\) node with name '(.*?)'"),
        "ONNX Runtime has no {0} of the types that node {1} has",
    ),
    (
        re.compile(r"Type '(.*?)' of input parameter \((.*?)\) of operator \((.*?)\)"),
        "its operator {2} is given {1} as {0}, which ONNX does not allow",
    ),
    (
        re.compile(r"[Oo]pset (\d+) is under development"),
        "it is of opset {0}, which this version of ONNX Runtime does not run; "
        "export it with an older opset",
    ),
    (
        re.compile(r"No Op registered for (\S+) with domain_version of (\d+)"),
        "ONNX Runtime does not know its operator {0} in opset {1}",
    ),
    (
        re.compile(r"Node input '(.*?)' is not a graph input"),
        "one of its nodes takes the tensor {0}, which nothing gives",
    ),
    (
        re.compile(r"In Node, \(\"(.*?)\", (\w+),"),
        "its {1} node {0} has inputs or attributes that ONNX does not allow",
    ),
    (
        re.compile(r"Node \((.*?)\)(?: Op \((.*?)\))?"),
        "its node {0} has inputs or attributes that ONNX does not allow",
    ),
)
_RUN = re.compile(r"running (\w+) node\. Name:'(.*?)'")
_WORD = 80
"""Characters of a name in a sentence."""


def exact_options() -> onnxruntime.SessionOptions:
    """Options with which products of 8 bits are the same on every processor.

    Without them, processors that lack VNNI add pairs of products in 16 bits, which saturate.
    """
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def make_session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """A piece of a graph, ready to run.

    Raises
    ------
    NetworkError
        ONNX Runtime does not take it; the sentence names what it does not take.
    """
    options = exact_options()
    options.log_severity_level = _FATAL
    if _has_halves(model.graph):
        # Above this level ONNX Runtime 1.32 dies, without a word, of a Transpose before
        # a MatMul in 16 bits; on a processor, 16 bits gain nothing from the levels above.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        # There is nothing to fall back to, and trying it prints a banner.
        return onnxruntime.InferenceSession(
            model.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,
        )
    except Exception as error:
        # ONNX Runtime raises a class of its own for each status code.
        raise NetworkError(_why_not_loaded(str(error), model.graph)) from None


def run_session(session, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray | list]:
    """All outputs of a session, which picks its inputs from ``values``.

    Raises
    ------
    NetworkError
        A node cannot run on them; the sentence names it.
    """
    missing = [v.name for v in session.get_inputs() if v.name not in values]
    if missing:
        raise NetworkError(f"it needs a tensor {missing[0]!r} before anything has made it")
    feed = {v.name: values[v.name] for v in session.get_inputs()}
    names = [v.name for v in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, feed), strict=True))
    except Exception as error:
        # ONNX Runtime raises a class of its own for each status code.
        found = _RUN.search(str(error))
        what = "a part of it" if found is None else f"its {found[1]} node {_short(found[2])}"
        raise NetworkError(f"{what} cannot run on these inputs") from None


def parse_type(kind: str) -> onnx.TypeProto:
    """A type as ONNX Runtime writes it, such as ``seq(tensor(float))``, as ONNX's own.

    Raises
    ------
    NetworkError
        It is no tensor, sequence, map or optional value.
    """
    outer, _, inner = kind.partition("(")
    inner = inner[:-1]
    if outer == "seq":
        return onnx.helper.make_sequence_type_proto(parse_type(inner))
    if outer == "optional":
        return onnx.helper.make_optional_type_proto(parse_type(inner))
    if outer == "map":
        key, _, value = inner.partition(",")
        return onnx.helper.make_map_type_proto(_element(key), parse_type(value))
    if outer != "tensor":
        raise NetworkError(f"it has a tensor of the type {kind}, which is not supported")
    return onnx.helper.make_tensor_type_proto(_element(inner), None)


def _element(name: str) -> int:
    return onnx.TensorProto.DataType.Value(_ELEMENTS.get(name, name.upper()))


def _has_halves(graph: onnx.GraphProto) -> bool:
    """Whether a tensor of 16-bit floating point may be in it."""
    given = [value.type.tensor_type.elem_type for value in graph.input]
    return (
        any(kind in _HALVES for kind in given)
        or any(tensor.data_type in _HALVES for tensor in graph.initializer)
        or any(_makes_halves(node) for node in graph.node)
    )


def _makes_halves(node: onnx.NodeProto) -> bool:
    for attribute in node.attribute:
        if attribute.name in ("to", "dtype") and attribute.i in _HALVES:
            return True
        if attribute.HasField("t") and attribute.t.data_type in _HALVES:
            return True
        if any(map(_has_halves, (attribute.g, *attribute.graphs))):
            return True
    return False


def _why_not_loaded(text: str, graph: onnx.GraphProto) -> str:
    for pattern, sentence in _LOAD:
        found = pattern.search(text)
        if found is not None:
            return sentence.format(*map(_short, found.groups(default="")))
    kinds = list(dict.fromkeys(node.op_type for node in graph.node))
    more = " and others" if len(kinds) > 5 else ""
    return f"ONNX Runtime cannot load the part of it with {', '.join(kinds[:5])}{more}"


def _short(name: str) -> str:
    return shortened(name, _WORD) or "without a name"
