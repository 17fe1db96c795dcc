"""What exporters write, against ONNX Runtime."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import quantize_dynamic

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.onnx.sessions import exact_options
from sim.networks.whole import float_lstm

FILES = Path(__file__).parents[3] / "data" / "onnx"
INPUTS, H, T, B = 5, 4, 3, 2

# LSTM layers, and how many of them the file holds in another form.
LAYERS = {
    "plain": (1, 0),
    "both": (1, 0),
    "stack": (2, 0),
    "first": (1, 0),
    "states": (2, 0),
    "packed": (1, 0),
    "cell": (1, 1),
    "unrolled": (1, 1),
    "scripted": (1, 1),
    "written": (1, 1),
    "keras": (1, 1),
}


def names(pattern):
    return sorted(path.name for path in FILES.glob(pattern))


def values(path, batch=B):
    """Inputs by name, as the file declares them; a size of any is ``batch``."""
    rng = np.random.default_rng(1)
    given = {}
    for value in onnx.load(path).graph.input:
        if value.name == "lengths":
            given["lengths"] = np.array([3, 2], np.int64)
        elif value.name in ("x", "h", "c"):
            dims = value.type.tensor_type.shape.dim
            shape = [dim.dim_value or batch for dim in dims]
            given[value.name] = rng.normal(size=shape).astype(np.float32)
    return given


def run(path, given):
    """Outputs in the file's order, and how often a layer was called."""
    calls = []

    def count(*each):
        calls.append(each[0])
        return float_lstm(*each)

    return list(OnnxModel(path).run(given, count).values()), calls


@pytest.mark.parametrize("name", [n for n in names("*.onnx") if "_7" not in n and "gru" not in n])
def test_what_an_exporter_writes_runs_as_in_onnx_runtime(name):
    path, kind = FILES / name, name.split("_")[0]
    given = values(path, B if kind == "packed" else B + 1)
    if kind == "keras":
        # Masking leaves out rows of zeros.
        given["x"][0, 7:] = given["x"][1, :3] = given["x"][2, 4:6] = 0
    wanted = onnxruntime.InferenceSession(str(path)).run(None, given)
    got, calls = run(path, given)
    layers, rewritten = LAYERS[kind]
    assert len(OnnxModel(path).notes) == rewritten
    # A layer is called once for each length of sequences.
    assert len(set(calls)) == layers
    for value, other in zip(wanted, got, strict=True):
        assert np.abs(value).max() > 0.01
        np.testing.assert_allclose(other, value, atol=1e-5, rtol=0)


def test_the_oldest_opset_gives_what_a_new_one_does():
    # ONNX Runtime has no ConstantFill, and both files are of one network.
    given = values(FILES / "plain_script_7.onnx")
    old, _ = run(FILES / "plain_script_7.onnx", given)
    new, _ = run(FILES / "plain_script_22.onnx", given)
    for value, other in zip(old, new, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-6, rtol=0)


def test_there_are_files_of_both_exporters():
    for kind, some in (("script", {7, 8, 9, 13, 17, 22}), ("dynamo", {18, 20, 23})):
        found = {int(name[:-5].split("_")[-1]) for name in names(f"*_{kind}_*.onnx")}
        assert some <= found


def test_a_gru_of_keras_is_refused_by_the_loop_that_it_is():
    path = FILES / "keras_gru.onnx"
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path)
    assert str(caught.value) == (
        f"{path}: the model has no LSTM node but the Loop or Scan node "
        f"sequential_8_1/gru_1/while_loop, with a body like a GRU's; Refrain runs LSTM layers: "
        f"train the network with LSTM layers in their place"
    )


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", ["plain_script_22.onnx", "stack_script_13.onnx"])
def test_what_onnx_runtime_quantises_dynamically_runs(tmp_path, monkeypatch, name, per_channel):
    monkeypatch.setattr(logging.root, "disabled", True)
    path = tmp_path / "quantised.onnx"
    quantize_dynamic(FILES / name, path, per_channel=per_channel)
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    layers = LAYERS[name.split("_")[0]][0]
    assert kinds.count("DynamicQuantizeLSTM") == layers
    given = values(path)
    wanted = onnxruntime.InferenceSession(str(path), exact_options()).run(None, given)
    got, calls = run(path, given)
    assert len(calls) == layers == len(OnnxModel(path).notes)
    for value, other in zip(wanted, got, strict=True):
        np.testing.assert_allclose(other, value, atol=0.05, rtol=0)
