from dataclasses import replace

import pytest

from hw.config import CONFIGS
from sim.explore.bench.utilisation import CASES, case_config, measure


@pytest.mark.parametrize("case", CASES)
def test_a_resident_network_fits_the_weight_memory(case):
    config = case_config(case)
    words = config.blocks(case.hidden) * (case.inputs + case.hidden)
    assert config.lanes == 64
    if case.resident:
        assert config.weight_words >= words
    else:
        assert config == CONFIGS["edge"]


@pytest.mark.slow
def test_lanes_are_busy_when_weights_are_resident():
    row = measure(replace(CASES[0], steps=60), lambda text: None, lambda done, total: None)
    assert row["utilisation"] >= 0.98
    assert row["cycles_per_step"] >= 8 * (64 + 128)


@pytest.mark.slow
def test_the_bus_is_busy_when_weights_are_streamed():
    row = measure(replace(CASES[2], steps=40), lambda text: None, lambda done, total: None)
    assert row["read_beats_share"] >= 0.95
