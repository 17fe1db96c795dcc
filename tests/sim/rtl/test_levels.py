"""Multipliers with levels on the compiled machine, compared with the model bit for bit."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.imported import Entries, VerilogMultiplier
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

TINY = CONFIGS["tiny"]
CYCLES = 3_000_000
_COARSE = """
module coarse(input signed [8:0] a, input signed [7:0] b, output signed [16:0] p);
  wire signed [16:0] product = a * b;
  assign p = {product[16:4], 4'b0};
endmodule
"""
FEW = ("truncated", "rounded", "drum")
"""Families that every run of the tests takes: of low rank, linear, and looked up."""


@functools.cache
def machine(name):
    """The compiled backend of a configuration with this multiplier."""
    config = replace(TINY, name=f"tiny-{name}", multiplier=find_multiplier(name))
    return RtlBackend(config)


def slow_codes(network, sequences, steps, seed):
    """Codes that move a little, stand still or jump."""
    rng = np.random.default_rng(seed)
    shape = (sequences, steps, network.layers[0].input_size)
    moves = rng.integers(-30, 31, shape) * (rng.random(shape) < 0.5)
    moves *= rng.random(shape[:2])[..., None] < 0.8
    moves[:, 0] += rng.integers(-60, 60, shape[::2])
    return np.clip(np.cumsum(moves, axis=1), -128, 127).astype(np.int8)


def not_for_ever(cycles):
    """Stops a run that takes longer than any should."""
    assert cycles < CYCLES, "the machine hangs"


def agree(backend, network, x, modes, **options):
    """Run on both; results and all counts equal."""
    result = backend.run(network, x, modes=modes, progress=not_for_ever, **options)
    expected = ModelBackend(backend.config).run(network, x, modes=modes, **options)
    assert np.array_equal(result.h, expected.h)
    for mine, theirs in zip(result.states, expected.states, strict=True):
        assert np.array_equal(mine.h, theirs.h)
        assert np.array_equal(mine.c, theirs.c)
    assert result.counts == expected.counts
    assert backend.simulator.first_violation == ""
    return result


def every_mode(name):
    """Runs in normal, delta, reduced and mixed mode at every level, streamed and resident."""
    backend = machine(name)
    network = random_network([23, 18, 9], seed=7, bidirectional=True, initial=True)
    x = slow_codes(network, 2, 12, 8)
    resting = agree(backend, network, x, LayerModes()).h
    different = 0
    for level in range(len(backend.config.multiplier.levels)):
        backend.restart(MemoryModel.stalling(0.3, seed=level, latency=9))
        levels = {"delta_level": level, "reduced_level": level, "unsafe_level": level}
        scored = {"mode": "auto", "delta_threshold": 0.8, "skip_threshold": 0.97}
        for modes in (
            LayerModes(mode="delta", **levels),
            LayerModes(mode="reduced", zero_skip=True, **levels),
            LayerModes(**scored, normal_every=5, x_threshold=3, h_threshold=2, **levels),
            LayerModes(**scored, middle="reduced", **levels),
        ):
            found = agree(backend, network, x, modes, resident=None if level % 2 else False)
            different += not np.array_equal(found.h, resting)
    assert different > 2


@pytest.mark.parametrize("name", FEW)
def test_every_level_gives_what_the_model_gives(name):
    every_mode(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in MULTIPLIERS if n not in (*FEW, "exact")])
def test_every_family_gives_what_the_model_gives(name):
    if len(find_multiplier(name).levels) > 1:
        every_mode(name)


@pytest.mark.slow
def test_a_multiplier_in_verilog_gives_what_the_model_gives():
    codes = np.arange(-256, 256)[:, None]
    multiplier = VerilogMultiplier(
        entries=Entries.of(codes * np.arange(-128, 128) // 16 * 16),
        source=_COARSE,
        module="coarse",
        port_width=17,
    )
    backend = RtlBackend(replace(TINY, multiplier=multiplier))
    network = random_network([9, 14], seed=2)
    x = slow_codes(network, 2, 10, 3)
    coarse = agree(backend, network, x, LayerModes())
    agree(backend, network, x, LayerModes(mode="delta", x_threshold=1, unsafe_level="coarse"))
    assert not np.array_equal(coarse.h, ModelBackend(TINY).run(network, x).h)


def test_layers_and_runs_have_levels_of_their_own():
    backend = machine("truncated")
    backend.restart(MemoryModel())
    network = random_network([9, 12, 7], seed=3)
    x = slow_codes(network, 1, 15, 4)
    coarse = LayerModes(mode="delta", delta_level="columns < 6")
    runs = [
        agree(backend, network, x, [first, second]).h
        for first in (LayerModes(mode="delta"), coarse)
        for second in (LayerModes(mode="delta"), coarse)
    ]
    assert len({run.tobytes() for run in runs}) == 4
