"""The fast model equals the plain loop."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim.model.lstm
from sim.model.lstm import Lstm
from sim.model.plain import run_plain_direction
from sim.model.random_network import random_codes, random_network


def assert_equals_plain(direction, x, h=None, c=None):
    for fast, plain in zip(
        Lstm(direction).run(x, h, c), run_plain_direction(direction, x, h, c), strict=True
    ):
        assert fast.dtype == plain.dtype
        assert np.array_equal(fast, plain)


def one(inputs, hidden, seed=0, **options):
    network = random_network([inputs, hidden], seed=seed, **options)
    return network.layers[0].directions[0], network


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 999),
    st.sampled_from([-19, -16, -15, -13, -11, -9, -4, 0]),
    st.sampled_from([0.1, 1.0, 30.0]),
    st.sampled_from([0, 1, 1000, 32767]),
    st.booleans(),
    st.booleans(),
)
def test_every_bit_equals_the_plain_loop(
    inputs, hidden, sequences, steps, seed, c_power, gain, clip, initial, reverse
):
    direction, network = one(
        inputs, hidden, seed, c_power=c_power, gain=gain, cell_clip=clip, initial=initial
    )
    x = random_codes(network, sequences, steps, seed)
    assert_equals_plain(replace(direction, reverse=reverse), x)


@pytest.mark.parametrize("zero", [-128, 127])
def test_extreme_zero_points_are_exact(zero):
    direction, network = one(40, 50)
    direction = replace(
        direction,
        x=replace(direction.x, zero_point=zero),
        h=replace(direction.h, zero_point=-1 - zero),
    )
    assert_equals_plain(direction, random_codes(network, 3, 20))


def test_extreme_weights_saturate_as_the_plain_loop_does():
    direction, network = one(30, 40)
    sign = np.random.default_rng(0).choice([-127, 127], (4, 40, 70)).astype(np.int8)
    direction = replace(direction, W=sign[..., :30], R=sign[..., 30:], R_scale=(0.9,) * 4)
    assert Lstm(direction).h_scale.saturates
    assert_equals_plain(direction, random_codes(network, 3, 20))


def test_a_state_can_be_given_for_each_sequence():
    direction, network = one(20, 30, initial=True)
    rng = np.random.default_rng(1)
    h = rng.integers(-128, 128, (4, 30), np.int8)
    c = rng.integers(-(1 << 15), 1 << 15, (4, 30), np.int16)
    assert_equals_plain(direction, random_codes(network, 4, 5), h, c)


def test_a_run_in_two_halves_equals_one_run():
    direction, network = one(20, 30)
    x = random_codes(network, 4, 9)
    lstm = Lstm(direction)
    whole = lstm.run(x)
    first, h, c = lstm.run(x[:, :4])
    second, *state = lstm.run(x[:, 4:], h, c)
    assert np.array_equal(np.concatenate([first, second], axis=1), whole[0])
    assert np.array_equal(state[0], whole[1])
    assert np.array_equal(state[1], whole[2])


@pytest.mark.parametrize("given", [False, True])
def test_many_sequences_run_in_parts(monkeypatch, given):
    monkeypatch.setattr(sim.model.lstm, "_SEQUENCES", 3)
    direction, network = one(13, 29)
    state = ()
    if given:
        rng = np.random.default_rng(1)
        state = (
            rng.integers(-128, 128, (8, 29), np.int8),
            rng.integers(-999, 999, (8, 29), np.int16),
        )
    assert_equals_plain(direction, random_codes(network, 8, 5), *state)


@pytest.mark.parametrize("chunk", [1, 7, 64, 100000])
@pytest.mark.parametrize("columns", [1, 5, 1000])
def test_the_chunks_change_nothing(monkeypatch, chunk, columns):
    monkeypatch.setattr(sim.model.lstm, "_CHUNK", chunk)
    monkeypatch.setattr(sim.model.lstm, "_COLUMNS", columns)
    direction, network = one(13, 29, seed=5)
    assert_equals_plain(replace(direction, reverse=True), random_codes(network, 3, 11))


def test_sums_beyond_float32_are_exact():
    direction, network = one(600, 560)
    W = np.full((4, 560, 600), 127, np.int8)
    R = np.full((4, 560, 560), -127, np.int8)
    scale = (1e-5,) * 4
    direction = replace(direction, W=W, R=R, W_scale=scale, R_scale=scale)
    x, h = (replace(form, zero_point=-128) for form in (direction.x, direction.h))
    direction = replace(direction, x=x, h=h)
    lstm = Lstm(direction)
    assert lstm.x_type == lstm.h_type == np.float64
    assert_equals_plain(direction, random_codes(network, 2, 3))


def test_without_a_proof_the_integers_are_used(monkeypatch):
    find = sim.model.lstm.find_scaling
    monkeypatch.setattr(
        sim.model.lstm, "find_scaling", lambda *args: replace(find(*args), exact=False, first=0.0)
    )
    direction, network = one(20, 30, gain=30.0)
    assert_equals_plain(direction, random_codes(network, 2, 6))


def test_scales_that_are_powers_of_two_tie_as_the_integers_do():
    direction, network = one(20, 30)
    scale = (2.0**-15, 2.0**-14, 2.0**-13, 2.0**-12)
    x, h = replace(direction.x, scale=2.0**-5), replace(direction.h, scale=2.0**-7)
    direction = replace(direction, W_scale=scale, R_scale=scale, x=x, h=h)
    assert Lstm(direction).x_scale.nudge.any()
    assert_equals_plain(direction, random_codes(network, 4, 20))


def test_2048_units_are_exact():
    direction, network = one(40, 2048)
    assert_equals_plain(direction, random_codes(network, 2, 2))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 999),
    st.sampled_from([0.1, 1.0, 30.0]),
    st.sampled_from([4, 8]),
)
def test_every_bit_equals_the_plain_loop_where_rows_have_scales(
    inputs, hidden, sequences, steps, seed, gain, bits
):
    how = {"row_scales": True, "gain": gain, "weight_bits": bits}
    direction, network = one(inputs, hidden, seed, **how)
    if seed % 3 == 0:
        gates = np.sort(direction.R_scale, axis=1)[:, 0]
        direction = replace(direction, R_scale=tuple(map(float, gates)))
    assert_equals_plain(direction, random_codes(network, sequences, steps, seed))


def test_rows_are_those_of_the_chunk_that_is_computed(monkeypatch):
    monkeypatch.setattr(sim.model.lstm, "_CHUNK", 7)
    direction, network = one(5, 23, row_scales=True)
    assert_equals_plain(direction, random_codes(network, 2, 5))


def test_sums_that_float64_cannot_requantise_by_row_take_the_integers():
    direction, network = one(5, 6, row_scales=True)
    bias = direction.bias.copy()
    bias[2, 3] = 1 << 27
    direction = replace(direction, bias=bias)
    assert not Lstm(direction).x_scale.exact
    assert_equals_plain(direction, random_codes(network, 2, 5))
