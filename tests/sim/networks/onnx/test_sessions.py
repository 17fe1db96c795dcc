import numpy as np
import onnx
import pytest
from onnx import TensorProto

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.sessions import make_session, parse_type
from sim.networks.whole import float_lstm


def load(path):
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


def test_an_operator_that_onnx_runtime_does_not_know_is_named(maker):
    nodes = [maker.node("Unheard", ["x"], ["a"], domain="local"), maker.lstm("a", ["y"])]
    path = maker.save(nodes, [maker.tensor("x", 7, 3, 5)], ["y"], maker.weights())
    model = onnx.load(path)
    model.opset_import.append(onnx.helper.make_opsetid("local", 1))
    onnx.save(model, path)
    assert load(path) == "ONNX Runtime does not know its operator local:Unheard"


@pytest.mark.parametrize(
    "node, sentence",
    [
        ({"op_type": "Gelu"}, "ONNX Runtime does not know its operator Gelu in opset 17"),
        (
            {"op_type": "Not"},
            "its operator Not is given x as tensor(float), which ONNX does not allow",
        ),
        (
            {"op_type": "Concat", "name": "join"},
            "its Concat node join has inputs or attributes that ONNX does not allow",
        ),
        (
            {"op_type": "Softmax", "name": "soft", "axis": 9},
            "its node soft has inputs or attributes that ONNX does not allow",
        ),
        (
            {"op_type": "Tanh", "inputs": ["q"]},
            "one of its nodes takes the tensor q, which nothing gives",
        ),
    ],
)
def test_what_onnx_runtime_cannot_load_is_named(maker, node, sentence):
    node = maker.node(**{"inputs": ["x"], "outputs": ["a"], **node})
    nodes = [node, maker.lstm("x", ["y"])]
    assert (
        load(maker.save(nodes, [maker.tensor("x", 7, 3, 5)], ["y", "a"], maker.weights()))
        == sentence
    )


def test_a_node_that_has_no_kernel_is_named(maker):
    nodes = [maker.node("Max", ["b", "b"], ["a"], "odd"), maker.lstm("x", ["y"])]
    inputs = [maker.tensor("x", 7, 3, 5), maker.tensor("b", 3, kind=TensorProto.INT16)]
    path = maker.save(nodes, inputs, ["y", "a"], maker.weights())
    assert load(path) == "ONNX Runtime has no Max of the types that node odd has"


def test_a_node_that_fails_is_named_with_the_shapes_of_the_inputs(maker):
    nodes = [maker.node("MatMul", ["x", "k"], ["a"], "mix"), maker.lstm("a", ["y"])]
    k = maker.constant("k", np.ones((6, 5), np.float32))
    path = maker.save(nodes, [maker.tensor("x", "t", "b", "i")], ["y"], [*maker.weights(), k])
    model = OnnxModel(path)
    model.run({"x": np.ones((7, 3, 6), np.float32)}, float_lstm)
    with pytest.raises(NetworkError) as caught:
        model.run({"x": np.ones((7, 3, 5), np.float32)}, float_lstm)
    assert str(caught.value) == (
        f"{path}: its MatMul node mix cannot run on these inputs: x [7, 3, 5]"
    )


def test_long_names_leave_a_sentence_short(maker):
    name = "deep/" * 200
    nodes = [maker.node("MatMul", ["x", "k"], ["a"], name), maker.lstm("a", ["y"])]
    k = maker.constant("k", np.ones((6, 5), np.float32))
    path = maker.save(nodes, [maker.tensor("x", "t", "b", "i")], ["y"], [*maker.weights(), k])
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path).run({"x": np.ones((7, 3, 5), np.float32)}, float_lstm)
    assert len(str(caught.value).removeprefix(str(path))) < 200


def test_a_transpose_before_a_product_in_sixteen_bits_runs(maker):
    """ONNX Runtime 1.32 dies of it at its default level."""
    rng = np.random.default_rng(1)
    nodes = [
        maker.lstm("x", ["y"]),
        maker.node("Squeeze", ["y", "one"], ["s"]),
        maker.node("Transpose", ["s"], ["t"], perm=[1, 0, 2]),
        maker.node("MatMul", ["t", "k"], ["m"]),
        maker.node("Add", ["m", "b"], ["z"]),
    ]
    outputs = {}
    for dtype, kind in ((np.float16, TensorProto.FLOAT16), (np.float32, TensorProto.FLOAT)):
        rng = np.random.default_rng(1)
        constants = [
            *maker.weights(dtype=dtype),
            maker.constant("one", [1]),
            maker.constant("k", rng.normal(size=(4, 3)), dtype),
            maker.constant("b", rng.normal(size=3), dtype),
        ]
        path = maker.save(nodes, [maker.tensor("x", "t", "b", 5, kind=kind)], ["z"], constants)
        x = np.random.default_rng(2).normal(size=(7, 3, 5)).astype(np.float32)
        outputs[dtype] = OnnxModel(path).run({"x": x}, float_lstm)["z"]
        assert outputs[dtype].dtype == dtype
    np.testing.assert_allclose(*outputs.values(), atol=2e-2, rtol=0)


@pytest.mark.parametrize(
    "text", ["tensor(float)", "seq(tensor(int64))", "seq(map(string,tensor(float)))"]
)
def test_types_are_read_as_onnx_runtime_writes_them(text):
    kind = parse_type(text)
    names = []
    while not kind.HasField("tensor_type"):
        field = kind.WhichOneof("value")
        names.append(field)
        inner = getattr(kind, field)
        kind = inner.elem_type if field == "sequence_type" else inner.value_type
    element = onnx.TensorProto.DataType.Name(kind.tensor_type.elem_type)
    assert [*names, element] == {
        "tensor(float)": ["FLOAT"],
        "seq(tensor(int64))": ["sequence_type", "INT64"],
        "seq(map(string,tensor(float)))": ["sequence_type", "map_type", "FLOAT"],
    }[text]


def test_a_type_of_another_kind_is_refused():
    with pytest.raises(NetworkError) as caught:
        parse_type("sparse_tensor(float)")
    assert str(caught.value) == (
        "it has a tensor of the type sparse_tensor(float), which is not supported"
    )


def test_a_piece_that_cannot_be_loaded_prints_nothing(capfd):
    node = onnx.helper.make_node("Add", ["a", "b"], ["c"], "n")
    graph = onnx.helper.make_graph([node], "g", [], [onnx.ValueInfoProto(name="c")])
    with pytest.raises(NetworkError):
        make_session(onnx.helper.make_model(graph))
    broken = onnx.helper.make_tensor("a", onnx.TensorProto.FLOAT, [2], [1.0, 2.0])
    broken.dims[0] = 3
    graph.initializer.extend([broken, onnx.numpy_helper.from_array(np.ones(3, np.float32), "b")])
    with pytest.raises(NetworkError):
        make_session(onnx.helper.make_model(graph))
    assert capfd.readouterr() == ("", "")


def test_products_of_integers_are_whole_on_every_processor():
    """Without VNNI, pairs of them would saturate in 16 bits."""
    helper, kinds = onnx.helper, TensorProto
    weights = onnx.numpy_helper.from_array(np.full((64, 8), 127, np.int8), "w")
    given = helper.make_tensor_value_info("x", kinds.UINT8, [4, 64])
    wanted = helper.make_tensor_value_info("y", kinds.INT32, [4, 8])
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "graph", [given], [wanted], [weights])
    opset = [helper.make_opsetid("", 17)]
    session = make_session(helper.make_model(graph, opset_imports=opset, ir_version=8))
    (y,) = session.run(None, {"x": np.full((4, 64), 255, np.uint8)})
    np.testing.assert_array_equal(y, np.full((4, 8), 64 * 127 * 255))
