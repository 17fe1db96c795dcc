import sys
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from sim.networks.float_lstm import run_float
from sim.networks.network import NetworkError
from sim.networks.pytorch.reader import read_pt, read_safetensors

INPUTS, H = 3, 4


def state(layers=1, directions=1, prefix="", bias=True):
    """A state dict as nn.LSTM has it."""
    rng = np.random.default_rng(0)
    arrays = {}
    for layer in range(layers):
        inputs = INPUTS if not layer else H * directions
        for suffix in ("", "_reverse")[:directions]:
            shapes = {"weight_ih": (4 * H, inputs), "weight_hh": (4 * H, H)}
            if bias:
                shapes |= {"bias_ih": (4 * H,), "bias_hh": (4 * H,)}
            for name, shape in shapes.items():
                key = f"{prefix}{name}_l{layer}{suffix}"
                arrays[key] = rng.normal(0, 0.5, shape).astype(np.float32)
    return arrays


def equations(arrays, x, layers, directions):
    """nn.LSTM as its documentation writes it: i, f, g, o from rows of W_ih and W_hh."""
    for layer in range(layers):
        outputs = []
        for suffix in ("", "_reverse")[:directions]:
            keys = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            W, R, b, d = (arrays[f"{key}_l{layer}{suffix}"] for key in keys)
            h, c, out = np.zeros(H), np.zeros(H), np.zeros((len(x), H))
            for step in range(len(x))[:: -1 if suffix else 1]:
                i, f, g, o = np.split(W @ x[step] + b + R @ h + d, 4)
                i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
                c = f * c + i * np.tanh(g)
                out[step] = h = o * np.tanh(c)
            outputs.append(out)
        x = np.concatenate(outputs, axis=1)
    return x


def saved(tmp_path, arrays):
    path = tmp_path / "net.safetensors"
    save_file(arrays, path)
    return path


def refusal(read, path, **options):
    with pytest.raises(NetworkError) as caught:
        read(path, **options)
    text = str(caught.value)
    assert text.startswith(str(path))
    return text[len(str(path)) :].removeprefix(": ")


@pytest.mark.parametrize("layers, directions", [(1, 1), (1, 2), (3, 1), (2, 2)])
def test_networks_compute_what_pytorch_documents(tmp_path, layers, directions):
    arrays = state(layers, directions)
    network = read_safetensors(saved(tmp_path, arrays))
    x = np.random.default_rng(1).normal(size=(6, INPUTS))
    y, _ = run_float(network, x[None])
    np.testing.assert_allclose(y[0], equations(arrays, x, layers, directions), atol=1e-6)


def test_a_bias_may_be_absent(tmp_path):
    (layer,) = read_safetensors(saved(tmp_path, state(bias=False))).layers
    assert not layer.directions[0].bias.any()


def test_half_precision_is_widened(tmp_path):
    arrays = {key: value.astype(np.float16) for key, value in state().items()}
    (layer,) = read_safetensors(saved(tmp_path, arrays)).layers
    assert layer.directions[0].W.dtype == np.float32
    assert (layer.directions[0].W.reshape(4 * H, INPUTS) == arrays["weight_ih_l0"]).all()


def test_one_of_several_lstms_is_chosen_by_its_prefix(tmp_path):
    arrays = state(prefix="encoder.rnn.") | {"head.weight": np.zeros((2, H), np.float32)}
    path = saved(tmp_path, arrays)
    assert len(read_safetensors(path).layers) == 1
    path = saved(tmp_path, arrays | state(2, prefix="decoder.") | state(3))
    assert refusal(read_safetensors, path) == (
        "it holds several LSTMs, name one of them: (no prefix), decoder, encoder.rnn"
    )
    for prefix, layers in (("decoder", 2), ("encoder.rnn.", 1), ("", 3)):
        assert len(read_safetensors(path, prefix).layers) == layers
    assert refusal(read_safetensors, path, prefix="rnn") == "it holds no LSTM named 'rnn'"


def without(key):
    arrays = state(2, 2)
    del arrays[key]
    return arrays


@pytest.mark.parametrize(
    "arrays, sentence",
    [
        ({"head.weight": np.zeros(3, np.float32)}, "it holds no weights of an nn.LSTM"),
        (
            state() | {"weight_hr_l0": np.zeros((2, H), np.float32)},
            "weight_hr_l0 is a projection, which is not supported",
        ),
        (without("weight_hh_l1_reverse"), "weight_hh_l1_reverse is missing"),
        (without("weight_ih_l0"), "weight_ih_l0 is missing"),
        (without("bias_hh_l0"), "bias_hh_l0 is missing"),
        (
            {key: value[: 3 * H] for key, value in state().items()},
            "weight_hh_l0 has 12 rows for 4 units; an LSTM has 16",
        ),
        (
            state() | {"weight_hh_l0": np.zeros((8, 2), np.float32)},
            "weight_ih_l0 and weight_hh_l0 do not belong together",
        ),
        (
            state() | {key: np.zeros(3, np.float32) for key in ("bias_ih_l0", "bias_hh_l0")},
            "the bias of l0 must have 16 values",
        ),
        (
            {key.replace("l0", "l1"): value for key, value in state().items()},
            "layers 1 are not numbered from 0",
        ),
        (
            state() | {"weight_ih_l0": np.full((4 * H, INPUTS), np.nan, np.float32)},
            "W of layer 0 holds a value that is not a finite number",
        ),
        (
            state(2) | {"weight_ih_l1": np.zeros((4 * H, 9), np.float32)},
            "layer 1 takes 9 inputs, but the one before has 4",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(tmp_path, arrays, sentence):
    assert refusal(read_safetensors, saved(tmp_path, arrays)) == sentence


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\xff" * 64])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    assert refusal(read_safetensors, path) == " is not a safetensors file"


@pytest.mark.parametrize("read", [read_safetensors, read_pt])
def test_a_missing_file_is_named(tmp_path, read):
    assert refusal(read, tmp_path / "none").startswith(" cannot be read: No such file or directory")


def test_a_pt_file_without_pytorch_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    path = tmp_path / "net.pt"
    path.write_bytes(b"PK")
    assert refusal(read_pt, path) == (
        " needs PyTorch to be read, which is not installed; "
        "save the weights as .safetensors instead"
    )


class Tensor:
    """The methods of a tensor that the reader calls."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def float(self):
        return self

    def numpy(self):
        return self.array


@pytest.fixture
def torch(monkeypatch, tmp_path):
    """A stand-in for PyTorch, which is large; ``load`` gives what the test puts in ``content``."""
    stand_in = SimpleNamespace(content=None, path=tmp_path / "net.pt")

    def load(path, *, map_location, weights_only):
        assert weights_only and map_location == "cpu"
        if isinstance(stand_in.content, Exception):
            raise stand_in.content
        return stand_in.content

    stand_in.load = load
    stand_in.path.write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    return stand_in


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_is_read(nets, tmp_path, torch, wrapped):
    arrays = state(2, 2, "rnn.")
    tensors = {key: Tensor(value) for key, value in arrays.items()}
    torch.content = {"state_dict": tensors, "epoch": 3} if wrapped else tensors
    expected = read_safetensors(saved(tmp_path, arrays))
    assert nets.arrays_of(read_pt(torch.path)) == nets.arrays_of(expected)


@pytest.mark.parametrize(
    "content, sentence",
    [
        (RuntimeError("many\nlines"), " is not a file of PyTorch weights"),
        ([1, 2], " does not hold a state dict"),
        ({1: 2}, "it holds no weights of an nn.LSTM"),
    ],
)
def test_a_file_of_something_else_is_refused(torch, content, sentence):
    torch.content = content
    assert refusal(read_pt, torch.path) == sentence
