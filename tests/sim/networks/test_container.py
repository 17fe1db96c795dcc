import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from sim.networks.container import Part, container_bytes, pick, read_container
from sim.networks.loader import load_network
from sim.networks.network import IntegerNetwork, NetworkError
from sim.networks.quantizer import quantize


def written(path, *parts):
    path.write_bytes(container_bytes(parts))
    return path


def two_directions(nets, bits=8):
    samples = np.random.default_rng(1).normal(size=(3, 8, 3)).astype(np.float32)
    network = nets.random_float(3, 4, 5, directions=2, states=True)
    return quantize(network, samples, weight_bits=bits, activation_bits=bits)


@pytest.mark.parametrize("bits", [8, 5])
def test_every_value_of_a_network_is_kept(nets, tmp_path, bits):
    network = two_directions(nets, bits)
    path = written(tmp_path / "net.refrain", Part(name="a", network=network))
    (part,) = read_container(path)
    assert (part.name, part.nodes) == ("a", ())
    assert nets.arrays_of(part.network) == nets.arrays_of(network)
    for old, new in zip(network.layers, part.network.layers, strict=True):
        for one, other in zip(old.directions, new.directions, strict=True):
            assert {k: type(v) for k, v in vars(one).items()} == {
                k: type(v) for k, v in vars(other).items()
            }
            assert one.W.dtype == other.W.dtype and one.bias.dtype == other.bias.dtype


def test_the_same_networks_give_the_same_bytes(nets):
    parts = [Part(name="a", network=nets.random_integer(3, 4))]
    assert container_bytes(parts) == container_bytes(parts)


def test_any_program_that_reads_safetensors_reads_it(nets, tmp_path):
    network = nets.random_integer(3, 4)
    path = written(tmp_path / "net.refrain", Part(name="a", network=network))
    arrays = safetensors.numpy.load_file(path)
    assert (arrays["0/0/0/W"] == network.layers[0].directions[0].W).all()


def test_one_of_several_networks_is_chosen(nets, tmp_path):
    small, large = nets.random_integer(3, 4), nets.random_integer(3, 6, 5)
    path = written(
        tmp_path / "net.refrain",
        Part(name="a", network=small, nodes=("a",)),
        Part(name="b", network=large, nodes=("b", "c")),
    )
    parts = read_container(path)
    assert [part.nodes for part in parts] == [("a",), ("b", "c")]
    assert pick(path, parts, "b") is parts[1]
    assert isinstance(load_network(path, "b"), IntegerNetwork)
    assert nets.arrays_of(load_network(path, "a")) == nets.arrays_of(small)
    for node, sentence in (
        (None, f"{path} holds several networks; choose one with --node: a, b"),
        ("c", f"{path} holds no network named 'c'; those it holds are: a, b"),
    ):
        with pytest.raises(NetworkError) as caught:
            load_network(path, node)
        assert str(caught.value) == sentence


def test_it_is_recognised_under_another_name(nets, tmp_path):
    path = written(tmp_path / "net", Part(name="a", network=nets.random_integer(3, 4)))
    assert isinstance(load_network(path), IntegerNetwork)
    other = path.rename(tmp_path / "net.safetensors")
    with pytest.raises(NetworkError) as caught:
        load_network(other)
    assert str(caught.value) == (
        f"{other} is not what its name says: it holds a .refrain file; rename it"
    )


def test_two_networks_of_one_name_are_refused(nets):
    part = Part(name="a", network=nets.random_integer(3, 4))
    with pytest.raises(NetworkError) as caught:
        container_bytes([part, part])
    assert str(caught.value) == "two networks of one file have the name 'a'"


def edited(path, change):
    """Apply ``change`` to what the metadata say, and to the tensors, of a file."""
    with safetensors.safe_open(path, framework="numpy") as file:
        described = json.loads(file.metadata()["refrain"])
        names = file.keys()
        arrays = {name: file.get_tensor(name) for name in names}
    change(described, arrays)
    content = {"refrain": json.dumps(described)}
    path.write_bytes(safetensors.numpy.save(arrays, metadata=content))


def lstm_of(described):
    return described["networks"][0]["layers"][0][0]


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda d, a: d.update(version=2), ": it has version 2 of the format, and 1 is known here"),
        (lambda d, a: d.update(networks=[]), " is damaged (there is no network in it)"),
        (lambda d, a: a.pop("0/0/0/W"), " is damaged ('0/0/0/W')"),
        (lambda d, a: lstm_of(d).update(c_power=1.5), " is damaged (c_power is of a wrong type)"),
        (lambda d, a: lstm_of(d).update(c_power=True), " is damaged (c_power is of a wrong type)"),
        (lambda d, a: lstm_of(d).update(c_power=9), ": layer 0 must have a cell scale of 2**"),
        (lambda d, a: lstm_of(d).update(W=None), " is damaged (W is of a wrong type)"),
        (lambda d, a: lstm_of(d).update(new=1), " is damaged (it has new, which is not known)"),
        (lambda d, a: lstm_of(d).pop("bias"), " is damaged ("),
        (lambda d, a: lstm_of(d)["x"]["format"].update(scale="1"), " is damaged (scale of a form"),
        (lambda d, a: lstm_of(d).update(W_scale=[1, 1, 1, 1]), " is damaged (W_scale is of a wr"),
        (lambda d, a: lstm_of(d).update(W_scale=[0.5] * 3), ": W_scale of layer 0 must be four"),
        (lambda d, a: a.update({"0/0/0/W": a["0/0/0/W"][:3]}), ": W of layer 0 must have the sha"),
        (lambda d, a: d["networks"][0].update(nodes=["a", "b"]), " is damaged (a has 1 layers for"),
        (lambda d, a: d["networks"][0].update(name=3), " is damaged (a name is no text)"),
    ],
)
def test_what_contradicts_itself_is_refused(nets, tmp_path, change, sentence):
    part = Part(name="a", network=nets.random_integer(3, 4), nodes=("a",))
    path = written(tmp_path / "net.refrain", part)
    edited(path, change)
    with pytest.raises(NetworkError) as caught:
        read_container(path)
    assert str(caught.value).startswith(f"{path}{sentence}")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.refrain"
    with pytest.raises(NetworkError) as caught:
        read_container(path)
    assert str(caught.value).startswith(f"{path} cannot be read: No such file or directory")
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(NetworkError) as caught:
        read_container(path)
    assert str(caught.value).startswith(f"{path} is not a file of integer networks, or it is dam")
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    with pytest.raises(NetworkError) as caught:
        read_container(path)
    assert str(caught.value) == (
        f"{path} holds no integer networks; refrain quantize writes such a file"
    )


def test_a_network_that_contradicts_itself_is_not_written(nets):
    network = nets.random_integer(3, 4)
    (layer,) = network.layers
    broken = replace(layer.directions[0], c_power=9)
    network = IntegerNetwork(layers=(replace(layer, directions=(broken,)),))
    with pytest.raises(NetworkError):
        container_bytes([Part(name="a", network=network)])


def test_scales_of_rows_are_kept(nets, tmp_path):
    samples = np.random.default_rng(1).normal(size=(3, 8, 3)).astype(np.float32)
    network = quantize(nets.random_float(3, 4), samples, row_scales=True)
    path = written(tmp_path / "net.refrain", Part(name="a", network=network))
    (new,), (old,) = (
        each.layers[0].directions for each in (read_container(path)[0].network, network)
    )
    assert old.by_row and new.by_row
    for name in ("W_scale", "R_scale"):
        assert getattr(new, name).shape == (4, 4)
        assert np.array_equal(getattr(new, name), getattr(old, name))


@pytest.mark.parametrize(
    "scales, sentence",
    [
        (np.ones((4, 3)), ": W_scale of layer 0 must have the shape (4, 4), not (4, 3)"),
        (np.ones((4, 4), np.float32), ": W_scale of layer 0 must be float64, not float32"),
        (
            np.zeros((4, 4)),
            ": W_scale of layer 0 must be positive float32 scales, one for each row",
        ),
        (
            np.full((4, 4), 1e39),
            ": W_scale of layer 0 must be positive float32 scales, one for each row",
        ),
    ],
)
def test_scales_of_rows_that_are_none_are_refused(nets, tmp_path, scales, sentence):
    samples = np.random.default_rng(1).normal(size=(3, 8, 3)).astype(np.float32)
    network = quantize(nets.random_float(3, 4), samples, row_scales=True)
    path = written(tmp_path / "net.refrain", Part(name="a", network=network))
    edited(path, lambda d, a: a.update({"0/0/0/W_scale": scales}))
    with pytest.raises(NetworkError) as caught:
        read_container(path)
    assert str(caught.value) == f"{path}{sentence}"
