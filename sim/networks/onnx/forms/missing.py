"""What a model without an LSTM node has instead, and what to do about it."""

from collections.abc import Iterable

import onnx

from sim.networks.onnx.walk import all_nodes, is_standard, node_name, nodes_inside
from sim.networks.wording import listed

__all__ = ["explain_missing", "list_names"]

_NAMED = 3
"""Nodes that a sentence names; the rest are counted."""

_NAME_LENGTH = 60

_ADVICE = "Refrain runs LSTM layers: "


def list_names(names: Iterable[str]) -> str:
    """Some names as a phrase of bounded length: the first of them, and how many more there are."""
    ends = (name if len(name) <= _NAME_LENGTH else f"...{name[-_NAME_LENGTH:]}" for name in names)
    return listed(ends, _NAMED)


def explain_missing(model: onnx.ModelProto) -> str:
    """One sentence: no LSTM node, what recurrent nodes there are in its place, and what helps."""
    nodes = list(all_nodes(model.graph))
    for kind in ("GRU", "RNN"):
        names = [node_name(node) for node in nodes if node.op_type == kind and is_standard(node)]
        if names:
            return (
                f"the model has no LSTM node but {_count(names, kind)}; "
                f"{_ADVICE}train the network with LSTM layers in their place"
            )
    custom = [
        node
        for node in nodes
        if not is_standard(node) and any(k in node.op_type.upper() for k in ("LSTM", "GRU", "RNN"))
    ]
    if custom:
        kinds = sorted({f"{node.domain}.{node.op_type}" for node in custom})
        return (
            f"the model has no LSTM node but {_count(map(node_name, custom), list_names(kinds))}; "
            f"export it with ONNX's own LSTM operator"
        )
    loops = [node for node in nodes if is_standard(node, "Loop", "Scan")]
    if loops and all(map(_is_like_gru, loops)):
        return (
            f"the model has no LSTM node but {_count(map(node_name, loops), 'Loop or Scan')}, with "
            f"a body like a GRU's; {_ADVICE}train the network with LSTM layers in their place"
        )
    if loops:
        return (
            f"the model has no LSTM node but {_count(map(node_name, loops), 'Loop or Scan')}, "
            f"none of them a body that is one step of an LSTM; "
            f"{_ADVICE}export the layer as ONNX's LSTM operator, or give its weights as "
            f".safetensors"
        )
    kinds = sorted({node.op_type for node in nodes})
    return (
        f"the model has no LSTM node and nothing recurrent, only {_summary(kinds)}; "
        f"{_ADVICE}give a network that has one"
    )


def _is_like_gru(loop: onnx.NodeProto) -> bool:
    """Whether a body has a GRU's activations: two gates and a candidate."""
    kinds = [node.op_type for node in nodes_inside(loop)]
    return kinds.count("Sigmoid") == 2 and kinds.count("Tanh") == 1


def _count(names: Iterable[str], kind: str) -> str:
    names = list(names)
    return f"the {kind} node{'s' if len(names) > 1 else ''} {list_names(names)}"


def _summary(kinds: list[str]) -> str:
    return list_names(kinds) if kinds else "inputs that are outputs"
