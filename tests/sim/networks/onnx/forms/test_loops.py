import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sim.networks.onnx.forms.loops import rewrite_loops

INPUTS, H, T, B = 5, 4, 6, 3
FLAG, NUMBER = TensorProto.BOOL, TensorProto.INT64


def info(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def state(name):
    return info(name, shape=[None, H])


def counters():
    """The first inputs of every Loop's body."""
    return [info("i", NUMBER, []), info("keep", FLAG, [])]


class Body:
    """Nodes of a body whose step is an LSTM's."""

    def __init__(self, graphs):
        self.graphs, self.nodes, self.count = graphs, [], 0
        self.constants = []

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


def weights(graphs, prefix="p", size=INPUTS):
    return [
        graphs.constant(f"{prefix}W", size, 4 * H),
        graphs.constant(f"{prefix}R", H, 4 * H),
        graphs.constant(f"{prefix}b", 4 * H),
    ]


def limits(graphs, steps=T):
    return [graphs.of("most", np.int64(steps)), graphs.of("go", np.bool_(True))]


def feeds(seed=0, **more):
    rng = np.random.default_rng(seed)
    given = {"x": rng.normal(size=(T, B, INPUTS)).astype(np.float32)}
    given |= {n: rng.normal(0, 0.5, (B, H)).astype(np.float32) for n in ("h0", "c0")}
    return given | more


def inputs(graphs):
    return [graphs.floats("x", T, B, INPUTS), state("h0"), state("c0")]


def loop(graphs, body, names=("hn", "cn"), extra=(), limit="most"):
    """A Loop over h and c, which collects h, with a body of ``i``, ``keep``, ``h`` and ``c``."""
    return helper.make_node(
        "Loop", [limit, "go", "h0", "c0", *extra], [*names, "all"], "loop", body=body
    )


def simple(graphs, finish=None, index="i"):
    """A body over h and c; ``finish`` may choose what becomes of the new ones."""
    body = Body(graphs)
    row = body.add("Gather", ["x", index], axis=0) if isinstance(index, str) else index(body)
    new = body.cell(row, "h", "c")
    h, c = finish(body, *new) if finish else new
    outputs = [body.add("Identity", [name]) for name in ("keep", h, c, h)]
    kinds = [info(outputs[0], FLAG, []), *(state(name) for name in outputs[1:])]
    return body.graph([*counters(), state("h"), state("c")], kinds)


def test_a_loop_over_steps_becomes_a_node(graphs):
    model = graphs.model(
        [loop(graphs, simple(graphs))],
        inputs(graphs),
        [info("all"), info("hn"), info("cn")],
        [*weights(graphs), *limits(graphs)],
    )
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM", "Sigmoid") == [0, 1, 0]
    (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
    assert notes == [
        f"LSTM node {node.name} stands for the Loop node loop, whose body is one step of it"
    ]
    graphs.compare(model, rewritten, feeds())


def test_a_loop_may_count_its_steps_itself(graphs):
    """TensorFlow's while: a counter among the states, two limits, weights among the states."""
    body = Body(graphs)
    body.constants = [graphs.of("one", np.int32(1)), graphs.of("end", np.int32(T - 1))]
    row = body.add("Gather", ["x", "n"], axis=0)
    h, c = body.cell(row, "h", "c", "inner_p")
    n = body.add("Add", ["n", "one"])
    again = body.add("Less", [n, "end"])
    again = body.add("And", [again, body.add("Less", ["i", "many"])])
    fixed = [body.add("Identity", [f"inner_p{k}"]) for k in "WRb"]
    kept = body.add("Identity", [h])
    shapes = [[INPUTS, 4 * H], [H, 4 * H], [4 * H]]
    graph = body.graph(
        [
            *counters(),
            info("n", TensorProto.INT32, []),
            state("h"),
            state("c"),
            *(info(f"inner_p{k}", shape=s) for k, s in zip("WRb", shapes, strict=True)),
        ],
        [
            info(again, FLAG, []),
            info(n, TensorProto.INT32, []),
            state(h),
            state(c),
            *(info(name, shape=s) for name, s in zip(fixed, shapes, strict=True)),
            state(kept),
        ],
    )
    node = helper.make_node(
        "Loop",
        ["most", "go", "start", "h0", "c0", "pW", "pR", "pb"],
        ["nn", "hn", "cn", "pW_out", "pR_out", "pb_out", "all"],
        "while",
        body=graph,
    )
    constants = [
        *weights(graphs),
        *limits(graphs, 100),
        graphs.of("start", np.int32(0)),
        graphs.of("many", np.int64(50)),
    ]
    model = graphs.model(
        [node], inputs(graphs), [info(n) for n in ("all", "hn", "cn", "pb_out")], constants
    )
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid") == [1, 0] and len(notes) == 1
    graphs.compare(model, rewritten, feeds())
    assert len(graphs.run(rewritten, feeds())["all"]) == T - 1


def test_a_loop_may_run_backwards(graphs):
    def backwards(body):
        body.constants = [graphs.of("end", np.int64(T - 1))]
        row = body.add("Gather", ["turned", body.add("Sub", ["end", "i"])], axis=1)
        return row

    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[1, 0, 2]),
        loop(graphs, simple(graphs, index=backwards)),
    ]
    model = graphs.model(
        nodes, inputs(graphs), [info("all"), info("cn")], [*weights(graphs), *limits(graphs)]
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, feeds())


def masks(steps=T):
    """One sequence of each kind: padded behind, padded in front, with holes."""
    mask = np.ones((steps, B, 1), bool)
    mask[4:, 0] = mask[:2, 1] = mask[2:4, 2] = False
    return mask


def where(body, h, c):
    """Keras: a step that the mask leaves out leaves the states alone."""
    mask = body.add("Gather", ["mask", "i"], axis=0)
    return [body.add("Where", [mask, new, old]) for new, old in ((h, "h"), (c, "c"))]


def turned(body, h, c):
    mask = body.add("Not", [body.add("Gather", ["mask", "i"], axis=0)])
    return [body.add("Where", [mask, old, new]) for new, old in ((h, "h"), (c, "c"))]


def products(body, h, c):
    """tf2onnx before opset 9."""
    mask = body.add("Gather", ["mask", "i"], axis=0)
    yes = body.add("Cast", [mask], to=TensorProto.FLOAT)
    no = body.add("Cast", [body.add("Not", [mask])], to=TensorProto.FLOAT)
    return [
        body.add("Add", [body.add("Mul", [yes, new]), body.add("Mul", [old, no])])
        for new, old in ((h, "h"), (c, "c"))
    ]


@pytest.mark.parametrize("finish", [where, turned, products])
@pytest.mark.parametrize("opset", [11, 13, 18, 21])
@pytest.mark.parametrize("none", [False, True])
def test_steps_that_a_mask_leaves_out_hold_the_state(graphs, finish, opset, none):
    model = graphs.model(
        [loop(graphs, simple(graphs, finish))],
        [*inputs(graphs), info("mask", FLAG, [T, B, 1])],
        [info("all"), info("hn"), info("cn")],
        [*weights(graphs), *limits(graphs)],
        opset=opset,
    )
    if opset >= 18:
        for node in model.graph.node[0].attribute[0].g.node:
            if node.op_type == "Split":
                node.attribute.append(helper.make_attribute("num_outputs", 4))
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM", "Sigmoid") == [0, 1, 0]
    mask = masks()
    mask[:, 0] &= not none
    graphs.compare(model, rewritten, feeds(mask=mask))


def test_the_last_output_may_be_kept_apart(graphs):
    """Keras: y of a step that is left out is the last one, a state that begins with zero."""
    body = Body(graphs)
    row = body.add("Gather", ["x", "i"], axis=0)
    h, c = body.cell(row, "h", "c")
    mask = body.add("Gather", ["mask", "i"], axis=0)
    ends = [body.add("Where", [mask, n, o]) for n, o in ((h, "y"), (h, "h"), (c, "c"))]
    outputs = [body.add("Identity", [name]) for name in ("keep", *ends, ends[0])]
    graph = body.graph(
        [*counters(), state("y"), state("h"), state("c")],
        [info(outputs[0], FLAG, []), *(state(name) for name in outputs[1:])],
    )
    nodes = [
        helper.make_node("Shape", ["h0"], ["sizes"]),
        *(helper.make_node("ConstantOfShape", ["sizes"], [f"zero{k}"]) for k in range(3)),
        helper.make_node(
            "Loop",
            ["most", "go", "zero0", "zero1", "zero2"],
            ["yn", "hn", "cn", "all"],
            body=graph,
        ),
    ]
    model = graphs.model(
        nodes,
        [*inputs(graphs), info("mask", FLAG, [T, B, 1])],
        [info("all"), info("yn"), info("cn")],
        [*weights(graphs), *limits(graphs)],
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, feeds(mask=masks()))


def test_outputs_of_steps_that_are_left_out_may_be_zero(graphs):
    body = Body(graphs)
    body.constants = [graphs.of("none", np.zeros((1, H), np.float32))]
    row = body.add("Gather", ["x", "i"], axis=0)
    new = body.cell(row, "h", "c")
    h, c = where(body, *new)
    mask = next(n.input[0] for n in body.nodes if n.op_type == "Where")
    outputs = [body.add("Identity", [name]) for name in ("keep", h, c)]
    outputs.append(body.add("Where", [mask, new[0], "none"]))
    graph = body.graph(
        [*counters(), state("h"), state("c")],
        [info(outputs[0], FLAG, []), *(state(name) for name in outputs[1:])],
    )
    model = graphs.model(
        [loop(graphs, graph)],
        [*inputs(graphs), info("mask", FLAG, [T, B, 1])],
        [info("all"), info("hn")],
        [*weights(graphs), *limits(graphs)],
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, feeds(mask=masks()))


def test_layers_on_top_of_each_other_in_one_body(graphs):
    """Two cells, and a dense layer behind them at each step."""
    body = Body(graphs)
    row = body.add("Gather", ["x", "i"], axis=0)
    first = body.cell(row, "h", "c")
    second = body.cell(body.add("Relu", [first[0]]), "h2", "c2", "q")
    out = body.add("Add", [body.add("MatMul", [second[0], "D"]), "d"])
    outputs = [body.add("Identity", [name]) for name in ("keep", *first, *second, out)]
    graph = body.graph(
        [*counters(), *map(state, ("h", "c", "h2", "c2"))],
        [info(outputs[0], FLAG, []), *map(state, outputs[1:5]), info(outputs[5])],
    )
    node = helper.make_node(
        "Loop",
        ["most", "go", "h0", "c0", "c0", "h0"],
        ["hn", "cn", "h2n", "c2n", "all"],
        "both",
        body=graph,
    )
    constants = [
        *weights(graphs),
        *weights(graphs, "q", H),
        *limits(graphs),
        graphs.constant("D", H, 2),
        graphs.constant("d", 2),
    ]
    model = graphs.model([node], inputs(graphs), [info("all"), info("c2n")], constants)
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 2] and len(notes) == 2
    graphs.compare(model, rewritten, feeds())


@pytest.mark.parametrize("axis, turn", [(0, 0), (0, 1), (1, 0), (-2, 1)])
def test_a_scan_becomes_a_node(graphs, axis, turn):
    body = Body(graphs)
    h, c = body.cell("row", "h", "c")
    y = body.add("Identity", [h])
    graph = body.graph(
        [state("h"), state("c"), info("row", shape=[None, INPUTS])], [state(h), state(c), state(y)]
    )
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[1, 0, 2]),
        helper.make_node(
            "Scan",
            ["h0", "c0", "turned" if axis else "x"],
            ["hn", "cn", "all"],
            "scan",
            body=graph,
            num_scan_inputs=1,
            scan_input_axes=[axis],
            scan_input_directions=[turn],
            scan_output_directions=[turn],
        ),
    ]
    outputs = [info(name) for name in ("all", "hn", "cn")]
    model = graphs.model(nodes, inputs(graphs), outputs, weights(graphs))
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Scan", "LSTM") == [0, 1]
    assert notes[0].endswith("stands for the Scan node scan, whose body is one step of it")
    graphs.compare(model, rewritten, feeds())


def stays(graphs, model):
    rewritten, notes = rewrite_loops(model)
    assert rewritten is model
    assert notes == [
        "the Loop node loop holds what may be an LSTM layer but does more than its steps; "
        "it stays on the host"
    ]


def held_twice(body, h, c):
    return body.add("Mul", [h, "h"]), c


def half_masked(body, h, c):
    return [h, where(body, h, c)[1]]


def softly(body, h, c):
    """A mixture, not a choice."""
    weight = body.add("Sigmoid", [body.add("Gather", ["soft", "i"], axis=0)])
    other = body.add("Sub", ["unit", weight])
    return [
        body.add("Add", [body.add("Mul", [weight, n]), body.add("Mul", [other, o])])
        for n, o in ((h, "h"), (c, "c"))
    ]


@pytest.mark.parametrize("finish", [held_twice, half_masked, softly])
def test_a_loop_that_does_more_stays(graphs, finish):
    model = graphs.model(
        [loop(graphs, simple(graphs, finish))],
        [*inputs(graphs), info("mask", FLAG, [T, B, 1]), info("soft", shape=[T, B, 1])],
        [info("all"), info("hn")],
        [*weights(graphs), *limits(graphs), graphs.of("unit", np.float32(1))],
    )
    stays(graphs, model)


def test_a_loop_whose_input_is_its_output_stays(graphs):
    model = graphs.model(
        [loop(graphs, simple(graphs, index=lambda body: body.add("MatMul", ["h", "D"])))],
        inputs(graphs),
        [info("all"), info("hn")],
        [*weights(graphs), *limits(graphs), graphs.constant("D", H, INPUTS)],
    )
    stays(graphs, model)


def test_loops_without_layers_are_not_touched(graphs):
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["w"]), helper.make_node("Identity", ["keep"], ["k"])],
        "body",
        [*counters(), info("v")],
        [info("k", FLAG, []), info("w")],
    )
    node = helper.make_node("Loop", ["most", "go", "x"], ["y"], body=body)
    model = graphs.model([node], inputs(graphs)[:1], [info("y")], limits(graphs))
    assert rewrite_loops(model) == (model, [])
    assert rewrite_loops(onnx.ModelProto()) == (onnx.ModelProto(), [])


def inner(graphs, direction, wide):
    """PyTorch's scripted loops: an LSTM node over one step, and a list of what it gives."""
    body = Body(graphs)
    body.constants = [graphs.of("first", np.array([0]))]
    row = body.add("Unsqueeze", [body.add("Gather", ["x", "i"], axis=0), "first"])
    states = ["h", "c"] if wide else [body.add("Unsqueeze", [n, "first"]) for n in ("h", "c")]
    names = [row, "nW", "nR", "nB", "", *states]
    y, h, c = body.add("LSTM", names, count=3, hidden_size=H, direction=direction)
    if not wide:
        h, c = (body.add("Squeeze", [name, "first"]) for name in (h, c))
    flat = body.add("Squeeze", [y, "both"])
    kept = body.add("Identity", [flat])
    grown = body.add("SequenceInsert", ["list", flat])
    again = body.add("Identity", ["keep"])
    rows = helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None)
    more = helper.make_tensor_sequence_value_info(grown, TensorProto.FLOAT, None)
    shape = [1, None, H] if wide else [None, H]
    pair = [info(name, shape=shape) for name in ("h", "c")]
    return body.graph(
        [*counters(), *pair, rows],
        [info(again, FLAG, []), *(info(n, shape=shape) for n in (h, c)), more, state(kept)],
    )


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("wide, opset", [(False, 17), (True, 17), (False, 13)])
def test_a_node_over_one_step_inside_becomes_one_over_all(graphs, direction, wide, opset):
    firsts = ["h0", "c0"]
    nodes = [helper.make_node("SequenceEmpty", [], ["empty"])]
    if wide:
        nodes += [helper.make_node("Unsqueeze", [n, "front"], [f"{n}w"]) for n in firsts]
        firsts = [f"{name}w" for name in firsts]
    nodes += [
        helper.make_node(
            "Loop",
            ["most", "go", *firsts, "empty"],
            ["hn", "cn", "rows", "all"],
            "loop",
            body=inner(graphs, direction, wide),
        ),
        helper.make_node("ConcatFromSequence", ["rows"], ["stack"], axis=0, new_axis=1),
    ]
    constants = [
        graphs.constant("nW", 1, 4 * H, INPUTS),
        graphs.constant("nR", 1, 4 * H, H),
        graphs.constant("nB", 1, 8 * H),
        graphs.of("both", np.array([0, 1])),
        graphs.of("front", np.array([0])),
        *limits(graphs),
    ]
    outputs = [info(name) for name in ("all", "stack", "hn", "cn")]
    model = graphs.model(nodes, inputs(graphs), outputs, constants, opset)
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1] and len(notes) == 1
    graphs.compare(model, rewritten, feeds())


@pytest.mark.parametrize("change", ["lens", "clip"])
def test_other_nodes_inside_stay(graphs, change):
    body = inner(graphs, "forward", False)
    (node,) = [n for n in body.node if n.op_type == "LSTM"]
    if change == "clip":
        node.attribute.append(helper.make_attribute("clip", 1.0))
    else:
        node.input[4] = "lens"
    nodes = [
        helper.make_node("SequenceEmpty", [], ["empty"]),
        helper.make_node(
            "Loop", ["most", "go", "h0", "c0", "empty"], ["hn", "cn", "r", "all"], "loop", body=body
        ),
    ]
    constants = [
        graphs.constant("nW", 1, 4 * H, INPUTS),
        graphs.constant("nR", 1, 4 * H, H),
        graphs.constant("nB", 1, 8 * H),
        graphs.of("both", np.array([0, 1])),
        graphs.of("lens", np.array([1] * B, np.int32)),
        *limits(graphs),
    ]
    stays(graphs, graphs.model(nodes, inputs(graphs), [info("all"), info("hn")], constants))
