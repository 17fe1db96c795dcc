from dataclasses import replace

import numpy as np
import pytest
import tflite
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.networks.network import IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.tflite.reader import read_tflite
from sim.networks.tflite.writer import write_tflite


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        read_tflite(path)
    text = str(caught.value)
    assert text.startswith(f"{path}")
    return text[len(f"{path}") :].removeprefix(": ")


def test_the_reference_file_is_read(nets):
    (layer,) = read_tflite(nets.data / "lstm_64_128_int8.tflite").layers
    (lstm,) = layer.directions
    assert (lstm.input_size, lstm.hidden_size) == (64, 128)
    assert lstm.W.dtype == lstm.R.dtype == np.int8
    assert lstm.bias.dtype == np.int32
    assert (lstm.x.zero_point, lstm.h.zero_point) == (-4, 4)
    assert lstm.x.scale == float(np.float32(0.018090343))
    assert lstm.c_power == -15
    # The file asks for 10.0, more than 16 bits of 2**-15 hold.
    assert lstm.cell_clip == 32767
    assert not lstm.reverse
    assert lstm.h0 is None and lstm.c0 is None


def test_operators_are_followed_by_their_tensors(nets, stacked):
    expected = nets.arrays_of(read_tflite(stacked))
    nets.edit_tflite(stacked, lambda model: model.subgraphs[0].operators.reverse())
    assert nets.arrays_of(read_tflite(stacked)) == expected


def test_a_file_of_the_older_schema_is_read(nets, stacked):
    expected = nets.arrays_of(read_tflite(stacked))

    def older(model):
        model.operatorCodes[0].builtinCode = 0

    nets.edit_tflite(stacked, older)
    assert nets.arrays_of(read_tflite(stacked)) == expected


def operator(model, number=0):
    return model.subgraphs[0].operators[number]


def option(name, value):
    def change(model):
        setattr(operator(model).builtinOptions, name, value)

    return change


def tensor_of(position, **changes):
    """Change the tensor at an input of the first operator; -1 is its output."""

    def change(model):
        op = operator(model)
        index = op.outputs[0] if position < 0 else op.inputs[position]
        tensor = model.subgraphs[0].tensors[index]
        for name, value in changes.items():
            if name in ("scale", "zeroPoint"):
                setattr(tensor.quantization, name, value)
            else:
                setattr(tensor, name, value)

    return change


def given_input(position, index):
    def change(model):
        inputs = list(operator(model).inputs)
        inputs[position] = index
        operator(model).inputs = inputs

    return change


def values_of(position, array):
    def change(model):
        tensor = model.subgraphs[0].tensors[operator(model).inputs[position]]
        model.buffers[tensor.buffer].data = np.frombuffer(array.tobytes(), np.uint8)

    return change


def kind(code, name=None):
    def change(model):
        model.operatorCodes[0].builtinCode = code
        model.operatorCodes[0].deprecatedBuiltinCode = min(code, 127)
        model.operatorCodes[0].customCode = name

    return change


def both_take_the_same(model):
    operator(model, 1).inputs = [0, *operator(model, 1).inputs[1:]]


def second_stands_alone(model):
    model.subgraphs[0].outputs = [operator(model).outputs[0]]


def twice(model):
    model.subgraphs.append(model.subgraphs[0])


def outputs_twice(model):
    model.subgraphs[0].outputs = [*model.subgraphs[0].outputs, 1]


def short_inputs(model):
    operator(model).inputs = operator(model).inputs[:20]


PLAIN = "which the accelerator does not have; train it as a plain LSTM layer, such as Keras's"
INT8, FLOAT32 = tflite.TensorType.INT8, tflite.TensorType.FLOAT32


@pytest.mark.parametrize(
    "change, sentence",
    [
        (
            option("cellClip", 1e-5),
            "operator 0 has a cell clip of 1e-05, less than one code of its state",
        ),
        (option("cellClip", float("nan")), "operator 0 has a cell clip that is not a number"),
        (
            option("fusedActivationFunction", 1),
            "operator 0 has an activation other than tanh; train it as a plain LSTM layer, such "
            "as Keras's",
        ),
        (option("projClip", 1.0), f"operator 0 has a projection clip, {PLAIN}"),
        (
            option("timeMajor", True),
            "operator 0 is time-major; only [batch, time, features] is supported",
        ),
        (
            option("asymmetricQuantizeInputs", True),
            "operator 0 quantises its inputs at run time; convert the network with a "
            "representative_dataset, which fixes their formats",
        ),
        (
            option("diagonalRecurrentTensors", True),
            f"operator 0 has diagonal recurrent weights, {PLAIN}",
        ),
        (given_input(9, 2), f"operator 0 has peephole connections, {PLAIN}"),
        (given_input(11, 2), f"operator 0 has peephole connections, {PLAIN}"),
        (given_input(16, 2), f"operator 0 has a projection, {PLAIN}"),
        (given_input(23, 2), f"operator 0 has layer normalisation, {PLAIN}"),
        (given_input(1, -1), f"operator 0 has coupled gates (CIFG), {PLAIN}"),
        (given_input(5, -1), f"operator 0 has coupled gates (CIFG), {PLAIN}"),
        (given_input(14, -1), "operator 0 lacks its input 14"),
        (
            tensor_of(18, isVariable=False),
            "operator 0 must keep its state in variable tensors, as TensorFlow's converter writes "
            "them",
        ),
        (tensor_of(0, type=FLOAT32), "x of operator 0 must be INT8 or INT16, not FLOAT32"),
        (
            tensor_of(2, type=FLOAT32),
            "forget gate's input weights of operator 0 must be INT8, not FLOAT32",
        ),
        (
            tensor_of(12, type=tflite.TensorType.INT64),
            "input gate's bias of operator 0 must be INT32, not INT64",
        ),
        (tensor_of(19, type=INT8), "the cell state of operator 0 must be INT16, not INT8"),
        (
            tensor_of(19, scale=[0.0003]),
            "the cell state of operator 0 must have a power of two from 2**-19 to 2**0 as its "
            "scale, not 0.0003",
        ),
        (
            tensor_of(19, scale=[2.0**-20]),
            "the cell state of operator 0 must have a power of two from 2**-19 to 2**0 as its "
            "scale, not 9.53674e-07",
        ),
        (
            tensor_of(19, zeroPoint=[1]),
            "the cell state of operator 0 must have the zero point 0, not 1",
        ),
        (
            tensor_of(6, zeroPoint=[3]),
            "forget gate's recurrent weights of operator 0 must have the zero point 0, not 3",
        ),
        (
            tensor_of(13, zeroPoint=[3]),
            "forget gate's bias of operator 0 must have the zero point 0, not 3",
        ),
        (
            tensor_of(2, scale=[0.1, 0.2, 0.3, 0.4]),
            "forget gate's input weights of operator 0 must have one scale",
        ),
        (
            tensor_of(-1, scale=[0.5]),
            "operator 0 must write its output in the format of its hidden state",
        ),
        (
            tensor_of(0, zeroPoint=[200]),
            "x of layer 0 must have a zero point between -128 and 127, not 200",
        ),
        (
            tensor_of(0, scale=[0.0]),
            "x of layer 0 must have a positive scale that float32 holds, not 0.0",
        ),
        (
            tensor_of(0, shape=[1, 6, 4]),
            "x of operator 0 must have the shape (batch, time, 3), not (1, 6, 4)",
        ),
        (
            tensor_of(2, shape=[12]),
            "input weights of operator 0 must be a matrix, not of shape (12,)",
        ),
        (
            tensor_of(7, shape=[2, 8]),
            "cell gate's recurrent weights of operator 0 must have the shape (4, 4), not (2, 8)",
        ),
        (
            tensor_of(4, buffer=0),
            "output gate's input weights of operator 0 is not stored in the file as a constant",
        ),
        (
            values_of(3, np.full(12, -128, np.int8)),
            "cell gate's input weights of operator 0 hold the code -128; "
            "only -127 to 127 is supported",
        ),
        (
            kind(tflite.BuiltinOperator.FULLY_CONNECTED),
            "operator 0 is FULLY_CONNECTED, only UNIDIRECTIONAL_SEQUENCE_LSTM is supported",
        ),
        (
            kind(tflite.BuiltinOperator.CUSTOM, b"Mfcc"),
            "operator 0 is the custom operator Mfcc, only UNIDIRECTIONAL_SEQUENCE_LSTM is "
            "supported",
        ),
        (short_inputs, "operator 0 has 20 inputs and 1 outputs, not 24 and 1"),
        (second_stands_alone, "its operators are not one chain from the input to the output"),
        (both_take_the_same, "operators 0 and 1 take the same input"),
        (twice, "it has 2 subgraphs, not one"),
        (outputs_twice, "it has 1 inputs and 2 outputs, not one of each"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(nets, stacked, change, sentence):
    nets.edit_tflite(stacked, change)
    assert refusal(stacked) == sentence


@pytest.mark.parametrize(
    "clip, codes", [(0.0, 0), (-1.0, 0), (1.0, 4096), (0.99999, 4095), (9.0, 32767)]
)
def test_the_clip_is_cut_off_to_codes(nets, stacked, clip, codes):
    nets.edit_tflite(stacked, option("cellClip", clip))
    assert read_tflite(stacked).layers[0].directions[0].cell_clip == codes


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "none") == " cannot be read: No such file or directory"


def test_a_folder_is_named(tmp_path):
    assert refusal(tmp_path) == " cannot be read: Is a directory"


@pytest.mark.parametrize("data", [b"", b"TFL3", b"PK\x03\x04 and more", b"\0" * 100])
def test_another_file_is_named(tmp_path, data):
    (tmp_path / "net.tflite").write_bytes(data)
    assert refusal(tmp_path / "net.tflite") == " is not a TensorFlow Lite file"


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_short_is_refused(stacked, share):
    data = stacked.read_bytes()
    stacked.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NetworkError):
        read_tflite(stacked)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_refused_or_harmless(stacked, tmp_path, data):
    content = bytearray(stacked.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    try:
        network = read_tflite(path)
    except NetworkError as error:
        assert str(error).startswith(str(path))
    else:
        write_tflite(network, path, steps=2)


def test_sizes_of_a_stack_must_fit(nets):
    first, second = nets.random_integer(3, 4).layers[0], nets.random_integer(5, 6).layers[0]
    h = first.directions[0].h
    second = IntegerLayer(directions=(replace(second.directions[0], x=h),))
    with pytest.raises(NetworkError) as caught:
        write_tflite(IntegerNetwork(layers=(first, second)), "never", steps=1)
    assert str(caught.value) == "layer 1 takes 5 inputs, but the one before has 4"
