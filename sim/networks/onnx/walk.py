"""Walks over ONNX graphs: graphs inside nodes, names that a node takes, what an output needs."""

from collections.abc import Iterable, Iterator, Mapping

import onnx

__all__ = [
    "all_nodes",
    "ancestors",
    "attributes",
    "identity",
    "inner_graphs",
    "is_standard",
    "names_used",
    "node_name",
    "nodes_inside",
    "sorted_nodes",
    "without_dead_nodes",
]


def identity(node: onnx.NodeProto) -> str:
    """A node's first output: nodes may share a name, but never an output."""
    return next(name for name in node.output if name)


def node_name(node: onnx.NodeProto) -> str:
    """The node's name, or where it has none the name of its first output."""
    return node.name or identity(node)


def is_standard(node: onnx.NodeProto, *kinds: str) -> bool:
    """Whether a node is an operator of ONNX itself, and one of ``kinds`` if there are any."""
    return node.domain in ("", "ai.onnx") and (not kinds or node.op_type in kinds)


def attributes(node: onnx.NodeProto) -> dict:
    """A node's attributes by name, as Python values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The branches or the body of a node."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Nodes of a graph and of every graph inside them, to any depth."""
    for node in graph.node:
        yield node
        yield from nodes_inside(node)


def nodes_inside(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    """Nodes of every graph inside a node, to any depth."""
    for graph in inner_graphs(node):
        yield from all_nodes(graph)


def names_used(node: onnx.NodeProto) -> set[str]:
    """Tensors that a node takes, including those that graphs inside it take from outside."""
    used = {name for name in node.input if name}
    for graph in inner_graphs(node):
        inside = {v.name for v in graph.input} | {t.name for t in graph.initializer}
        for inner in graph.node:
            used |= names_used(inner) - inside
            inside |= set(inner.output)
        used |= {v.name for v in graph.output} - inside
    return used


def ancestors(name: str, makers: Mapping[str, onnx.NodeProto]) -> dict[str, onnx.NodeProto]:
    """Nodes that a tensor depends on, by their ``identity``; ``makers`` by each tensor's name."""
    nodes, pending = {}, [name]
    while pending:
        node = makers.get(pending.pop())
        if node is not None and identity(node) not in nodes:
            nodes[identity(node)] = node
            pending.extend(names_used(node))
    return nodes


def without_dead_nodes(
    nodes: Iterable[onnx.NodeProto], outputs: Iterable[str]
) -> list[onnx.NodeProto]:
    """The nodes, in their order, that the outputs depend on."""
    wanted, kept = set(outputs), []
    for node in reversed(list(nodes)):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= names_used(node)
    return kept[::-1]


def sorted_nodes(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """The nodes, each behind what it takes; otherwise in their order.

    Raises
    ------
    ValueError
        Some wait for each other.
    """
    nodes = list(nodes)
    makers = {name: node for node in nodes for name in node.output if name}
    placed, waiting, ordered = set(), set(), []
    for first in nodes:
        pending = [first]
        while pending:
            node = pending[-1]
            if identity(node) in placed:
                pending.pop()
                continue
            before = [makers[name] for name in sorted(names_used(node)) if name in makers]
            missing = [each for each in before if identity(each) not in placed]
            if missing:
                if identity(node) in waiting:
                    raise ValueError(f"node {node_name(node)} waits for its own output")
                waiting.add(identity(node))
                pending += missing
            else:
                placed.add(identity(node))
                ordered.append(pending.pop())
    return ordered
