import numpy as np
import pytest
import tflite

from sim.networks.network import NetworkError
from sim.networks.tflite.summary import summarise_tflite


def test_layers_ports_and_formats_are_told(stacked):
    found = summarise_tflite(stacked)
    assert (found.kind, found.refused, found.host) == (".tflite", None, {})
    assert [(each.name, each.layer, each.inputs, each.hidden) for each in found.layers] == [
        ("operator 0", 0, 3, 4),
        ("operator 1", 1, 4, 5),
    ]
    assert found.networks == (("operator 0", "operator 1"),)
    (x,), (h,) = found.inputs, found.outputs
    assert (x.name, x.shape) == ("x", (1, 6, 3)) and (h.name, h.shape) == ("h", (1, 6, 5))
    assert x.kind == "int8, scale 0.01562, zero point -3"
    assert found.layers[0].formats["x_zero"] == -3


@pytest.mark.parametrize(
    "code, kind",
    [
        (tflite.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN, "UNIDIRECTIONAL_SEQUENCE_RNN"),
        (tflite.BuiltinOperator.BIDIRECTIONAL_SEQUENCE_LSTM, "BIDIRECTIONAL_SEQUENCE_LSTM"),
    ],
)
def test_a_file_that_does_not_run_is_described(nets, stacked, code, kind):
    def change(model):
        for each in model.operatorCodes:
            each.builtinCode = each.deprecatedBuiltinCode = code

    nets.edit_tflite(stacked, change)
    found = summarise_tflite(stacked)
    assert found.refused.startswith(str(stacked)) and kind in found.refused
    assert [layer.kind for layer in found.layers] == [kind, kind]
    assert f"it is {kind}" in found.layers[0].refused
    if "LSTM" in kind:
        assert (found.layers[1].inputs, found.layers[1].hidden) == (4, 5)
        assert found.layers[0].directions == 2


def test_other_operators_are_counted_by_name(nets, stacked):
    def change(model):
        second = model.subgraphs[0].operators[1]
        model.operatorCodes.append(type(model.operatorCodes[0])())
        model.operatorCodes[1].builtinCode = tflite.BuiltinOperator.CUSTOM
        model.operatorCodes[1].deprecatedBuiltinCode = tflite.BuiltinOperator.CUSTOM
        model.operatorCodes[1].customCode = "Odd"
        second.opcodeIndex = 1

    nets.edit_tflite(stacked, change)
    found = summarise_tflite(stacked)
    assert found.host == {"custom Odd": 1} and len(found.layers) == 1
    assert found.refused is not None


def test_a_damaged_file_is_refused(tmp_path, stacked):
    path = tmp_path / "cut.tflite"
    path.write_bytes(stacked.read_bytes()[:200])
    with pytest.raises(NetworkError) as caught:
        summarise_tflite(path)
    assert str(caught.value) == (
        f"{path} is damaged or cut short; get it again, or convert the network again"
    )


def test_a_whole_network_says_what_runs_where(nets, builder, tmp_path):
    (layer,) = nets.random_integer(5, 7).layers
    lstm = layer.directions[0]
    x = builder.tensor((1, 6, 5), np.float32, name="sound")
    codes = builder.quantize(x, lstm.x)
    one = builder.lstm(lstm, codes)
    two = builder.reverse(builder.lstm(lstm, builder.reverse(codes)))
    y = builder.dequantize(builder.join(one, two, form=lstm.h))
    found = summarise_tflite(builder.write(tmp_path / "net.tflite", [x], [y]))
    assert found.refused is None
    # Neither reversals nor the concatenation are left.
    assert found.host == {"DEQUANTIZE": 1, "QUANTIZE": 1}
    assert found.networks == (("operators1+3",),)
    assert found.layers[0].directions == 2
    assert found.notes == ("operators 1 and 3 are one bidirectional layer",)
    assert found.inputs[0].name == "sound"
