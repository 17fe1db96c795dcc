"""Damaged networks: ONNX models, checkpoints of PyTorch and files of integer networks."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

FILES = Path(__file__).parents[1] / "data" / "pytorch"
RNG = np.random.default_rng(0)
FLOAT = TensorProto.FLOAT


def _constants(prefix="", directions=1, hidden=2):
    shapes = {"W": (4 * hidden, 3), "R": (4 * hidden, hidden), "B": (8 * hidden,)}
    return [
        numpy_helper.from_array(
            RNG.normal(0, 0.5, (directions, *shape)).astype(np.float32), prefix + name
        )
        for name, shape in shapes.items()
    ]


def _value(name, *shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def _model(nodes, inputs, outputs, constants=(), functions=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, constants)
    opsets = [helper.make_opsetid(*each) for each in (("", 17), ("com.microsoft", 1), ("own", 1))]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)
    return model.SerializeToString()


X, Y = _value("x", "t", 1, 3), _value("y", None)


def _lstm(x, y, *more, prefix="", **options):
    names = [x, *(prefix + name for name in "WRB"), *more]
    return helper.make_node("LSTM", names, y, prefix + "lstm", hidden_size=2, **options)


def _zeros(*names):
    return [numpy_helper.from_array(np.zeros((1, 1, 2), np.float32), name) for name in names]


def _plain():
    shape = numpy_helper.from_array(np.array([0, 1, -1]), "shape")
    nodes = [
        _lstm("x", ["h", "hn", "cn"], "", "h0", "c0"),
        helper.make_node("Transpose", ["h"], ["ht"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["ht", "shape"], ["flat"]),
        helper.make_node("Softmax", ["flat"], ["y"], axis=-1),
    ]
    states = [
        numpy_helper.from_array(np.zeros((1, 1, 2), np.float32), name) for name in ("h0", "c0")
    ]
    return _model(nodes, [X], [Y], [*_constants(), *states, shape])


def _bidirectional():
    node = _lstm("x", ["h"], direction="bidirectional", activations=["Sigmoid", "Tanh", "Tanh"] * 2)
    nodes = [node, helper.make_node("ReduceMax", ["h"], ["y"], axes=[1], keepdims=0)]
    return _model(nodes, [X], [Y], _constants(directions=2))


def _stream():
    states = [_value(name, 1, 1, 2) for name in ("h0", "c0")]
    ends = [_value(name, 1, 1, 2) for name in ("hn", "cn")]
    nodes = [_lstm("x", ["y", "hn", "cn"], "", "h0", "c0")]
    return _model(nodes, [X, *states], [Y, *ends], _constants())


def _branches():
    then, other = (
        helper.make_graph([_lstm("x", [name], prefix=name)], name, [], [_value(name, None)])
        for name in "ab"
    )
    two = numpy_helper.from_array(np.array(2), "two")
    nodes = [
        helper.make_node("Size", ["x"], ["n"]),
        helper.make_node("Less", ["n", "two"], ["few"]),
        helper.make_node("If", ["few"], ["y"], then_branch=then, else_branch=other),
    ]
    return _model(nodes, [X], [Y], [*_constants("a"), *_constants("b"), two])


def _scan():
    """A loop over the steps, and in each of them all that an LSTM does."""
    nodes = [helper.make_node("MatMul", ["xt", "Wx"], ["a"])]
    nodes += [helper.make_node("MatMul", ["h", "Wh"], ["b"])]
    nodes += [helper.make_node("Add", ["a", "b"], ["g"])]
    nodes += [helper.make_node("Split", ["g"], [*"ifco"], axis=1)]
    kinds = {"i": "Sigmoid", "f": "Sigmoid", "c": "Tanh", "o": "Sigmoid"}
    nodes += [helper.make_node(kind, [name], [f"{name}1"]) for name, kind in kinds.items()]
    nodes += [helper.make_node("Mul", ["f1", "ca"], ["p"])]
    nodes += [helper.make_node("Mul", ["i1", "c1"], ["q"])]
    nodes += [helper.make_node("Add", ["p", "q"], ["cn"])]
    nodes += [helper.make_node("Tanh", ["cn"], ["r"])]
    nodes += [helper.make_node("Mul", ["o1", "r"], ["hn"])]
    nodes += [helper.make_node("Identity", ["hn"], ["out"])]
    states, ends = ([_value(name, 1, 2) for name in names] for names in (("h", "ca"), ("hn", "cn")))
    inputs, outputs = [*states, _value("xt", 1, 3)], [*ends, _value("out", 1, 2)]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    names = ["h0", "c0", "x"]
    scan = helper.make_node("Scan", names, ["he", "ce", "y"], body=body, num_scan_inputs=1)
    constants = [
        numpy_helper.from_array(RNG.normal(0, 0.5, shape).astype(np.float32), name)
        for name, shape in (("h0", (1, 2)), ("c0", (1, 2)), ("Wx", (3, 8)), ("Wh", (2, 8)))
    ]
    return _model([scan], [X], [Y], constants)


def _function():
    opsets = [helper.make_opsetid("", 17)]
    inner = [helper.make_node("LSTM", ["a", "W", "R", "B"], ["b"], "inner", hidden_size=2)]
    function = helper.make_function("own", "Layer", ["a", "W", "R", "B"], ["b"], inner, opsets)
    node = helper.make_node("Layer", ["x", "W", "R", "B"], ["y"], domain="own")
    return _model([node], [X], [Y], _constants(), [function])


def _quantised():
    kept, nodes = [], []
    for each in _constants():
        values = numpy_helper.to_array(each)
        if each.name == "B":
            kept.append(each)
            continue
        scale = np.float32(abs(values).max() / 127)
        kept += [
            numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{each.name}q"),
            numpy_helper.from_array(scale, f"{each.name}s"),
        ]
        names = [f"{each.name}q", f"{each.name}s"]
        nodes.append(helper.make_node("DequantizeLinear", names, [each.name]))
    return _model([*nodes, _lstm("x", ["y"])], [X], [Y], kept)


def _other():
    node = helper.make_node("GRU", ["x", "W", "R"], ["y"], "gru", hidden_size=2)
    weights = [
        numpy_helper.from_array(np.zeros((1, 6, size), np.float32), name)
        for name, size in (("W", 3), ("R", 2))
    ]
    return _model([node], [X], [Y], weights)


MAKERS = (_plain, _bidirectional, _stream, _branches, _scan, _function, _quantised, _other)
ONNX = [make() for make in MAKERS]


@pytest.fixture
def x(tmp_path):
    """Two steps of one sequence, by name and with states."""
    path = tmp_path / "x.npz"
    states = {name: np.zeros((1, 1, 2), np.float32) for name in ("h0", "c0")}
    np.savez(path, x=RNG.normal(size=(2, 1, 3)).astype(np.float32), **states)
    np.save(tmp_path / "x.npy", RNG.normal(size=(2, 1, 3)).astype(np.float32))
    return tmp_path / "x.npy"


@pytest.mark.parametrize("make", MAKERS)
def test_the_models_are_whole(command, tmp_path, x, make):
    path = tmp_path / "net.onnx"
    path.write_bytes(make())
    assert command("inspect", path)() is None
    given = x.with_suffix(".npz") if make is _stream else x
    sentence = command("run", path, "--input", given, "--config", "tiny")()
    assert sentence is None or make is _other


def test_damaged_onnx_models_end_in_a_sentence(survives, command, tmp_path, x, count):
    path = tmp_path / "net.onnx"
    survives(command("run", path, "--input", x, "--config", "tiny"), path, ONNX, count)


def test_damaged_onnx_models_can_be_looked_into(survives, command, tmp_path, count):
    path = tmp_path / "net.onnx"
    survives(command("inspect", path), path, ONNX, count)


EXPORTED = [path.read_bytes() for path in sorted((FILES.parent / "onnx").glob("*.onnx"))]


def test_damaged_models_of_exporters_can_be_looked_into(survives, command, tmp_path, count):
    """Layers in loops, in branches and written out."""
    path = tmp_path / "net.onnx"
    survives(command("inspect", path), path, EXPORTED, count)


CHECKPOINTS = [
    path.read_bytes()
    for path in sorted(FILES.iterdir())
    if path.suffix in (".pt", ".ckpt") and path.stat().st_size < 20_000
]


def test_damaged_checkpoints_end_in_a_sentence(survives, command, tmp_path, count):
    x = tmp_path / "x.npy"
    np.save(x, RNG.normal(size=(1, 2, 5)).astype(np.float32))
    path = tmp_path / "net.pt"
    survives(command("run", path, "--input", x, "--config", "tiny"), path, CHECKPOINTS, count)


def test_damaged_checkpoints_can_be_looked_into(survives, command, tmp_path, count):
    path = tmp_path / "net.pt"
    survives(command("inspect", path), path, CHECKPOINTS, count)


def test_damaged_files_of_integer_networks_end_in_a_sentence(survives, command, tmp_path, x, count):
    onnx, path = tmp_path / "net.onnx", tmp_path / "net.refrain"
    onnx.write_bytes(ONNX[1])
    assert command("quantize", onnx, "--calibration", x, "-o", path)() is None
    np.save(x, RNG.normal(size=(1, 2, 3)).astype(np.float32))
    run = command("run", path, "--input", x, "--config", "tiny")
    survives(run, path, [path.read_bytes()], count)


def test_damaged_whole_tflite_networks_end_in_a_sentence(survives, command, tmp_path, count):
    whole = (FILES.parent / "mnist_lstm" / "trained_lstm_int8.tflite").read_bytes()
    np.save(tmp_path / "x.npy", RNG.normal(size=(1, 28, 28)).astype(np.float32))
    path = tmp_path / "net.tflite"
    run = command("run", path, "--input", tmp_path / "x.npy", "--config", "tiny")
    survives(run, path, [whole], count)
