import numpy as np
import onnx
import pytest
from onnx import helper

from sim.networks.network import NetworkError
from sim.networks.onnx.damage import explained, find_damage
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.reader import load_onnx
from sim.networks.whole import float_lstm


@pytest.fixture
def path(maker):
    """A model of one LSTM node."""
    x, y = maker.tensor("x", "time", 1, maker.inputs), maker.tensor("y", None)
    return maker.save([maker.lstm("x", ["y"])], [x], [y], maker.weights())


def test_nothing_is_found_in_a_sound_model(path):
    assert find_damage(onnx.load(path)) is None


def test_a_mistake_on_a_sound_model_stays_one(path):
    with pytest.raises(KeyError, match="a bug"), explained(path):
        raise KeyError("a bug")


def test_a_failure_on_a_damaged_model_says_what_is_wrong_with_it(path):
    model = onnx.load(path)
    model.graph.initializer[0].raw_data = b"short"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError) as caught, explained(path):
        raise KeyError("whatever the damage leads to")
    text = str(caught.value)
    assert text.startswith(f"{path} is a damaged ONNX model: the tensor pW cannot be read: ")
    assert text.endswith("; write the file anew, or get it again")
    with pytest.raises(NetworkError, match="the tensor pW cannot be read"):
        OnnxModel(path)


@pytest.mark.parametrize(
    "name, what",
    [
        (b"pW", "the name of a value or axis"),
        (b"time", "the name of a value or axis"),
        (b"hidden_size", "a name in a node"),
        (b"LSTM", "a name in a node"),
    ],
)
def test_names_that_are_no_text_are_refused(path, name, what):
    content = path.read_bytes()
    assert name in content
    path.write_bytes(content.replace(name, b"\xe7" + name[1:]))
    with pytest.raises(NetworkError, match=rf"is a damaged ONNX model: {what} is not text; write"):
        load_onnx(path)


def test_names_inside_of_nodes_are_looked_at(path):
    model = onnx.load(path)
    inner = helper.make_graph([helper.make_node("Neg", ["y"], ["lost"])], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["y"], ["z"], then_branch=inner))
    path.write_bytes(model.SerializeToString().replace(b"lost", b"\xe7ost"))
    with pytest.raises(NetworkError, match="a name in a node is not text"):
        load_onnx(path)


def test_a_refusal_stays_what_it_is(path):
    with pytest.raises(NetworkError) as caught, explained(path):
        raise NetworkError("as it was")
    assert str(caught.value) == "as it was"


def _broken(path, change):
    model = onnx.load(path)
    change(model)
    return find_damage(model)


def _without_a_name(model):
    model.graph.node[0].ClearField("output")


def _of_no_type(model):
    model.graph.initializer[1].data_type = 57


def _not_chosen(model):
    model.graph.node[0].attribute.append(helper.make_attribute("direction", b"\xff\xfe"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without_a_name, "Output"),
        (_of_no_type, "the tensor pR cannot be read"),
        (_not_chosen, "the attribute direction is not text"),
    ],
)
def test_what_is_wrong_is_found(path, change, words):
    found = _broken(path, change)
    assert found is not None and words.lower() in found.lower() and "\n" not in found


def test_a_name_that_is_not_text_is_found(path):
    content = path.read_bytes()
    # The node's name, and nothing else, with a byte that no text has.
    path.write_bytes(content.replace(b"prnn", b"p\xffnn"))
    assert find_damage(onnx.load(path)) == "the name of a node is not text"


def test_functions_that_call_each_other_are_refused(path):
    model = onnx.load(path)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    inner = [helper.make_node("F", ["a"], ["b"], domain="own")]
    model.functions.append(helper.make_function("own", "F", ["a"], ["b"], inner, opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError, match="is a damaged ONNX model: "):
        load_onnx(path)


def test_an_output_that_nothing_makes_is_named(path):
    model = onnx.load(path)
    model.graph.output[0].name = "z"
    path.write_bytes(model.SerializeToString())
    x = np.zeros((2, 1, 5), np.float32)
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": x}, float_lstm)
    assert str(caught.value) == (
        f"{path}: it needs a tensor 'z' that nothing makes; the file is damaged, or a tool took "
        "too much out of it"
    )


@pytest.mark.parametrize("element", [0, 99])
def test_an_input_of_no_type_is_named(path, element):
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.elem_type = element
    path.write_bytes(model.SerializeToString())
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": np.zeros((2, 1, 5), np.float32)}, float_lstm)
    assert str(caught.value).startswith(f"{path}") and f"type {element}" in str(caught.value)
