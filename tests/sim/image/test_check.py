"""Refusals, word for word."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.exact import Exact
from sim.image.check import (
    check_fit,
    check_held,
    check_input,
    check_lookahead,
    check_scores,
    largest_sums,
)
from sim.image.compile import compile_network
from sim.image.image import State
from sim.image.modes import LayerModes
from sim.image.parameters import cell_parameters
from sim.model.random_network import random_network
from sim.networks.network import NetworkError, Quantization

TINY = CONFIGS["tiny"]


def refusal(call, *args):
    with pytest.raises(NetworkError) as caught:
        call(*args)
    return str(caught.value)


def fit(direction, config=TINY, layer=0):
    check_fit(layer, direction, cell_parameters(direction), config)


def direction(inputs=3, hidden=5, **changes):
    return replace(random_network([inputs, hidden]).layers[0].directions[0], **changes)


def test_a_network_that_fits_is_accepted():
    fit(direction(256, 256))


def test_too_many_inputs_are_refused():
    assert refusal(fit, direction(inputs=257)) == (
        "layer 0 has 257 inputs, and configuration tiny holds at most 256"
    )


def test_too_many_hidden_units_are_refused():
    assert refusal(fit, direction(hidden=257), TINY, 2) == (
        "layer 2 has 257 hidden units, and configuration tiny holds at most 256"
    )


def test_weights_that_the_multiplier_cannot_take_are_refused():
    narrow = replace(CONFIGS["small"], multiplier=Exact(weight_width=4))
    large = direction(W=np.full((4, 5, 3), -8, np.int8))
    assert refusal(fit, large, narrow) == (
        "W of layer 0 has weights up to ±8, and those of configuration small have 4 bits, up to "
        "±7: quantise the network with --weight-bits 4"
    )
    small = np.zeros((4, 5, 3), np.int8)
    assert refusal(fit, direction(W=small, R=np.full((4, 5, 5), 8, np.int8)), narrow) == (
        "R of layer 0 has weights up to ±8, and those of configuration small have 4 bits, up to "
        "±7: quantise the network with --weight-bits 4"
    )


def overflow(name):
    return (
        f"{name} of layer 0 can overflow the 32-bit sums: its scales are too large for its weights"
    )


def test_a_bias_that_fills_the_sum_is_refused():
    bias = np.full((4, 5), 2**31 - 1, np.int32)
    assert refusal(fit, direction(bias=bias)) == overflow("W")
    # One product less than the limit is accepted.
    W = np.zeros((4, 5, 3), np.int8)
    fit(direction(W=W, bias=bias, W_scale=(1e-6,) * 4))


def test_a_bias_that_overflows_when_it_is_shifted_is_refused():
    wide = direction(200, 250, bias=np.full((4, 250), 1 << 25, np.int32), W_scale=(0.5,) * 4)
    assert cell_parameters(wide).x_shift[0] == 7
    assert refusal(fit, wide) == overflow("W")
    fit(replace(wide, bias=wide.bias >> 4))


def test_recurrent_sums_that_overflow_when_they_are_shifted_are_refused():
    full = np.full((4, 600, 600), 127, np.int8)
    wide = direction(1, 600, R=full, R_scale=(4.0,) * 4)
    assert cell_parameters(wide).h_shift[0] == 7
    assert refusal(fit, wide, CONFIGS["chip"]) == overflow("R")
    fit(replace(wide, R_scale=(2.0,) * 4), CONFIGS["chip"])


def test_a_sum_is_bounded_by_its_weights_and_the_largest_event():
    weights = np.array([[[127, -3]], [[0, 0]], [[-127, -127]], [[1, 0]]], np.int8)
    assert largest_sums(weights).tolist() == [[130 * 255], [0], [254 * 255], [255]]


def test_scales_that_the_gates_cannot_take_are_refused():
    large = direction(W_scale=(1e6,) * 4, x=Quantization(scale=1.0, zero_point=0))
    assert refusal(cell_parameters, large) == (
        "the scales of the network cannot be run: x_shift must be from -31 to 15, not 32"
    )


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((2, 3), np.int8), "x must be [sequences, steps, 3], not [2, 3]"),
        (np.zeros((2, 3, 4), np.int8), "x must be [sequences, steps, 3], not [2, 3, 4]"),
        (np.zeros((2, 3, 3), np.uint8), "x must be int8, not uint8"),
        (np.zeros((2, 0, 3), np.int8), "x must hold at least one step, not [2, 0, 3]"),
        (np.zeros((0, 2, 3), np.int8), "x must hold at least one step, not [0, 2, 3]"),
    ],
)
def test_an_input_of_the_wrong_form_is_refused(x, text):
    assert refusal(check_input, random_network([3, 5]), x) == text


def test_a_lookahead_without_gates_is_refused():
    check_lookahead(0, 1, TINY)
    check_lookahead(0, 3, replace(TINY, lookahead=4))
    assert refusal(check_lookahead, 1, 2, TINY) == (
        "layer 1 is to look 2 steps ahead, and configuration tiny looks at most 1 ahead"
    )


@pytest.mark.parametrize(
    "modes",
    [{"mode": "skip", "skip_threshold": 0.9}, {"mode": "auto", "delta_threshold": 0.5}],
)
def test_scores_without_gates_are_refused(modes):
    fields, plain = LayerModes(**modes).fields(), replace(TINY, scores=False)
    check_scores(0, fields, TINY)
    for name in ("normal", "delta", "reduced"):
        check_scores(0, LayerModes(mode=name).fields(), plain)
    assert refusal(check_scores, 1, fields, plain) == (
        "layer 1 skips steps or chooses modes by a score, and configuration tiny was made without "
        "gates for scores: choose mode normal, delta or reduced, or make the machine with scores "
        "= true"
    )


def compiled(network, config, **options):
    return compile_network(network, config, steps=2, sequences=1, **options)


def test_states_without_gates_are_refused_and_states_of_zero_are_not_needed():
    plain, network = replace(TINY, states=False), random_network([3, 5])
    zero = State(
        h=np.full((1, 5), network.layers[0].directions[0].h.zero_point, np.int8),
        c=np.zeros((1, 5), np.int16),
    )
    for initial in (None, [None], [zero]):
        fields = compiled(network, plain, initial=initial).placements[0].fields
        assert not fields["load_state"] and not fields["store_state"]
    ending = (
        "and configuration tiny was made without gates for states in memory: make the machine "
        "with states = true"
    )
    given = [replace(zero, c=zero.c + 1)]
    begins = f"a layer begins with a state that is not zero, {ending}"
    assert str(_refused(network, plain, initial=given)) == begins
    assert str(_refused(random_network([3, 5], initial=True), plain)) == begins
    assert str(_refused(network, plain, store_state=True)) == (
        f"final states are to be written, {ending}"
    )


def test_runs_that_go_on_without_gates_are_refused():
    plain, network = replace(TINY, resume=False), random_network([3, 5, 5])
    assert str(_refused(network, plain, resume=True)) == (
        "a resumed run goes on where the one before ended, and configuration tiny was made "
        "without gates for that: run it on whole sequences, without resume, or make the machine "
        "with resume = true"
    )
    for placement in compiled(network, plain).placements:
        assert not any(placement.fields[name] for name in ("keeper", "block_base", "row_base"))


def _refused(network, config, **options):
    with pytest.raises(NetworkError) as caught:
        compiled(network, config, **options)
    return caught.value


def test_streamed_inputs_that_the_ring_cannot_hold_are_refused_with_lookahead():
    check_held(0, direction(252), 2, TINY)
    check_held(0, direction(253), 1, TINY)
    assert refusal(check_held, 0, direction(253), 2, TINY) == (
        "layer 0 has 253 inputs, and with lookahead configuration tiny can hold streamed weights "
        "of at most 252"
    )


def test_scales_of_rows_without_gates_for_them_are_refused():
    lstm = random_network([3, 5], row_scales=True).layers[0].directions[0]
    assert refusal(fit, lstm) == (
        "layer 0 has scales for each row of weights, and configuration tiny has gates for scales "
        "by gate alone; give it those with --row-scales"
    )
    fit(lstm, replace(CONFIGS["tiny"], row_scales=True))
