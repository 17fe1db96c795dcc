import numpy as np
import onnx
import onnxruntime
import pytest

from sim.networks.float_lstm import run_layer
from sim.networks.network import FloatLayer, NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.walk import inner_graphs
from sim.networks.onnx.writer import check_places, onnx_bytes


def tripled(layer):
    """A layer with other weights: no array is what it was, none is symmetric in its gates."""
    return FloatLayer(
        directions=tuple(
            type(each)(**{**vars(each), "W": 3 * each.W, "R": -each.R, "bias": each.bias + 1})
            for each in layer.directions
        )
    )


def written(path, folder):
    """The model, the layers that were written, and the model that was."""
    model = OnnxModel(path)
    layers = {name: tripled(layer) for name, layer in model.lstm_layers.items()}
    made = folder / "made.onnx"
    made.write_bytes(onnx_bytes(model, layers))
    return model, layers, OnnxModel(made)


@pytest.mark.parametrize("direction, count", [("forward", 1), ("bidirectional", 2)])
def test_a_model_has_the_weights_that_it_is_given(maker, tmp_path, direction, count):
    path = maker.save(
        [maker.lstm("x", ["y", "", "c"], direction=direction)],
        [maker.tensor("x", "T", 1, 5)],
        ["y", "c"],
        maker.weights(directions=count),
    )
    _, layers, made = written(path, tmp_path)
    (wanted,), (found,) = layers.values(), made.lstm_layers.values()
    for one, other in zip(wanted.directions, found.directions, strict=True):
        for name in ("W", "R", "bias"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    x = np.random.default_rng(0).normal(size=(9, 1, 5)).astype(np.float32)
    outside = onnxruntime.InferenceSession(made.path).run(None, {"x": x})[0]
    np.testing.assert_allclose(made.reference({"x": x})["y"], outside, atol=1e-5)
    names = {tensor.name for tensor in onnx.load(made.path).graph.initializer}
    assert not names & {"pW", "pR", "pB"}


def test_what_other_nodes_use_stays(maker, tmp_path):
    nodes = [
        maker.lstm("x", ["y"]),
        maker.node("Squeeze", ["y", "axis"], ["z"]),
        maker.node("ReduceMean", ["pW"], ["mean"], keepdims=0),
    ]
    constants = [*maker.weights(), maker.constant("axis", [1], np.int64)]
    path = maker.save(nodes, [maker.tensor("x", "T", 1, 5)], ["z", "mean"], constants)
    model, _, made = written(path, tmp_path)
    x = {"x": np.ones((3, 1, 5), np.float32)}
    assert made.reference(x)["mean"] == model.reference(x)["mean"]


def test_weights_keep_their_type(maker, tmp_path):
    half = onnx.TensorProto.FLOAT16
    path = maker.save(
        [maker.lstm("x", ["y"])],
        [maker.tensor("x", "T", 1, 5, kind=half)],
        ["y"],
        maker.weights(dtype=np.float16),
    )
    _, _, made = written(path, tmp_path)
    assert {t.data_type for t in onnx.load(made.path).graph.initializer} == {half}


def test_a_node_without_a_bias_gets_one(maker, tmp_path):
    node = maker.lstm("x", ["y"])
    del node.input[3:]
    path = maker.save([node], [maker.tensor("x", "T", 1, 5)], ["y"], maker.weights()[:2])
    _, _, made = written(path, tmp_path)
    (layer,) = made.lstm_layers.values()
    assert (layer.directions[0].bias == 1).all()


@pytest.fixture
def branching(maker):
    """A model with an LSTM node in each branch; ``names`` are those of the nodes."""

    def make(*names):
        branches = {}
        for branch, name in zip(("then", "else"), names, strict=True):
            node = maker.lstm("x", [f"{branch}y"], prefix=branch)
            node.name = name
            outputs = [onnx.ValueInfoProto(name=f"{branch}y")]
            weights = maker.weights(branch)
            graph = onnx.helper.make_graph([node], branch, [], outputs, weights)
            branches[f"{branch}_branch"] = graph
        node = maker.node("If", ["go"], ["y"], **branches)
        inputs = [maker.tensor("x", "T", 1, 5), maker.tensor("go", kind=onnx.TensorProto.BOOL)]
        return maker.save([node], inputs, [maker.tensor("y", "T", 1, 1, 4)])

    return make


@pytest.mark.parametrize("go", [True, False])
def test_layers_in_branches_are_replaced_where_they_are(branching, tmp_path, go):
    _, layers, made = written(branching("one", "two"), tmp_path)
    x = {"x": np.random.default_rng(0).normal(size=(9, 1, 5)).astype(np.float32)}
    x["go"] = np.array(go)
    found = made.reference(x)["y"]
    wanted, _, _ = run_layer(layers["one" if go else "two"], x["x"].swapaxes(0, 1))
    np.testing.assert_allclose(found[:, 0, 0], wanted[0], atol=1e-5)
    outside = onnxruntime.InferenceSession(made.path).run(None, x)[0]
    np.testing.assert_allclose(found, outside, atol=1e-5)
    (node,) = onnx.load(made.path).graph.node
    assert all(len(graph.initializer) == 3 for graph in inner_graphs(node))


def test_layers_in_branches_that_share_a_name_are_refused(branching):
    model = OnnxModel(branching("one", "one"))
    with pytest.raises(NetworkError) as error:
        check_places(model)
    assert str(error.value) == (
        f"{model.path} has the LSTM layer one_2 in a branch of an If node in another form than an "
        f"LSTM node of its own; write a .refrain file with -o, or export the model with one branch"
    )
