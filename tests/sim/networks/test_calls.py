from pathlib import Path

import numpy as np
import pytest

from sim.networks.calls import check_dims, join_calls, run_calls, shapes_text, split_calls
from sim.networks.network import NetworkError

PATH = Path("net.onnx")
DIMS = {"x": (2, 3), "h": (1, 2, 4), "k": (), "any": ("n", None), "unknown": None}


def test_inputs_of_the_declared_shapes_are_one_call():
    inputs = {"x": np.ones((2, 3)), "k": np.float32(1), "any": np.ones((9, 2))}
    calls = split_calls(PATH, DIMS, inputs)
    assert calls.inputs == (inputs,) and not calls.axes and calls.batch == 0


def test_several_batches_are_cut_along_their_axes():
    x, h = np.arange(18).reshape(6, 3), np.arange(24).reshape(1, 6, 4)
    calls = split_calls(PATH, DIMS, {"x": x, "h": h, "k": 7})
    assert calls.axes == {"x": 0, "h": 1} and calls.batch == 2 and len(calls.inputs) == 3
    assert (calls.inputs[1]["x"] == x[2:4]).all() and (calls.inputs[2]["h"] == h[:, 4:]).all()
    assert [each["k"] for each in calls.inputs] == [7, 7, 7]


@pytest.mark.parametrize(
    "inputs, name, shape",
    [
        ({"x": np.ones((4, 3)), "h": np.ones((1, 6, 4))}, "x", [4, 3]),
        ({"x": np.ones((4, 6))}, "x", [4, 6]),
        ({"x": np.ones((3, 3))}, "x", [3, 3]),
        ({"x": np.ones(3)}, "x", [3]),
        ({"x": np.ones((4, 3)), "h": np.ones((2, 2, 4))}, "x", [4, 3]),
    ],
)
def test_what_is_no_number_of_batches_is_refused(inputs, name, shape):
    with pytest.raises(NetworkError) as caught:
        split_calls(PATH, DIMS, inputs)
    assert str(caught.value).startswith(f"net.onnx: the input {name} must have the shape [")
    assert str(caught.value).endswith(f", not {shape}")


def test_names_of_sizes_agree_over_inputs():
    dims = {"a": ("n", 3), "b": (1, "n")}
    check_dims(PATH, dims, {"a": np.ones((4, 3)), "b": np.ones((1, 4))})
    with pytest.raises(NetworkError) as caught:
        check_dims(PATH, dims, {"a": np.ones((4, 3)), "b": np.ones((1, 5))})
    assert str(caught.value) == (
        "net.onnx: the size n is 4 in the input a but 5 in the input b; they must agree"
    )


def test_outputs_are_joined_along_the_batch():
    parts = [{"y": np.full((3, 2, 2), k), "all": np.ones(3), "s": [k]} for k in range(3)]
    joined = join_calls(PATH, parts, {"y": 1}, 2)
    assert joined["y"].shape == (3, 6, 2) and joined["y"][0, :, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert joined["all"].tolist() == [1, 1, 1] and joined["s"] == [0, 1, 2]


def test_a_model_is_called_once_for_each_batch():
    seen = []

    def once(inputs):
        seen.append(inputs["x"].shape)
        return {"y": 2 * inputs["x"]}

    found = run_calls(PATH, DIMS, {"x": np.arange(12).reshape(4, 3)}, once, lambda axes: {"y": 0})
    assert seen == [(2, 3)] * 2 and (found["y"] == 2 * np.arange(12).reshape(4, 3)).all()


def test_a_sentence_names_a_few_shapes():
    assert shapes_text({"x": np.ones((2, 3)), "k": 1}) == "x [2, 3], k []"
    many = shapes_text({f"input{k}": np.ones(1) for k in range(50)})
    assert many.endswith("input5 [1] and 44 more")
