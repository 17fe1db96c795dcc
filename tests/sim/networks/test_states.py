from types import SimpleNamespace

import pytest

from sim.networks.network import NetworkError
from sim.networks.states import chosen_pairs, guessed_pairs, may_pair


def model(inputs, outputs):
    """A model that declares nothing but shapes, [1, 1, 4] where none is told."""
    dims = {}
    for names in (inputs, outputs):
        for name in names:
            dims[name] = names[name] if isinstance(names, dict) else (1, 1, 4)
    return SimpleNamespace(path="net.onnx", inputs=tuple(inputs), outputs=tuple(outputs), dims=dims)


@pytest.mark.parametrize(
    "inputs, outputs, pairs",
    [
        ("x h0 c0", "y hn cn", {"h0": "hn", "c0": "cn"}),
        ("x h c", "y h_out c_out", {"h": "h_out", "c": "c_out"}),
        ("input state sr", "output stateN", {"state": "stateN"}),
        ("input in_state", "output out_state", {"in_state": "out_state"}),
        ("x hin cin", "y hout cout", {"hin": "hout", "cin": "cout"}),
        ("x h_prev c_prev", "y h_next c_next", {"h_prev": "h_next", "c_prev": "c_next"}),
        (
            "x hidden_in_1 hidden_in_2",
            "y hidden_out_1 hidden_out_2",
            {
                "hidden_in_1": "hidden_out_1",
                "hidden_in_2": "hidden_out_2",
            },
        ),
        ("x h0 h1", "y hn0 hn1", {"h0": "hn0", "h1": "hn1"}),
        ("x past_state", "y present_state", {"past_state": "present_state"}),
        (
            "lstm_h_in lstm_c_in x",
            "lstm_h_out lstm_c_out y",
            {
                "lstm_h_in": "lstm_h_out",
                "lstm_c_in": "lstm_c_out",
            },
        ),
        ("x_in", "x_out", {}),
        ("input_1 input_2", "output_1 output_2", {}),
        ("audio_in", "audio_out", {}),
        ("x h_in h_old", "y h_out", {}),
        ("x h_in", "y h_out h_new", {}),
    ],
)
def test_names_that_differ_in_a_mark_are_a_pair(inputs, outputs, pairs):
    assert guessed_pairs(model(inputs.split(), outputs.split())) == pairs


def test_shapes_must_fit():
    given = model({"x": (1, 8), "h0": (1, 1, 4)}, {"y": (1, 8), "hn": (1, 1, 5)})
    assert guessed_pairs(given) == {}
    assert may_pair((1, "b", 4), (1, None, 4)) and may_pair(None, (1, 2))
    assert not may_pair((1, 4), (1, 1, 4)) and not may_pair((1, 4), (1, 5))


def test_chosen_pairs_need_no_telling_names():
    given = model(["a", "b"], ["p", "q"])
    assert chosen_pairs(given, ["a=q"]) == {"a": "q"}
    assert chosen_pairs(given, ["a=q", "b=p"]) == {"a": "q", "b": "p"}


@pytest.mark.parametrize(
    "texts, sentence",
    [
        (["a"], "a state must be given as IN=OUT, not a"),
        (["z=p"], "net.onnx has no input z; it has a, b"),
        (["a=z"], "net.onnx has no output z; it has p, q"),
        (["a=p", "b=p"], "--state b=p names an input or output for the second time"),
        (["a=p", "a=q"], "--state a=q names an input or output for the second time"),
        (
            ["b=p"],
            "net.onnx: the output p, [1, 1, 4], cannot be the next value of the input b, [1, any]",
        ),
    ],
)
def test_pairs_that_cannot_be_are_refused(texts, sentence):
    given = model({"a": (1, 1, 4), "b": (1, None)}, ["p", "q"])
    with pytest.raises(NetworkError) as caught:
        chosen_pairs(given, texts)
    assert str(caught.value) == sentence
