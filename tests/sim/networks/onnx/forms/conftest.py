import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.networks.onnx.walk import nodes_inside

_WARNING_OFF = 3


class Graphs:
    """Makes small models, and compares two of them in ONNX Runtime."""

    def constant(self, name, *shape, seed=0, scale=0.7):
        """Random numbers that depend on the name."""
        rng = np.random.default_rng([seed, *name.encode()])
        return numpy_helper.from_array(rng.normal(0, scale, shape).astype(np.float32), name)

    def of(self, name, value):
        """A constant of a given value."""
        return numpy_helper.from_array(np.asarray(value), name)

    def floats(self, name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def model(self, nodes, inputs, outputs, constants=(), opset=17):
        """A model; outputs are names or value infos."""
        outputs = [onnx.ValueInfoProto(name=n) if isinstance(n, str) else n for n in outputs]
        graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def run(self, model, feeds):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _WARNING_OFF
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        known = {value.name for value in session.get_inputs()}
        names = [value.name for value in session.get_outputs()]
        return dict(
            zip(names, session.run(names, {k: feeds[k] for k in feeds if k in known}), strict=True)
        )

    def compare(self, model, rewritten, feeds, atol=1e-5):
        """ONNX Runtime gives the same for both, and not just zeros."""
        wanted, got = self.run(model, feeds), self.run(rewritten, feeds)
        assert got.keys() == wanted.keys()
        for name, value in wanted.items():
            assert np.abs(value).max() > 0.01
            assert got[name].shape == value.shape and got[name].dtype == value.dtype
            np.testing.assert_allclose(got[name], value, atol=atol, rtol=0, err_msg=name)

    def kinds(self, model, *kinds):
        """How many nodes of some kinds there are, wherever they lie."""
        every = [m for n in model.graph.node for m in (n, *nodes_inside(n))]
        return [sum(node.op_type == kind for node in every) for kind in kinds]


@pytest.fixture
def graphs():
    return Graphs()
