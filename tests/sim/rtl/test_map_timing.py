"""The model of time against the gates, where lanes wait for the scanner, and where runs go on."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.network import NetworkError
from sim.rtl.memory_model import MemoryModel

TINY = replace(CONFIGS["tiny"], map_words=1024)
FAST = replace(CONFIGS["small"], map_words=4096, weight_words=40_000)
"""Lanes and a cell unit that wait for the scanner of lists."""


def sparse(case, config, zeros, clustered):
    units = config.units_per_block
    return random_network(**case, zeros=zeros, zero_units=units, clustered=clustered)


def test_cycles_are_exact_where_lanes_wait_for_the_scanner(machines, drawn, reproducible):
    config = FAST

    @reproducible(30)
    @given(
        case=drawn.networks(250),
        modes=st.one_of(drawn.layer_modes(), st.just(LayerModes())),
        zeros=st.sampled_from([0.1, 0.5, 0.8, 0.95, 0.99, 1.0]),
        clustered=st.booleans(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 12),
        load=st.booleans(),
    )
    def check(case, modes, zeros, clustered, sequences, steps, load):
        network = sparse(case | {"bidirectional": False}, config, zeros, clustered)
        x = drawn.slow_codes(network, sequences, steps, case["seed"])
        options = {"modes": modes, "resident": True}
        machine = machines(config)
        try:
            expected = ModelBackend(config).run(network, x, load=load, **options)
        except NetworkError:
            return
        machine.restart(MemoryModel())
        if not load:
            machine.run(network, x, **options)
        measured = machine.run(network, x, load=load, **options)
        assert measured.counts == expected.counts
        assert measured.cycles == expected.cycles
        assert measured.stall_cycles == expected.stall_cycles

    check()


def test_cycles_of_runs_that_go_on_are_exact(machines, drawn, reproducible):
    @reproducible(40)
    @given(
        seed=st.integers(0, 1 << 20),
        modes=drawn.layer_modes(),
        zeros=st.sampled_from([0.3, 0.8]),
        cuts=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    )
    def check(seed, modes, zeros, cuts):
        network = sparse({"sizes": (70, 12), "seed": seed}, TINY, zeros, False)
        x = drawn.slow_codes(network, 1, sum(cuts), seed)
        machine, model = machines(TINY), ModelBackend(TINY)
        machine.restart(MemoryModel())
        begin = 0
        for cut in cuts:
            rows = x[:, begin : begin + cut]
            options = {"modes": modes, "resident": True, "resume": begin > 0}
            measured, expected = (each.run(network, rows, **options) for each in (machine, model))
            assert measured.counts == expected.counts
            assert (measured.cycles, measured.stall_cycles) == (
                expected.cycles,
                expected.stall_cycles,
            )
            begin += cut

    check()
