from dataclasses import replace

import numpy as np
import pytest
import tflite
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from tflite_micro import runtime

from sim.image.image import State
from sim.model.network import Model
from sim.networks.loader import load_network
from sim.networks.network import IntegerNetwork, NetworkError, Quantization
from sim.networks.quantizer import from_codes
from sim.networks.tflite.model import TfliteModel
from sim.networks.whole import float_lstm

X = Quantization(scale=float(np.float32(0.02)), zero_point=-5)
OUT = Quantization(scale=float(np.float32(0.05)), zero_point=7)
OPERATORS = tflite.BuiltinOperator


class OnModel:
    """Layers of integers on the model of the machine, and what they gave."""

    def __init__(self):
        self.calls = []

    def __call__(self, name, layer, x, h0, c0):
        assert x.dtype == np.int8
        initial = None
        if h0 is not None:
            initial = [State(h=h, c=c) for h, c in zip(h0, c0, strict=True)]
        result = Model(IntegerNetwork(layers=(layer,))).run(x, initial=initial)
        self.calls.append((name, x, result.h))
        h_n, c_n = (np.stack([getattr(s, each) for s in result.states]) for each in "hc")
        return result.h, h_n, c_n


def tflm(path, *inputs):
    """Outputs of TFLite-Micro for each row of the inputs, from states of zero."""
    interpreter = runtime.Interpreter.from_file(str(path))
    outputs = []
    for row in zip(*inputs, strict=True):
        interpreter.reset()
        for number, array in enumerate(row):
            interpreter.set_input(array, number)
        interpreter.invoke()
        outputs.append(np.array(interpreter.get_output(0)))
    return np.stack(outputs)


def run(path, x, lstm=None):
    """The only output for the only input."""
    model = TfliteModel(path)
    return model.run({model.inputs[0]: x}, lstm or OnModel())[model.outputs[0]]


def lstm_of(nets, inputs, hidden, x=X, **options):
    """A random direction over codes of the format ``x``."""
    (layer,) = nets.random_integer(inputs, hidden, **options).layers
    return replace(layer.directions[0], x=x)


def reals(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def codes(shape, seed=0, dtype=np.int8):
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


def test_quantize_and_dequantize_at_the_ends_give_the_bits_of_tflite_micro(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.float32, name="sound")
    y = builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X))
    path = builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)])
    model = load_network(path)
    assert isinstance(model, TfliteModel)
    assert (model.inputs, list(model.lstm_layers), model.forms) == (("sound",), ["operator1"], {})
    given = reals((20, 1, 6, 5))
    found = model.run({"sound": given[:, 0]}, OnModel())[model.outputs[0]]
    assert found.dtype == np.float32
    assert np.array_equal(found, tflm(path, given)[:, 0])


def test_an_operator_is_what_litert_takes_it_for(nets, builder, tmp_path):
    """The larger of two codes, where a file has the older schema's field and the newer."""
    x = builder.tensor((1, 6, 5), np.float32)
    y = builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X))

    kind = OPERATORS.UNIDIRECTIONAL_SEQUENCE_LSTM

    def older_code(model):
        (code,) = (each for each in model.operatorCodes if each.builtinCode == kind)
        code.deprecatedBuiltinCode = 3

    path = builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)], older_code)
    model = TfliteModel(path)
    assert (list(model.lstm_layers), model.host) == (["operator1"], ("QUANTIZE", "DEQUANTIZE"))


@pytest.fixture
def between(nets, builder):
    """The layer of a file with operators on either side, and its ends."""
    x = builder.tensor((1, 6, 5), np.float32)
    y = builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X))
    return [x], [builder.dequantize(y)]


def test_names_of_tensors_need_not_be_text(builder, between, tmp_path):
    def rename(model):
        for tensor in model.subgraphs[0].tensors[1:]:
            tensor.name = b"\xf6"

    path = builder.write(tmp_path / "net.tflite", *between, rename)
    model = TfliteModel(path)
    (output,) = model.run({model.inputs[0]: reals((1, 6, 5))}, OnModel()).values()
    assert output.shape == (1, 6, 7)


def test_what_litert_says_of_a_run_names_the_file(builder, between, tmp_path, monkeypatch):
    def fail(interpreter):
        raise RuntimeError("no memory")

    path = builder.write(tmp_path / "net.tflite", *between)
    model = TfliteModel(path)
    monkeypatch.setattr(Interpreter, "reset_all_variables", fail)
    with pytest.raises(NetworkError) as caught:
        model.run({model.inputs[0]: reals((1, 6, 5))}, OnModel())
    assert str(caught.value) == f"{path}: LiteRT cannot reset operator 0 (QUANTIZE): no memory"


def assert_nearly(found, wanted):
    """A fully connected layer is rounded once in LiteRT and twice in TFLite-Micro."""
    difference = np.abs(found.astype(int) - wanted)
    assert difference.max() <= 1 and np.mean(difference) < 0.01
    assert len(np.unique(found)) > 20


def test_a_dense_layer_behind_the_lstm_is_within_a_code_of_tflite_micro(nets, builder, tmp_path):
    lstm, rng = lstm_of(nets, 5, 7), np.random.default_rng(3)
    x = builder.tensor((1, 6, 5), np.int8, X)
    h = builder.lstm(lstm, x)
    y = builder.dense(h, 4, OUT, rng, lstm.h)
    path = builder.write(tmp_path / "net.tflite", [x], [y])
    given, lstms = codes((50, 1, 6, 5)), OnModel()
    assert_nearly(run(path, given[:, 0], lstms), tflm(path, given)[:, 0])
    # What the LSTM gave is equal in every code.
    path = builder.write(tmp_path / "h.tflite", [x], [h], lstm_alone)
    assert np.array_equal(np.concatenate([h for _, _, h in lstms.calls]), tflm(path, given)[:, 0])


def lstm_alone(model):
    """Leave out what follows the first operator."""
    del model.subgraphs[0].operators[1:]


def test_softmax_and_slices_give_the_bits_of_tflite_micro(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.int8, X)
    y = builder.softmax(builder.reshape(builder.lstm(lstm_of(nets, 5, 7), x), (1, 42)))
    path = builder.write(tmp_path / "net.tflite", [x], [builder.reshape(y, (1, 2, 21))])
    given = codes((20, 1, 6, 5))
    assert np.array_equal(run(path, given[:, 0]), tflm(path, given)[:, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_inputs_and_outputs_of_other_codes_are_converted_on_the_host(
    nets, builder, tmp_path, dtype
):
    form = Quantization(scale=X.scale, zero_point=120 if dtype == np.uint8 else 0)
    x = builder.tensor((1, 6, 5), dtype, form, name="x")
    lstm = lstm_of(nets, 5, 7)
    y = builder.lstm(lstm, builder.quantize(x, X))
    wide = Quantization(scale=0.0001, zero_point=0)
    back = builder.quantize(y, form if dtype == np.uint8 else wide, dtype)
    path = builder.write(tmp_path / "net.tflite", [x], [back])
    model = TfliteModel(path)
    assert model.forms["x"].zero_point == form.zero_point
    given = codes((5, 6, 5), dtype=dtype) // (1 if dtype == np.uint8 else 300)
    lstms = OnModel()
    found = model.run({"x": given}, lstms)[model.outputs[0]]
    assert found.dtype == dtype
    real = np.concatenate([call[1] for call in lstms.calls])
    shifted = given.astype(int) - form.zero_point + X.zero_point
    assert np.array_equal(real, np.clip(shifted, -128, 127))
    # Real values become codes before they are handed over.
    same = model.run({"x": (given - float(form.zero_point)) * form.scale}, OnModel())
    assert np.array_equal(same[model.outputs[0]], found)


def test_two_lstms_with_operators_between_give_the_bits_of_tflite_micro(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.int8, X)
    y = builder.lstm(lstm_of(nets, 5, 9), x)
    y = builder.quantize(y, OUT)
    y = builder.lstm(lstm_of(nets, 9, 4, OUT, seed=2), y)
    y = builder.reshape(y, (1, 24))
    path = builder.write(tmp_path / "net.tflite", [x], [y])
    given = codes((20, 1, 6, 5))
    lstms = OnModel()
    assert np.array_equal(run(path, given[:, 0], lstms), tflm(path, given)[:, 0])
    assert [call[0] for call in lstms.calls[:2]] == ["operator0", "operator2"]


def two_ways(nets, builder, x, *, same_h, backward_first=False):
    """Outputs of both directions of a layer at their own steps, and the formats of ``h``."""
    forward, backward = lstm_of(nets, 5, 7), lstm_of(nets, 5, 7, seed=9, c_power=-13)
    if same_h:
        backward = replace(backward, h=forward.h)
    else:
        backward = replace(backward, h=replace(forward.h, scale=0.0068359375))
    if backward_first:
        two = builder.reverse(builder.lstm(backward, builder.reverse(x)))
        return builder.lstm(forward, x), two, forward.h, backward.h
    one = builder.lstm(forward, x)
    return one, builder.reverse(builder.lstm(backward, builder.reverse(x))), forward.h, backward.h


@pytest.mark.parametrize("backward_first", [False, True])
def test_a_bidirectional_pair_is_one_layer(nets, builder, tmp_path, backward_first):
    x = builder.tensor((1, 6, 5), np.int8, X)
    one, two, h, _ = two_ways(nets, builder, x, same_h=True, backward_first=backward_first)
    path = builder.write(tmp_path / "net.tflite", [x], [builder.join(one, two, form=h)])
    model = TfliteModel(path)
    (layer,) = model.lstm_layers.values()
    assert [each.reverse for each in layer.directions] == [False, True]
    given = codes((20, 1, 6, 5))
    lstms = OnModel()
    assert np.array_equal(run(path, given[:, 0], lstms), tflm(path, given)[:, 0])
    name = "operators3+1" if backward_first else "operators0+2"
    assert [call[0] for call in lstms.calls] == [name] * 20


def test_directions_of_two_formats_are_two_layers_and_equal_tflite_micro(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.int8, X)
    one, two, _, _ = two_ways(nets, builder, x, same_h=False)
    parts = [builder.quantize(part, OUT) for part in (one, two)]
    path = builder.write(tmp_path / "net.tflite", [x], [builder.join(*parts, form=OUT)])
    model = TfliteModel(path)
    assert list(model.lstm_layers) == ["operator0", "operator2"]
    assert [each.directions[0].reverse for each in model.lstm_layers.values()] == [False, True]
    given = codes((20, 1, 6, 5))
    assert np.array_equal(run(path, given[:, 0]), tflm(path, given)[:, 0])


def test_what_looks_at_one_direction_alone_sees_it_in_its_order(nets, builder, tmp_path):
    # A pair of which the backward outputs are used in the order in which they are made, too.
    x = builder.tensor((1, 6, 5), np.int8, X)
    forward, backward = lstm_of(nets, 5, 7), lstm_of(nets, 5, 7, seed=9)
    backward = replace(backward, h=forward.h)
    one, two = builder.lstm(forward, x), builder.lstm(backward, builder.reverse(x))
    joined = builder.join(one, builder.reverse(two), two, form=forward.h)
    path = builder.write(tmp_path / "net.tflite", [x], [joined])
    assert len(TfliteModel(path).lstm_layers) == 1
    given = codes((9, 1, 6, 5))
    assert np.array_equal(run(path, given[:, 0]), tflm(path, given)[:, 0])


def test_a_reversal_of_another_axis_stays_on_the_host(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.int8, X)
    y = builder.lstm(lstm_of(nets, 5, 7), builder.reverse(x, axis=2))
    path = builder.write(tmp_path / "net.tflite", [x], [builder.reverse(y, axis=-1)])
    (layer,) = TfliteModel(path).lstm_layers.values()
    assert not layer.directions[0].reverse
    given = codes((9, 1, 6, 5))
    assert np.array_equal(run(path, given[:, 0]), tflm(path, given)[:, 0])


def test_time_major_operators_give_the_bits_of_tflite_micro(nets, builder, tmp_path):
    first = lstm_of(nets, 5, 7)
    x = builder.tensor((6, 2, 5), np.int8, X)
    y = builder.lstm(first, x, time_major=True)
    back = lstm_of(nets, 7, 4, first.h, seed=2)
    y = builder.reverse(builder.lstm(back, builder.reverse(y, 0), time_major=True), 0)
    path = builder.write(tmp_path / "net.tflite", [x], [y])
    given = codes((9, 6, 2, 5))
    wanted = tflm(path, given)
    for row, truth in zip(given, wanted, strict=True):
        assert np.array_equal(run(path, row), truth)
    # More sequences lie along the axis of the batch.
    wide = np.concatenate(given, axis=1)
    assert np.array_equal(run(path, wide), np.concatenate(wanted, axis=1))


def test_a_batch_and_several_of_them_give_the_bits_of_tflite_micro(nets, builder, tmp_path):
    x = builder.tensor((3, 6, 5), np.float32)
    y = builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X))
    path = builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)])
    given = reals((4, 3, 6, 5))
    found = run(path, given.reshape(12, 6, 5))
    assert np.array_equal(found.reshape(4, 3, 6, 7), tflm(path, given))


@pytest.mark.parametrize("power", [-19, -16])
def test_fine_cell_scales_give_the_bits_of_tflite_micro(nets, builder, tmp_path, power):
    x = builder.tensor((1, 6, 5), np.float32)
    y = builder.lstm(lstm_of(nets, 5, 7, c_power=power), builder.quantize(x, X))
    path = builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)])
    given = reals((20, 1, 6, 5))
    assert np.array_equal(run(path, given[:, 0]), tflm(path, given)[:, 0])


def test_a_network_of_one_step_takes_a_stream(nets, builder, tmp_path):
    lstm = lstm_of(nets, 5, 7)
    x = builder.tensor((1, 1, 5), np.float32)
    y = builder.lstm(lstm, builder.quantize(x, X))
    y = builder.quantize(builder.reshape(y, (1, 7)), OUT)
    path = builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)])
    given = reals((3, 9, 5))
    found = run(path, given)
    interpreter = runtime.Interpreter.from_file(str(path))
    assert found.shape == (3, 9, 7)
    for row, outputs in zip(given, found, strict=True):
        interpreter.reset()
        for step, output in zip(row, outputs, strict=True):
            interpreter.set_input(step[None, None], 0)
            interpreter.invoke()
            assert np.array_equal(output, interpreter.get_output(0)[0])


def test_several_inputs_and_outputs_go_by_name(nets, builder, tmp_path):
    x, z = (builder.tensor((1, 6, 5), np.float32, name=name) for name in ("left", "right"))
    both = builder.join(builder.quantize(x, X), builder.quantize(z, X), form=X)
    y = builder.lstm(lstm_of(nets, 10, 7), both)
    path = builder.write(tmp_path / "net.tflite", [x, z], [builder.dequantize(y), x])
    model = TfliteModel(path)
    given = reals((2, 20, 1, 6, 5))
    found = model.run({"left": given[0][:, 0], "right": given[1][:, 0]}, OnModel())
    assert np.array_equal(found[model.outputs[0]], tflm(path, *given)[:, 0])
    assert np.array_equal(found["left"], given[0][:, 0])


def test_names_of_a_signature_go_before_those_of_tensors(nets, builder, tmp_path):
    x = builder.tensor((1, 6, 5), np.float32, name="serving_default_x:0")
    y = builder.dequantize(builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X)))

    def sign(model):
        signature = schema.SignatureDefT()
        signature.signatureKey = "serving_default"
        maps = []
        for name, index in (("x", x), ("h", y)):
            maps.append(schema.TensorMapT())
            maps[-1].name, maps[-1].tensorIndex = name, index
        signature.inputs, signature.outputs = maps[:1], maps[1:]
        model.signatureDefs = [signature]

    model = TfliteModel(builder.write(tmp_path / "net.tflite", [x], [y], sign))
    assert (model.inputs, model.outputs) == (("x",), ("h",))
    assert model.dims == {"x": (1, 6, 5), "h": (1, 6, 7)}


def test_any_number_of_steps_where_the_file_says_so(nets, builder, tmp_path):
    x = builder.tensor((1, 1, 5), np.float32)
    y = builder.dequantize(builder.lstm(lstm_of(nets, 5, 7), builder.quantize(x, X)))

    def any_time(model):
        for tensor in model.subgraphs[0].tensors:
            if len(tensor.shape) == 3:
                tensor.shapeSignature = [1, -1, tensor.shape[2]]

    path = builder.write(tmp_path / "net.tflite", [x], [y], any_time)
    lstms = OnModel()
    found = run(path, reals((2, 9, 5)), lstms)
    assert found.shape == (2, 9, 7)
    assert [call[1].shape for call in lstms.calls] == [(1, 9, 5)] * 2


@pytest.mark.parametrize("kind", ["float32", "float16", "int8"])
def test_operators_in_floating_point_are_layers_in_floating_point(nets, builder, tmp_path, kind):
    lstm = replace(nets.random_float(5, 7, spread=1.0).layers[0].directions[0], cell_clip=0.9)
    x = builder.tensor((1, 6, 5), np.float32)

    def half(array):
        made = builder.constant(array.astype(np.float16))
        return builder.dequantize(made)

    def coded(array):
        if array.ndim == 1:
            return builder.constant(array)
        scale = float(np.float32(np.abs(array).max() / 127))
        return builder.constant(np.rint(array / scale).astype(np.int8), [(scale, 0)])

    weights = {"float32": None, "float16": half, "int8": coded}[kind]
    y = builder.lstm(lstm, x, weights=weights)
    path = builder.write(tmp_path / "net.tflite", [x], [builder.reshape(y, (1, 42))])
    model = TfliteModel(path)
    given = reals((4, 6, 5), 1)
    found, wanted = (
        outputs[model.outputs[0]]
        for outputs in (
            model.run({model.inputs[0]: given}, float_lstm),
            model.reference({model.inputs[0]: given}),
        )
    )
    # LiteRT quantises activations at run time where weights are int8.
    assert np.abs(found - wanted).max() < {"float32": 1e-6, "float16": 1e-6, "int8": 5e-3}[kind]
    (calls,) = model.capture({model.inputs[0]: given}).values()
    assert np.array_equal(np.concatenate([call.x for call in calls]), given)


def test_the_reference_is_litert_and_nearly_the_same(nets, builder, tmp_path):
    x = builder.tensor((1, 12, 5), np.float32)
    y = builder.lstm(lstm_of(nets, 5, 16), builder.quantize(x, X))
    model = TfliteModel(builder.write(tmp_path / "net.tflite", [x], [y]))
    given = reals((30, 12, 5))
    (name,) = model.outputs
    reference = model.reference({model.inputs[0]: given})[name].astype(int)
    difference = np.abs(reference - model.run({model.inputs[0]: given}, OnModel())[name])
    assert 0 < np.mean(difference > 0) < 0.1
    assert difference.max() <= 2


def test_a_capture_of_integers_is_near_what_they_compute(nets, builder, tmp_path):
    first = lstm_of(nets, 5, 7)
    x = builder.tensor((1, 6, 5), np.int8, X)
    y = builder.lstm(lstm_of(nets, 7, 4, first.h, seed=2), builder.lstm(first, x))
    model = TfliteModel(builder.write(tmp_path / "net.tflite", [x], [builder.dequantize(y)]))
    given = codes((8, 6, 5))
    seen = model.capture({model.inputs[0]: given})
    rows = {name: np.concatenate([call.x for call in calls]) for name, calls in seen.items()}
    assert np.array_equal(rows["operator0"], from_codes(given, X))
    lstms = OnModel()
    model.run({model.inputs[0]: given}, lstms)
    h = from_codes(np.concatenate([c[2] for c in lstms.calls if c[0] == "operator0"]), first.h)
    assert np.abs(rows["operator1"] - h).max() < 0.1
