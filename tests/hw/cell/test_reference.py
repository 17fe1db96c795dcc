"""The cell arithmetic in NumPy against TFLite-Micro's own LSTM operator."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tflite_micro

from hw.cell.parameters import CellParameters
from hw.cell.reference import cell_step, multiply_by_power
from hw.numbers.requantize import quantize_multiplier, requantize
from sim.networks.network import IntegerLayer, IntegerLstm, IntegerNetwork, Quantization
from sim.networks.tflite.reader import read_tflite
from sim.networks.tflite.writer import write_tflite


def parameters_of(lstm):
    """Parameters of one direction."""
    return CellParameters.from_scales(
        x_scale=lstm.x.scale,
        W_scale=lstm.W_scale,
        h_scale=lstm.h.scale,
        R_scale=lstm.R_scale,
        c_power=lstm.c_power,
        cell_clip=lstm.cell_clip,
        h_zero=lstm.h.zero_point,
        h_width=lstm.h.bits,
    )


def run(lstm, x):
    """Every ``h`` of a batch of sequences, by a plain loop around ``cell_step``."""
    params = parameters_of(lstm)
    h = np.full((len(x), lstm.hidden_size), lstm.h.zero_point, lstm.h.dtype)
    c = np.zeros(h.shape, np.int16)
    steps = []
    for codes in np.moveaxis(x.astype(np.int64) - lstm.x.zero_point, 1, 0):
        acc_x = np.einsum("ghi,ni->ngh", lstm.W.astype(np.int64), codes)
        centred = h.astype(np.int64) - lstm.h.zero_point
        acc_h = np.einsum("ghi,ni->ngh", lstm.R.astype(np.int64), centred)
        h, c = cell_step(params, acc_x, acc_h, lstm.bias, c)
        steps.append(h)
    return np.stack(steps, 1)


def run_tflite_micro(lstm, x, tmp_path):
    """The same by TFLite-Micro, its state reset before each sequence."""
    path = tmp_path / "network.tflite"
    network = IntegerNetwork(layers=(IntegerLayer(directions=(lstm,)),))
    write_tflite(network, path, steps=x.shape[1])
    interpreter = tflite_micro.runtime.Interpreter.from_file(str(path), arena_size=1 << 20)
    outputs = []
    for sequence in x:
        interpreter.reset()
        interpreter.set_input(sequence[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0)[0])
    return np.stack(outputs)


def single(value):
    """A float32, as files hold them."""
    return float(np.float32(value))


def random_lstm(rng, gain, c_power, cell_clip):
    """24 to 24 units; ``gain`` drives the gates from linear to saturated."""
    weight_scales = [single(gain * rng.uniform(0.5, 1.5) / 127) for _ in range(8)]
    return IntegerLstm(
        W=rng.integers(-127, 128, (4, 24, 24)).astype(np.int8),
        R=rng.integers(-127, 128, (4, 24, 24)).astype(np.int8),
        bias=rng.integers(-20000, 20000, (4, 24)).astype(np.int32),
        W_scale=tuple(weight_scales[:4]),
        R_scale=tuple(weight_scales[4:]),
        x=Quantization(
            scale=single(rng.uniform(0.005, 0.05)), zero_point=int(rng.integers(-128, 128))
        ),
        h=Quantization(
            scale=single(rng.uniform(0.5, 1.5) / 128), zero_point=int(rng.integers(-128, 128))
        ),
        c_power=c_power,
        cell_clip=cell_clip,
    )


@pytest.mark.parametrize("cell_clip", [0, 3000])
@pytest.mark.parametrize(
    ("gain", "c_power"),
    [(0.1, -15), (0.3, -15), (1, -14), (3, -13), (1, -12), (5, -11), (30, -9), (10, -8), (1, -5)],
)
def test_every_bit_equals_tflite_micro(gain, c_power, cell_clip, tmp_path):
    rng = np.random.default_rng(abs(c_power))
    lstm = random_lstm(rng, gain, c_power, cell_clip)
    x = rng.integers(-128, 128, (2, 40, 24)).astype(np.int8)
    np.testing.assert_array_equal(run(lstm, x), run_tflite_micro(lstm, x, tmp_path))


@pytest.mark.parametrize("cell_clip", [0, 3000])
@pytest.mark.parametrize(("gain", "c_power"), [(0.1, -15), (1, -12), (5, -11), (30, -9)])
def test_every_bit_of_16_bit_activations_equals_tflite_micro(gain, c_power, cell_clip, tmp_path):
    rng = np.random.default_rng(abs(c_power))
    narrow = random_lstm(rng, gain, c_power, cell_clip)
    lstm = replace(
        narrow,
        bias=narrow.bias << 8,
        x=Quantization(scale=narrow.x.scale / 256, zero_point=0, bits=16),
        h=Quantization(scale=narrow.h.scale / 256, zero_point=0, bits=16),
    )
    x = rng.integers(-(1 << 15), 1 << 15, (2, 30, 24)).astype(np.int16)
    x[:, 10:20] >>= 6
    found = run(lstm, x)
    np.testing.assert_array_equal(found, run_tflite_micro(lstm, x, tmp_path))
    assert len(np.unique(found)) > 100


def cancelling_lstm(x_scale, W_scale, R_scale, bias):
    """Two units: from its second step on, ``h`` of the first is 127 and drives the second.

    All gates of both are open but the forget gate, and the second unit's cell gate is the
    difference of two large numbers, ``bias`` and ``-127 * 127``. ``h`` has so fine a scale that it
    shows each code of it.
    """
    open_bias = 2_000_000_000
    R = np.zeros((4, 2, 2), np.int8)
    R[2, 1, 0] = -127
    fine = 2.0**-20
    return IntegerLstm(
        W=np.zeros((4, 2, 1), np.int8),
        R=R,
        bias=np.array(
            [[open_bias] * 2, [-open_bias] * 2, [open_bias, bias], [open_bias] * 2], np.int32
        ),
        W_scale=(W_scale,) * 4,
        R_scale=(fine, fine, R_scale, fine),
        x=Quantization(scale=x_scale, zero_point=0),
        h=Quantization(scale=2.0**-14, zero_point=0),
        c_power=-15,
    )


def test_effective_scales_are_products_in_double_precision(tmp_path):
    rng = np.random.default_rng(1)
    seen = 0
    while seen < 5:
        x_scale, W_scale = single(rng.uniform(0.01, 0.02)), single(rng.uniform(1e-7, 2e-7))
        exact = quantize_multiplier(x_scale * W_scale * 4096)
        rounded = quantize_multiplier(single(x_scale * W_scale) * 4096)
        bias = rng.integers(1 << 30, (1 << 31) - 1, 200_000)
        code = requantize(bias, *exact)
        differ = np.flatnonzero((code != requantize(bias, *rounded)) & (code < 32000))
        if not len(differ):
            continue
        seen += 1
        R_scale = single(code[differ[0]] / (127 * 127 * 2.0**-14 * 4096))
        lstm = cancelling_lstm(x_scale, W_scale, R_scale, bias[differ[0]])
        x = np.zeros((1, 6, 1), np.int8)
        np.testing.assert_array_equal(run(lstm, x), run_tflite_micro(lstm, x, tmp_path))


def test_both_parts_of_a_gate_saturate_before_they_are_added(tmp_path):
    W_scale = single(50_000 / 2_000_000_000 / 4096 / 0.01)
    for h_part in (20_000, 32_700, 33_000, 34_000, 60_000):
        R_scale = single(h_part / (127 * 127 * 2.0**-14 * 4096))
        lstm = cancelling_lstm(single(0.01), W_scale, R_scale, 2_000_000_000)
        x = np.zeros((1, 6, 1), np.int8)
        np.testing.assert_array_equal(run(lstm, x), run_tflite_micro(lstm, x, tmp_path))


def test_a_left_shift_wraps_as_in_tflite_micro(tmp_path):
    rng = np.random.default_rng(2)
    lstm = random_lstm(rng, gain=100, c_power=-11, cell_clip=0)
    assert max(parameters_of(lstm).x_shift) > 4
    bias = rng.integers(-(1 << 29), 1 << 29, lstm.bias.shape).astype(np.int32)
    lstm = IntegerLstm(**{**vars(lstm), "bias": bias})
    x = rng.integers(-128, 128, (2, 10, 24)).astype(np.int8)
    np.testing.assert_array_equal(run(lstm, x), run_tflite_micro(lstm, x, tmp_path))


def test_a_power_of_two_is_rounded_twice():
    # 2**14 - 1 is less than half of 2**15, but its half rounds up to 2**13.
    assert multiply_by_power(
        np.array([2**14 - 2, 2**14 - 1, -(2**14), -(2**14) - 1]), 15
    ).tolist() == [
        0,
        1,
        -1,
        -1,
    ]


def test_a_converted_network_equals_its_recorded_outputs():
    data = Path(__file__).parents[2] / "data"
    ((lstm,),) = [
        layer.directions for layer in read_tflite(data / "lstm_64_128_int8.tflite").layers
    ]
    recorded = np.load(data / "lstm_64_128_tflm.npz")
    np.testing.assert_array_equal(run(lstm, recorded["x"]), recorded["h"])
