import numpy as np
import onnx
import onnxruntime
import pytest

from sim.networks.network import FloatLayer, NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.writer import onnx_bytes


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


def test_layers_in_branches_are_refused(maker, tmp_path):
    branches = {
        name: onnx.helper.make_graph(
            [maker.lstm("x", [f"{name}y"], prefix=name)],
            name,
            [],
            [onnx.ValueInfoProto(name=f"{name}y")],
        )
        for name in ("then", "else")
    }
    node = maker.node(
        "If", ["go"], ["y"], then_branch=branches["then"], else_branch=branches["else"]
    )
    inputs = [maker.tensor("x", "T", 1, 5), maker.tensor("go", kind=onnx.TensorProto.BOOL)]
    constants = [*maker.weights("then"), *maker.weights("else")]
    model = OnnxModel(maker.save([node], inputs, [maker.tensor("y", "T", 1, 1, 4)], constants))
    with pytest.raises(NetworkError) as error:
        onnx_bytes(model, {})
    assert str(error.value) == (
        f"{model.path} has LSTM layers in branches of If nodes, in which weights cannot be "
        f"replaced; write a .refrain file with -o, or export the model with one branch"
    )
