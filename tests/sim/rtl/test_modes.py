"""Every mode on the compiled machine, compared with the model bit for bit and count for count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.rtl.memory_model import MemoryModel

TINY, EDGE = CONFIGS["tiny"], CONFIGS["edge"]


@pytest.mark.parametrize("config, largest, examples", [(TINY, 60, 80), (EDGE, 150, 30)])
def test_every_mode_gives_what_the_model_gives(
    machines, agree, drawn, config, largest, examples, reproducible
):
    machine = machines(config)

    @reproducible(examples)
    @given(
        case=drawn.networks(largest),
        modes=drawn.layer_modes(),
        memory=drawn.memories(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 12),
        resident=st.sampled_from([False, False, None]),
    )
    def check(case, modes, memory, sequences, steps, resident):
        machine.restart(memory)
        network = random_network(**case)
        x = drawn.slow_codes(network, sequences, steps, case["seed"])
        agree(machine, network, x, modes, resident=resident)

    check()


@pytest.mark.parametrize("resident", [None, False])
@pytest.mark.parametrize("sizes", [[1, 1], [1, 2], [2, 1], [1, 33], [256, 1], [7, 8], [8, 7]])
def test_corner_sizes_give_what_the_model_gives(machines, agree, drawn, sizes, resident):
    machine = machines(TINY)
    network = random_network(sizes, seed=3, bidirectional=True)
    x = drawn.slow_codes(network, 2, 20, 5)
    modes = LayerModes(
        mode="auto", x_threshold=2, h_threshold=1, skip_threshold=0.95, delta_threshold=0.5
    )
    for memory in (MemoryModel(), MemoryModel.stalling(0.4, seed=1, latency=25)):
        machine.restart(memory)
        for action in ("hold", "freeze"):
            chosen = [modes] if action == "hold" else [_freezing(modes)]
            agree(machine, network, x, chosen, resident=resident)


def _freezing(modes):
    """The same settings, but skipped steps freeze."""
    return LayerModes(**{**vars(modes), "skip_action": "freeze"})


@pytest.mark.parametrize("resident", [None, False])
@pytest.mark.parametrize("config", [TINY, EDGE], ids=lambda config: config.name)
def test_exact_delta_gives_the_bits_of_normal_with_less_work(
    machines, agree, drawn, config, resident
):
    machine = machines(config)
    machine.restart(MemoryModel(latency=20))
    network = random_network([40, 50], seed=11)
    x = drawn.slow_codes(network, 1, 40, 12)
    normal = agree(machine, network, x, LayerModes(), resident=resident)
    delta = agree(machine, network, x, LayerModes(mode="delta"), resident=resident)
    assert np.array_equal(normal.h, delta.h)
    assert delta.counts.macs_done < normal.counts.macs_done
    assert delta.counts.macs_done + delta.counts.macs_avoided == normal.counts.macs_done
    assert delta.cycles < normal.cycles
    if resident is False:
        assert delta.counts.read_bytes < normal.counts.read_bytes


def test_registers_stand_for_the_modes_of_the_image(machines, drawn):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([9, 14], seed=1)
    x = drawn.slow_codes(network, 1, 15, 2)
    modes = LayerModes(mode="delta", x_threshold=3, h_threshold=4)
    expected = ModelBackend(TINY).run(network, x, modes=modes)
    machine.driver.override(modes.words())
    result = machine.run(network, x)
    machine.driver.override(None)
    assert np.array_equal(result.h, expected.h)
    assert result.counts == expected.counts
    plain = machine.run(network, x)
    assert plain.counts == ModelBackend(TINY).run(network, x).counts
