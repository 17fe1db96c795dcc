"""Loops with an LSTM node inside, which runs over one step."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from sim.networks.onnx.forms.loops import rewrite_loops

INPUTS, H, T, B = 5, 4, 6, 3
FLAG, NUMBER = TensorProto.BOOL, TensorProto.INT64


def inner(graphs, direction, wide):
    """PyTorch's scripted loops: an LSTM node over one step, and a list of what it gives."""
    body = graphs.body()
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
    pair = [graphs.info(name, shape=shape) for name in ("h", "c")]
    return body.graph(
        [*graphs.counters(), *pair, rows],
        [
            graphs.info(again, FLAG, []),
            *(graphs.info(n, shape=shape) for n in (h, c)),
            more,
            graphs.state(kept),
        ],
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
        *graphs.limits(),
    ]
    outputs = [graphs.info(name) for name in ("all", "stack", "hn", "cn")]
    model = graphs.model(nodes, graphs.inputs(), outputs, constants, opset)
    rewritten, notes = rewrite_loops(model)
    assert graphs.kinds(rewritten, "Loop", "LSTM") == [0, 1] and len(notes) == 1
    graphs.compare(model, rewritten, graphs.feeds())


@pytest.mark.parametrize("change", ["lens", "clip"])
def test_other_nodes_inside_stay(graphs, stays, change):
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
        *graphs.limits(),
    ]
    outputs = [graphs.info("all"), graphs.info("hn")]
    stays(rewrite_loops, graphs.model(nodes, graphs.inputs(), outputs, constants))
