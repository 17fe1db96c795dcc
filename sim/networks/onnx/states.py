"""States that a graph takes from its inputs and gives back: found by what they are wired to."""

import re
from collections.abc import Mapping, Sequence

import onnx

from sim.networks.onnx.graph import Graph
from sim.networks.onnx.walk import identity

__all__ = ["wired_states"]

_LAYOUT = re.compile(
    "Identity|Cast|Squeeze|Unsqueeze|Reshape|Flatten|Transpose|Slice|Split|Gather|Concat|Expand|"
    "Dropout|Pad"
)
"""Operators that move values and compute none."""
_STATE_INPUTS = {5: "h", 6: "c"}
_STATE_OUTPUTS = {0: "y", 1: "h", 2: "c"}

Ports = frozenset[tuple[str, str]]


def wired_states(
    graphs: Sequence[tuple[Graph, Mapping[str, onnx.NodeProto]]],
) -> dict[str, str]:
    """By input that does nothing but begin LSTM nodes, the output that has their final states.

    Both must be wired, through nothing but operators that move values, to the same states of the
    same nodes, and no other input or output may be wired alike. Where no output has ``h`` as the
    node's state, one that has it from the node's ``Y`` may.

    Parameters
    ----------
    graphs : sequence of pairs of a Graph and a dict of NodeProto
        A model's, one for each combination of branches, which must not say different things.
    """
    found = [_wired(graph, lstms) for graph, lstms in graphs]
    return {
        name: output
        for pairs in found
        for name, output in pairs.items()
        if all(other.get(name, output) == output for other in found)
    }


def _wired(graph: Graph, lstms: Mapping[str, onnx.NodeProto]) -> dict[str, str]:
    """The same for one graph."""
    given = {name: _begun(graph, lstms, name) for name in graph.inputs}
    made = {name: _ended(graph, lstms, name) for name in graph.outputs}
    pairs = {}
    for name, ports in given.items():
        outputs = [output for output, other in made.items() if other == ports]
        outputs = outputs or [
            output for output, other in made.items() if _as_states(other) == ports
        ]
        alike = [other for other, theirs in given.items() if theirs == ports]
        if ports and len(outputs) == 1 and len(alike) == 1:
            pairs[name] = outputs[0]
    return pairs


def _as_states(ports: Ports) -> Ports:
    """Ports with ``h`` in the place of outputs, whose last one it is."""
    return frozenset((owner, "h" if what == "y" else what) for owner, what in ports)


def _begun(graph: Graph, lstms: Mapping[str, onnx.NodeProto], name: str) -> Ports:
    """States that begin with a tensor; empty if something else is made of it, too."""
    ports, pending, seen = set(), [name], set()
    owners = {identity(node): owner for owner, node in lstms.items()}
    while pending:
        tensor = pending.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        for node in graph.nodes:
            places = [place for place, used in enumerate(node.input) if used == tensor]
            if not places or node.op_type == "Shape":
                continue
            if identity(node) in owners:
                if any(place not in _STATE_INPUTS for place in places):
                    return frozenset()
                ports |= {(owners[identity(node)], _STATE_INPUTS[place]) for place in places}
            elif _LAYOUT.fullmatch(node.op_type):
                pending.extend(node.output)
            else:
                return frozenset()
    return frozenset(ports)


def _ended(graph: Graph, lstms: Mapping[str, onnx.NodeProto], name: str) -> Ports:
    """Final states that a tensor holds; empty if something else is in it, too."""
    makers = {output: node for node in graph.nodes for output in node.output if output}
    owners = {identity(node): owner for owner, node in lstms.items()}
    ports, pending, seen = set(), [name], set()
    while pending:
        tensor = pending.pop()
        if tensor in seen or tensor in graph.constants:
            continue
        seen.add(tensor)
        node = makers.get(tensor)
        if node is None:
            return frozenset()
        if identity(node) in owners:
            place = list(node.output).index(tensor)
            ports.add((owners[identity(node)], _STATE_OUTPUTS[place]))
        elif _LAYOUT.fullmatch(node.op_type):
            pending.extend(node.input if node.op_type == "Concat" else node.input[:1])
        else:
            return frozenset()
    return frozenset(ports)
