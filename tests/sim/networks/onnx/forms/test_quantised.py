import numpy as np
import pytest
from onnx import helper

from sim.networks.network import NetworkError
from sim.networks.onnx.forms.quantised import rewrite_quantised

INPUTS, H, T, B = 5, 4, 6, 3


def parts(graphs, directions, per_row, signed=False):
    rng = np.random.default_rng(3)
    kind = np.int8 if signed else np.uint8
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    constants, rows = [], (directions, 4 * H) if per_row else (directions,)
    for name, size in (("W", INPUTS), ("R", H)):
        codes = rng.integers(low, high + 1, (directions, size, 4 * H)).astype(kind)
        zeros = np.full(rows, 0 if signed else 121).astype(kind)
        if not per_row:
            zeros += np.arange(directions, dtype=kind)
        scales = rng.uniform(0.004, 0.008, rows).astype(np.float32)
        constants += [
            graphs.of(name, codes),
            graphs.of(f"{name}_scale", scales),
            graphs.of(f"{name}_zero", zeros),
        ]
    return [*constants, graphs.constant("B", directions, 8 * H)]


def node(**attributes):
    scales = ["W_scale", "W_zero", "R_scale", "R_zero"]
    return helper.make_node(
        "DynamicQuantizeLSTM",
        ["x", "W", "R", "B", "", "h", "c", "", *scales],
        ["y", "hn", "cn"],
        "quick",
        domain="com.microsoft",
        hidden_size=H,
        **attributes,
    )


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_node_with_weights_in_integers_becomes_one_in_real_numbers(
    graphs, per_row, signed, direction
):
    directions = 2 if direction == "bidirectional" else 1
    state = graphs.floats("h", directions, B, H), graphs.floats("c", directions, B, H)
    model = graphs.model(
        [node(direction=direction)],
        [graphs.floats("x", T, B, INPUTS), *state],
        ["y", "hn", "cn"],
        parts(graphs, directions, per_row, signed),
    )
    rewritten, notes = rewrite_quantised(model)
    assert graphs.kinds(rewritten, "LSTM", "DynamicQuantizeLSTM") == [1, 0]
    assert notes == [
        "DynamicQuantizeLSTM node quick was dequantised: its weights are the real numbers that "
        "its integers stand for, and it runs as an LSTM node"
    ]
    rng = np.random.default_rng(1)
    feeds = {"x": rng.uniform(-1, 1, (T, B, INPUTS)).astype(np.float32)}
    feeds |= {n: rng.uniform(-1, 1, (directions, B, H)).astype(np.float32) for n in "hc"}
    # ONNX Runtime rounds x and h to eight bits at each step; the weights are the same.
    graphs.compare(model, rewritten, feeds, atol=0.02)


@pytest.mark.parametrize("axis, scales", [(None, ()), (1, (4 * H,))])
def test_weights_behind_dequantize_are_said(graphs, axis, scales):
    constants = []
    for name, size in (("W", INPUTS), ("R", H)):
        codes = np.random.default_rng(0).integers(-127, 128, (1, 4 * H, size)).astype(np.int8)
        constants += [
            graphs.of(f"{name}q", codes),
            graphs.of(f"{name}s", np.full(scales, 0.01, np.float32)),
        ]
    options = {} if axis is None else {"axis": axis}
    nodes = [
        *(helper.make_node("DequantizeLinear", [f"{n}q", f"{n}s"], [n], **options) for n in "WR"),
        helper.make_node("LSTM", ["x", "W", "R"], ["y"], "rnn", hidden_size=H),
    ]
    model = graphs.model(nodes, [graphs.floats("x", T, B, INPUTS)], ["y"], constants)
    rewritten, notes = rewrite_quantised(model)
    assert rewritten is model
    assert notes == ["the weights of LSTM node rnn were dequantised"]


@pytest.mark.parametrize("missing", ["W", "W_scale", "R_zero"])
def test_weights_that_an_input_changes_are_refused(graphs, missing):
    constants = [c for c in parts(graphs, 1, False) if c.name != missing]
    inputs = [graphs.floats("x", T, B, INPUTS), graphs.floats(missing, 1)]
    model = graphs.model([node()], inputs, ["y"], constants)
    with pytest.raises(NetworkError) as caught:
        rewrite_quantised(model)
    assert str(caught.value) == (
        "DynamicQuantizeLSTM node quick has weights, scales or zero points that are not "
        "constant, which is not supported; hand over the model before quantisation"
    )


def test_scales_that_do_not_fit_are_refused(graphs):
    constants = [c for c in parts(graphs, 1, False) if c.name != "W_scale"]
    constants.append(graphs.of("W_scale", np.ones(3, np.float32)))
    model = graphs.model([node()], [graphs.floats("x", T, B, INPUTS)], ["y"], constants)
    with pytest.raises(NetworkError) as caught:
        rewrite_quantised(model)
    assert str(caught.value) == (
        "DynamicQuantizeLSTM node quick has weights of the shape (1, 5, 16) with scales of the "
        "shape (3,) and zero points of the shape (1,), which do not fit; quantise the model again"
    )
