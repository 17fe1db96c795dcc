"""Columns without weights on the compiled machine, compared with the model count for count."""

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.masked import Cut, MaskedArray
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel
from sim.rtl.sources import machine_rtlil

MAPPED = dataclasses.replace(
    CONFIGS["tiny"], name="mapped", map_words=512, stream_words=64, weight_words=600
)
MACHINES = {
    "8 lanes": MAPPED,
    "32 lanes, words of several beats": dataclasses.replace(MAPPED, name="wider", lanes=32),
    "16-bit values": dataclasses.replace(MAPPED, name="wide", act_width=16),
    "operands that lanes share": dataclasses.replace(
        MAPPED, name="shared", multiplier=MaskedArray(cuts=(Cut(), Cut(columns=4)))
    ),
}


@st.composite
def zeros(draw, config):
    """How many column words are zero, and where."""
    return {
        "zeros": draw(st.sampled_from([0.1, 0.5, 0.75, 0.9, 1.0])),
        "zero_units": config.units_per_block,
        "clustered": draw(st.booleans()),
    }


@pytest.mark.parametrize("name", MACHINES)
def test_columns_without_weights_change_no_bit(name, machines, agree, drawn, reproducible):
    config = MACHINES[name]
    machine = machines(config)
    wide = {"activation_bits": 16} if config.act_width > 8 else {}

    @reproducible(60 if name == "8 lanes" else 25)
    @given(
        case=drawn.networks(110),
        empty=zeros(config),
        modes=drawn.layer_modes(),
        memory=drawn.memories(),
        sequences=st.integers(1, 2),
        steps=st.integers(1, 8),
        resident=st.sampled_from([False, None]),
    )
    def check(case, empty, modes, memory, sequences, steps, resident):
        machine.restart(memory)
        network = random_network(**case, **empty, **wide)
        x = drawn.slow_codes(network, sequences, steps, case["seed"])
        x = x.astype(np.int16) * 40 if wide else x
        agree(machine, network, x, modes, resident=resident)

    check()


def test_maps_of_several_layers_stay_in_the_machine(machines, agree):
    """A map that does not fit leaves its layer as it is; runs of one network go on."""
    config = dataclasses.replace(MAPPED, name="short", map_words=110)
    machine = machines(config)
    machine.restart(MemoryModel(latency=9))
    network = random_network([70, 40, 90, 30], seed=2, zeros=0.6, zero_units=2)
    x = random_codes(network, 1, 6, 3)
    image = compile_network(network, config, steps=6, sequences=1)
    assert [each.fields["mapped"] for each in image.placements] == [1, 0, 1]
    agree(machine, network, x, LayerModes(mode="delta", x_threshold=2))


@pytest.mark.parametrize("mode", ["normal", "delta"])
def test_a_run_goes_on_from_another(machines, mode):
    network = random_network([40, 60], seed=5, zeros=0.7, zero_units=2)
    x = random_codes(network, 1, 7, 1)
    modes = LayerModes(mode=mode, x_threshold=4, h_threshold=1)
    whole = ModelBackend(MAPPED, timed=False).run(network, x, modes=modes)
    machine = machines(MAPPED).sibling()
    parts = [
        machine.run(network, x[:, k : k + 1], modes=modes, resume=k > 0) for k in range(x.shape[1])
    ]
    assert np.array_equal(np.concatenate([each.h for each in parts], axis=1), whole.h)
    assert sum(each.counts.macs_done for each in parts) == whole.counts.macs_done


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("clustered", [True, False])
def test_a_quarter_of_the_words_takes_a_quarter_of_the_time(resident, clustered):
    """At most 27 % of the cycles and 26 % of the bytes of a dense step, and 40 cycles."""
    config = dataclasses.replace(
        MAPPED, name="quarter", map_words=256, stream_words=256, weight_words=16384
    )
    machine = RtlBackend(config)
    dense, sparse = (
        random_network(
            [128, 128], seed=7, zeros=share, zero_units=config.units_per_block, clustered=clustered
        )
        for share in (0.0, 0.75)
    )
    results = {}
    for steps in (2, 10):
        for name, network in (("dense", dense), ("sparse", sparse)):
            x = random_codes(network, 1, steps, 1)
            results[name, steps] = machine.run(network, x, resident=resident)
    cycles, streamed = (
        {name: (of(results[name, 10]) - of(results[name, 2])) / 8 for name in ("dense", "sparse")}
        for of in (lambda result: result.cycles, lambda result: result.counts.weight_bytes)
    )
    assert cycles["sparse"] <= 0.27 * cycles["dense"] + 40
    assert streamed["sparse"] <= 0.26 * streamed["dense"]


def both(machine, network, x, **options):
    """Results of the gates and of the model, for a memory of this latency."""
    memory = options.pop("memory")
    machine.restart(memory)
    expected = ModelBackend(machine.config, memory.latency).run(network, x, **options)
    return machine.run(network, x, **options), expected


@pytest.mark.parametrize("name", ["8 lanes", "32 lanes, words of several beats"])
def test_cycles_are_exact_with_resident_weights_and_an_ideal_memory(
    name, machines, drawn, reproducible
):
    config = dataclasses.replace(MACHINES[name], weight_words=4096)
    machine, mapped = machines(config), 0

    @reproducible(50)
    @given(
        case=drawn.networks(70),
        empty=zeros(config),
        modes=drawn.layer_modes(),
        sequences=st.integers(1, 2),
        steps=st.integers(1, 6),
    )
    def check(case, empty, modes, sequences, steps):
        nonlocal mapped
        network = random_network(**case, **empty)
        x = drawn.slow_codes(network, sequences, steps, case["seed"])
        options = {"modes": modes, "resident": True}
        measured, expected = both(machine, network, x, memory=MemoryModel(), **options)
        assert (measured.cycles, measured.stall_cycles) == (expected.cycles, expected.stall_cycles)
        image = compile_network(network, config, steps=steps, sequences=sequences, **options)
        mapped += sum(each.fields["mapped"] for each in image.placements)

    check()
    assert mapped > 40


def test_cycles_are_right_to_two_per_cent_when_streaming(machines, drawn, reproducible):
    config = MACHINES["32 lanes, words of several beats"]
    machine = machines(config)

    @reproducible(40)
    @given(
        case=drawn.networks(100),
        empty=zeros(config),
        modes=drawn.layer_modes(),
        latency=st.integers(1, 40),
        steps=st.integers(2, 6),
    )
    def check(case, empty, modes, latency, steps):
        network = random_network(**case, **empty)
        x = drawn.slow_codes(network, 1, steps, case["seed"])
        memory = MemoryModel(latency=latency)
        measured, expected = both(machine, network, x, memory=memory, modes=modes, resident=False)
        assert expected.cycles == pytest.approx(measured.cycles, rel=0.02, abs=10)

    check()


def test_a_layer_without_zeros_takes_the_time_of_a_machine_without_maps(machines, agree):
    machine = machines(MAPPED)
    machine.restart(MemoryModel())
    network = random_network([30, 22], seed=5)
    x = random_codes(network, 2, 6, 1)
    for modes in (LayerModes(), LayerModes(mode="delta", x_threshold=9)):
        measured = agree(machine, network, x, modes)
        plain = dataclasses.replace(MAPPED, map_words=0)
        expected = ModelBackend(plain).run(network, x, modes=modes)
        assert (measured.cycles, measured.stall_cycles) == (expected.cycles, expected.stall_cycles)
        assert measured.counts == expected.counts


def test_a_machine_without_maps_has_no_gates_for_them():
    parts = re.compile(r"engine\.map\b|replayer\.scanner\b|fetcher\.mapped\b")
    found = [set(parts.findall(machine_rtlil(config, "m"))) for config in (CONFIGS["tiny"], MAPPED)]
    assert [len(each) for each in found] == [0, 3]


@pytest.mark.parametrize("sizes", [[15, 92], [13, 88], [7, 84], [15, 96]])
def test_a_row_of_x_goes_before_the_rest_of_an_initial_state(machines, sizes):
    """The buffer of the state has no room for the longest burst any more, and x is read first."""
    config = dataclasses.replace(MACHINES["8 lanes"], weight_words=4096)
    network = random_network(sizes, seed=10, initial=True, zeros=0.8, zero_units=2)
    x = random_codes(network, 1, 2, 10)
    for mode in ("normal", "delta"):
        modes = LayerModes(mode=mode)
        measured, expected = both(
            machines(config), network, x, memory=MemoryModel(), modes=modes, resident=True
        )
        assert measured.cycles == expected.cycles
