import numpy as np
import pytest
from onnx import helper, numpy_helper

from sim.networks.network import NetworkError
from sim.networks.onnx.forms.sparse import rewrite_sparse


def sparse(indices):
    values = numpy_helper.from_array(np.array([1.5, -2.5], np.float32), "W")
    return helper.make_sparse_tensor(
        values, numpy_helper.from_array(np.array(indices), "places"), [2, 3]
    )


def model_of(graphs, indices):
    model = graphs.model(
        [helper.make_node("MatMul", ["x", "W"], ["y"])], [graphs.floats("x", 4, 2)], ["y"]
    )
    model.graph.sparse_initializer.append(sparse(indices))
    return model


@pytest.mark.parametrize("indices", [[1, 5], [[0, 1], [1, 2]]])
def test_a_sparse_constant_is_written_out(graphs, indices):
    rewritten, notes = rewrite_sparse(model_of(graphs, indices))
    assert notes == [] and not rewritten.graph.sparse_initializer
    (tensor,) = rewritten.graph.initializer
    assert tensor.name == "W"
    assert numpy_helper.to_array(tensor).tolist() == [[0, 1.5, 0], [0, 0, -2.5]]


def test_indices_outside_are_refused(graphs):
    with pytest.raises(NetworkError) as caught:
        rewrite_sparse(model_of(graphs, [1, 6]))
    assert str(caught.value) == (
        "the sparse initialiser W has indices outside of its shape (2, 3); export the model again"
    )


def test_a_model_without_sparse_constants_stays_itself(graphs):
    model = graphs.model([helper.make_node("Neg", ["x"], ["y"])], [graphs.floats("x", 2)], ["y"])
    assert rewrite_sparse(model)[0] is model
