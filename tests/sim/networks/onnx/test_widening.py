import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto

from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.widening import widen
from sim.networks.whole import float_lstm


def saved(maker, kind, dtype):
    """A model with the type in inputs, weights, a cast and a constant node."""
    gain = onnx.numpy_helper.from_array(np.array(0.5, dtype))
    constants = [maker.constant("i", np.array([3.0], np.float32))]
    for tensor in maker.weights():
        values = onnx.numpy_helper.to_array(tensor).astype(ml_dtypes.bfloat16).astype(dtype)
        constants.append(onnx.numpy_helper.from_array(values, tensor.name))
    nodes = [
        maker.node("Constant", [], ["gain"], value=gain),
        maker.node("Cast", ["i"], ["three"], to=kind),
        maker.lstm("x", ["y"]),
        maker.node("Mul", ["y", "gain"], ["half"]),
        maker.node("Mul", ["half", "three"], ["z"]),
    ]
    return maker.save(nodes, [maker.tensor("x", 7, 3, 5, kind=kind)], ["z"], constants)


def test_bfloat16_is_computed_in_float32(maker):
    x = np.random.default_rng(0).normal(size=(7, 3, 5)).astype(np.float32)
    path = saved(maker, TensorProto.FLOAT, np.float32)
    wanted = OnnxModel(path).run({"x": x}, float_lstm)["z"]
    model = OnnxModel(saved(maker, TensorProto.BFLOAT16, ml_dtypes.bfloat16))
    got = model.run({"x": x}, float_lstm)["z"]
    assert got.dtype == np.float32 and (got == wanted).all()
    assert "it is in bfloat16, which is computed in float32" in model.notes


def test_other_types_stay_as_they_are(maker):
    model = onnx.load(saved(maker, TensorProto.FLOAT16, np.float16))
    before = model.SerializeToString()
    assert not widen(model) and model.SerializeToString() == before
