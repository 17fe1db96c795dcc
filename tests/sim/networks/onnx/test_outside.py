import numpy as np
import onnx
import pytest

from sim.networks.network import NetworkError
from sim.networks.onnx.model import OnnxModel
from sim.networks.whole import float_lstm


@pytest.fixture
def outside(maker):
    """A model whose weights are in net.onnx.data."""
    path = maker.save(
        [maker.lstm("x", ["y"])], [maker.tensor("x", 7, 3, 5)], ["y"], maker.weights()
    )
    onnx.save(
        onnx.load(path),
        path,
        save_as_external_data=True,
        location="net.onnx.data",
        size_threshold=0,
    )
    return path


def refused(path):
    with pytest.raises(NetworkError) as caught:
        OnnxModel(path)
    return str(caught.value)


def test_weights_in_another_file_are_read(maker, outside):
    x = np.random.default_rng(0).normal(size=(7, 3, 5)).astype(np.float32)
    y = OnnxModel(outside).run({"x": x}, float_lstm)["y"]
    maker.save([maker.lstm("x", ["y"])], [maker.tensor("x", 7, 3, 5)], ["y"], maker.weights())
    assert (OnnxModel(outside).run({"x": x}, float_lstm)["y"] == y).all()


def test_a_file_that_is_missing_is_named_with_its_place(outside):
    (outside.parent / "net.onnx.data").unlink()
    assert refused(outside) == (
        f"{outside} keeps 3 of its tensors in another file, which is missing: put net.onnx.data "
        f"into the folder {outside.parent}, or save the model as one file"
    )


def test_a_file_that_is_too_short_is_named(outside):
    data = outside.parent / "net.onnx.data"
    data.write_bytes(data.read_bytes()[:100])
    assert refused(outside) == (
        f"{outside} keeps its tensor pW in {data}, up to byte 320, and that has 100; get the file "
        f"anew"
    )


@pytest.mark.parametrize("place", ["../net.onnx.data", "/etc/hostname", ""])
def test_files_elsewhere_are_not_opened(outside, place):
    model = onnx.load(outside, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = place
    onnx.save(model, outside)
    assert "which must be a file beside it" in refused(outside)
