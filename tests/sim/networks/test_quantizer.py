from dataclasses import replace

import numpy as np
import pytest

from sim.model.network import run_network
from sim.networks import quantizer
from sim.networks.float_lstm import run_direction, run_float
from sim.networks.network import (
    FloatLayer,
    FloatNetwork,
    IntegerLayer,
    IntegerNetwork,
    NetworkError,
    Quantization,
)
from sim.networks.quantizer import from_codes, quantize, sqnr, to_codes
from sim.networks.quantizing.weights import _held
from sim.networks.tflite.reader import read_tflite
from sim.networks.tflite.writer import write_tflite


def samples(*shape, seed=5):
    return np.random.default_rng(seed).normal(size=shape)


def integers(nets, network, x, path):
    """What TensorFlow Lite for Microcontrollers makes of real inputs, as real outputs."""
    write_tflite(network, path, steps=x.shape[1])
    first, last = network.layers[0].directions[0], network.layers[-1].directions[0]
    return from_codes(nets.run_tflm(path, to_codes(x, first.x)), last.h)


# The issue's own limit: 30 dB on random weights of 64/128.
@pytest.mark.parametrize("spread", [None, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_integers_follow_the_float_network_by_30_db(nets, tmp_path, seed, spread):
    network = nets.random_float(64, 128, seed=seed, spread=spread)
    integer = quantize(network, samples(8, 32, 64))
    x = samples(4, 32, 64, seed=6)
    y = integers(nets, integer, x, tmp_path / "net.tflite")
    assert sqnr(run_float(network, x)[0], y) >= 30


def test_stacked_layers_follow_too(nets, tmp_path):
    network = nets.random_float(24, 48, 32)
    integer = quantize(network, samples(8, 24, 24))
    assert integer.layers[1].directions[0].x == integer.layers[0].directions[0].h
    x = samples(4, 24, 24, seed=6)
    y = integers(nets, integer, x, tmp_path / "net.tflite")
    # Each layer adds an error of about the size of the first one's.
    assert sqnr(run_float(network, x)[0], y) >= 27


def test_16_bits_gain_20_db_where_activations_are_what_limits(nets):
    network = nets.random_float(12, 16)
    first = network.layers[0].directions[0]
    # Weights that are codes already lose nothing.
    on_grid = {name: np.rint(getattr(first, name) * 127) / 127 for name in ("W", "R")}
    layer = FloatLayer(directions=(replace(first, **on_grid),))
    # Small values among a few large ones, of which 8 bits leave little.
    x = samples(6, 20, 12) * np.where(np.arange(20)[:, None] % 10 == 0, 1.0, 0.02)
    reference = run_float(FloatNetwork(layers=(layer,)), x)[0]
    ratios = []
    for bits in (8, 16):
        integer = quantize(layer, x, 100, activation_bits=bits)
        x_form, h_form = (getattr(integer.layers[0].directions[0], name) for name in "xh")
        assert x_form.bits == h_form.bits == bits
        h = run_network(integer, to_codes(x, x_form)).h
        ratios.append(sqnr(reference, from_codes(h, h_form)))
    assert ratios[1] > ratios[0] + 20
    assert x_form.zero_point == h_form.zero_point == 0


def test_a_bias_far_above_its_weights_fits_32_bits_at_16(nets):
    network = nets.random_float(6, 8)
    first = network.layers[0].directions[0]
    lstm = replace(first, W=first.W * 1e-3, bias=np.where(first.bias > 0, 6.0, -6.0))
    layer = FloatLayer(directions=(lstm,))
    x = samples(3, 9, 6)
    integer = quantize(layer, x, activation_bits=16).layers[0].directions[0]
    real = integer.bias * (integer.x.scale * np.array(integer.W_scale)[:, None])
    assert np.allclose(real, lstm.bias, atol=0.05)


@pytest.mark.parametrize("steps", [1, 9])
def test_what_is_quantised_is_written_and_read_with_the_same_bits(nets, tmp_path, steps):
    integer = quantize(nets.random_float(5, 7, 6), samples(3, 9, 5))
    write_tflite(integer, tmp_path / "net.tflite", steps=steps)
    assert nets.arrays_of(read_tflite(tmp_path / "net.tflite")) == nets.arrays_of(integer)


def test_formats_cover_the_samples_and_hold_zero(nets):
    network, x = nets.random_float(6, 8), samples(4, 9, 6) + 3
    lstm = quantize(network, x).layers[0].directions[0]
    h, c = run_direction(network.layers[0].directions[0], x)
    for values, form in ((x, lstm.x), (h, lstm.h)):
        assert np.abs(from_codes(to_codes(values, form), form) - values).max() <= form.scale
        assert from_codes(to_codes(np.zeros(1), form), form) == 0
        # The range is used: its ends are extreme codes.
        assert {values.min() > 0 or to_codes(values.min(), form) <= -127} == {True}
        assert to_codes(values.max(), form) >= 126
    assert np.abs(c).max() <= 2.0 ** (lstm.c_power + 14) < 2 * np.abs(c).max()


@pytest.mark.parametrize(
    "largest, power", [(0.4, -15), (0.6, -14), (3.9, -12), (7.9, -12), (8.1, -11), (29, -10)]
)
def test_the_cell_state_has_headroom_only_where_steps_are_fine(nets, largest, power):
    lstm = nets.random_float(6, 8, spread=1e-3).layers[0].directions[0]
    lstm = replace(lstm, c0=np.full(8, largest))
    (layer,) = quantize(FloatLayer(directions=(lstm,)), samples(2, 3, 6)).layers
    assert layer.directions[0].c_power == power


@pytest.mark.parametrize("clip, codes", [(0.0, 0), (0.3, 0.3 * 2**14 // 1), (10.0, 32767)])
def test_a_clip_of_the_cell_state_is_kept_in_its_codes(nets, clip, codes):
    lstm = replace(nets.random_float(6, 8).layers[0].directions[0], c0=np.full(8, 0.9))
    lstm = replace(lstm, cell_clip=clip)
    (layer,) = quantize(FloatLayer(directions=(lstm,)), samples(2, 3, 6)).layers
    assert layer.directions[0].c_power == -14
    assert layer.directions[0].cell_clip == codes


def test_weights_are_within_a_few_steps_and_use_the_codes_there_are(nets):
    network = nets.random_float(6, 8)
    real = network.layers[0].directions[0]
    lstm = quantize(network, samples(4, 9, 6)).layers[0].directions[0]
    for gate in range(4):
        for codes, scale, weights in (
            (lstm.W, lstm.W_scale, real.W),
            (lstm.R, lstm.R_scale, real.R),
        ):
            assert np.abs(codes[gate]).max() >= 0.8 * 127
            # A weight makes good what others lost, so it may be a few steps off.
            assert np.abs(codes[gate] * scale[gate] - weights[gate]).max() <= 4 * scale[gate]
        unit = lstm.x.scale * lstm.W_scale[gate]
        assert np.abs(lstm.bias[gate] * unit - real.bias[gate]).max() <= 0.02


def plainly(network, x):
    """Int8 as converters do it: ranges and cell state covered, every weight rounded by itself."""
    layers = []
    for layer in quantize(network, x, 100).layers:
        (made,), (real,) = layer.directions, network.layers[0].directions
        W_scale, R_scale = (
            tuple(float(np.abs(gate).max()) / 127 for gate in weights)
            for weights in (real.W, real.R)
        )
        codes = [
            np.rint(weights / np.array(scales)[:, None, None]).astype(np.int8)
            for weights, scales in ((real.W, W_scale), (real.R, R_scale))
        ]
        _, c = run_direction(real, x)
        bias = np.rint(real.bias / (made.x.scale * np.array(W_scale))[:, None]).astype(np.int32)
        changed = replace(
            made,
            W=codes[0],
            R=codes[1],
            W_scale=W_scale,
            R_scale=R_scale,
            bias=bias,
            c_power=max(int(np.ceil(np.log2(np.abs(c).max()))) - 15, -15),
        )
        layers.append(IntegerLayer(directions=(changed,)))
    return IntegerNetwork(layers=tuple(layers))


def ratio(network, integer, x):
    """Signal-to-noise ratio of the integers on ``x``."""
    (last,) = integer.layers[-1].directions
    h = run_network(integer, to_codes(x, integer.layers[0].directions[0].x)).h
    return sqnr(run_float(network, x)[0], from_codes(h, last.h))


def test_a_cell_state_that_grows_for_long_costs_no_accuracy(nets):
    """Units that never forget reach states of hundreds, of which the output needs the first few."""
    lstm = nets.random_float(6, 16, seed=3, spread=0.4).layers[0].directions[0]
    bias = lstm.bias.copy()
    bias[1, :4], bias[0, :4], bias[2, :4] = 9, 5, 1.5
    network = FloatNetwork(layers=(FloatLayer(directions=(replace(lstm, bias=bias),)),))
    x, y = samples(4, 300, 6), samples(4, 300, 6, seed=9)
    measured, covering = quantize(network, x), plainly(network, x)
    assert measured.layers[0].directions[0].c_power < covering.layers[0].directions[0].c_power
    assert ratio(network, measured, y) > ratio(network, covering, y) + 3


def test_rare_outliers_do_not_decide_the_range_of_the_input(nets):
    network, x = nets.random_float(6, 16), samples(8, 100, 6)
    x[3, 50] *= 40
    measured, covering = quantize(network, x), plainly(network, x)
    assert measured.layers[0].directions[0].x.scale < covering.layers[0].directions[0].x.scale / 2
    y = samples(8, 100, 6, seed=9)
    assert ratio(network, measured, y) > ratio(network, covering, y) + 3


def test_a_few_large_weights_do_not_decide_the_scale_of_the_others(nets):
    lstm = nets.random_float(24, 32, spread=0.1).layers[0].directions[0]
    W = lstm.W.copy()
    W[:, 0, 0] = 3
    network = FloatNetwork(layers=(FloatLayer(directions=(replace(lstm, W=W),)),))
    x, y = samples(8, 60, 24), samples(8, 60, 24, seed=9)
    x[:, :, 0] *= 0.02
    y[:, :, 0] *= 0.02
    measured, covering = quantize(network, x), plainly(network, x)
    assert ratio(network, measured, y) > ratio(network, covering, y) + 3


@pytest.mark.parametrize("bits", [8, 4])
def test_rows_that_differ_by_30_gain_10_db_from_scales_of_their_own(nets, bits):
    lstm = nets.random_float(24, 32, spread=0.1).layers[0].directions[0]
    W, R = lstm.W.copy(), lstm.R.copy()
    W[:, 0] *= 30
    R[:, 0] *= 30
    network = FloatNetwork(layers=(FloatLayer(directions=(replace(lstm, W=W, R=R),)),))
    x, y = samples(8, 60, 24), samples(8, 60, 24, seed=9)
    by_gate, by_row = (
        quantize(network, x, weight_bits=bits, row_scales=rows) for rows in (False, True)
    )
    assert not by_gate.layers[0].directions[0].by_row
    made = by_row.layers[0].directions[0]
    assert made.W_scale.shape == made.R_scale.shape == (4, 32)
    assert ratio(network, by_row, y) > ratio(network, by_gate, y) + 10


def test_a_row_with_a_bias_far_above_its_weights_keeps_both(nets):
    lstm = nets.random_float(6, 8).layers[0].directions[0]
    W, bias = lstm.W.copy(), lstm.bias.copy()
    W[1, 3] *= 1e-6
    bias[1, 3] = 7.5
    network = FloatNetwork(layers=(FloatLayer(directions=(replace(lstm, W=W, bias=bias),)),))
    x = samples(4, 30, 6)
    made = quantize(network, x, row_scales=True)
    direction = made.layers[0].directions[0]
    assert 1 << 22 < np.abs(direction.bias).max() < 1 << 26
    real = direction.bias[1, 3] * direction.W_scale[1, 3] * direction.x.scale
    assert real == pytest.approx(7.5, rel=1e-3)
    assert ratio(network, made, x) > 30


def test_rows_that_were_integers_keep_their_codes(nets):
    lstm = nets.random_float(20, 8).layers[0].directions[0]
    codes = np.random.default_rng(2).integers(-2, 3, (4, 8, 20))
    codes[..., 0], codes[..., 1] = -100, 1
    scales = np.random.default_rng(3).uniform(0.01, 0.1, (4, 8, 1)).astype(np.float32)
    given = replace(lstm, W=codes.astype(np.float32) * scales)
    (layer,) = quantize(FloatLayer(directions=(given,)), samples(4, 9, 20), row_scales=True).layers
    assert np.array_equal(layer.directions[0].W, codes)


def test_layers_above_are_chosen_for_what_the_integers_below_give(nets, monkeypatch):
    network, x = nets.random_float(12, 24, 24), samples(6, 40, 12)
    seen = []
    real = quantizer.choose_forms

    def choose(runs, *rest, **options):
        seen.append(runs[0].calls)
        return real(runs, *rest, **options)

    monkeypatch.setattr(quantizer, "choose_forms", choose)
    integer = quantize(network, x)
    below, above = seen
    assert below.given is below.x
    codes = run_network(integer, to_codes(x, integer.layers[0].directions[0].x)).layers[0]
    (given,), (h,) = above.given, above.x
    real_h = from_codes(codes, integer.layers[0].directions[0].h)
    assert sqnr(real_h, given) > 40 > sqnr(h, given) > 20


@pytest.mark.parametrize(("largest", "factor"), [(127, 1), (100, 1), (50, 2), (3, 42)])
def test_weights_that_were_integers_keep_their_codes(nets, largest, factor):
    lstm = nets.random_float(20, 8).layers[0].directions[0]
    codes = np.random.default_rng(2).integers(-2, 3, (4, 8, 20))
    codes[:, 0, 0], codes[:, 0, 1] = -largest, 1
    scale = np.float32(0.0631748)
    given = replace(lstm, W=codes.astype(np.float32) * scale)
    (layer,) = quantize(FloatLayer(directions=(given,)), samples(4, 9, 20)).layers
    made = layer.directions[0]
    assert np.array_equal(made.W, codes * factor)
    assert made.W_scale == pytest.approx(4 * (scale / factor,), rel=1e-6)


def test_both_directions_share_formats_and_keep_their_states(nets):
    network = nets.random_float(6, 8, directions=2, states=True)
    (layer,) = quantize(network, samples(4, 9, 6)).layers
    forward, backward = layer.directions
    assert (forward.reverse, backward.reverse) == (False, True)
    assert (forward.x, forward.h) == (backward.x, backward.h)
    for lstm, real in zip(layer.directions, network.layers[0].directions, strict=True):
        assert np.abs(from_codes(lstm.h0, lstm.h) - real.h0).max() <= lstm.h.scale
        assert np.abs(lstm.c0 * 2.0**lstm.c_power - real.c0).max() <= 2.0**lstm.c_power


def test_an_initial_state_beyond_the_outputs_widens_the_format(nets):
    lstm = replace(nets.random_float(6, 8).layers[0].directions[0], h0=np.full(8, 0.99))
    (layer,) = quantize(FloatLayer(directions=(lstm,)), samples(4, 9, 6)).layers
    assert from_codes(layer.directions[0].h0, layer.directions[0].h) == pytest.approx(
        0.99, abs=0.01
    )


def test_a_percentile_ignores_outliers(nets):
    x = samples(4, 50, 6)
    x[0, 0, 0] = 100
    scales = [
        quantize(nets.random_float(6, 8), x, percentile).layers[0].directions[0].x.scale
        for percentile in (100, 99.5)
    ]
    assert scales[0] > 0.39
    assert scales[1] < 0.03


def test_steps_behind_the_end_of_a_sequence_are_not_covered(nets):
    network, x = nets.random_float(6, 8), samples(3, 9, 6)
    lengths = np.array([9, 4, 1])
    padded = x.copy()
    for row, length in zip(padded, lengths, strict=True):
        row[length:] = 1000
    (layer,) = quantize(network, padded, lengths=lengths).layers
    lstm = layer.directions[0]
    pieces = [x[number : number + 1, :length] for number, length in enumerate(lengths)]
    traces = [run_direction(network.layers[0].directions[0], piece) for piece in pieces]
    for values, form in (
        (np.concatenate([piece.ravel() for piece in pieces]), lstm.x),
        (np.concatenate([h.ravel() for h, _ in traces]), lstm.h),
    ):
        assert form.scale == pytest.approx(np.ptp(values) / 255, rel=1e-6)


@pytest.mark.parametrize("lengths", [[3, 3], [3, 3, 0], [3, 3, 10]])
def test_lengths_that_do_not_fit_are_refused(nets, lengths):
    with pytest.raises(NetworkError) as caught:
        quantize(nets.random_float(3, 4), samples(3, 9, 3), lengths=lengths)
    assert str(caught.value) == "lengths must hold a number from 1 to 9 for each of 3 sequences"


def test_lengths_are_refused_where_a_layer_runs_backwards(nets):
    with pytest.raises(NetworkError) as caught:
        quantize(nets.random_float(3, 4, directions=2), samples(1, 9, 3), lengths=[5])
    assert str(caught.value) == "lengths cannot be given with a layer that runs backwards"


def test_gates_without_weights_keep_their_bias(nets, tmp_path):
    lstm = nets.random_float(4, 8).layers[0].directions[0]
    lstm = replace(lstm, W=np.zeros_like(lstm.W), R=lstm.R * 1e-30)
    layer = FloatLayer(directions=(lstm,))
    x = samples(2, 6, 4)
    y = integers(nets, quantize(layer, x), x, tmp_path / "net.tflite")
    assert sqnr(run_float(layer, x)[0], y) >= 35


def test_a_network_that_gives_nothing_is_quantised(nets, tmp_path):
    lstm = nets.random_float(4, 8).layers[0].directions[0]
    lstm = replace(lstm, **{name: getattr(lstm, name) * 0 for name in ("W", "R", "bias")})
    x = samples(2, 6, 4)
    integer = quantize(FloatLayer(directions=(lstm,)), x)
    assert not integers(nets, integer, x, tmp_path / "net.tflite").any()


def test_codes_round_half_away_from_zero_and_clamp():
    form = Quantization(scale=0.5, zero_point=10)
    real = np.array([0.25, -0.25, 0.24, 1.25, -1.25, 1e9, -1e9])
    assert to_codes(real, form).tolist() == [11, 9, 10, 13, 7, 127, -128]
    assert from_codes(np.array([10, 12], np.int8), form).tolist() == [0.0, 1.0]


def test_sqnr_is_a_ratio_of_powers():
    assert sqnr(np.array([10.0, 0.0]), np.array([10.0, 1.0])) == pytest.approx(20)
    assert sqnr(np.ones(3), np.ones(3)) == float("inf")


@pytest.mark.parametrize(
    "x, sentence",
    [
        (np.ones((2, 3)), "samples must have the shape (batch, time, 3), not (2, 3)"),
        (np.ones((0, 2, 3)), "samples must not be empty, but has the shape (0, 2, 3)"),
        (
            np.full((1, 2, 3), np.nan),
            "samples must hold finite numbers, but holds NaN or infinity",
        ),
        (np.zeros((1, 2, 3)), "samples must not be all zero: there is nothing to calibrate on"),
        (
            np.full((1, 2, 3), 1e9),
            "the input gate's input weights of layer 0 are too large beside their operand: "
            "its 32-bit sum would overflow",
        ),
        (np.full((1, 2, 3), 1e300), "values up to 1e+300 are too large to be quantised"),
    ],
)
def test_bad_samples_are_refused(nets, x, sentence):
    with pytest.raises(NetworkError) as caught:
        quantize(nets.random_float(3, 4), x)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("percentile", [50, 100.1, -1, float("nan")])
def test_bad_percentiles_are_refused(nets, percentile):
    with pytest.raises(NetworkError) as caught:
        quantize(nets.random_float(3, 4), samples(1, 2, 3), percentile)
    assert str(caught.value) == (f"percentile must be above 50 and at most 100, not {percentile:g}")


def test_a_bias_that_overflows_is_refused(nets):
    lstm = nets.random_float(3, 4).layers[0].directions[0]
    bias = lstm.bias.copy()
    bias[2, 1] = 1e6
    with pytest.raises(NetworkError) as caught:
        quantize(FloatLayer(directions=(replace(lstm, bias=bias),)), samples(1, 2, 3))
    assert str(caught.value) == (
        "the cell gate's bias of layer 0 is too large beside its input weights: "
        "it would overflow a 32-bit sum"
    )


def float_loss(nets, network, x, **bits):
    """Signal over noise of the integers against floating point."""
    integer = quantize(network, x, **bits)
    first, last = integer.layers[0].directions[0], integer.layers[-1].directions[0]
    h = run_network(integer, to_codes(x, first.x)).h
    return integer, sqnr(run_float(network, x)[0], from_codes(h, last.h))


@pytest.mark.parametrize("directions", [1, 2])
def test_four_bits_are_within_ten_decibels_of_eight_where_operands_move_together(nets, directions):
    """Nearest codes of the widest scale lose 15 to 20; both directions and both layers gain."""
    network = nets.random_float(16, 24, 20, directions=directions, seed=3)
    x = np.random.default_rng(0).normal(size=(24, 20, 3)) @ np.ones((3, 16)) + samples(24, 20, 16)
    _, eight = float_loss(nets, network, x)
    four_bits, four = float_loss(nets, network, x, weight_bits=4)
    assert four > eight - 12
    for layer in four_bits.layers:
        for lstm in layer.directions:
            assert max(np.abs(lstm.W).max(), np.abs(lstm.R).max()) <= 7


def test_a_network_that_runs_backwards_has_the_codes_of_one_that_runs_forwards(nets):
    """On samples turned around; each step's hidden state comes from the step behind it."""
    lstm = nets.random_float(5, 7).layers[0].directions[0]
    x = np.cumsum(samples(6, 12, 5), axis=1)
    forward, backward = (
        quantize(FloatLayer(directions=(replace(lstm, reverse=turned),)), given, weight_bits=4)
        for turned, given in ((False, x), (True, x[:, ::-1]))
    )
    one, other = (each.layers[0].directions[0] for each in (forward, backward))
    for name in ("W", "R", "bias"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_weights_that_are_few_codes_keep_them_at_four_bits(nets):
    rng = np.random.default_rng(4)
    given = nets.random_float(6, 8).layers[0].directions[0]
    lstm = replace(
        given,
        **{
            name: (0.05 * rng.integers(-3, 4, getattr(given, name).shape)).astype(np.float32)
            for name in ("W", "R")
        },
    )
    (layer,) = quantize(FloatLayer(directions=(lstm,)), samples(4, 9, 6), weight_bits=4).layers
    found = layer.directions[0]
    for name in ("W", "R"):
        scales = np.array(getattr(found, f"{name}_scale"))[:, None, None]
        assert getattr(found, name) * scales == pytest.approx(getattr(lstm, name), abs=1e-6)


def test_a_network_of_four_bits_is_a_tflite_file_as_any_other(nets, tmp_path):
    network, x = nets.random_float(10, 12, seed=1), samples(6, 15, 10)
    integer = quantize(network, x, weight_bits=4)
    write_tflite(integer, tmp_path / "net.tflite", steps=15)
    assert nets.arrays_of(read_tflite(tmp_path / "net.tflite")) == nets.arrays_of(integer)
    first = integer.layers[0].directions[0]
    codes = to_codes(x, first.x)
    h = run_network(integer, codes).h
    assert np.array_equal(nets.run_tflm(tmp_path / "net.tflite", codes), h)


@pytest.mark.parametrize("how", [{}, {"weight_bits": 3}, {"row_scales": True}])
def test_columns_of_a_unit_that_are_zero_stay_zero(nets, how):
    network = nets.random_float(6, 8, spread=0.6)
    (lstm,) = network.layers[0].directions
    # Pruned: some columns of the first and of the other units.
    W, R = lstm.W.copy(), lstm.R.copy()
    W[:, :4, [0, 3]], W[:, 4:, [2, 5]], R[:, :4, 1:6], R[:, 4:, 4:] = 0, 0, 0, 0
    pruned = FloatLayer(directions=(replace(lstm, W=W, R=R),))
    mixed = np.random.default_rng(0).normal(size=(2, 6))
    x = (np.random.default_rng(1).normal(size=(4, 150, 2)) @ mixed).astype(np.float32)
    (layer,) = quantize(pruned, x, **how).layers
    for codes, weights in ((layer.directions[0].W, W), (layer.directions[0].R, R)):
        assert not codes[weights == 0].any()
        assert codes.any()


def test_single_weights_of_zero_are_weights_as_others(nets):
    """Files of few bits have many: what columns lose may be made good in them."""
    (lstm,) = nets.random_float(6, 8).layers[0].directions
    lstm.W[:3, :, 2] = 0
    assert _held(lstm) is None
    lstm.W[3, 5, 2] = 0
    held = _held(lstm)
    assert held.shape == (32, 14) and list(map(tuple, np.argwhere(held))) == [
        (8 * gate + 5, 2) for gate in range(4)
    ]
