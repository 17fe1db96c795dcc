"""What formats are compared with is about what the integers give."""

from dataclasses import replace

import numpy as np
import pytest

from sim.image.image import State
from sim.model.network import run_network
from sim.networks.codes import from_codes, sqnr, to_codes
from sim.networks.network import FloatLayer, FloatLstm, IntegerLayer, IntegerNetwork, Quantization
from sim.networks.quantizer import quantize
from sim.networks.quantizing.simulated import round_to, simulate_integer


@pytest.mark.parametrize("reverse", [False, True])
def test_simulated_integers_are_nearer_to_the_integers_than_floating_point_is(reverse):
    rng = np.random.default_rng(0)
    W, R, bias = (rng.normal(0, 0.4, shape) for shape in ((4, 20, 12), (4, 20, 20), (4, 20)))
    lstm = FloatLstm(W=W, R=R, bias=bias, reverse=reverse)
    x = rng.normal(size=(3, 30, 12))
    integer = quantize(FloatLayer(directions=(lstm,)), x)
    (made,) = integer.layers[0].directions
    h = from_codes(run_network(integer, to_codes(x, made.x)).h, made.h)
    zero = np.zeros((3, 20))
    # Gates are tables of 256 entries there and exact functions here: less than a code of h.
    assert sqnr(h, simulate_integer(made, x, zero, zero)) > 44


def test_a_state_that_is_kept_long_in_coarse_steps_is_simulated_as_the_machine_rounds_it():
    # The forget gates stay open: what is added in a step is about as large as a code of the state.
    rng = np.random.default_rng(0)
    W, R = (rng.normal(0, 0.1, shape) for shape in ((4, 20, 12), (4, 20, 20)))
    bias = np.tile([[-5.0], [7.0], [0.0], [0.0]], 20)
    x = rng.normal(size=(3, 300, 12))
    layer = FloatLayer(directions=(FloatLstm(W=W, R=R, bias=bias),))
    (made,) = quantize(layer, x).layers[0].directions
    coarse = replace(made, c_power=-8)
    integer = IntegerNetwork(layers=(IntegerLayer(directions=(coarse,)),))
    h = from_codes(run_network(integer, to_codes(x, made.x)).h, made.h)
    zero = np.zeros((3, 20))
    assert sqnr(h, simulate_integer(coarse, x, zero, zero)) > 27


def test_parts_of_a_gate_saturate_each_by_itself():
    # What comes from x is large, and what comes from h takes it back.
    rng = np.random.default_rng(0)
    W, R = rng.normal(0, 4, (4, 20, 12)), rng.normal(0, 4, (4, 20, 20))
    x = rng.normal(size=(3, 40, 12))
    layer = FloatLayer(directions=(FloatLstm(W=W, R=R, bias=np.zeros((4, 20))),))
    integer = quantize(layer, x)
    (made,) = integer.layers[0].directions
    first = to_codes(x[:, :1], made.x)
    state = rng.uniform(-0.9, 0.9, (3, 20))
    begin = [State(h=to_codes(state, made.h), c=np.zeros((3, 20), np.int16))]
    h = from_codes(run_network(integer, first, begin).h, made.h)
    found = simulate_integer(made, x[:, :1], round_to(state, made.h), np.zeros((3, 20)))
    assert sqnr(h, found) > 30


def test_values_are_rounded_and_clamped_as_their_codes_are():
    form = Quantization(scale=0.3, zero_point=-20, bits=6)
    values = np.linspace(-9, 20, 1000)
    codes = to_codes(values, form)
    # Halves go another way, and none is among these.
    assert np.allclose(round_to(values, form), from_codes(codes, form))
    assert round_to(values, None) is values
