"""Multipliers with levels on the compiled machine, compared with the model bit for bit."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.modes import Mode
from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.imported import Entries, VerilogMultiplier
from sim.explore.workloads import quantize_case
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.quantizer import to_codes
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel
from sim.workloads.catalogue import find_workload

TINY = CONFIGS["tiny"]
_COARSE = """
module coarse(input signed [8:0] a, input signed [7:0] b, output signed [16:0] p);
  wire signed [16:0] product = a * b;
  assign p = {product[16:4], 4'b0};
endmodule
"""
FEW = ("rounded",)
"""The family that every run of the tests takes; `truncated` is among those of other widths."""


@functools.cache
def machine(name):
    """The compiled backend of a configuration with this multiplier."""
    config = replace(TINY, name=f"tiny_{name.replace('-', '_')}", multiplier=find_multiplier(name))
    return RtlBackend(config)


def every_mode(name, agree, drawn):
    """Runs in normal, delta, reduced and mixed mode at every level, streamed and resident."""
    backend = machine(name)
    network = random_network([23, 18, 9], seed=7, bidirectional=True, initial=True)
    x = drawn.slow_codes(network, 2, 12, 8)
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
    # Thresholds change something at every level, inexact levels more than that.
    assert different > 2 * (len(backend.config.multiplier.levels) > 1)


@pytest.mark.parametrize("name", FEW)
def test_every_level_gives_what_the_model_gives(name, agree, drawn):
    every_mode(name, agree, drawn)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in MULTIPLIERS if n not in (*FEW, "exact")])
def test_every_family_gives_what_the_model_gives(name, agree, drawn):
    every_mode(name, agree, drawn)


@functools.cache
def recordings():
    """A trained network, and four utterances that it was not trained on."""
    case = find_workload("vowels").load()
    network, split = quantize_case(case), case.evaluation
    x = split.x[:4, : split.lengths[:4].min()]
    return network, to_codes(x, network.layers[0].directions[0].x)


def real_speech(backend, agree):
    """Each level, summed freshly and from differences: values and counters."""
    network, x = recordings()
    resting = agree(backend, network, x, LayerModes()).h
    for level, title in enumerate(backend.config.multiplier.levels):
        fresh = LayerModes(mode="reduced", reduced_level=level)
        moved = LayerModes(mode="delta", delta_level=level, unsafe_level=level)
        flushed = replace(moved, x_threshold=4, h_threshold=4, normal_every=8)
        found = [agree(backend, network, x, modes) for modes in (fresh, moved, flushed)]
        exact = backend.config.multiplier.behaviour(level).exact
        same = [np.array_equal(run.h, resting) for run in found[:2]]
        # Normal steps take level 0, whatever it is.
        assert same == [exact or level == 0, exact], title
        events = [run.counts.modes[Mode.DELTA].events_x for run in found[1:]]
        assert events[0] > events[1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", MULTIPLIERS)
def test_every_family_gives_what_the_model_gives_on_real_speech(name, agree):
    machine(name).restart(MemoryModel(latency=20))
    real_speech(machine(name), agree)


@pytest.mark.slow
def test_a_multiplier_in_verilog_gives_what_the_model_gives(agree, drawn):
    codes = np.arange(-256, 256)[:, None]
    multiplier = VerilogMultiplier(
        entries=Entries.of(codes * np.arange(-128, 128) // 16 * 16),
        source=_COARSE,
        module="coarse",
        port_width=17,
    )
    backend = RtlBackend(replace(TINY, multiplier=multiplier))
    network = random_network([9, 14], seed=2)
    x = drawn.slow_codes(network, 2, 10, 3)
    real_speech(backend, agree)
    coarse = agree(backend, network, x, LayerModes())
    agree(backend, network, x, LayerModes(mode="delta", x_threshold=1, unsafe_level="coarse"))
    assert not np.array_equal(coarse.h, ModelBackend(TINY).run(network, x).h)


def test_layers_and_runs_have_levels_of_their_own(agree, drawn):
    backend = machine("truncated")
    backend.restart(MemoryModel())
    network = random_network([9, 12, 7], seed=3)
    x = drawn.slow_codes(network, 1, 15, 4)
    coarse = LayerModes(mode="delta", delta_level="columns < 6", normal_every=6)
    runs = [
        agree(backend, network, x, [first, second]).h
        for first in (LayerModes(mode="delta"), coarse)
        for second in (LayerModes(mode="delta"), coarse)
    ]
    assert len({run.tobytes() for run in runs}) == 4
