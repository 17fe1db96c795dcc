import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.pytorch.reader import open_safetensors, read_safetensors
from sim.networks.pytorch.writer import safetensors_bytes


def state(prefix="", layers=2, directions=2, bias=True, dtype=np.float32):
    rng = np.random.default_rng(len(prefix))
    arrays = {}
    for layer in range(layers):
        for suffix in ("", "_reverse")[:directions]:
            inputs = 4 * directions if layer else 3
            shapes = {"weight_ih": (16, inputs), "weight_hh": (16, 4)}
            shapes |= {"bias_ih": (16,), "bias_hh": (16,)} if bias else {}
            for name, shape in shapes.items():
                array = rng.normal(0, 0.5, shape).astype(dtype)
                arrays[f"{prefix}{name}_l{layer}{suffix}"] = array
    return arrays


def changed(network, bias=1.0):
    """Other weights; zeros among them."""
    return FloatNetwork(
        layers=tuple(
            FloatLayer(
                directions=tuple(
                    FloatLstm(W=d.W * (d.W > 0), R=-d.R, bias=d.bias + bias, reverse=d.reverse)
                    for d in layer.directions
                )
            )
            for layer in network.layers
        )
    )


def test_a_file_has_the_weights_that_it_is_given_under_their_names(tmp_path):
    path, made = tmp_path / "net.safetensors", tmp_path / "made.safetensors"
    arrays = {**state("enc."), **state("dec.", layers=1), "head.weight": np.eye(3)}
    save_file(arrays, path)
    wanted = changed(read_safetensors(path, "enc"))
    made.write_bytes(safetensors_bytes(open_safetensors(path), wanted, "enc"))
    found = read_safetensors(made, "enc")
    for one, other in zip(wanted.layers, found.layers, strict=True):
        for a, b in zip(one.directions, other.directions, strict=True):
            assert (a.W == b.W).all() and (a.R == b.R).all() and a.reverse == b.reverse
            np.testing.assert_allclose(a.bias, b.bias, atol=1e-6)
    after = load_file(made)
    assert after.keys() == arrays.keys()
    same = [key for key in arrays if not key.startswith("enc.") or "bias_hh" in key]
    assert all((after[key] == arrays[key]).all() for key in same)
    with safe_open(made, "numpy") as file:
        # What transformers and others ask of a file.
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_tensors_keep_their_type(tmp_path, dtype):
    path = tmp_path / "net.safetensors"
    save_file(state(dtype=dtype), path)
    opened = open_safetensors(path)
    path.write_bytes(safetensors_bytes(opened, changed(opened.network())))
    assert {array.dtype for array in load_file(path).values()} == {np.dtype(dtype)}


def test_a_module_without_biases_stays_without(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(state(bias=False), path)
    opened = open_safetensors(path)
    made = safetensors_bytes(opened, changed(opened.network(), bias=0))
    path.write_bytes(made)
    assert not [key for key in load_file(path) if "bias" in key]
