"""What an ONNX model holds, also one that cannot run."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx.external_data_helper import uses_external_data

from sim.networks.chains import join_chains
from sim.networks.network import NetworkError
from sim.networks.onnx.damage import explained
from sim.networks.onnx.graph import Graph
from sim.networks.onnx.inputs import declared_dims
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.reader import load_onnx, read_onnx_lstm
from sim.networks.onnx.walk import all_nodes, attributes, is_standard, names_used, node_name
from sim.networks.streams import known_states
from sim.networks.summary import FileSummary, LayerSummary, Port, layer_summary

__all__ = ["summarise_onnx"]

_RECURRENT = ("LSTM", "GRU", "RNN")
_MOVING = ("Cast", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split")
_MOVING += ("Squeeze", "Tile", "Transpose", "Unsqueeze")
"""Operators whose outputs hold nothing but values of their first input."""


def summarise_onnx(path: Path) -> FileSummary:
    """An .onnx file.

    Raises
    ------
    NetworkError
        No such file, or no ONNX model.
    """
    proto = _load(path)
    with explained(path):
        return _summarise(path, proto)


def _summarise(path: Path, proto: onnx.ModelProto) -> FileSummary:
    constants = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in constants]
    common = {
        "kind": ".onnx",
        "what": _describe(proto),
        "inputs": _ports(inputs),
        "outputs": _ports(proto.graph.output),
    }
    try:
        model = OnnxModel(path)
    except NetworkError as error:
        nodes = list(all_nodes(proto.graph))
        return FileSummary(
            **common,
            layers=tuple(_raw_layer(node, proto) for node in nodes if _is_recurrent(node)),
            host=_count(node for node in nodes if not _is_recurrent(node)),
            refused=str(error),
        )
    layers, host = {}, Counter()
    for graph, lstms in model.graphs:
        makers = {name: node for node in graph.nodes for name in node.output if name}
        # A layer outside of the branches is in the graphs of all of them.
        layers |= {
            name: layer_summary(name, model.lstm_layers[name], begins=_begins(node, graph, makers))
            for name, node in lstms.items()
        }
        taken = {id(node) for node in lstms.values()}
        host |= Counter(_count(node for node in graph.nodes if id(node) not in taken))
    return FileSummary(
        **common,
        states=known_states(model),
        layers=tuple(layers.values()),
        networks=tuple(join_chains(model.lstm_layers, model.leaders)),
        host=dict(sorted(host.items())),
        notes=tuple(model.notes),
    )


def _load(path: Path) -> onnx.ModelProto:
    """The model, also without the files that its weights are in."""
    try:
        return load_onnx(path)
    except NetworkError:
        try:
            proto = onnx.load(path, load_external_data=False)
        except Exception:
            # protobuf and onnx raise classes of their own; what there is to say was said.
            proto = onnx.ModelProto()
        if not any(map(uses_external_data, proto.graph.initializer)):
            raise
        return proto


def _describe(model: onnx.ModelProto) -> str:
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    standard = opsets.get("", opsets.get("ai.onnx"))
    version = model.producer_version.removesuffix("None").strip()
    maker = f"{model.producer_name} {version}".strip()
    parts = ["an ONNX model"]
    if standard is not None:
        parts.append(f"opset {standard}")
    return ", ".join(parts) + (f", written by {maker}" if maker else "")


def _ports(values) -> tuple[Port, ...]:
    shapes = declared_dims(values)
    return tuple(
        Port(name=value.name, shape=shapes[value.name], kind=_type_name(value.type))
        for value in values
    )


def _type_name(kind: onnx.TypeProto) -> str:
    if not kind.HasField("tensor_type"):
        return (kind.WhichOneof("value") or "unknown").removesuffix("_type")
    element = kind.tensor_type.elem_type
    if element == onnx.TensorProto.STRING:
        return "text"
    if element == onnx.TensorProto.FLOAT:
        return "float32"
    if element == onnx.TensorProto.DOUBLE:
        return "float64"
    known = onnx.TensorProto.DataType.values()
    return onnx.TensorProto.DataType.Name(element).lower() if element in known else "unknown"


def _is_recurrent(node: onnx.NodeProto) -> bool:
    return any(kind in node.op_type.upper() for kind in _RECURRENT)


def _count(nodes) -> dict[str, int]:
    """Operators but constants, by kind, with the domain of those that are not ONNX's own."""
    counts = Counter(
        node.op_type if is_standard(node) else f"{node.domain}.{node.op_type}"
        for node in nodes
        if node.op_type != "Constant"
    )
    return dict(sorted(counts.items()))


def _raw_layer(node: onnx.NodeProto, model: onnx.ModelProto) -> LayerSummary:
    """A recurrent node of a model that does not run, with a reason of its own if it has one."""
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    given = attributes(node)
    direction, hidden = given.get("direction", b"forward"), given.get("hidden_size")
    weights = arrays.get(node.input[1]) if len(node.input) > 1 else None
    reason = None
    if not is_standard(node, "LSTM"):
        domain = "" if is_standard(node) else f"{node.domain}."
        reason = f"it is a {domain}{node.op_type}, and LSTM layers run"
    else:
        wanted = {name: arrays[name] for name in node.input if name in arrays}
        try:
            if not any(map(uses_external_data, wanted.values())):
                values = {name: onnx.numpy_helper.to_array(each) for name, each in wanted.items()}
                read_onnx_lstm(node, values)
        except NetworkError as error:
            reason = str(error)
    return LayerSummary(
        name=node_name(node),
        kind=node.op_type,
        inputs=weights.dims[2] if weights is not None and len(weights.dims) == 3 else None,
        hidden=hidden if isinstance(hidden, int) else None,
        directions=2 if direction == b"bidirectional" else 1,
        reverse=direction == b"reverse",
        refused=reason,
    )


def _begins(node: onnx.NodeProto, graph: Graph, makers: Mapping[str, onnx.NodeProto]) -> str:
    """Where the state of an LSTM node comes from."""
    sources = set()
    for name in node.input[5:7]:
        sources |= _sources(name, graph, makers)
    given = [name for name in graph.inputs if name in sources]
    named = f"the input{'s' if len(given) > 1 else ''} {', '.join(given)}"
    if "computed" in sources:
        return f"computed from {named}" if given else "computed"
    if given:
        return named
    return "constants" if "constants" in sources else "zero"


def _sources(name: str, graph: Graph, makers: Mapping[str, onnx.NodeProto]) -> set[str]:
    """Inputs that a tensor's values come from, ``computed`` and ``constants``; none for zeros."""
    found, pending, passed = set(), [name], set()
    while pending:
        name = pending.pop()
        if not name or name in passed:
            continue
        passed.add(name)
        maker = makers.get(name)
        if name in graph.inputs:
            found.add(name)
        elif name in graph.constants:
            found |= {"constants"} if np.any(graph.constant(name)) else set()
        elif maker is None:
            found.add("computed")
        elif is_standard(maker, *_MOVING):
            pending.append(maker.input[0])
        elif is_standard(maker, "Concat"):
            pending += maker.input
        elif not is_standard(maker, "ConstantOfShape") or _filled(maker):
            found.add("computed")
            # A size says nothing of values.
            pending += [] if is_standard(maker, "Shape", "Size") else names_used(maker)
    return found


def _filled(node: onnx.NodeProto) -> bool:
    """Whether a ``ConstantOfShape`` makes anything but zeros."""
    value = attributes(node).get("value")
    return value is not None and bool(np.any(onnx.numpy_helper.to_array(value)))
