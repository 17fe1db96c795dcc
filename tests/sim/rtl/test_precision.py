"""Weights and activations of 4 to 8 bits on the compiled machine, compared with the model."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.image.modes import LayerModes
from sim.model.random_network import random_codes, random_network
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

WIDTHS = [(4, 4, 16, "truncated:2"), (8, 6, 8, "exact")]
"""Bits of weights and of activations, lanes, multiplier: words of 8 bytes."""
ODD = [
    (6, 5, 32, "rounded:4"),
    (5, 6, 64, "baugh-wooley"),
    (7, 7, 64, "booth:1"),
    (4, 8, 64, "exact"),
]
"""Words of 24, 40, 56 and 32 bytes."""


@functools.cache
def machine(weight_bits, activation_bits, lanes, multiplier):
    """The compiled backend of a configuration of these widths."""
    config = replace(
        CONFIGS["tiny"],
        name=f"w{weight_bits}a{activation_bits}",
        lanes=lanes,
        multiplier=find_multiplier(multiplier, weight_bits),
        act_width=activation_bits,
    )
    return RtlBackend(config)


def slow_codes(network, sequences, steps, seed):
    """Codes that stand still in half of the columns."""
    x = random_codes(network, sequences, steps, seed)
    moves = np.random.default_rng(seed).random(x.shape) < 0.5
    moves[:, 0] = True
    last = np.maximum.accumulate(np.where(moves, np.arange(steps)[:, None], 0), axis=1)
    return np.take_along_axis(x, last, 1)


def runs_agree(case, agree):
    """Every mode on both: outputs, states and all counts."""
    backend = machine(*case)
    bits = {"weight_bits": case[0], "activation_bits": case[1]}
    level = len(backend.config.multiplier.levels) - 1
    levels = {"delta_level": level, "reduced_level": level, "unsafe_level": level}
    scored = {"mode": "auto", "delta_threshold": 0.6, "skip_threshold": 0.9, **levels}
    network = random_network([19, 21, 10], seed=5, bidirectional=True, initial=True, **bits)
    x = slow_codes(network, 2, 10, 6)
    for number, modes in enumerate(
        (
            LayerModes(),
            LayerModes(mode="delta", delta_level=level, unsafe_level=level),
            LayerModes(**scored, x_threshold=1, h_threshold=1, normal_every=4),
            LayerModes(**scored, middle="reduced", zero_skip=True, skip_action="freeze"),
        )
    ):
        backend.restart(MemoryModel.stalling(0.2, seed=number, latency=7))
        resident = False if number % 2 else None
        result = agree(backend, network, x, modes, resident=resident)
        assert np.ptp(result.h.astype(int)) > (1 << case[1]) // 4


@pytest.mark.parametrize("case", WIDTHS, ids=str)
def test_every_mode_at_a_precision_gives_what_the_model_gives(case, agree):
    runs_agree(case, agree)


@pytest.mark.slow
@pytest.mark.parametrize("case", ODD, ids=str)
def test_odd_widths_give_what_the_model_gives(case, agree):
    runs_agree(case, agree)
