"""Small ONNX models, node by node."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

OPSETS = {"": 17, "ai.onnx.ml": 2}


class Maker:
    """Makes ONNX files: ``node``, ``lstm``, ``constant`` and ``tensor`` are the parts of one."""

    inputs, hidden = 5, 4

    def __init__(self, folder):
        self.path = folder / "net.onnx"

    node = staticmethod(helper.make_node)

    @staticmethod
    def tensor(name, *shape, kind=TensorProto.FLOAT):
        """A declared input or output; a name is a size that is any."""
        return helper.make_tensor_value_info(name, kind, shape)

    @staticmethod
    def constant(name, value, dtype=None):
        """A constant tensor."""
        return numpy_helper.from_array(np.asarray(value, dtype), name)

    def lstm(self, x, outputs, *more, prefix="p", **attributes):
        """An LSTM node; its weights are those of ``weights``."""
        names = [x, f"{prefix}W", f"{prefix}R", f"{prefix}B", *more]
        attributes = {"hidden_size": self.hidden, **attributes}
        return helper.make_node("LSTM", names, outputs, f"{prefix}rnn", **attributes)

    def weights(self, prefix="p", inputs=None, directions=1, dtype=np.float32, seed=0):
        """Constants of an LSTM node."""
        rng = np.random.default_rng([seed, *prefix.encode()])
        H, inputs = self.hidden, inputs or self.inputs
        shapes = {"W": (4 * H, inputs), "R": (4 * H, H), "B": (8 * H,)}
        return [
            self.constant(f"{prefix}{name}", rng.normal(0, 0.7, (directions, *shape)), dtype)
            for name, shape in shapes.items()
        ]

    def save(self, nodes, inputs, outputs, constants=(), functions=()):
        """The path of the model; outputs are declared ones or names."""
        outputs = [
            each if isinstance(each, onnx.ValueInfoProto) else onnx.ValueInfoProto(name=each)
            for each in outputs
        ]
        graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
        domains = OPSETS | {function.domain: 1 for function in functions}
        opsets = [helper.make_opsetid(*each) for each in domains.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9, functions=functions)
        onnx.save(model, self.path)
        return self.path


@pytest.fixture
def maker(tmp_path):
    """A ``Maker`` of one ONNX file."""
    return Maker(tmp_path)
