from itertools import pairwise

import onnx
import pytest
from onnx import helper

from sim.networks.network import NetworkError
from sim.networks.onnx.sound import make_sound

ADVICE = "; write the file anew, or get it again"


def refusal(maker, nodes, constants=()):
    path = maker.save(nodes, [maker.tensor("x", 2)], ["y"], list(constants))
    with pytest.raises(NetworkError) as caught:
        make_sound(onnx.load(path))
    return str(caught.value)


@pytest.mark.parametrize("inside", [False, True])
def test_nodes_that_wait_for_each_other_are_refused(maker, inside):
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], "one"),
        helper.make_node("Neg", ["a"], ["b"], "two"),
        helper.make_node("Neg", ["b"], ["y"]),
    ]
    if inside:
        graph = helper.make_graph(nodes, "inside", [], [maker.tensor("y")])
        nodes = [helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph)]
    assert refusal(maker, nodes) == f"its Add node one waits for its own output{ADVICE}"


def test_a_node_that_takes_its_own_output_is_refused(maker):
    nodes = [helper.make_node("Identity", ["y"], ["y"], "self")]
    assert refusal(maker, nodes) == f"its Identity node self waits for its own output{ADVICE}"


def test_two_makers_of_a_tensor_are_refused(maker):
    nodes = [helper.make_node(kind, ["x"], ["y"]) for kind in ("Neg", "Abs")]
    assert refusal(maker, nodes) == f"two nodes give the tensor y{ADVICE}"


def test_a_node_without_outputs_is_refused(maker):
    nodes = [helper.make_node("Neg", ["x"], [], "idle")]
    assert refusal(maker, nodes) == f"its Neg node idle gives nothing{ADVICE}"


def test_a_tensor_of_a_size_below_zero_is_refused(maker):
    tensor = maker.constant("c", [1.0, 2.0])
    tensor.dims[0] = -2
    nodes = [helper.make_node("Add", ["x", "c"], ["y"])]
    assert refusal(maker, nodes, [tensor]) == f"the tensor c has the size -2{ADVICE}"


def test_nodes_in_any_order_and_sizes_of_minus_one_are_sound(maker):
    nodes = [
        helper.make_node("Neg", ["a"], ["y"]),
        helper.make_node("Abs", ["x"], ["a"]),
    ]
    path = maker.save(nodes, [maker.tensor("x", -1)], ["y"], [])
    model = onnx.load(path)
    make_sound(model)
    assert not model.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_value")


def test_a_long_chain_is_walked(maker):
    names = [f"t{k}" for k in range(5000)]
    pairs = list(pairwise(names))[::-1]
    nodes = [helper.make_node("Neg", [before], [after]) for before, after in pairs]
    nodes += [helper.make_node("Neg", ["x"], ["t0"]), helper.make_node("Neg", ["t4999"], ["y"])]
    make_sound(onnx.load(maker.save(nodes, [maker.tensor("x", 2)], ["y"], [])))
