import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from sim.networks.float_lstm import run_float
from sim.networks.network import NetworkError
from sim.networks.pytorch.reader import open_pt, open_safetensors, read_pt, read_safetensors

INPUTS, H = 3, 4
FILES = Path(__file__).parents[3] / "data" / "pytorch"


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


def write_safetensors(path, kind, arrays):
    """A file of tensors of a type that NumPy has not, by the format's description."""
    header, data = {}, b""
    for key, value in arrays.items():
        offsets = [len(data), len(data) + value.nbytes]
        header[key] = {"dtype": kind, "shape": value.shape, "data_offsets": offsets}
        data += value.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_bfloat16_of_a_safetensors_file_is_widened(tmp_path):
    arrays = state()
    halves = {key: (value.view(np.uint32) >> 16).astype(np.uint16) for key, value in arrays.items()}
    path = tmp_path / "net.safetensors"
    write_safetensors(path, "BF16", halves)
    (lstm,) = read_safetensors(path).layers[0].directions
    expected = (halves["weight_ih_l0"].astype(np.uint32) << 16).view(np.float32)
    assert (lstm.W.reshape(16, 3) == expected).all()


def test_types_of_8_bits_are_refused_by_name(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, "F8_E4M3", {k: v.astype(np.uint8) for k, v in state().items()})
    assert refusal(read_safetensors, path) == (
        "weight_ih_l0 cannot be read: values of the type F8_E4M3 are not read; save it as .float()"
    )


def test_one_of_several_lstms_is_chosen_by_its_name(tmp_path):
    arrays = state(prefix="encoder.rnn.") | {"head.weight": np.zeros((2, H), np.float32)}
    path = saved(tmp_path, arrays)
    assert len(read_safetensors(path).layers) == 1
    path = saved(tmp_path, arrays | state(2, prefix="decoder.") | state(3))
    assert refusal(read_safetensors, path) == (
        'it holds several LSTMs; choose one with --node: "", decoder, encoder.rnn'
    )
    for node, layers in (("decoder", 2), ("encoder.rnn.", 1), ("rnn", 1), ("", 3)):
        assert len(read_safetensors(path, node).layers) == layers
    assert refusal(read_safetensors, path, node="nn") == (
        "it holds no LSTM named 'nn'; those it holds are: \"\", decoder, encoder.rnn"
    )


def test_parts_of_a_name_are_enough_where_no_other_has_them(tmp_path):
    path = saved(tmp_path, state(prefix="net.a.rnn.") | state(2, prefix="net.b.rnn."))
    for node, layers in (("net.b.rnn", 2), ("b.rnn", 2), ("b", 2), ("net.a", 1)):
        assert len(read_safetensors(path, node).layers) == layers
    assert refusal(read_safetensors, path, node="r").startswith("it holds no LSTM named 'r'")
    assert refusal(read_safetensors, path, node="rnn").startswith("it holds no LSTM named 'rnn'")


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_wraps_a_model_is_no_part_of_a_name(tmp_path, wrapper):
    one, other = state(prefix=f"{wrapper}encoder."), state(2, prefix=f"{wrapper}decoder.")
    path = saved(tmp_path, one | other)
    assert [module.name for module in open_safetensors(path).modules] == ["decoder", "encoder"]
    for node in ("decoder", f"{wrapper}decoder"):
        assert len(read_safetensors(path, node).layers) == 2


def test_a_gru_beside_an_lstm_is_left_alone(tmp_path):
    gru = {f"g.{key}": value[: 3 * H] for key, value in state().items()}
    path = saved(tmp_path, state(prefix="l.") | gru)
    assert len(read_safetensors(path).layers) == 1
    assert refusal(read_safetensors, path, node="g").startswith("the nn.GRU g is not supported")


@pytest.mark.parametrize("bias", [False, True])
def test_a_cell_is_a_layer(tmp_path, bias):
    arrays = state(bias=bias)
    cell = {key.replace("_l0", ""): value for key, value in arrays.items()}
    network = read_safetensors(saved(tmp_path, cell))
    x = np.random.default_rng(1).normal(size=(6, INPUTS))
    zeros = {f"bias_{kind}_l0": np.zeros(4 * H) for kind in ("ih", "hh")}
    y, _ = run_float(network, x[None])
    np.testing.assert_allclose(y[0], equations(zeros | arrays, x, 1, 1), atol=1e-6)


def without(key):
    arrays = state(2, 2)
    del arrays[key]
    return arrays


@pytest.mark.parametrize(
    "arrays, sentence",
    [
        (
            {"head.weight": np.zeros(3, np.float32)},
            "it holds no weights of an nn.LSTM, which would be named weight_ih_l0 and "
            "weight_hh_l0; it holds head.weight",
        ),
        (
            state() | {"weight_hr_l0": np.zeros((2, H), np.float32)},
            "the nn.LSTM has a projection (proj_size=2), which is not supported; fold it: "
            "weight_hh @ weight_hr is the weight_hh of an nn.LSTM without one, whose outputs go "
            "through a Linear layer with weight_hr",
        ),
        (without("weight_hh_l1_reverse"), "weight_hh_l1_reverse is missing"),
        (without("weight_ih_l0"), "weight_ih_l0 is missing"),
        (without("bias_hh_l0"), "bias_hh_l0 is missing"),
        (
            {f"rnn.{key}": value[: 3 * H] for key, value in state().items()},
            "the nn.GRU rnn is not supported (its weight_hh has 3 rows for each of 4 units, an "
            "LSTM's 4); train an nn.LSTM in its place",
        ),
        (
            {key.replace("_l0", ""): value[:H] for key, value in state().items()},
            "the nn.RNNCell is not supported (its weight_hh has 1 row for each of 4 units, an "
            "LSTM's 4); train an nn.LSTM in its place",
        ),
        (
            {key: value[: 2 * H] for key, value in state().items()},
            "weight_hh_l0 has 8 rows for 4 units; an LSTM has 16",
        ),
        (
            state() | {"weight_hh_l0": np.zeros((8, 2), np.float32)},
            "weight_ih_l0 (16, 3) and weight_hh_l0 (8, 2) do not belong together",
        ),
        (
            state() | {key: np.zeros(3, np.float32) for key in ("bias_ih_l0", "bias_hh_l0")},
            "the bias of l0 must have 16 values, not the shape (3,)",
        ),
        (
            {key.replace("l0", "l1"): value for key, value in state().items()},
            "layers 1 of it are not numbered from 0",
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
    assert refusal(read_safetensors, path).startswith(
        " is not a safetensors file, or it is damaged ("
    )


@pytest.mark.parametrize("read", [read_safetensors, read_pt])
def test_a_missing_file_is_named(tmp_path, read):
    assert refusal(read, tmp_path / "none").startswith(" cannot be read: No such file or directory")


@pytest.mark.parametrize(
    "name",
    [
        *("plain.pt", "legacy.pt", "protocol4.pt", "parameters.pt", "parallel.pt"),
        *("checkpoint.pt", "lightning.ckpt", "numpy.pt"),
    ],
)
def test_files_of_pytorch_compute_what_pytorch_does(name):
    network = read_pt(FILES / name)
    with np.load(FILES / "plain.npz") as expected:
        y, _ = run_float(network, expected["x"])
        np.testing.assert_allclose(y, expected["y"], atol=1e-6)


def test_a_deep_bidirectional_file_without_biases_computes_what_pytorch_does():
    network = read_pt(FILES / "deep.pt")
    assert [len(layer.directions) for layer in network.layers] == [2, 2]
    with np.load(FILES / "deep.npz") as expected:
        y, _ = run_float(network, expected["x"])
        np.testing.assert_allclose(y, expected["y"], atol=1e-6)


def test_bfloat16_is_widened():
    (exact,) = read_pt(FILES / "plain.pt").layers[0].directions
    (rounded,) = read_pt(FILES / "bfloat16.pt").layers[0].directions
    np.testing.assert_allclose(rounded.W, exact.W, rtol=2.0**-8)
    assert (rounded.W != exact.W).any()


def test_views_have_their_own_offsets_and_strides():
    (lstm,) = read_pt(FILES / "views.pt").layers[0].directions
    with np.load(FILES / "views.npz") as expected:
        assert (lstm.W.reshape(16, 3) == expected["W"]).all()
        assert (lstm.R.reshape(16, 4) == expected["R"]).all()


def test_several_state_dicts_in_a_file_are_named_by_their_keys():
    assert refusal(read_pt, FILES / "two.pt") == (
        "it holds several LSTMs; choose one with --node: decoder, encoder"
    )
    assert read_pt(FILES / "two.pt", "decoder").layers[0].directions[0].hidden_size == 5


def test_modules_of_a_file_are_described():
    (module,) = open_pt(FILES / "deep.pt").modules
    assert (module.title, module.layers, module.directions) == ("nn.LSTM", (0, 1), 2)
    assert (module.inputs, module.hidden, module.refusal()) == (3, 4, None)
    assert [module.title for module in open_pt(FILES / "cell.pt").modules] == ["nn.LSTMCell"]


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("gru.pt", "the nn.GRU is not supported"),
        ("rnn.pt", "the nn.RNN is not supported"),
        ("projection.pt", "the nn.LSTM has a projection (proj_size=2)"),
    ],
)
def test_other_recurrent_modules_are_refused_by_name(name, sentence):
    assert refusal(read_pt, FILES / name).startswith(sentence)


def test_a_weight_that_is_stored_in_parts_says_how_to_join_them():
    assert refusal(read_pt, FILES / "normed.pt") == (
        "weight_hh_l0 is missing, and what it is computed from is there (weight_norm, say); before "
        'saving call torch.nn.utils.parametrize.remove_parametrizations(lstm, "weight_hh_l0")'
    )
