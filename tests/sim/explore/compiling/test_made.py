"""The test vector and what is expected of it."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.networks.codes import to_codes
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]
NETWORK = random_network((5, 6, 7), seed=4)


def test_outputs_and_cycles_are_those_of_the_model(compiled):
    modes = Modes.of(LayerModes(mode="delta", x_threshold=2))
    made = compiled(network=NETWORK, modes=modes, latency=12)
    result = ModelBackend(TINY, 12).run(NETWORK, made.x, modes=modes)
    assert (made.h == result.h).all() and made.h.shape == (2, 3, 7)
    assert made.cycles == result.cycles


def test_an_input_that_is_made_up_moves_and_is_no_other_the_next_time(compiled):
    x = compiled(network=NETWORK, steps=40).x
    assert (x == compiled(network=NETWORK, steps=40).x).all()
    moved = (np.diff(x.astype(int), axis=1) != 0).mean()
    assert 0.1 < moved < 0.4
    assert x.std() > 40 and (x[0] != x[1]).any()


def test_an_input_of_few_bits_keeps_to_them(compiled):
    config = replace(TINY, act_width=5)
    network = random_network((5, 6), activation_bits=5)
    x = compiled(network=network, config=config, steps=50).x
    assert (x.min(), x.max()) == (-16, 15)


def test_a_given_input_says_how_long_a_run_is(compiled):
    x = random_codes(NETWORK, 3, 4)
    made = compiled(network=NETWORK, x=x, steps=None, sequences=None)
    assert (made.x == x).all()
    assert (made.image.sequences, made.image.steps) == (3, 4)
    real = np.random.default_rng(0).normal(size=(3, 4, 5))
    coded = compiled(network=NETWORK, x=real, steps=4, sequences=None).x
    assert (coded == to_codes(real, NETWORK.layers[0].directions[0].x)).all()


def test_nothing_told_is_one_sequence_of_16_steps(compiled):
    assert compiled(network=NETWORK, steps=None, sequences=None).x.shape == (1, 16, 5)


@pytest.mark.parametrize(
    "wanted, sentence",
    [
        ({"steps": 0}, "there must be at least one of the steps, not 0"),
        ({"sequences": -1}, "there must be at least one of the sequences, not -1"),
        ({"x": np.zeros((2, 4, 5), np.int8)}, "the input has 4 steps, and 3 are asked for: leave"),
        ({"x": np.zeros((1, 3, 5), np.int8)}, "the input has 1 sequences, and 2 are asked for"),
        ({"x": np.zeros((2, 3, 4), np.int8)}, r"must have the shape \[batch, time, 5\]"),
        ({"latency": 0}, "the memory's latency must be at least 1 cycle, not 0"),
    ],
)
def test_what_cannot_be_is_one_sentence(compiled, wanted, sentence):
    with pytest.raises(NetworkError, match=sentence):
        compiled(network=NETWORK, **wanted)


def test_a_network_that_does_not_fit_is_refused(compiled):
    with pytest.raises(NetworkError, match="has 300 inputs, and configuration tiny holds at most"):
        compiled(network=random_network((300, 4)))


def test_scales_of_rows_are_compiled_for_gates_that_have_them(compiled):
    network = random_network((5, 6), seed=6, row_scales=True)
    with pytest.raises(NetworkError, match="give it those with --row-scales"):
        compiled(network=network)
    by_row = compiled(network=network, config=replace(TINY, row_scales=True))
    by_gate = compiled(network=random_network((5, 6), seed=6))
    assert len(by_row.data) - len(by_gate.data) == (48 - 16) * 6
    result = ModelBackend(replace(TINY, row_scales=True)).run(network, by_row.x)
    assert (by_row.h == result.h).all()
