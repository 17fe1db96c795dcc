"""LSTM nodes inside ``If`` nodes: the branch that inputs take becomes part of the main graph."""

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
import onnx

from sim.networks.network import NetworkError
from sim.networks.onnx.sessions import run_session
from sim.networks.onnx.sheet import Sheet
from sim.networks.onnx.walk import (
    ancestors,
    attributes,
    identity,
    inner_graphs,
    is_standard,
    node_name,
    nodes_inside,
)

__all__ = ["Branches", "Decisions", "is_recurrent"]

Decisions = tuple[tuple[str, bool], ...]
"""Names of ``If`` nodes in the order in which they are reached, each with its condition."""

_MOST = 64
"""Combinations of branches that are read."""


class Branches:
    """The main graphs that a model stands for, by the branches that its inputs take.

    Only ``If`` nodes with LSTM layers inside matter; others are left to ONNX Runtime. A condition
    that no input changes is decided when the model is read.

    Parameters
    ----------
    model : ModelProto
        The model; it is not changed.
    """

    def __init__(self, model: onnx.ModelProto):
        if any(_holds_layers(node) for node in model.graph.node):
            model = _with_unique_names(model)
        self._root = _Fork(model, ())

    def leaves(self) -> Iterator[tuple[Decisions, onnx.ModelProto]]:
        """Every combination of branches, and the model without those ``If`` nodes.

        Raises
        ------
        NetworkError
            There are too many, or a condition depends on an LSTM layer.
        """
        pending, found = [self._root], 0
        while pending:
            fork = pending.pop()
            if fork.node is not None:
                pending += [fork.branch(False), fork.branch(True)]
                continue
            found += 1
            if found > _MOST:
                raise NetworkError(
                    f"LSTM layers lie in more than {_MOST} combinations of branches of If nodes; "
                    f"export the model for one of them"
                )
            yield fork.decisions, fork.model

    def choose(self, values: Mapping[str, np.ndarray]) -> Decisions:
        """The branches that inputs take, by evaluating each condition in ONNX Runtime."""
        fork = self._root
        while fork.node is not None:
            fork = fork.branch(fork.decide(values))
        return fork.decisions


class _Fork:
    """A model, and the first ``If`` node in it that must be decided; None where there is none."""

    def __init__(self, model: onnx.ModelProto, decisions: Decisions):
        self.decisions = decisions
        self.node = None
        while (node := next(filter(_holds_layers, model.graph.node), None)) is not None:
            sheet = Sheet(model)
            known = sheet.value(node.input[0])
            if known is None:
                self.node, self._sheet = node, sheet
                break
            model = _inlined(model, node, bool(np.any(known)))
        self.model = model
        self._session = None
        self._branches = {}

    def branch(self, taken: bool) -> "_Fork":
        """What is left when the condition is ``taken``."""
        if taken not in self._branches:
            decisions = (*self.decisions, (node_name(self.node), taken))
            self._branches[taken] = _Fork(_inlined(self.model, self.node, taken), decisions)
        return self._branches[taken]

    def decide(self, values: Mapping[str, np.ndarray]) -> bool:
        """The condition, for some inputs."""
        name = self.node.input[0]
        if name in values:
            return bool(np.any(values[name]))
        if self._session is None:
            nodes = ancestors(name, self._sheet.makers)
            for node in nodes.values():
                if is_recurrent(node):
                    raise NetworkError(
                        f"the condition of If node {node_name(self.node)} depends on the LSTM "
                        f"layer {node_name(node)}, so no branch can be taken before it ran; "
                        f"export the model with one branch"
                    )
            ordered = [n for n in self._sheet.nodes if identity(n) in nodes]
            self._session = self._sheet.session(ordered, [name])
        return bool(np.any(run_session(self._session, values)[name]))


def is_recurrent(node: onnx.NodeProto) -> bool:
    """Whether a node is an LSTM layer or holds one, or what may be one cell of it."""
    kinds = Counter(inner.op_type for inner in (node, *nodes_inside(node)))
    cell = kinds["Sigmoid"] >= 3 and kinds["Tanh"] >= 2
    return bool(kinds["LSTM"] or kinds["DynamicQuantizeLSTM"] or cell)


def _holds_layers(node: onnx.NodeProto) -> bool:
    return is_standard(node, "If") and is_recurrent(node)


def _inlined(model: onnx.ModelProto, node: onnx.NodeProto, taken: bool) -> onnx.ModelProto:
    """The model with one branch of ``node`` in the node's place."""
    branch = attributes(node)["then_branch" if taken else "else_branch"]
    copies = [
        onnx.helper.make_node("Identity", [inner.name], [name])
        for inner, name in zip(branch.output, node.output, strict=True)
        if name
    ]
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:]
    for each in model.graph.node:
        if identity(each) == identity(node):
            result.graph.node.extend([*branch.node, *copies])
        else:
            result.graph.node.append(each)
    result.graph.initializer.extend(branch.initializer)
    result.graph.value_info.extend(branch.value_info)
    return result


def _with_unique_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with no tensor or node inside a node that has the name of another one."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    taken = {v.name for v in (*graph.input, *graph.initializer)}
    taken |= {name for node in graph.node for name in node.output}
    titles = {node.name for node in graph.node}
    for node in graph.node:
        for inner in inner_graphs(node):
            _rename(inner, {}, taken, titles)
    return result


def _rename(graph: onnx.GraphProto, outer: Mapping[str, str], taken: set, titles: set) -> None:
    """Give new names to what ``graph`` defines, wherever ``taken`` has the old one."""
    names = dict(outer)
    for value in (*graph.input, *graph.initializer):
        names[value.name] = value.name = _free(value.name, taken)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        for inner in inner_graphs(node):
            _rename(inner, names, taken, titles)
        new = [name and _free(name, taken) for name in node.output]
        names.update(zip(node.output, new, strict=True))
        node.output[:] = new
        if node.name:
            node.name = _free(node.name, titles)
    for value in (*graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)


def _free(name: str, taken: set) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
