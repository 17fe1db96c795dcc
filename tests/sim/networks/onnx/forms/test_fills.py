import numpy as np
import pytest
from onnx import TensorProto, helper

from sim.networks.network import NetworkError
from sim.networks.onnx.forms.fills import rewrite_fills


def model_of(graphs, opset, **attributes):
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("ConstantFill", ["sizes"], ["fill"], "old", **attributes),
        helper.make_node("Add", ["x", "fill"], ["y"]),
    ]
    return graphs.model(nodes, [graphs.floats("x", "rows", 3)], ["y"], opset=opset)


@pytest.mark.parametrize("opset", [7, 8])
def test_a_fill_gives_its_value_in_the_shape_of_its_input(graphs, opset):
    model = model_of(graphs, opset, input_as_shape=1, dtype=TensorProto.FLOAT, value=1.5)
    rewritten, notes = rewrite_fills(model)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert graphs.run(rewritten, {"x": x})["y"].tolist() == (x + 1.5).tolist()
    assert notes == []
    assert graphs.kinds(model, "ConstantFill") == [1]


def test_a_fill_of_a_shape_of_its_own_is_refused(graphs):
    with pytest.raises(NetworkError) as caught:
        rewrite_fills(model_of(graphs, 8, shape=[2, 3]))
    assert str(caught.value) == (
        "ConstantFill node old has its shape in attributes, which is not supported; "
        "export the model with opset 9 or later"
    )


def test_a_model_without_fills_stays_itself(graphs):
    model = graphs.model([helper.make_node("Neg", ["x"], ["y"])], [graphs.floats("x", 2)], ["y"])
    assert rewrite_fills(model)[0] is model
