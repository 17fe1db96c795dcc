"""An ONNX graph, cut at its LSTM nodes into pieces that ONNX Runtime runs.

A node belongs to the segment that follows the last LSTM node it depends on, so every node runs
once, and a segment needs only what earlier segments, earlier LSTM nodes and the caller have made.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
import onnxruntime

from sim.networks.network import NetworkError
from sim.networks.onnx.sessions import make_session, parse_type, run_session
from sim.networks.onnx.walk import ancestors, identity, names_used

__all__ = ["Graph"]


class Graph:
    """The nodes and constants of a model's main graph.

    Parameters
    ----------
    model : ModelProto
        The model; its nodes are in topological order, as ONNX demands.

    Members
    -------
    inputs, outputs : tuple of str
        What a run takes and returns.
    constants : dict of TensorProto
        Initialisers and constant nodes.
    nodes : list of NodeProto
        All other nodes.
    """

    def __init__(self, model: onnx.ModelProto):
        self.model = model
        self.nodes, self.constants = _split_constants(model.graph)
        self.inputs = tuple(v.name for v in model.graph.input if v.name not in self.constants)
        self.outputs = tuple(v.name for v in model.graph.output)

    def constant(self, name: str) -> np.ndarray:
        """A constant's value.

        Raises
        ------
        NetworkError
            There is none of that name.
        """
        if name not in self.constants:
            raise NetworkError(
                f"it needs a tensor {name!r} that nothing makes; the file is damaged, or a tool "
                f"took too much out of it"
            )
        return onnx.numpy_helper.to_array(self.constants[name])

    def fold(self, names: Iterable[str]) -> None:
        """Turn tensors that are computed from constants alone into constants."""
        makers = {name: node for node in self.nodes for name in node.output}
        for name in names:
            if name in self.constants or name not in makers:
                continue
            nodes = ancestors(name, makers)
            used = {n for node in nodes.values() for n in names_used(node)}
            if used & set(self.inputs) or any(n.op_type == "LSTM" for n in nodes.values()):
                continue
            ordered = [node for node in self.nodes if identity(node) in nodes]
            session = self.session(ordered, {}, [name])
            value = run_session(session, {})[name]
            self.constants[name] = onnx.numpy_helper.from_array(value, name)
            # A tensor has one maker.
            self.nodes = [n for n in self.nodes if not self.constants.keys() >= {*n.output} - {""}]

    def cut(self, lstms: list[onnx.NodeProto]) -> list:
        """Sessions to run before each LSTM node and at the end; None where nothing is to be done.

        Raises
        ------
        NetworkError
            ONNX Runtime does not take a piece.
        """
        segments = self._segments(lstms)
        needed = [set(self.outputs)]
        for lstm, segment in zip(lstms[::-1], segments[:0:-1], strict=True):
            later = {name for node in segment for name in names_used(node)}
            needed.insert(0, needed[0] | later | set(lstm.input))
        types = {v.name: v.type for v in self.model.graph.input}
        sessions = []
        for number, segment in enumerate(segments):
            made = {name for node in segment for name in node.output if name}
            used = {name for node in segment for name in names_used(node)} - made
            taken = {n: types[n] for n in sorted(used) if n in types and n not in self.constants}
            outputs = sorted(made & needed[number])
            session = self.session(segment, taken, outputs) if outputs else None
            for value in session.get_outputs() if session else ():
                types[value.name] = parse_type(value.type)
            sessions.append(session)
            if number < len(lstms):
                # An LSTM node's outputs have the type of its weights.
                kind = self.constants[lstms[number].input[1]].data_type
                for name in lstms[number].output:
                    types[name] = onnx.helper.make_tensor_type_proto(kind, None)
        return sessions

    def _segments(self, lstms: list[onnx.NodeProto]) -> list[list[onnx.NodeProto]]:
        """Nodes by the number of the LSTM nodes that must have run before them."""
        order = {identity(node): number for number, node in enumerate(lstms)}
        level_of = dict.fromkeys(self.inputs, 0)
        segments = [[] for _ in range(len(lstms) + 1)]
        for node in self.nodes:
            level = max((level_of.get(name, 0) for name in names_used(node)), default=0)
            if identity(node) in order:
                level = order[identity(node)] + 1
            else:
                segments[level].append(node)
            level_of.update(dict.fromkeys(node.output, level))
        return segments

    def session(
        self,
        nodes: list[onnx.NodeProto],
        inputs: Mapping[str, onnx.TypeProto],
        outputs: Iterable[str],
    ) -> onnxruntime.InferenceSession:
        """Some nodes, with the constants that they use."""
        used = {name for node in nodes for name in names_used(node)}
        graph = onnx.helper.make_graph(
            nodes,
            "segment",
            [onnx.helper.make_value_info(name, kind) for name, kind in inputs.items()],
            # ONNX Runtime infers the types of outputs that declare none.
            [onnx.ValueInfoProto(name=name) for name in outputs],
            [self.constants[name] for name in sorted(used) if name in self.constants],
        )
        model = onnx.helper.make_model(
            graph, opset_imports=self.model.opset_import, ir_version=self.model.ir_version
        )
        return make_session(model)


def _split_constants(graph: onnx.GraphProto) -> tuple[list, dict]:
    """Nodes without ``Constant``, and every constant tensor by name."""
    if graph.sparse_initializer:
        raise NetworkError("it has sparse initialisers, which is not supported")
    nodes, constants = [], {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and [a.name for a in node.attribute] == ["value"]:
            tensor = onnx.TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            constants[tensor.name] = tensor
        else:
            nodes.append(node)
    return nodes, constants
