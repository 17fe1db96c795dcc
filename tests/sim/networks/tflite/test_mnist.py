"""TFLite-Micro's own example as it is shipped: digits, row by row, through an LSTM."""

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from sim.model.network import Model
from sim.networks.loader import load_network
from sim.networks.network import IntegerNetwork

PATH = Path(__file__).parents[3] / "data" / "mnist_lstm" / "trained_lstm_int8.tflite"


def codes_of(digits):
    """As the example makes them: cut off, not rounded."""
    (form,) = {each for name, each in load_network(PATH).forms.items() if name == "fixed_input"}
    return (digits / np.float32(form.scale) + form.zero_point).astype(np.int8)


def run(given):
    """Outputs, and what the LSTM gave."""
    model, h = load_network(PATH), []

    def on_model(name, layer, x, h0, c0):
        result = Model(IntegerNetwork(layers=(layer,))).run(x)
        h.append(result.h)
        (state,) = result.states
        return result.h, state.h[None], state.c[None]

    return model.run({"fixed_input": given}, on_model)["sequential"], np.concatenate(h)


def test_all_ten_digits_are_right_whether_given_as_codes_or_as_real_values(digits):
    for given in (codes_of(digits), digits):
        assert run(given)[0].argmax(1).tolist() == list(range(10))


def test_every_output_equals_tflite_micro(nets, digits):
    codes = codes_of(digits)
    assert np.array_equal(run(codes)[0], nets.run_tflm(PATH, codes))


def test_every_code_of_the_lstm_equals_tflite_micro(nets, tmp_path, digits):
    path = tmp_path / "lstm.tflite"
    path.write_bytes(PATH.read_bytes())

    def cut(model: schema.ModelT):
        graph = model.subgraphs[0]
        graph.operators = graph.operators[:1]
        graph.outputs = [graph.operators[0].outputs[0]]
        model.signatureDefs = None

    nets.edit_tflite(path, cut)
    codes = codes_of(digits)
    assert np.array_equal(run(codes)[1], nets.run_tflm(path, codes))
