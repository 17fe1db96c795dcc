"""Whole models of the kinds that people have, through the command."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

INPUTS, H = 3, 4


def tensor(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def save(path, nodes, inputs, outputs, scale=1.0):
    """A model with an LSTM's weights W and R, and constants one and names."""
    rng = np.random.default_rng(3)
    constants = [
        numpy_helper.from_array(rng.normal(0, 0.5, shape).astype(np.float32) * scale, name)
        for name, shape in (("W", (1, 4 * H, INPUTS)), ("R", (1, 4 * H, H)))
    ]
    constants.append(numpy_helper.from_array(np.array([1]), "one"))
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 2)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def lstm(*more):
    names = ["x", "W", "R", "", "", *more]
    return helper.make_node("LSTM", names, ["y", "hn", "cn"], "rnn", hidden_size=H)


@pytest.fixture
def step(tmp_path):
    """A model of one step a call, with states in and out."""
    inputs = [tensor("x", 1, 1, INPUTS), tensor("h0", 1, 1, H), tensor("c0", 1, 1, H)]
    outputs = [tensor("y", 1, 1, 1, H), tensor("hn", 1, 1, H), tensor("cn", 1, 1, H)]
    return save(tmp_path / "step.onnx", [lstm("h0", "c0")], inputs, outputs)


@pytest.fixture
def whole(tmp_path):
    """The same LSTM over whole sequences."""
    outputs = [tensor("y", "t", 1, "b", H)]
    return save(tmp_path / "whole.onnx", [lstm()], [tensor("x", "t", "b", INPUTS)], outputs)


@pytest.fixture
def labels(tmp_path):
    """A model whose output is a text for each sequence."""
    nodes = [
        lstm(),
        helper.make_node("ReduceMean", ["hn"], ["m"], axes=[0], keepdims=0),
        helper.make_node("ArgMax", ["m"], ["i"], axis=1, keepdims=0),
        helper.make_node(
            "LabelEncoder",
            ["i"],
            ["label"],
            domain="ai.onnx.ml",
            keys_int64s=list(range(H)),
            values_strings=["yes", "no", "up", "down"],
        ),
    ]
    outputs = [tensor("label", "b", kind=TensorProto.STRING)]
    return save(tmp_path / "labels.onnx", nodes, [tensor("x", "t", "b", INPUTS)], outputs)


@pytest.fixture
def fixed(tmp_path):
    """A model of one sequence of 8 steps, batch first."""
    nodes = [
        helper.make_node("Transpose", ["in"], ["x"], perm=[1, 0, 2]),
        lstm(),
        helper.make_node("Squeeze", ["y", "one"], ["s"]),
        helper.make_node("Transpose", ["s"], ["out"], perm=[1, 0, 2]),
    ]
    return save(
        tmp_path / "fixed.onnx", nodes, [tensor("in", 1, 8, INPUTS)], [tensor("out", 1, 8, H)]
    )


@pytest.fixture
def array(tmp_path):
    """Writes an array; gives its file."""

    def write(values, name="x.npy"):
        np.save(tmp_path / name, values)
        return tmp_path / name

    return write


def values(*shape):
    return np.random.default_rng(4).normal(size=shape).astype(np.float32)


def figures_of(refrain, tmp_path, *arguments):
    status, out, err = refrain(*arguments, "--json", tmp_path / "figures.json")
    assert (status, err) == (0, "")
    return json.loads((tmp_path / "figures.json").read_text()), out


def test_a_stream_gives_and_costs_what_the_sequence_does(refrain, tmp_path, step, whole, array):
    x = values(20, 1, INPUTS)
    found = {}
    for model, given in ((step, array(x[:, None], "calls.npy")), (whole, array(x))):
        output = tmp_path / f"{model.stem}.npz"
        arguments = ["--input", given, "--mode", "delta", "--config", "tiny", "--output", output]
        figures, out = figures_of(refrain, tmp_path, "run", model, *arguments)
        with np.load(output) as arrays:
            found[model] = arrays["y"].reshape(20, H), figures, out
    (stepped, many, said), (expected, one, _) = found.values()
    assert (stepped == expected).all()
    for name in ("steps", "events_x", "events_h", "macs_avoided", "mode_steps"):
        assert many[name] == one[name]
    assert many["sqnr_db"]["y"] == pytest.approx(one["sqnr_db"]["y"], abs=0.01)
    assert "a stream of 20 calls with the states h0=hn, c0=cn" in said


def test_a_stream_is_quantised_and_tuned(refrain, tmp_path, monkeypatch, step, array):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    calls = array(values(40, 1, 1, INPUTS))
    made = tmp_path / "step.tflite"
    figures, out = figures_of(
        refrain, tmp_path, "quantize", step, "--calibration", calls, "-o", made
    )
    assert figures["sqnr_db"] > 25
    status, out, _ = refrain("run", made, "--input", array(values(1, 40, INPUTS), "one.npy"))
    assert status == 0
    line = ["tune", step, "--data", calls, "--metric", "sqnr", "--budget", "10dB", "--trials", 2]
    figures, out = figures_of(refrain, tmp_path, *line, "--percentile", "99.5")
    assert "a stream of 20 calls" in out and figures["settings"]


def test_a_stream_is_swept(refrain, tmp_path, step, array):
    calls = array(values(40, 1, 1, INPUTS))
    line = ["sweep", step, "--data", calls, "--metric", "sqnr", "--config", "tiny", "--jobs", 1]
    states = ["--state", "h0=hn", "--state", "c0=cn", "--percentile", "100"]
    status, _, err = refrain(*line, *states, "--modes", "normal", "-o", tmp_path / "sweep")
    assert (status, err) == (0, "")
    assert "sqnr" in (tmp_path / "sweep" / "sweep.csv").read_text()


def test_labels_come_out_and_have_no_ratio(refrain, tmp_path, labels, array):
    x = array(values(9, 5, INPUTS))
    for name in ("label.json", "label.npz", "label.npy"):
        line = ["run", labels, "--input", x, "--output", tmp_path / name]
        figures, _ = figures_of(refrain, tmp_path, *line)
        assert "sqnr_db" not in figures and 0 <= figures["agreeing_share"]["label"] <= 1
    found = json.loads((tmp_path / "label.json").read_text())["label"]
    assert len(found) == 5 and set(found) <= {"yes", "no", "up", "down"}
    assert np.load(tmp_path / "label.npy").tolist() == found


def test_a_metric_needs_numbers(refused, labels, array):
    x = array(values(9, 5, INPUTS))
    sentence = refused("tune", labels, "--data", x, "--metric", "sqnr")
    assert sentence.startswith(f"{labels}: metric sqnr needs numbers in the first output label")


def test_sequences_of_a_fixed_batch_run_and_are_tuned(refrain, tmp_path, monkeypatch, fixed, array):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    x = array(values(6, 8, INPUTS))
    output = tmp_path / "out.npy"
    figures, _ = figures_of(refrain, tmp_path, "run", fixed, "--input", x, "--output", output)
    assert figures["steps"] == 48 and figures["sqnr_db"]["out"] > 25
    together = np.load(output)
    one = array(values(6, 8, INPUTS)[2:3], "one.npy")
    line = ["run", fixed, "--input", one, "--calibration", x, "--output", output]
    assert refrain(*line)[0] == 0
    assert (np.load(output) == together[2:3]).all()
    line = ["tune", fixed, "--data", x, "--metric", "sqnr", "--budget", "10dB", "--trials", 2]
    assert figures_of(refrain, tmp_path, *line)[0]["settings"]


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])
def test_int8_is_numbers_to_a_network_in_floating_point(refrain, tmp_path, whole, array, kind):
    x = np.random.default_rng(5).integers(-3, 4, (9, 2, INPUTS))
    model = whole
    if kind == "safetensors":
        rng = np.random.default_rng(6)
        shapes = {"weight_ih_l0": (4 * H, INPUTS), "weight_hh_l0": (4 * H, H)}
        shapes |= {"bias_ih_l0": (4 * H,), "bias_hh_l0": (4 * H,)}
        model = tmp_path / "net.safetensors"
        arrays = {f"rnn.{k}": rng.normal(0, 0.5, v).astype(np.float32) for k, v in shapes.items()}
        save_file(arrays, model)
    outputs = []
    for dtype in (np.int8, np.float32, np.int64):
        given, output = array(x.astype(dtype)), tmp_path / "y.npy"
        assert refrain("run", model, "--input", given, "--output", output)[0] == 0
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_codes_are_written_with_their_format(refrain, tmp_path, net, x):
    files = [tmp_path / name for name in ("h.npy", "h.npz", "real.npy")]
    for path in files:
        more = ["--float"] if path.stem == "real" else []
        line = ["run", net, "--input", x, "--output", path, *more]
        figures, _ = figures_of(refrain, tmp_path, *line)
    codes, real = np.load(files[0]), np.load(files[2])
    with np.load(files[1]) as archive:
        assert (archive["h"] == codes).all()
        meant = archive["scale"] * (codes.astype(float) - archive["zero_point"])
        assert figures["h"] == {
            "scale": float(archive["scale"]),
            "zero_point": int(archive["zero_point"]),
        }
    np.testing.assert_allclose(real, meant, rtol=1e-12)


def test_real_values_need_a_file(refused, net, x):
    sentence = refused("run", net, "--input", x, "--float")
    assert sentence == "--float is about what is written: name a file with --output"


def test_a_useless_result_says_so(refrain, tmp_path, array):
    outputs = [tensor("y", "t", 1, "b", H)]
    model = save(
        tmp_path / "n.onnx", [lstm()], [tensor("x", "t", "b", INPUTS)], outputs, scale=0.01
    )
    x = np.exp(np.random.default_rng(2).normal(0, 2.5, (60, 2, INPUTS))).astype(np.float32)
    x[0, 0, 0] = 1e5
    line = ["run", model, "--input", array(x), "--percentile", "100"]
    figures, out = figures_of(refrain, tmp_path, *line)
    (sentence,) = figures["warnings"]
    assert figures["lstm_sqnr_db"]["rnn"] < 15
    assert f"warning: {sentence}" in out and "became code 0" in sentence


def test_a_percentile_leaves_outliers_out(refrain, tmp_path, whole, array):
    x = values(60, 2, INPUTS)
    calibration = x.copy()
    calibration[0, 0, 0] = 2e3
    given = ["--input", array(x), "--calibration", array(calibration, "cal.npy"), "--percentile"]
    found = {}
    for percentile in ("100", "99"):
        figures, out = figures_of(refrain, tmp_path, "run", whole, *given, percentile)
        found[percentile] = figures["lstm_sqnr_db"]["rnn"], "became code 0" in out
    assert found["100"][0] < 15 and found["100"][1]
    assert found["99"][0] > 20 and not found["99"][1]


def test_a_state_is_asked_for_by_name(refused, step, array):
    calls = array(values(5, 1, 1, INPUTS))
    sentence = refused("run", step, "--input", calls, "--state", "h0=hm")
    assert sentence == f"{step} has no output hm; it has y, hn, cn"


def test_a_network_of_layers_alone_has_no_states_to_name(refused, net, x):
    sentence = refused("run", net, "--input", x, "--state", "h0=hn")
    assert sentence == "--state is for whole models with states among their inputs"


def test_states_in_the_samples_are_calibrated_on(refrain, tmp_path):
    """Steps of one stream as a batch: each begins from a state that it could not reach alone."""
    inputs = [tensor("x", 1, "b", INPUTS), tensor("h0", 1, "b", H), tensor("c0", 1, "b", H)]
    outputs = [tensor("y", 1, 1, "b", H), tensor("hn", 1, "b", H), tensor("cn", 1, "b", H)]
    model = save(tmp_path / "step.onnx", [lstm("h0", "c0")], inputs, outputs)
    for seed, name in enumerate(("seen", "given")):
        rng = np.random.default_rng(seed)
        arrays = {
            "x": rng.normal(size=(1, 80, INPUTS)),
            "h0": rng.uniform(-0.9, 0.9, (1, 80, H)),
            "c0": rng.uniform(-9, 9, (1, 80, H)),
        }
        np.savez(tmp_path / f"{name}.npz", **{k: v.astype(np.float32) for k, v in arrays.items()})
    line = ["run", model, "--input", tmp_path / "given.npz"]
    figures, _ = figures_of(refrain, tmp_path, *line, "--calibration", tmp_path / "seen.npz")
    assert min(figures["sqnr_db"].values()) > 30 and figures["steps"] == 80


def test_a_machine_without_states_runs_no_whole_model(refused, whole, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((4, 1, INPUTS), np.float32))
    given = ["run", whole, "--input", tmp_path / "x.npy", "--set", "states=false"]
    assert refused(*given) == (
        "the LSTM layers of a whole model give their last states, and configuration edge was made "
        "without gates for states in memory: make the machine with states = true, or run the "
        "network that 'refrain quantize' writes"
    )
