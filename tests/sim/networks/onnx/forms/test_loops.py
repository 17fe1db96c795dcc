import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sim.networks.network import NetworkError
from sim.networks.onnx.forms.loops import rewrite_loops

INPUTS, H, T, B = 5, 4, 6, 3
FLAG, NUMBER = TensorProto.BOOL, TensorProto.INT64


def loop(graphs, body, names=("hn", "cn"), extra=(), limit="most"):
    """A Loop over h and c, which collects h, with a body of ``i``, ``keep``, ``h`` and ``c``."""
    return helper.make_node(
        "Loop", [limit, "go", "h0", "c0", *extra], [*names, "all"], "loop", body=body
    )


def simple(graphs, finish=None, index="i"):
    """A body over h and c; ``finish`` may choose what becomes of the new ones."""
    body = graphs.body()
    row = body.add("Gather", ["x", index], axis=0) if isinstance(index, str) else index(body)
    new = body.cell(row, "h", "c")
    h, c = finish(body, *new) if finish else new
    outputs = [body.add("Identity", [name]) for name in ("keep", h, c, h)]
    kinds = [graphs.info(outputs[0], FLAG, []), *(graphs.state(name) for name in outputs[1:])]
    return body.graph([*graphs.counters(), graphs.state("h"), graphs.state("c")], kinds)


def test_a_loop_over_steps_becomes_a_node(graphs):
    model = graphs.model(
        [loop(graphs, simple(graphs))],
        graphs.inputs(),
        [graphs.info("all"), graphs.info("hn"), graphs.info("cn")],
        [*graphs.weights(), *graphs.limits()],
    )
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM", "Sigmoid") == [0, 1, 0]
    (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
    assert notes == [
        f"LSTM node {node.name} stands for the Loop node loop, whose body is one step of it"
    ]
    graphs.compare(model, rewritten, graphs.feeds())


def test_a_loop_may_count_its_steps_itself(graphs):
    """TensorFlow's while: a counter among the states, two limits, weights among the states."""
    body = graphs.body()
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
            *graphs.counters(),
            graphs.info("n", TensorProto.INT32, []),
            graphs.state("h"),
            graphs.state("c"),
            *(graphs.info(f"inner_p{k}", shape=s) for k, s in zip("WRb", shapes, strict=True)),
        ],
        [
            graphs.info(again, FLAG, []),
            graphs.info(n, TensorProto.INT32, []),
            graphs.state(h),
            graphs.state(c),
            *(graphs.info(name, shape=s) for name, s in zip(fixed, shapes, strict=True)),
            graphs.state(kept),
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
        *graphs.weights(),
        *graphs.limits(100),
        graphs.of("start", np.int32(0)),
        graphs.of("many", np.int64(50)),
    ]
    model = graphs.model(
        [node], graphs.inputs(), [graphs.info(n) for n in ("all", "hn", "cn", "pb_out")], constants
    )
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "LSTM", "Sigmoid") == [1, 0] and len(notes) == 1
    graphs.compare(model, rewritten, graphs.feeds())
    assert len(graphs.run(rewritten, graphs.feeds())["all"]) == T - 1


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
        nodes,
        graphs.inputs(),
        [graphs.info("all"), graphs.info("cn")],
        [*graphs.weights(), *graphs.limits()],
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, graphs.feeds())


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
        [*graphs.inputs(), graphs.info("mask", FLAG, [T, B, 1])],
        [graphs.info("all"), graphs.info("hn"), graphs.info("cn")],
        [*graphs.weights(), *graphs.limits()],
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
    graphs.compare(model, rewritten, graphs.feeds(mask=mask))


def test_the_last_output_may_be_kept_apart(graphs):
    """Keras: y of a step that is left out is the last one, a state that begins with zero."""
    body = graphs.body()
    row = body.add("Gather", ["x", "i"], axis=0)
    h, c = body.cell(row, "h", "c")
    mask = body.add("Gather", ["mask", "i"], axis=0)
    ends = [body.add("Where", [mask, n, o]) for n, o in ((h, "y"), (h, "h"), (c, "c"))]
    outputs = [body.add("Identity", [name]) for name in ("keep", *ends, ends[0])]
    graph = body.graph(
        [*graphs.counters(), graphs.state("y"), graphs.state("h"), graphs.state("c")],
        [graphs.info(outputs[0], FLAG, []), *(graphs.state(name) for name in outputs[1:])],
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
        [*graphs.inputs(), graphs.info("mask", FLAG, [T, B, 1])],
        [graphs.info("all"), graphs.info("yn"), graphs.info("cn")],
        [*graphs.weights(), *graphs.limits()],
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, graphs.feeds(mask=masks()))


def test_outputs_of_steps_that_are_left_out_may_be_zero(graphs):
    body = graphs.body()
    body.constants = [graphs.of("none", np.zeros((1, H), np.float32))]
    row = body.add("Gather", ["x", "i"], axis=0)
    new = body.cell(row, "h", "c")
    h, c = where(body, *new)
    mask = next(n.input[0] for n in body.nodes if n.op_type == "Where")
    outputs = [body.add("Identity", [name]) for name in ("keep", h, c)]
    outputs.append(body.add("Where", [mask, new[0], "none"]))
    graph = body.graph(
        [*graphs.counters(), graphs.state("h"), graphs.state("c")],
        [graphs.info(outputs[0], FLAG, []), *(graphs.state(name) for name in outputs[1:])],
    )
    model = graphs.model(
        [loop(graphs, graph)],
        [*graphs.inputs(), graphs.info("mask", FLAG, [T, B, 1])],
        [graphs.info("all"), graphs.info("hn")],
        [*graphs.weights(), *graphs.limits()],
    )
    rewritten, _ = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1]
    graphs.compare(model, rewritten, graphs.feeds(mask=masks()))


def test_layers_on_top_of_each_other_in_one_body(graphs):
    """Two cells, and a dense layer behind them at each step."""
    body = graphs.body()
    row = body.add("Gather", ["x", "i"], axis=0)
    first = body.cell(row, "h", "c")
    second = body.cell(body.add("Relu", [first[0]]), "h2", "c2", "q")
    out = body.add("Add", [body.add("MatMul", [second[0], "D"]), "d"])
    outputs = [body.add("Identity", [name]) for name in ("keep", *first, *second, out)]
    graph = body.graph(
        [*graphs.counters(), *map(graphs.state, ("h", "c", "h2", "c2"))],
        [
            graphs.info(outputs[0], FLAG, []),
            *map(graphs.state, outputs[1:5]),
            graphs.info(outputs[5]),
        ],
    )
    node = helper.make_node(
        "Loop",
        ["most", "go", "h0", "c0", "c0", "h0"],
        ["hn", "cn", "h2n", "c2n", "all"],
        "both",
        body=graph,
    )
    constants = [
        *graphs.weights(),
        *graphs.weights("q", H),
        *graphs.limits(),
        graphs.constant("D", H, 2),
        graphs.constant("d", 2),
    ]
    model = graphs.model(
        [node], graphs.inputs(), [graphs.info("all"), graphs.info("c2n")], constants
    )
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 2] and len(notes) == 2
    graphs.compare(model, rewritten, graphs.feeds())


@pytest.mark.parametrize("axis, turn", [(0, 0), (0, 1), (1, 0), (-2, 1)])
def test_a_scan_becomes_a_node(graphs, axis, turn):
    body = graphs.body()
    h, c = body.cell("row", "h", "c")
    y = body.add("Identity", [h])
    graph = body.graph(
        [graphs.state("h"), graphs.state("c"), graphs.info("row", shape=[None, INPUTS])],
        [graphs.state(h), graphs.state(c), graphs.state(y)],
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
    outputs = [graphs.info(name) for name in ("all", "hn", "cn")]
    model = graphs.model(nodes, graphs.inputs(), outputs, graphs.weights())
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Scan", "LSTM") == [0, 1]
    assert notes[0].endswith("stands for the Scan node scan, whose body is one step of it")
    graphs.compare(model, rewritten, graphs.feeds())


@pytest.mark.parametrize("scans", [2, 4])
def test_a_scan_of_another_number_of_inputs_is_damaged(graphs, scans):
    body = graphs.body()
    h, c = body.cell("row", "h", "c")
    graph = body.graph(
        [graphs.state("h"), graphs.state("c"), graphs.info("row", shape=[None, INPUTS])],
        [graphs.state(h), graphs.state(c)],
    )
    parts = {"body": graph, "num_scan_inputs": scans, "scan_input_axes": [0, 0, 0]}
    node = helper.make_node("Scan", ["h0", "c0", "x"], ["hn", "cn"], "scan", **parts)
    outputs = [graphs.info(name) for name in ("hn", "cn")]
    model = graphs.model([node], graphs.inputs(), outputs, graphs.weights())
    with pytest.raises(NetworkError, match=r"^the Scan node scan has other inputs than its body"):
        rewrite_loops(model)


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
def test_a_loop_that_does_more_stays(graphs, stays, finish):
    model = graphs.model(
        [loop(graphs, simple(graphs, finish))],
        [
            *graphs.inputs(),
            graphs.info("mask", FLAG, [T, B, 1]),
            graphs.info("soft", shape=[T, B, 1]),
        ],
        [graphs.info("all"), graphs.info("hn")],
        [*graphs.weights(), *graphs.limits(), graphs.of("unit", np.float32(1))],
    )
    stays(rewrite_loops, model)


def test_a_loop_whose_input_is_its_output_stays(graphs, stays):
    model = graphs.model(
        [loop(graphs, simple(graphs, index=lambda body: body.add("MatMul", ["h", "D"])))],
        graphs.inputs(),
        [graphs.info("all"), graphs.info("hn")],
        [*graphs.weights(), *graphs.limits(), graphs.constant("D", H, INPUTS)],
    )
    stays(rewrite_loops, model)


def test_loops_without_layers_are_not_touched(graphs):
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["w"]), helper.make_node("Identity", ["keep"], ["k"])],
        "body",
        [*graphs.counters(), graphs.info("v")],
        [graphs.info("k", FLAG, []), graphs.info("w")],
    )
    node = helper.make_node("Loop", ["most", "go", "x"], ["y"], body=body)
    model = graphs.model([node], graphs.inputs()[:1], [graphs.info("y")], graphs.limits())
    assert rewrite_loops(model) == (model, [])
    assert rewrite_loops(onnx.ModelProto()) == (onnx.ModelProto(), [])
