import pytest
from onnx import helper

from sim.networks.onnx.chains import find_leaders


def lstm(name, x):
    return helper.make_node("LSTM", [x, "W", "R"], [f"{name}_y", f"{name}_h"], name)


def leaders(*nodes):
    return find_leaders(nodes, {node.name: node for node in nodes if node.op_type == "LSTM"})


@pytest.mark.parametrize(
    "between",
    [
        [],
        ["Squeeze"],
        ["Transpose", "Reshape"],
        ["Squeeze", "Transpose", "Identity", "Transpose"],
        ["Squeeze", "Dropout"],
    ],
)
def test_a_node_that_only_rearranges_is_looked_through(between):
    tensor, nodes = "a_y", [lstm("a", "x")]
    for number, kind in enumerate(between):
        nodes.append(helper.make_node(kind, [tensor, "axes"], [f"t{number}"]))
        tensor = f"t{number}"
    assert leaders(*nodes, lstm("b", tensor)) == {"b": "a"}


@pytest.mark.parametrize("kind", ["Relu", "Add", "Cast", "Concat"])
def test_a_node_that_computes_ends_a_chain(kind):
    nodes = [lstm("a", "x"), helper.make_node(kind, ["a_y"], ["t"])]
    assert leaders(*nodes, lstm("b", "t")) == {}


def test_an_operator_of_another_domain_ends_a_chain():
    between = helper.make_node("Squeeze", ["a_y"], ["t"], domain="other")
    assert leaders(lstm("a", "x"), between, lstm("b", "t")) == {}


def test_the_last_state_is_not_the_output():
    assert leaders(lstm("a", "x"), lstm("b", "a_h")) == {}


def test_nodes_side_by_side_follow_none():
    assert leaders(lstm("a", "x"), lstm("b", "x")) == {}


def test_several_may_follow_one():
    assert leaders(lstm("a", "x"), lstm("b", "a_y"), lstm("c", "b_y"), lstm("d", "a_y")) == {
        "b": "a",
        "c": "b",
        "d": "a",
    }
