import pytest

from sim.networks.onnx.model import OnnxModel


def packed(maker, *, order=("hn", "cn"), also=()):
    """A frame and a state [2, 1, 1, 4] of h and c, without a name that says so."""
    node = maker.node
    nodes = [
        node("Split", ["in2"], ["h0", "c0"], axis=0),
        node("Squeeze", ["h0", "zero"], ["h1"]),
        node("Squeeze", ["c0", "zero"], ["c1"]),
        maker.lstm("in1", ["y", "hn", "cn"], "", "h1", "c1"),
        *[node("Unsqueeze", [name, "zero"], [f"{name}4"]) for name in ("hn", "cn")],
        node("Concat", [f"{name}4" for name in order], ["out2"], axis=0),
        node("Relu", ["y"], ["out1"]),
        *also,
    ]
    inputs = [maker.tensor("in1", 1, 1, 5), maker.tensor("in2", 2, 1, 1, 4)]
    outputs = [maker.tensor("out1", 1, 1, 1, 4), maker.tensor("out2", 2, 1, 1, 4)]
    return maker.save(nodes, inputs, outputs, [*maker.weights(), maker.constant("zero", [0])])


def test_a_state_is_found_by_its_wires(maker):
    assert OnnxModel(packed(maker)).states == {"in2": "out2"}


def test_an_input_that_something_else_is_made_of_is_no_state(maker):
    also = [maker.node("Exp", ["in2"], ["e"])]
    assert OnnxModel(packed(maker, also=also)).states == {}


def test_outputs_of_other_states_are_none(maker):
    assert OnnxModel(packed(maker, order=("hn",))).states == {}


@pytest.mark.parametrize("swap", [False, True])
def test_states_of_several_nodes_are_told_apart(maker, swap):
    """Four states of one shape: what they are wired to decides, not their order."""
    nodes = [
        maker.lstm("x", ["y1", "o1", "o2"], "", "i1", "i2"),
        maker.node("Squeeze", ["y1", "one"], ["s1"]),
        maker.lstm("s1", ["y2", "o3", "o4"], "", "i3", "i4", prefix="q"),
    ]
    inputs = [maker.tensor("x", 1, 1, 5), *(maker.tensor(f"i{k}", 1, 1, 4) for k in range(1, 5))]
    outputs = [maker.tensor(f"o{k}", 1, 1, 4) for k in (4, 2, 1, 3)][:: -1 if swap else 1]
    constants = [*maker.weights(), *maker.weights("q", 4), maker.constant("one", [1])]
    model = OnnxModel(maker.save(nodes, inputs, [*outputs, "y2"], constants))
    assert model.states == {f"i{k}": f"o{k}" for k in range(1, 5)}
