import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.networks.onnx.forms.steps import rewrite_steps

INPUTS, H, T, B = 5, 4, 6, 3


class Steps:
    """Writes cells out, in the ways in which exporters do."""

    def __init__(self, graphs, style="gemm"):
        self.graphs, self.style = graphs, style
        self.nodes, self.constants, self.count = [], [], 0

    def add(self, kind, inputs, count=1, **attributes):
        self.count += 1
        outputs = [f"t{self.count}_{k}" for k in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, f"n{self.count}", **attributes))
        return outputs[0] if count == 1 else outputs

    def constant(self, name, *shape):
        if name not in [tensor.name for tensor in self.constants]:
            self.constants.append(self.graphs.constant(name, *shape))
        return name

    def number(self, value):
        name = f"k{len(self.constants)}"
        self.constants.append(self.graphs.of(name, np.array(value)))
        return name

    def gates(self, x, h, layer, size):
        """The four gates before their activations, in the style's order."""
        constant, add = self.constant, self.add
        if self.style == "gemm":
            weights = constant(f"{layer}W", 4 * H, size), constant(f"{layer}b", 4 * H)
            one = add("Gemm", [x, *weights], transB=1)
            weights = constant(f"{layer}R", 4 * H, H), constant(f"{layer}c", 4 * H)
            total = add("Add", [add("Gemm", [h, *weights], transB=1), one])
        elif self.style == "joined":
            both = add("Concat", [x, h], axis=1)
            product = add("MatMul", [both, constant(f"{layer}K", size + H, 4 * H)])
            total = add("Add", [product, constant(f"{layer}b", 4 * H)])
        elif self.style == "four":
            return [
                add(
                    "Add",
                    [
                        add("MatMul", [x, constant(f"{layer}W{k}", size, H)]),
                        add(
                            "Gemm",
                            [h, constant(f"{layer}R{k}", H, H), constant(f"{layer}b{k}", H)],
                            alpha=0.5,
                            beta=2.0,
                        ),
                    ],
                )
                for k in range(4)
            ]
        else:
            total = add("MatMul", [x, constant(f"{layer}W", size, 4 * H)])
            bias = constant(f"{layer}b", 4 * H)
            if self.style == "sums":
                product = add("MatMul", [h, constant(f"{layer}R", H, 4 * H)])
                total = add("Sum", [product, total, bias])
                return add("Split", [total, self.number([H] * 4)], 4, axis=-1)
            if h is None:
                value = numpy_helper.to_array(self.constants[-1])
                bias = self.number(np.tile(value, (B, 1)))
            else:
                product = add("MatMul", [h, constant(f"{layer}R", H, 4 * H)])
                total = add("Add", [total, product])
            total = add("Add", [total, bias])
        if self.style == "slice":
            one = self.number([1])
            return [
                add("Slice", [total, self.number([k * H]), self.number([k * H + H]), one])
                for k in range(4)
            ]
        return add("Split", [total, self.number([H] * 4)], 4, axis=-1)

    def cell(self, x, h, c, layer="p", size=INPUTS):
        """One step: the new h and c."""
        entry, forget, cell, output = self.gates(x, h, layer, size)
        if self.style == "four":
            forget = self.add("Add", [forget, self.number(np.float32(1))])
        entry, forget, output = (self.add("Sigmoid", [g]) for g in (entry, forget, output))
        new = self.add("Mul", [entry, self.add("Tanh", [cell])])
        kept = self.add("Mul", [c, forget] if self.style == "joined" else [forget, c])
        c = self.add("Add", [new, kept] if self.style == "slice" else [kept, new])
        return self.add("Mul", [self.add("Tanh", [c]), output]), c

    def model(self, inputs, outputs):
        return self.graphs.model(self.nodes, inputs, outputs, self.constants)


STYLES = ["gemm", "joined", "four", "slice", "sum", "sums"]


def states(graphs):
    return [graphs.floats("h", B, H), graphs.floats("c", B, H)]


def feeds(*names, shape=(B, INPUTS), seed=1):
    rng = np.random.default_rng(seed)
    given = {name: rng.normal(size=shape).astype(np.float32) for name in names}
    return given | {n: rng.normal(0, 0.5, (B, H)).astype(np.float32) for n in "hc"}


@pytest.mark.parametrize("style", STYLES)
def test_one_step_becomes_one_node(graphs, style):
    steps = Steps(graphs, style)
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)], steps.cell("x", "h", "c"))
    rewritten, notes = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid", "MatMul", "Gemm") == [1, 0, 0, 0]
    (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
    assert notes == [
        f"LSTM node {node.name} stands for one step of an LSTM that the model writes out as "
        f"products, sigmoids and tangents"
    ]
    graphs.compare(model, rewritten, feeds("x"))


def test_the_state_is_what_comes_from_where_the_other_state_does(graphs):
    # x is as wide as h, and x comes first and last in the sums.
    for style in ("gemm", "sum"):
        steps = Steps(graphs, style)
        parts = steps.add("Split", ["both", steps.number([1, 1])], 2, axis=0)
        h, c = (steps.add("Squeeze", [p, steps.number([0])]) for p in parts)
        outputs = steps.cell("x", h, c, size=H)
        inputs = [graphs.floats("x", B, H), graphs.floats("both", 2, B, H)]
        model = steps.model(inputs, outputs)
        rewritten, _ = rewrite_steps(model)
        (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
        (made,) = [n for n in rewritten.graph.node if node.input[0] in n.output]
        assert made.input[0] == "x"
        given = feeds("x", shape=(B, H)) | {"both": np.full((2, B, H), 0.3, np.float32)}
        graphs.compare(model, rewritten, given)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("zero", [True, False])
def test_steps_that_follow_each_other_become_one_node(graphs, style, zero):
    steps = Steps(graphs, style)
    h, c, outputs = "h", "c", []
    if zero:
        sizes = steps.number(np.array([B, H]))
        h = c = steps.add("ConstantOfShape", [sizes])
    for k in range(T):
        step = steps.add("Gather", ["x", steps.number(k)], axis=0)
        h, c = steps.cell(step, h, c)
        outputs.append(steps.add("Unsqueeze", [h, steps.number([0])]))
    whole = steps.add("Concat", outputs, axis=0)
    inputs = [graphs.floats("x", T, B, INPUTS), *([] if zero else states(graphs))]
    model = steps.model(inputs, [whole, h, c])
    rewritten, notes = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid", "Tanh") == [1, 0, 0]
    assert len(notes) == 1 and f"stands for {T} steps of an LSTM" in notes[0]
    graphs.compare(model, rewritten, feeds("x", shape=(T, B, INPUTS)))


def test_two_layers_and_both_directions_become_a_node_each(graphs):
    steps = Steps(graphs)
    rows = [steps.add("Gather", ["x", steps.number(k)], axis=0) for k in range(T)]
    for layer, size, order in (("p", INPUTS, 1), ("q", H, 1), ("r", H, -1)):
        h, c, outputs = "h", "c", []
        for row in rows[::order]:
            h, c = steps.cell(row, h, c, layer, size)
            outputs.append(h)
        rows = outputs[::order]
    model = steps.model([graphs.floats("x", T, B, INPUTS), *states(graphs)], [*rows, c])
    rewritten, notes = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid") == [3, 0]
    assert len(notes) == 3
    graphs.compare(model, rewritten, feeds("x", shape=(T, B, INPUTS)))


def test_steps_that_need_each_others_outputs_stay_apart(graphs):
    steps = Steps(graphs)
    x, h, c = "x", "h", "c"
    for _ in range(3):
        h, c = steps.cell(x, h, c)
        x = steps.add("MatMul", [h, steps.constant("back", H, INPUTS)])
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)], [x])
    rewritten, _ = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid") == [3, 0]
    graphs.compare(model, rewritten, feeds("x"))


def test_a_chain_ends_where_its_cell_state_is_asked_for(graphs):
    steps = Steps(graphs)
    h, c, cells = "h", "c", []
    for k in range(5):
        h, c = steps.cell(f"x{k}", h, c)
        cells.append(c)
    inputs = [graphs.floats(f"x{k}", B, INPUTS) for k in range(5)]
    model = steps.model([*inputs, *states(graphs)], [h, cells[1], cells[4]])
    rewritten, notes = rewrite_steps(model)
    assert [note.split(" stands for ")[1].split(" of ")[0] for note in notes] == [
        "2 steps",
        "3 steps",
    ]
    graphs.compare(model, rewritten, feeds(*(f"x{k}" for k in range(5))))


def test_other_weights_are_another_layer(graphs):
    steps = Steps(graphs)
    h, c = steps.cell("x", "h", "c", "p")
    h, c = steps.cell("x", h, c, "q")
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)], [h, c])
    rewritten, notes = rewrite_steps(model)
    assert len(notes) == 2
    graphs.compare(model, rewritten, feeds("x"))


def test_a_state_for_all_sequences_is_spread(graphs):
    steps = Steps(graphs)
    h, c = steps.cell("x", steps.constant("h0", 1, H), steps.constant("c0", 1, H))
    model = steps.model([graphs.floats("x", "batch", INPUTS)], [h, c])
    rewritten, _ = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM") == [1]
    graphs.compare(model, rewritten, feeds("x"))


def test_steps_with_more_axes_keep_their_shape(graphs):
    steps = Steps(graphs, "sum")
    shape = [graphs.floats(n, 2, B, H) for n in "hc"]
    model = steps.model([graphs.floats("x", 2, B, INPUTS), *shape], steps.cell("x", "h", "c"))
    rewritten, _ = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM") == [1]
    rng = np.random.default_rng(0)
    given = {n: rng.normal(size=(2, B, H)).astype(np.float32) for n in "hc"}
    given["x"] = rng.normal(size=(2, B, INPUTS)).astype(np.float32)
    graphs.compare(model, rewritten, given)


def test_a_layer_in_front_is_not_swallowed(graphs):
    steps = Steps(graphs)
    x = steps.add("Gemm", ["u", steps.constant("D", 7, INPUTS)])
    model = steps.model([graphs.floats("u", B, 7), *states(graphs)], steps.cell(x, "h", "c"))
    rewritten, _ = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Gemm") == [1, 1]
    graphs.compare(model, rewritten, feeds("u", shape=(B, 7)))


def test_a_gate_that_is_looked_at_is_still_there(graphs):
    steps = Steps(graphs)
    h, c = steps.cell("x", "h", "c")
    gate = next(n.output[0] for n in steps.nodes if n.op_type == "Sigmoid")
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)], [h, c, gate])
    rewritten, _ = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM") == [1]
    graphs.compare(model, rewritten, feeds("x"))


def test_a_first_step_that_an_exporter_worked_out_belongs_to_the_rest(graphs):
    # With h = 0, h @ R + b is b, for each sequence of a fixed batch.
    steps = Steps(graphs, "sum")
    zero = steps.number(np.zeros((B, H), np.float32))
    h, c = steps.cell("x", None, zero)
    h, c = steps.cell("x", h, c)
    model = steps.model([graphs.floats("x", B, INPUTS)], [h, c])
    rewritten, notes = rewrite_steps(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid") == [1, 0]
    assert len(notes) == 1
    graphs.compare(model, rewritten, feeds("x"))


def test_a_lone_step_without_recurrent_weights_is_no_lstm(graphs):
    steps = Steps(graphs, "sum")
    outputs = steps.cell("x", None, steps.number(np.zeros((B, H), np.float32)))
    model = steps.model([graphs.floats("x", B, INPUTS)], outputs)
    assert rewrite_steps(model) == (model, [])


@pytest.mark.parametrize("kind", ["HardSigmoid", "Softsign"])
def test_other_activations_are_no_lstm(graphs, kind):
    steps = Steps(graphs)
    outputs = steps.cell("x", "h", "c")
    for node in steps.nodes:
        if node.op_type == "Sigmoid":
            node.op_type = kind
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)], outputs)
    assert rewrite_steps(model) == (model, [])


def test_a_gru_is_no_lstm(graphs):
    steps = Steps(graphs)
    gates = steps.gates("x", "h", "p", INPUTS)
    z, r = (steps.add("Sigmoid", [g]) for g in gates[:2])
    new = steps.add("Tanh", [steps.add("Add", [gates[2], steps.add("Mul", [r, gates[3]])])])
    rest = steps.add("Mul", [steps.add("Sub", [steps.number(np.float32(1)), z]), new])
    h = steps.add("Add", [rest, steps.add("Mul", [z, "h"])])
    model = steps.model([graphs.floats("x", B, INPUTS), *states(graphs)[:1]], [h])
    assert rewrite_steps(model) == (model, [])


def test_doubles_stay_doubles(graphs):
    steps = Steps(graphs)
    outputs = steps.cell("x", "h", "c")
    wide = [
        helper.make_tensor_value_info(n, TensorProto.DOUBLE, [B, size])
        for n, size in (("x", INPUTS), ("h", H), ("c", H))
    ]
    steps.constants = [
        steps.graphs.of(tensor.name, numpy_helper.to_array(tensor).astype(kind))
        for tensor in steps.constants
        for kind in [np.float64 if tensor.data_type == TensorProto.FLOAT else np.int64]
    ]
    rewritten, _ = rewrite_steps(steps.model(wide, outputs))
    (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
    kinds = {t.name: t.data_type for t in rewritten.graph.initializer}
    # ONNX Runtime has no LSTM in doubles to compare with.
    assert [kinds[name] for name in node.input[1:4]] == [TensorProto.DOUBLE] * 3
