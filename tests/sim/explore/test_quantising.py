"""Quantising what files hold: chains of LSTM nodes of ONNX models, states, and what is written."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper
from tflite_micro import runtime

from sim.explore.quantising import load_subjects, quantize_measured, write_quantized
from sim.model.network import run_network
from sim.networks.container import read_container
from sim.networks.network import NetworkError
from sim.networks.quantizer import to_codes
from sim.networks.tflite.reader import read_tflite

INPUTS, H, STEPS = 3, 4, 6


@pytest.fixture
def stacked(onnx_graph):
    """Writes two LSTM nodes of which one feeds the other; gives the file."""
    return lambda path, directions=1: _stacked(onnx_graph(), path, directions)


def _stacked(graph, path, directions):
    first = graph.lstm("a", "x", INPUTS, directions)
    second = graph.lstm("b", graph.joined(first, directions), directions * H, directions)
    return graph.save(path, graph.joined(second, directions))


@pytest.fixture
def samples():
    """Inputs of a model: 5 sequences."""
    return np.random.default_rng(0).normal(size=(STEPS, 5, INPUTS)).astype(np.float32)


@pytest.mark.parametrize("directions", [1, 2])
def test_nodes_that_follow_each_other_are_one_network(stacked, tmp_path, samples, directions):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx", directions), samples)
    assert (subject.name, subject.nodes) == ("a", ("a", "b"))
    part, figures = quantize_measured(subject)
    assert [layer.output_size for layer in part.network.layers] == [directions * H] * 2
    assert part.network.layers[0].directions[0].h == part.network.layers[1].directions[0].x
    assert figures["sqnr_db"] > 30


def test_a_chain_in_a_tflite_file_is_what_tensorflow_lite_runs(stacked, tmp_path, samples):
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


def test_a_node_of_a_chain_can_be_quantised_alone(stacked, tmp_path, samples):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx"), samples, "b")
    assert subject.nodes == ("b",) and len(subject.network.layers) == 1


def test_a_rearrangement_that_moves_values_ends_a_chain(onnx_graph, tmp_path, samples):
    graph = onnx_graph()
    first = graph.lstm("a", "x", INPUTS)
    graph.nodes.append(helper.make_node("Transpose", [graph.joined(first)], ["t"], perm=[1, 0, 2]))
    graph.lstm("b", "t", H)
    subjects = load_subjects(graph.save(tmp_path / "net.onnx", "b_y"), samples)
    assert [subject.nodes for subject in subjects] == [("a",), ("b",)]


def test_two_that_follow_one_are_networks_of_their_own(onnx_graph, tmp_path, samples):
    graph = onnx_graph()
    joined = graph.joined(graph.lstm("a", "x", INPUTS))
    outputs = [graph.lstm(name, joined, H) for name in ("b", "c")]
    subjects = load_subjects(graph.save(tmp_path / "net.onnx", *outputs), samples)
    assert [subject.nodes for subject in subjects] == [("a",), ("b",), ("c",)]


def test_states_of_every_layer_of_a_chain_are_calibrated_and_measured(
    onnx_graph, tmp_path, samples
):
    graph = onnx_graph()
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
    assert figures["sqnr_from_states_db"] > 30 and figures["sqnr_db"] < 10
    # Without them its states are small, and their format is fine.
    calm = tuple(replace(call, later=()) for call in subject.seen)
    other, _ = quantize_measured(replace(subject, seen=calm))
    powers = [each.network.layers[1].directions[0].c_power for each in (part, other)]
    assert powers[0] > powers[1]


def test_what_a_tflite_file_cannot_say_is_told_where_it_can_be_said(stacked, tmp_path, samples):
    (subject,) = load_subjects(stacked(tmp_path / "net.onnx", 2), samples)
    part, _ = quantize_measured(subject)
    with pytest.raises(NetworkError) as caught:
        write_quantized(tmp_path / "net.tflite", [part], steps=STEPS)
    assert str(caught.value) == (
        "layer 0 is bidirectional, which no .tflite LSTM operator in integers expresses; a "
        ".refrain file holds it: -o net.refrain"
    )
    assert not (tmp_path / "net.tflite").exists()
    write_quantized(tmp_path / "net.refrain", [part], steps=STEPS)
    (read,) = read_container(tmp_path / "net.refrain")
    x = to_codes(samples.swapaxes(0, 1), part.network.layers[0].directions[0].x)
    assert (run_network(read.network, x).h == run_network(part.network, x).h).all()
    assert read.nodes == ("a", "b")
