import pytest
from onnx import helper

from sim.networks.onnx.walk import (
    ancestors,
    names_used,
    sorted_nodes,
    without_dead_nodes,
)

node = helper.make_node


def test_nodes_are_sorted_behind_what_they_take():
    nodes = [node("Add", ["b", "a"], ["c"]), node("Neg", ["a"], ["b"]), node("Abs", ["x"], ["a"])]
    assert [n.output[0] for n in sorted_nodes(nodes)] == ["a", "b", "c"]


def test_nodes_in_order_stay_in_it():
    nodes = [node("Neg", ["x"], [name]) for name in "dbca"]
    assert sorted_nodes(nodes) == nodes


def test_a_circle_has_no_order():
    with pytest.raises(ValueError, match=r"^node (a|b) waits for its own output$"):
        sorted_nodes([node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["a"])])


def test_what_nothing_needs_is_left_out():
    nodes = [node("Neg", ["x"], ["a"]), node("Neg", ["x"], ["b"]), node("Neg", ["a"], ["y"])]
    assert [n.output[0] for n in without_dead_nodes(nodes, ["y"])] == ["a", "y"]


def test_graphs_inside_take_from_outside():
    inside = helper.make_graph(
        [node("Add", ["own", "outer"], ["sum"]), node("Add", ["sum", "given"], ["out"])],
        "g",
        [helper.make_tensor_value_info("given", 1, [])],
        [helper.make_tensor_value_info("out", 1, [])],
        [helper.make_tensor("own", 1, [1], [1.0])],
    )
    loop = node("Loop", ["n", ""], ["y"], body=inside)
    assert names_used(loop) == {"n", "outer"}
    assert list(ancestors("y", {"y": loop, "outer": node("Neg", ["x"], ["outer"])})) == [
        "y",
        "outer",
    ]
