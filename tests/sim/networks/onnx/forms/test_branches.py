import numpy as np
import pytest
from onnx import TensorProto, helper

from sim.networks.network import NetworkError
from sim.networks.onnx.forms.branches import Branches, is_recurrent

INPUTS, H, T, B = 5, 4, 6, 3


def lstm(graphs, prefix, x, output, size=INPUTS):
    """An LSTM node and its weights."""
    weights = [
        graphs.constant(f"{prefix}W", 1, 4 * H, size),
        graphs.constant(f"{prefix}R", 1, 4 * H, H),
        graphs.constant(f"{prefix}B", 1, 8 * H),
    ]
    names = [x, *(tensor.name for tensor in weights)]
    return helper.make_node("LSTM", names, ["", output], "rnn", hidden_size=H), weights


def branch(graphs, prefix, output="h", x="x"):
    """A branch with an LSTM node; the names inside are the same in both branches."""
    node, weights = lstm(graphs, prefix, "double", output)
    for tensor, name in zip(weights, "WRB", strict=True):
        tensor.name = name
    node.input[1:] = "WRB"
    nodes = [helper.make_node("Add", [x, x], ["double"]), node]
    out = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return helper.make_graph(nodes, prefix, [], [out], weights)


def choice(graphs, condition, output="y", name="which"):
    return helper.make_node(
        "If",
        [condition],
        [output],
        name,
        then_branch=branch(graphs, "then"),
        else_branch=branch(graphs, "else"),
    )


def rate(graphs, extra=()):
    """The rate that an input gives decides."""
    nodes = [
        helper.make_node("Equal", ["rate", "sixteen"], ["is"]),
        choice(graphs, "is"),
        helper.make_node("Neg", ["y"], ["z"]),
    ]
    inputs = [graphs.floats("x", T, B, INPUTS)]
    inputs.append(helper.make_tensor_value_info("rate", TensorProto.INT64, []))
    return graphs.model([*nodes, *extra], inputs, ["z"], [graphs.of("sixteen", np.int64(16))])


def feeds(seed=0, **more):
    x = np.random.default_rng(seed).normal(size=(T, B, INPUTS)).astype(np.float32)
    return {"x": x, **more}


@pytest.mark.parametrize("hertz", [16, 8])
def test_the_branch_that_an_input_takes_is_inlined(graphs, hertz):
    model = rate(graphs)
    branches = Branches(model)
    given = feeds(rate=np.array(hertz))
    decisions = branches.choose(given)
    assert decisions == (("which", hertz == 16),)
    leaf = dict(branches.leaves())[decisions]
    assert graphs.kinds(leaf, "If", "LSTM") == [0, 1]
    graphs.compare(model, leaf, given)


def test_the_branches_differ(graphs):
    model = rate(graphs)
    (_, one), (_, other) = Branches(model).leaves()
    first, second = (graphs.run(leaf, feeds(rate=np.array(8)))["z"] for leaf in (one, other))
    assert np.abs(first - second).max() > 0.1
    names = [n.name for leaf in (one, other) for n in leaf.graph.node if n.op_type == "LSTM"]
    assert sorted(names) == ["rnn", "rnn_2"]


def test_a_constant_condition_is_decided_when_the_model_is_read(graphs):
    nodes = [helper.make_node("Not", ["no"], ["yes"]), choice(graphs, "yes")]
    model = graphs.model(
        nodes, [graphs.floats("x", T, B, INPUTS)], ["y"], [graphs.of("no", np.bool_(False))]
    )
    ((decisions, leaf),) = Branches(model).leaves()
    assert decisions == ()
    graphs.compare(model, leaf, feeds())


@pytest.mark.parametrize("sizes, leaves", [((T, B, INPUTS), 1), ((T, "batch", INPUTS), 2)])
def test_a_condition_on_declared_sizes_is_decided_when_the_model_is_read(graphs, sizes, leaves):
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "one"], ["batch"]),
        helper.make_node("Equal", ["batch", "three"], ["is"]),
        choice(graphs, "is"),
    ]
    constants = [graphs.of("one", np.int64(1)), graphs.of("three", np.int64(B))]
    model = graphs.model(nodes, [graphs.floats("x", *sizes)], ["y"], constants)
    branches = Branches(model)
    assert len(list(branches.leaves())) == leaves
    for batch in (B, B + 1)[:leaves]:
        x = np.ones((T, batch, INPUTS), np.float32)
        leaf = dict(branches.leaves())[branches.choose({"x": x})]
        graphs.compare(model, leaf, {"x": x})


def test_branches_inside_branches_are_inlined_too(graphs):
    def outer(name, other):
        out = helper.make_tensor_value_info(f"{name}y", TensorProto.FLOAT, None)
        inner = choice(graphs, "second", f"{name}y", f"{name}_inner")
        return helper.make_graph([inner], name, [], [out], [graphs.constant(other, 2)])

    node = helper.make_node(
        "If", ["first"], ["y"], "outer", then_branch=outer("t", "a"), else_branch=outer("e", "b")
    )
    flags = [helper.make_tensor_value_info(n, TensorProto.BOOL, []) for n in ("first", "second")]
    model = graphs.model([node], [graphs.floats("x", T, B, INPUTS), *flags], ["y"])
    branches = Branches(model)
    leaves = dict(branches.leaves())
    assert len(leaves) == 4
    for first in (True, False):
        for second in (True, False):
            given = feeds(first=np.array(first), second=np.array(second))
            decisions = branches.choose(given)
            assert [taken for _, taken in decisions] == [first, second]
            graphs.compare(model, leaves[decisions], given)


def test_branches_without_layers_stay_with_onnx_runtime(graphs):
    node, weights = lstm(graphs, "p", "x", "h")
    out = helper.make_tensor_value_info
    plain = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["h"], [name])], name, [], [out(name, TensorProto.FLOAT, None)]
        )
        for name, op in (("then", "Neg"), ("else", "Exp"))
    }
    nodes = [node, helper.make_node("If", ["flag"], ["y"], "if", **plain)]
    inputs = [graphs.floats("x", T, B, INPUTS), out("flag", TensorProto.BOOL, [])]
    model = graphs.model(nodes, inputs, ["y"], weights)
    ((decisions, leaf),) = Branches(model).leaves()
    assert decisions == () and leaf is model


def test_a_condition_that_a_layer_makes_is_refused(graphs):
    node, weights = lstm(graphs, "p", "x", "early")
    nodes = [
        node,
        helper.make_node("ReduceMax", ["early"], ["top"], keepdims=0),
        helper.make_node("Greater", ["top", "zero"], ["is"]),
        choice(graphs, "is"),
    ]
    constants = [*weights, graphs.of("zero", np.float32(0))]
    model = graphs.model(nodes, [graphs.floats("x", T, B, INPUTS)], ["y"], constants)
    with pytest.raises(NetworkError) as caught:
        Branches(model).choose(feeds())
    assert str(caught.value) == (
        "the condition of If node which depends on the LSTM layer rnn, so no branch can be taken "
        "before it ran; export the model with one branch"
    )


def test_too_many_combinations_are_refused(graphs):
    nodes = [choice(graphs, f"flag{k}", f"y{k}", f"which{k}") for k in range(7)]
    nodes.append(helper.make_node("Sum", [f"y{k}" for k in range(7)], ["y"]))
    flags = [helper.make_tensor_value_info(f"flag{k}", TensorProto.BOOL, []) for k in range(7)]
    model = graphs.model(nodes, [graphs.floats("x", T, B, INPUTS), *flags], ["y"])
    with pytest.raises(NetworkError) as caught:
        list(Branches(model).leaves())
    assert str(caught.value) == (
        "LSTM layers lie in more than 64 combinations of branches of If nodes; "
        "export the model for one of them"
    )


def test_what_holds_a_layer_is_known_by_its_operators(graphs):
    assert is_recurrent(choice(graphs, "is"))
    assert not is_recurrent(helper.make_node("Sigmoid", ["x"], ["y"]))
