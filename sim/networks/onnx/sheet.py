"""The main graph of an ONNX model while it is rewritten: what makes what, what is constant."""

import contextlib
from collections.abc import Iterable

import numpy as np
import onnx
import onnx.shape_inference

from sim.networks.network import NetworkError
from sim.networks.onnx.graph import Graph
from sim.networks.onnx.walk import (
    attributes,
    is_standard,
    names_used,
    sorted_nodes,
    without_dead_nodes,
)

__all__ = ["Sheet"]


class Sheet:
    """A main graph to be rewritten.

    Parameters
    ----------
    model : ModelProto
        The model; it is not changed.

    Members
    -------
    nodes : list of NodeProto
        All nodes but constants, in topological order until ``replace`` changes them.
    makers : dict of NodeProto
        By the tensor that they make, as the graph was when it was read.
    inputs, outputs : tuple of str
        The graph's.
    opset : int
        Version of ONNX's own operators.
    """

    def __init__(self, model: onnx.ModelProto):
        self._graph = Graph(model)
        self.inputs, self.outputs = self._graph.inputs, self._graph.outputs
        self.opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        self._types = _infer_types(model)
        self._names = {*self._types, *self._graph.constants, *self.inputs}
        for node in self._graph.nodes:
            self._names |= {*node.output, *names_used(node), node.name}
        self._fold_shapes()
        self.makers = {name: node for node in self.nodes for name in node.output if name}
        self._find_varying()
        self._values = {}

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        return self._graph.nodes

    def value(self, name: str) -> np.ndarray | None:
        """A tensor that no input changes; None for one that some input may change."""
        if not name or name in self._varying:
            return None
        if name not in self._values:
            # What ONNX Runtime cannot compute on its own may still be right where it stands.
            with contextlib.suppress(NetworkError):
                self._graph.fold([name])
            known = name in self._graph.constants
            self._values[name] = self._graph.constant(name) if known else None
        return self._values[name]

    def shape(self, name: str) -> tuple | None:
        """Sizes, a name or None for one that is not known; None where not even their number is."""
        if name in self._graph.constants:
            return tuple(self._graph.constants[name].dims)
        return _sizes(self._types.get(name))

    def rank(self, name: str) -> int | None:
        """Number of dimensions, None where it is not known."""
        shape = self.shape(name)
        return None if shape is None else len(shape)

    def element(self, name: str) -> int:
        """ONNX's number of a tensor's type, 0 where it is not known."""
        if name in self._graph.constants:
            return self._graph.constants[name].data_type
        return self._types[name].tensor_type.elem_type if name in self._types else 0

    def value_info(self, name: str) -> onnx.ValueInfoProto:
        """A tensor's name and type, for a graph that takes it from outside."""
        return onnx.ValueInfoProto(name=name, type=self._types.get(name))

    def origin(self, name: str) -> str:
        """The tensor that Identity nodes copy to ``name``."""
        while name in self.makers and is_standard(self.makers[name], "Identity"):
            name = self.makers[name].input[0]
        return name

    def maker(self, name: str, *kinds: str) -> onnx.NodeProto | None:
        """The node that makes a tensor, Identity nodes passed by, if it is one of ``kinds``."""
        node = self.makers.get(self.origin(name))
        return node if node is not None and is_standard(node, *kinds) else None

    def fresh(self, name: str) -> str:
        """A name like ``name`` that nothing has."""
        candidate, number = name, 1
        while candidate in self._names:
            number += 1
            candidate = f"{name}_{number}"
        self._names.add(candidate)
        return candidate

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant; the name that it got."""
        name = self.fresh(name)
        self._graph.constants[name] = onnx.numpy_helper.from_array(np.asarray(value), name)
        return name

    def constants_of(
        self, nodes: Iterable[onnx.NodeProto], outputs: Iterable[str] = ()
    ) -> list[onnx.TensorProto]:
        """The constants that some nodes take, or that are outputs themselves."""
        used = {*outputs, *(name for node in nodes for name in names_used(node))}
        return [tensor for name, tensor in self._graph.constants.items() if name in used]

    def needed(self) -> set[str]:
        """Tensors that the outputs depend on, and the outputs."""
        kept = without_dead_nodes(self.nodes, self.outputs)
        return {*self.outputs, *(name for node in kept for name in names_used(node))}

    def replace(self, outputs: Iterable[str], nodes: Iterable[onnx.NodeProto]) -> None:
        """Drop the nodes that make ``outputs``, and add others that make them."""
        gone = set(outputs)
        self.nodes[:] = [n for n in self.nodes if gone.isdisjoint(n.output)] + list(nodes)

    def session(self, nodes: list[onnx.NodeProto], outputs: Iterable[str]):
        """An ONNX Runtime session of some nodes that take nothing but inputs of the graph."""
        used = {name for node in nodes for name in names_used(node)}
        taken = {name: self._types[name] for name in self.inputs if name in used}
        return self._graph.session(nodes, taken, list(outputs))

    def model(self) -> onnx.ModelProto:
        """The rewritten model, without nodes and constants that no output needs."""
        kept = without_dead_nodes(sorted_nodes(self.nodes), self.outputs)
        constants = self.constants_of(kept, self.outputs)
        graph = self._graph.model.graph
        inputs = [v for v in graph.input if v.name in self.inputs]
        return self.model_of(
            onnx.helper.make_graph(kept, graph.name, inputs, graph.output, constants)
        )

    def model_of(self, graph: onnx.GraphProto) -> onnx.ModelProto:
        """A graph as a model of this one's versions."""
        before = self._graph.model
        return onnx.helper.make_model(
            graph, opset_imports=before.opset_import, ir_version=before.ir_version
        )

    def _fold_shapes(self) -> None:
        """Make sizes that the model declares constants, where the graph asks for them."""
        shapes = {}
        for node in list(self.nodes):
            if is_standard(node, "Shape", "Size") and not node.attribute:
                sizes = self.shape(node.input[0])
                shapes[node.output[0]] = sizes
                value = None if sizes is None or not _whole(sizes) else np.array(sizes, np.int64)
                if value is not None and node.op_type == "Size":
                    value = np.array(value.prod(), np.int64)
            elif is_standard(node, "Gather") and shapes.get(node.input[0]) is not None:
                value = self._gathered(node, shapes[node.input[0]])
            else:
                continue
            if value is not None:
                name = node.output[0]
                self._graph.constants[name] = onnx.numpy_helper.from_array(value, name)
                self.nodes.remove(node)

    def _gathered(self, node: onnx.NodeProto, sizes: tuple) -> np.ndarray | None:
        if node.input[1] not in self._graph.constants or attributes(node).get("axis", 0):
            return None
        index = self._graph.constant(node.input[1])
        if index.size and not (-len(sizes) <= index.min() and index.max() < len(sizes)):
            return None
        picked = [sizes[k] for k in index.ravel()]
        return np.array(picked, np.int64).reshape(index.shape) if _whole(picked) else None

    def _find_varying(self) -> None:
        """Tensors that inputs, or chance, may change."""
        self._varying = set(self.inputs)
        for node in self.nodes:
            random = node.op_type.startswith("Random") or node.op_type in ("Bernoulli", "Dropout")
            if random or not self._varying.isdisjoint(names_used(node)):
                self._varying.update(node.output)


def _infer_types(model: onnx.ModelProto) -> dict[str, onnx.TypeProto]:
    """Types of the main graph's tensors, as far as they follow from the inputs'."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except onnx.shape_inference.InferenceError:
        # Shapes that contradict each other; ONNX Runtime has the last word about them.
        graph = model.graph
    return {v.name: v.type for v in (*graph.value_info, *graph.output, *graph.input)}


def _sizes(kind: onnx.TypeProto | None) -> tuple | None:
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    return tuple(
        d.dim_value if d.HasField("dim_value") else d.dim_param or None
        for d in kind.tensor_type.shape.dim
    )


def _whole(sizes: Iterable) -> bool:
    return all(isinstance(size, int) for size in sizes)
