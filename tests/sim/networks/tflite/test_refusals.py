"""What cannot be run is refused in one sentence: file, operator, what was found, what helps."""

import copy
from pathlib import Path

import numpy as np
import pytest
import tflite
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.networks.loader import load_network
from sim.networks.network import IntegerNetwork, NetworkError, Quantization
from sim.networks.tflite.model import TfliteModel

OPERATORS = tflite.BuiltinOperator
X = Quantization(scale=0.015625, zero_point=-3)
FUSE = (
    "convert it with TensorFlow 2.15 or tf_keras, a fixed batch size and the layer's default "
    "activations, which writes UNIDIRECTIONAL_SEQUENCE_LSTM, or give the network as .onnx"
)


@pytest.fixture
def write(nets, builder, tmp_path):
    """QUANTIZE, LSTM, DEQUANTIZE, with ``change(model)`` made to it; the file."""

    def make(change=lambda model: None):
        (layer,) = nets.random_integer(5, 7).layers
        x = builder.tensor((1, 6, 5), np.float32, name="x")
        y = builder.dequantize(builder.lstm(layer.directions[0], builder.quantize(x, X)))
        return builder.write(tmp_path / "net.tflite", [x], [y], change)

    return make


@pytest.fixture
def whole(write):
    """The content of the file as it is."""
    return write().read_bytes()


def refusal(path, load=load_network):
    with pytest.raises(NetworkError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}") and len(text) <= 400 and "\n" not in text
    return text[len(f"{path}") :].removeprefix(": ")


def kind(number, code, custom=None):
    """Make an operator another one."""

    def change(model):
        found = schema.OperatorCodeT()
        found.builtinCode, found.deprecatedBuiltinCode = code, min(code, 127)
        found.customCode, found.version = custom, 1
        model.operatorCodes.append(found)
        model.subgraphs[0].operators[number].opcodeIndex = len(model.operatorCodes) - 1

    return change


def graphs(*names):
    def change(model):
        for name in names:
            model.subgraphs.append(copy.copy(model.subgraphs[0]))
            model.subgraphs[-1].name = name

    return change


def loop(*body):
    """Make the second operator a loop whose body has these operators."""

    def change(model):
        graphs("condition", "body")(model)
        kind(1, OPERATORS.WHILE)(model)
        options = schema.WhileOptionsT()
        options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
        operator = model.subgraphs[0].operators[1]
        operator.builtinOptionsType = tflite.BuiltinOptions.WhileOptions
        operator.builtinOptions = options
        model.subgraphs[2].operators = []
        for code in body:
            model.operatorCodes.append(schema.OperatorCodeT())
            model.operatorCodes[-1].builtinCode = code
            model.subgraphs[2].operators.append(schema.OperatorT())
            model.subgraphs[2].operators[-1].opcodeIndex = len(model.operatorCodes) - 1

    return change


def option(name, value):
    return lambda model: setattr(model.subgraphs[0].operators[1].builtinOptions, name, value)


def wide(model):
    """Activations of a type that no operator in integers has."""
    tensors = model.subgraphs[0].tensors
    tensors[model.subgraphs[0].operators[1].inputs[0]].type = tflite.TensorType.UINT8


def backwards(model):
    model.subgraphs[0].operators.reverse()


def coupled(model):
    inputs = list(model.subgraphs[0].operators[1].inputs)
    model.subgraphs[0].operators[1].inputs = [inputs[0], -1, *inputs[2:]]


def without_input(model):
    model.subgraphs[0].inputs = []
    model.subgraphs[0].operators[1].inputs[0] = model.subgraphs[0].operators[0].inputs[0]
    tensors = model.subgraphs[0].tensors
    x = tensors[model.subgraphs[0].operators[0].inputs[0]]
    x.type, x.quantization = tflite.TensorType.INT8, schema.QuantizationParametersT()
    x.quantization.scale, x.quantization.zeroPoint = [X.scale], [X.zero_point]


def finer(model):
    operator = model.subgraphs[0].operators[1]
    model.subgraphs[0].tensors[operator.inputs[19]].quantization.scale = [2.0**-20]


def empty(model):
    model.subgraphs[0].operators = []


SIGMOID, TANH = OPERATORS.LOGISTIC, OPERATORS.TANH


@pytest.mark.parametrize(
    "change, sentence",
    [
        (
            graphs("decode", "init"),
            "it has 3 subgraphs (main, decode, init), not one; convert one function of the network "
            "alone, without control flow and with stateful=False",
        ),
        (
            loop(SIGMOID, SIGMOID, TANH, SIGMOID, TANH),
            f"operator 1 (WHILE) is a loop, by its body an LSTM layer that was not fused; {FUSE}",
        ),
        (
            loop(SIGMOID, SIGMOID, TANH),
            "operator 1 (WHILE) is a loop over subgraph 2, which is no step of an LSTM; the "
            "accelerator computes LSTM layers alone, and a loop around them is not supported",
        ),
        (
            kind(0, OPERATORS.VAR_HANDLE),
            "operator 0 (VAR_HANDLE) keeps a variable of the network in the file; convert it with "
            "stateful=False",
        ),
        (
            kind(1, OPERATORS.BIDIRECTIONAL_SEQUENCE_LSTM),
            "operator 1 is BIDIRECTIONAL_SEQUENCE_LSTM, and no operator is "
            "UNIDIRECTIONAL_SEQUENCE_LSTM; convert it with TensorFlow 2, which writes a "
            "UNIDIRECTIONAL_SEQUENCE_LSTM for each direction",
        ),
        (
            kind(1, OPERATORS.LSTM),
            "operator 1 is LSTM, and no operator is UNIDIRECTIONAL_SEQUENCE_LSTM; convert it with "
            "TensorFlow 2, which writes UNIDIRECTIONAL_SEQUENCE_LSTM",
        ),
        (
            kind(1, OPERATORS.UNIDIRECTIONAL_SEQUENCE_RNN),
            "operator 1 is UNIDIRECTIONAL_SEQUENCE_RNN, and no operator is "
            "UNIDIRECTIONAL_SEQUENCE_LSTM; the accelerator computes LSTM layers alone",
        ),
        (
            kind(1, OPERATORS.TANH),
            "it has no LSTM operator, only DEQUANTIZE, QUANTIZE, TANH; the accelerator needs a "
            "UNIDIRECTIONAL_SEQUENCE_LSTM, which TensorFlow 2.15 or tf_keras writes for Keras's "
            "LSTM",
        ),
        (empty, "it has no operator"),
        (
            kind(2, OPERATORS.CUSTOM, b"FlexErf"),
            "operator 2 is the custom FlexErf operator, which nothing here runs; convert the "
            "network with TFLITE_BUILTINS alone as its supported_ops",
        ),
        (
            wide,
            "x of operator 1 is UINT8, and the accelerator takes INT8 or INT16; convert the "
            "network with TFLITE_BUILTINS_INT8 as its supported_ops",
        ),
        (
            backwards,
            "operator 0 (DEQUANTIZE) takes t21 before operator 1 makes it",
        ),
        (
            without_input,
            "x of operator1 (x) is no input of the network and made by no operator; convert the "
            "network again",
        ),
        (
            coupled,
            "operator 1 has coupled gates (CIFG), which the accelerator does not have; train it as "
            "a plain LSTM layer, such as Keras's",
        ),
        (
            option("asymmetricQuantizeInputs", True),
            "operator 1 quantises its inputs at run time; convert the network with a "
            "representative_dataset, which fixes their formats",
        ),
        (
            finer,
            "the cell state of operator 1 must have a power of two from 2**-19 to 2**0 as its "
            "scale, not 9.53674e-07",
        ),
    ],
)
def test_what_is_not_supported_is_refused_by_name(write, change, sentence):
    assert refusal(write(change)) == sentence


def test_what_litert_does_not_take_is_refused_with_its_words(write):
    text = refusal(write(kind(2, OPERATORS.CONV_2D)))
    assert text.startswith("LiteRT cannot load operator 2 (CONV_2D): ")


@pytest.mark.parametrize(
    "inputs, sentence",
    [
        ({}, " needs the input x"),
        ({"x": np.zeros((1, 6, 5)), "z": np.zeros(1)}, " has no input z; its inputs are x"),
        ({"x": np.array([["a"]])}, "the input x must hold numbers, not <U1"),
        (
            {"x": np.full((1, 6, 5), np.nan)},
            "the input x must hold finite numbers, but holds NaN or infinity",
        ),
        ({"x": np.full((1, 6, 5), 1e60)}, "the input x holds numbers that float32 cannot hold"),
        ({"x": np.zeros((1, 6, 4))}, "the input x must have the shape [1, 6, 5], not [1, 6, 4]"),
        ({"x": np.zeros((6, 5))}, "the input x must have the shape [1, 6, 5], not [6, 5]"),
        (
            {"x": np.zeros((1, 12, 5))},
            "axis 1 of the input x must have the size 6, as the file fixes it; convert the network "
            "with the size that you need",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(write, inputs, sentence):
    model = TfliteModel(write())
    assert refusal(model.path, lambda path: model.run(inputs, None)) == sentence


def test_whole_numbers_that_codes_cannot_hold_are_refused(nets, builder, tmp_path):
    (layer,) = nets.random_integer(5, 7).layers
    x = builder.tensor((1, 6, 5), np.int8, X, name="x")
    y = builder.dequantize(builder.lstm(layer.directions[0], x))
    model = TfliteModel(builder.write(tmp_path / "net.tflite", [x], [y]))
    sentence = "the input x must hold whole numbers that int8 can hold"
    assert (
        refusal(model.path, lambda path: model.run({"x": np.full((1, 6, 5), 200)}, None))
        == sentence
    )


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_short_is_refused(write, share):
    path = write()
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert refusal(path)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_refused_or_harmless(whole, tmp_path, data):
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.tflite"
    path.write_bytes(content)
    try:
        model = load_network(path)
    except NetworkError as error:
        assert str(error).startswith(str(path)) and len(str(error)) <= 400 + len(str(path))
    else:
        assert isinstance(model, IntegerNetwork) or model.lstm_layers


@pytest.mark.parametrize("field", ["inputs", "outputs", "intermediates", "opcodeIndex", "buffer"])
def test_an_operator_that_names_no_tensor_is_refused_when_it_is_read(tmp_path, nets, field):
    shipped = Path(__file__).parents[3] / "data" / "mnist_lstm" / "trained_lstm_int8.tflite"
    path = tmp_path / "net.tflite"
    path.write_bytes(shipped.read_bytes())

    def change(model):
        operators = model.subgraphs[0].operators
        if field == "opcodeIndex":
            operators[-1].opcodeIndex = 99
            return
        if field == "buffer":
            model.subgraphs[0].tensors[-1].buffer = 9999
            return
        found = next(each for each in operators if getattr(each, field) is not None)
        setattr(found, field, [*getattr(found, field)[:-1], 9999])

    nets.edit_tflite(path, change)
    with pytest.raises(NetworkError) as caught:
        TfliteModel(path)
    assert str(caught.value) == (
        f"{path} is damaged or cut short; get it again, or convert the network again"
    )
