import numpy as np
import pytest
from onnx import helper, numpy_helper

from sim.networks.onnx.forms.hoisted import rewrite_hoisted

INPUTS, H, T, B = 5, 4, 6, 3
GATES = 4 * H


def layer(graphs, order=None):
    """An LSTM node whose input weights hand on each column, in some order."""
    order = np.arange(GATES) if order is None else order
    handing = np.eye(GATES, dtype=np.float32)[order]
    constants = [
        graphs.of("W", handing[None]),
        graphs.constant("R", 1, GATES, H),
        graphs.constant("B", 1, 2 * GATES),
        graphs.constant("D", INPUTS, GATES),
        graphs.constant("d", GATES),
    ]
    node = helper.make_node("LSTM", ["sums", "W", "R", "B"], ["y", "hn"], "rnn", hidden_size=H)
    return node, constants


def product(x, output="sums"):
    return [
        helper.make_node("MatMul", [x, "D"], [f"{output}_product"]),
        helper.make_node("Add", [f"{output}_product", "d"], [output]),
    ]


def compare(graphs, nodes, constants, shape=(T, B, INPUTS), width=INPUTS):
    model = graphs.model(nodes, [graphs.floats("x", *shape)], ["y", "hn"], constants)
    rewritten, notes = rewrite_hoisted(model)
    assert notes == [] and graphs.kinds(rewritten, "LSTM", "MatMul") == [1, 0]
    (node,) = [n for n in rewritten.graph.node if n.op_type == "LSTM"]
    weights = {t.name: numpy_helper.to_array(t) for t in rewritten.graph.initializer}
    assert weights[node.input[1]].shape == (1, GATES, width)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    graphs.compare(model, rewritten, {"x": x})


@pytest.mark.parametrize("seed", [None, 0])
def test_a_product_in_front_is_taken_in(graphs, seed):
    order = None if seed is None else np.random.default_rng(seed).permutation(GATES)
    node, constants = layer(graphs, order)
    compare(graphs, [*product("x"), node], constants)


def test_what_moves_the_product_moves_its_input(graphs):
    """[batch, time] with a step taken out each time, as a loop over x[:, t] is unrolled."""
    node, constants = layer(graphs)
    nodes = [*product("x", "whole")]
    for k in range(T):
        nodes += [
            helper.make_node("Gather", ["whole", f"k{k}"], [f"row{k}"], axis=1),
            helper.make_node("Unsqueeze", [f"row{k}", "front"], [f"step{k}"]),
        ]
    nodes.append(helper.make_node("Concat", [f"step{k}" for k in range(T)], ["sums"], axis=0))
    constants += [graphs.of(f"k{k}", np.int64(k)) for k in range(T)]
    constants.append(graphs.of("front", np.array([0])))
    compare(graphs, [*nodes, node], constants, (B, T, INPUTS))


def test_slices_splits_and_turns_move_it_too(graphs):
    node, constants = layer(graphs)
    nodes = [
        *product("x", "whole"),
        helper.make_node("Transpose", ["whole"], ["turned"], perm=[1, 0, 2]),
        helper.make_node("Slice", ["turned", "one", "four", "front"], ["part"]),
        helper.make_node("Split", ["part", "sizes"], ["first", "second"], axis=0),
        helper.make_node("Concat", ["second", "first"], ["sums"], axis=0),
    ]
    numbers = (("front", [0]), ("one", [1]), ("four", [5]), ("sizes", [1, 3]))
    constants += [graphs.of(name, np.array(value)) for name, value in numbers]
    compare(graphs, [*nodes, node], constants, (B, T, INPUTS))


def stays(graphs, nodes, constants):
    model = graphs.model(nodes, [graphs.floats("x", T, B, INPUTS)], ["y", "hn"], constants)
    assert rewrite_hoisted(model) == (model, [])


def test_a_layer_that_weighs_its_input_keeps_what_is_in_front(graphs):
    node, constants = layer(graphs)
    constants[0] = graphs.constant("W", 1, GATES, GATES)
    stays(graphs, [*product("x"), node], constants)


def test_a_product_that_is_changed_in_between_stays(graphs):
    node, constants = layer(graphs)
    nodes = [*product("x", "whole"), helper.make_node("Relu", ["whole"], ["sums"])]
    stays(graphs, [*nodes, node], constants)


def test_columns_that_are_moved_stay(graphs):
    node, constants = layer(graphs)
    nodes = [
        *product("x", "whole"),
        helper.make_node("Split", ["whole", "halves"], ["a", "b"], axis=2),
        helper.make_node("Concat", ["b", "a"], ["sums"], axis=2),
    ]
    constants.append(graphs.of("halves", np.array([GATES // 2] * 2)))
    stays(graphs, [*nodes, node], constants)


def test_different_products_stay(graphs):
    node, constants = layer(graphs)
    nodes = [
        *product("x", "one"),
        helper.make_node("MatMul", ["x", "E"], ["other"]),
        helper.make_node("Concat", ["one", "other"], ["sums"], axis=0),
    ]
    constants.append(graphs.constant("E", INPUTS, GATES))
    stays(graphs, [*nodes, node], constants)
