import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.networks.onnx.sessions import exact_options
from sim.networks.onnx.walk import nodes_inside

_WARNING_OFF = 3


class Body:
    """Nodes of a body whose step is an LSTM's."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def add(self, kind, inputs, output="", count=1, **attributes):
        self.count += 1
        outputs = [f"b{self.count}_{k}" for k in range(count)]
        if output:
            outputs = [output]
        self.nodes.append(helper.make_node(kind, inputs, outputs, f"b{self.count}", **attributes))
        return outputs[0] if count == 1 else outputs

    def cell(self, x, h, c, prefix="p"):
        """A step with the weights ``prefix`` and W, R, b, which lie outside."""
        total = self.add(
            "Add",
            [
                self.add(
                    "Add",
                    [
                        self.add("MatMul", [x, f"{prefix}W"]),
                        self.add("MatMul", [h, f"{prefix}R"]),
                    ],
                ),
                f"{prefix}b",
            ],
        )
        gates = self.add("Split", [total], count=4, axis=1)
        entry, forget, output = (self.add("Sigmoid", [gates[k]]) for k in (0, 1, 3))
        new = self.add("Mul", [entry, self.add("Tanh", [gates[2]])])
        c = self.add("Add", [self.add("Mul", [forget, c]), new])
        return self.add("Mul", [output, self.add("Tanh", [c])]), c

    def graph(self, inputs, outputs):
        return helper.make_graph(self.nodes, "body", inputs, outputs, self.constants)


class Graphs:
    """Makes small models, and compares two of them in ONNX Runtime.

    Loops take ``x`` [T, B, INPUTS], ``h0`` and ``c0``; their bodies hold weights of ``H`` units.
    """

    INPUTS, H, T, B = 5, 4, 6, 3
    FLAG, NUMBER = TensorProto.BOOL, TensorProto.INT64

    def constant(self, name, *shape, seed=0, scale=0.7):
        """Random numbers that depend on the name."""
        rng = np.random.default_rng([seed, *name.encode()])
        return numpy_helper.from_array(rng.normal(0, scale, shape).astype(np.float32), name)

    def of(self, name, value):
        """A constant of a given value."""
        return numpy_helper.from_array(np.asarray(value), name)

    def floats(self, name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def info(self, name, kind=TensorProto.FLOAT, shape=None):
        return helper.make_tensor_value_info(name, kind, shape)

    def state(self, name):
        return self.info(name, shape=[None, self.H])

    def inputs(self):
        return [self.floats("x", self.T, self.B, self.INPUTS), self.state("h0"), self.state("c0")]

    def feeds(self, seed=0, **more):
        """Values of ``inputs``, and others."""
        rng = np.random.default_rng(seed)
        given = {"x": rng.normal(size=(self.T, self.B, self.INPUTS)).astype(np.float32)}
        for name in ("h0", "c0"):
            given[name] = rng.normal(0, 0.5, (self.B, self.H)).astype(np.float32)
        return given | more

    def weights(self, prefix="p", size=INPUTS):
        """What ``Body.cell`` takes from outside."""
        return [
            self.constant(f"{prefix}W", size, 4 * self.H),
            self.constant(f"{prefix}R", self.H, 4 * self.H),
            self.constant(f"{prefix}b", 4 * self.H),
        ]

    def limits(self, steps=T):
        """What says how often a Loop runs."""
        return [self.of("most", np.int64(steps)), self.of("go", np.bool_(True))]

    def counters(self):
        """The first inputs of every Loop's body."""
        return [self.info("i", self.NUMBER, []), self.info("keep", self.FLAG, [])]

    def body(self):
        return Body()

    def model(self, nodes, inputs, outputs, constants=(), opset=17):
        """A model; outputs are names or value infos."""
        outputs = [onnx.ValueInfoProto(name=n) if isinstance(n, str) else n for n in outputs]
        graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def run(self, model, feeds):
        options = exact_options()
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


@pytest.fixture
def stays():
    """Checks that a rewriting function leaves a model with a loop alone, and says so."""

    def check(rewrite, model):
        rewritten, notes = rewrite(model)
        assert rewritten is model
        assert notes == [
            "the Loop node loop holds what may be an LSTM layer but does more than its steps; "
            "it stays on the host"
        ]

    return check
