"""Quantising what files hold: chains of LSTM nodes of ONNX models, states, and what is written."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from tflite_micro import runtime

from sim.explore.quantising import load_subjects, quantize_measured, write_quantized
from sim.model.network import run_network
from sim.networks.container import read_container
from sim.networks.network import NetworkError
from sim.networks.quantizer import to_codes
from sim.networks.tflite.reader import read_tflite

INPUTS, H, STEPS = 3, 4, 6


class Graph:
    """An ONNX graph of LSTM nodes with ``x`` [time, batch, INPUTS], that grows node by node."""

    def __init__(self):
        self.nodes, self.constants, self.outputs, self.inputs = [], [], [], ["x"]

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def lstm(self, name, x, inputs, directions=1, states=()):
        rng = np.random.default_rng([*name.encode()])
        shapes = {"W": (4 * H, inputs), "R": (4 * H, H), "B": (8 * H,)}
        names = [
            self.constant(
                f"{name}{key}", rng.uniform(-0.7, 0.7, (directions, *shape)).astype(np.float32)
            )
            for key, shape in shapes.items()
        ]
        direction = "bidirectional" if directions == 2 else "forward"
        taken = [x, *names, *(("", *states) if states else ())]
        made = [f"{name}_y", f"{name}_h", f"{name}_c"]
        options = {"hidden_size": H, "direction": direction}
        self.nodes.append(helper.make_node("LSTM", taken, made, name, **options))
        return made[0]

    def joined(self, tensor, directions=1):
        """``Y`` [time, directions, batch, H] as [time, batch, directions * H], as PyTorch does."""
        if directions == 1:
            axes = self.constant(f"{tensor}_axes", np.array([1]))
            self.nodes.append(helper.make_node("Squeeze", [tensor, axes], [f"{tensor}_x"]))
        else:
            shape = self.constant(f"{tensor}_shape", np.array([0, 0, -1]))
            self.nodes += [
                helper.make_node("Transpose", [tensor], [f"{tensor}_t"], perm=[0, 2, 1, 3]),
                helper.make_node("Reshape", [f"{tensor}_t", shape], [f"{tensor}_x"]),
            ]
        return f"{tensor}_x"

    def save(self, path, *outputs):
        inputs = [helper.make_tensor_value_info("x", 1, ["time", "batch", INPUTS])]
        inputs += [helper.make_tensor_value_info(n, 1, [1, "batch", H]) for n in self.inputs[1:]]
        made = [onnx.ValueInfoProto(name=name) for name in outputs]
        graph = helper.make_graph(self.nodes, "graph", inputs, made, self.constants)
        opset = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
        return path


def stacked(path, directions=1):
    graph = Graph()
    first = graph.lstm("a", "x", INPUTS, directions)
    second = graph.lstm("b", graph.joined(first, directions), directions * H, directions)
    return graph.save(path, graph.joined(second, directions))


@pytest.fixture
def samples():
    """Inputs of a model: 5 sequences."""
    return np.random.default_rng(0).normal(size=(STEPS, 5, INPUTS)).astype(np.float32)


@pytest.mark.parametrize("directions", [1, 2])
def test_nodes_that_follow_each_other_are_one_network(tmp_path, samples, directions):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx", directions), samples)
    assert (subject.name, subject.nodes) == ("a", ("a", "b"))
    part, figures = quantize_measured(subject)
    assert [layer.output_size for layer in part.network.layers] == [directions * H] * 2
    assert part.network.layers[0].directions[0].h == part.network.layers[1].directions[0].x
    assert figures["sqnr_db"] > 30


def test_a_chain_in_a_tflite_file_is_what_tensorflow_lite_runs(tmp_path, samples):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx"), samples)
    part, _ = quantize_measured(subject)
    path = tmp_path / "net.tflite"
    write_quantized(path, [part], steps=STEPS)
    assert len(read_tflite(path).layers) == 2
    first = part.network.layers[0].directions[0].x
    x = to_codes(samples.swapaxes(0, 1), first)
    interpreter = runtime.Interpreter.from_file(str(path))
    for sequence in x:
        interpreter.reset()
        interpreter.set_input(sequence[None], 0)
        interpreter.invoke()
        assert (interpreter.get_output(0) == run_network(part.network, sequence[None]).h).all()


def test_a_node_of_a_chain_can_be_quantised_alone(tmp_path, samples):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx"), samples, "b")
    assert subject.nodes == ("b",) and len(subject.network.layers) == 1


def test_a_rearrangement_that_moves_values_ends_a_chain(tmp_path, samples):
    graph = Graph()
    first = graph.lstm("a", "x", INPUTS)
    graph.nodes.append(helper.make_node("Transpose", [graph.joined(first)], ["t"], perm=[1, 0, 2]))
    graph.lstm("b", "t", H)
    subjects = load_subjects(graph.save(tmp_path / "net.onnx", "b_y"), samples)
    assert [subject.nodes for subject in subjects] == [("a",), ("b",)]


def test_two_that_follow_one_are_networks_of_their_own(tmp_path, samples):
    graph = Graph()
    joined = graph.joined(graph.lstm("a", "x", INPUTS))
    outputs = [graph.lstm(name, joined, H) for name in ("b", "c")]
    subjects = load_subjects(graph.save(tmp_path / "net.onnx", *outputs), samples)
    assert [subject.nodes for subject in subjects] == [("a",), ("b",), ("c",)]


def test_states_of_every_layer_of_a_chain_are_calibrated_and_measured(tmp_path, samples):
    graph = Graph()
    names = ["h1", "c1", "h2", "c2"]
    graph.inputs += names
    first = graph.lstm("a", "x", INPUTS, states=names[:2])
    graph.lstm("b", graph.joined(first), H, states=names[2:])
    path = graph.save(tmp_path / "net.onnx", "b_y")
    rng = np.random.default_rng(1)
    states = {name: rng.uniform(-0.9, 0.9, (1, 5, H)).astype(np.float32) for name in names}
    states["c2"] *= 20
    (subject,) = load_subjects(path, {"x": samples, **states})
    assert (subject.seen[0].states(1)[1] == states["c2"]).all()
    part, figures = quantize_measured(subject)
    second = part.network.layers[1].directions[0]
    assert 2.0**second.c_power * 32767 >= np.abs(states["c2"]).max()
    assert figures["sqnr_db"] > 30


def test_what_a_tflite_file_cannot_say_is_told_where_it_can_be_said(tmp_path, samples):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx", 2), samples)
    part, _ = quantize_measured(subject)
    with pytest.raises(NetworkError) as caught:
        write_quantized(tmp_path / "net.tflite", [part], steps=STEPS)
    assert str(caught.value) == (
        "layer 0 is bidirectional, which no .tflite LSTM operator for int8 expresses; a .refrain "
        "file holds it: -o net.refrain"
    )
    assert not (tmp_path / "net.tflite").exists()
    write_quantized(tmp_path / "net.refrain", [part], steps=STEPS)
    (read,) = read_container(tmp_path / "net.refrain")
    x = to_codes(samples.swapaxes(0, 1), part.network.layers[0].directions[0].x)
    assert (run_network(read.network, x).h == run_network(part.network, x).h).all()
    assert read.nodes == ("a", "b")
