"""The page on images is true and enough: its example, and a packer in C written from it."""

import re
import subprocess
from math import log2
from pathlib import Path

import numpy as np
import pytest
import tflite

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_file, compile_integer
from sim.explore.compiling.manifest import schema
from sim.model.random_network import random_network
from sim.networks.network import IntegerLayer, IntegerLstm, IntegerNetwork, Quantization
from sim.networks.tflite.writer import write_tflite

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "image.md").read_text()
DATA = HERE.parent / "data"


def test_the_example_has_the_bytes_of_the_page():
    gate, unit, column = np.ogrid[:4, :3, :4]
    weights = (16 * gate + 4 * unit + column - 20).astype(np.int8)
    bias = (1000 * gate - 1500 + unit)[:, :, 0].astype(np.int32)
    lstm = IntegerLstm(
        W=weights[:, :, :1],
        R=weights[:, :, 1:],
        bias=bias,
        W_scale=(2.0**-7,) * 4,
        R_scale=(2.0**-6,) * 4,
        x=Quantization(scale=2.0**-5, zero_point=3),
        h=Quantization(scale=2.0**-7, zero_point=-1),
        c_power=-11,
    )
    network = IntegerNetwork(layers=(IntegerLayer(directions=(lstm,)),))
    made = compile_integer(network, Wanted(config=CONFIGS["tiny"], steps=2, sequences=1))
    shown = bytearray(len(made.data))
    rows = re.findall(r"^([0-9a-f]{8})  ([0-9a-f ]{47})$", PAGE, re.M)
    assert len(rows) > 10
    for address, row in rows:
        shown[int(address, 16) : int(address, 16) + 16] = bytes.fromhex(row)
    assert shown == made.data


def test_the_page_names_every_entry_of_the_manifest():
    entries = schema()["properties"].keys() - {"format", "version", "generator", "network"}
    assert [name for name in entries if f"`{name}`" not in PAGE] == []


@pytest.fixture(scope="module")
def packer(tmp_path_factory):
    """The packer, compiled."""
    path = tmp_path_factory.mktemp("packer") / "packer"
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Werror"]
    command = ["gcc", *flags, HERE / "packer.c", "-o", path, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return path


def _raw_layers(path):
    """Numbers of each LSTM operator of a .tflite file, by the schema's own reader."""
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        if code.BuiltinCode() != tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM:
            continue
        options = tflite.UnidirectionalSequenceLSTMOptions()
        options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        tensors = [
            graph.Tensors(operator.Inputs(k)) if operator.Inputs(k) >= 0 else None
            for k in range(20)
        ]
        yield _raw(model, tensors, graph.Tensors(operator.Outputs(0)), options.CellClip())


def _raw(model, tensors, output, cell_clip):
    def form(tensor):
        quantization = tensor.Quantization()
        return quantization.Scale(0), quantization.ZeroPoint(0)

    def values(tensor, kind):
        return np.frombuffer(model.Buffers(tensor.Buffer()).DataAsNumpy(), kind).astype(int)

    weights, recurrent, biases = tensors[1:5], tensors[5:9], tensors[12:16]
    hidden, inputs = weights[0].ShapeAsNumpy()
    c_scale = form(tensors[19])[0]
    yield from (inputs, hidden, *form(tensors[0]), *form(output), round(log2(c_scale)))
    # As TensorFlow Lite casts it.
    yield int(min(cell_clip / c_scale, 32767))
    for group in (weights, recurrent):
        yield from (form(each)[0] for each in group)
    for group, kind in ((weights, np.int8), (recurrent, np.int8), (biases, "<i4")):
        for each in group:
            yield from values(each, kind)


NETWORKS = {
    "mnist": None,
    "lstm_64_128": None,
    "small": random_network((3, 5), seed=1),
    "stack": random_network((9, 30, 17), seed=2, weight_bits=5, cell_clip=9000),
    "streamed": random_network((70, 100, 90, 110), seed=3),
    "deep": random_network((2, *[3] * 9), seed=4),
}


@pytest.mark.parametrize("base", [0, 0x2000_0000])
@pytest.mark.parametrize("config", ["tiny", "edge", "chip"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_packer_in_c_that_was_written_from_the_page_makes_the_same_bytes(
    packer, tmp_path, name, config, base
):
    path = tmp_path / "net.tflite"
    if name == "mnist":
        path = DATA / "mnist_lstm" / "trained_lstm_int8.tflite"
    elif name == "lstm_64_128":
        path = DATA / "lstm_64_128_int8.tflite"
    else:
        write_tflite(NETWORKS[name], path, steps=5)
    machine = CONFIGS[config]
    made = compile_file(path, Wanted(config=machine, steps=5, sequences=2, base=base))
    layers = [list(each) for each in _raw_layers(path)]
    numbers = [machine.lanes, machine.bus_width, machine.multiplier.weight_width]
    numbers += [machine.max_input, machine.max_hidden, machine.weight_words, 5, 2, base]
    numbers += [len(layers), *(value for layer in layers for value in layer)]
    text = " ".join(float(value).hex() for value in numbers)
    done = subprocess.run([packer], input=text.encode(), capture_output=True, check=True)
    assert done.stdout == made.data
