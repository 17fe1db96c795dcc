"""The model of time against the hardware counters."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from sim.explore.bench.events import moving_input
from sim.explore.bench.latency import compare
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError
from sim.rtl.memory_model import MemoryModel

TOLERANCE = 0.02
"""What streaming at a fixed latency may differ by."""


@st.composite
def cases(draw):
    """A random network, and a few steps for it."""
    depth = draw(st.sampled_from([1, 1, 1, 2]))
    size = st.one_of(st.integers(1, 9), st.integers(1, 80 // depth))
    return {
        "sizes": draw(st.lists(size, min_size=depth + 1, max_size=depth + 1)),
        "seed": draw(st.integers(0, 1 << 20)),
        "bidirectional": draw(st.booleans()),
        "initial": draw(st.booleans()),
        "steps": draw(st.integers(1, 9)),
        "sequences": draw(st.integers(1, 3)),
        "store_state": draw(st.booleans()),
    }


def both(machine, memory: MemoryModel, case: dict, resident: bool) -> Sequence | None:
    """Results of the gates and of the model; None where the weights are too many to be resident."""
    shape = {name: case[name] for name in ("sizes", "seed", "bidirectional", "initial")}
    network = random_network(**shape)
    x = random_codes(network, case["sequences"], case["steps"], case["seed"])
    options = {"resident": resident, "store_state": case["store_state"]}
    machine.restart(memory)
    model = ModelBackend(machine.config, latency=memory.latency)
    try:
        expected = model.run(network, x, **options)
    except NetworkError:
        return None
    return machine.run(network, x, **options), expected


@pytest.mark.parametrize("name", ["tiny", "edge"])
def test_cycles_are_exact_with_resident_weights_and_an_ideal_memory(machines, name, reproducible):
    @reproducible(80 if name == "tiny" else 25)
    @given(case=cases())
    def check(case):
        results = both(machines(CONFIGS[name]), MemoryModel(), case, resident=True)
        if results:
            measured, expected = results
            assert (measured.cycles, measured.stall_cycles) == (
                expected.cycles,
                expected.stall_cycles,
            )

    check()


@pytest.mark.parametrize("name", ["tiny", "edge"])
def test_cycles_are_right_to_two_per_cent_when_streaming_at_a_fixed_latency(
    machines, name, reproducible
):
    @reproducible(50 if name == "tiny" else 15)
    @given(case=cases(), latency=st.integers(1, 40))
    def check(case, latency):
        memory = MemoryModel(latency=latency)
        measured, expected = both(machines(CONFIGS[name]), memory, case, resident=False)
        assert expected.cycles == pytest.approx(measured.cycles, rel=TOLERANCE)

    check()


@pytest.mark.parametrize("name, largest, examples", [("tiny", 60, 80), ("edge", 100, 25)])
def test_cycles_of_every_mode_are_exact_with_resident_weights(
    machines, drawn, name, largest, examples, reproducible
):
    @reproducible(examples)
    @given(
        case=drawn.networks(largest),
        modes=drawn.layer_modes(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 12),
        store_state=st.booleans(),
    )
    def check(case, modes, sequences, steps, store_state):
        network = random_network(**case)
        x = drawn.slow_codes(network, sequences, steps, case["seed"])
        options = {"modes": modes, "resident": True, "store_state": store_state}
        model, machine = ModelBackend(CONFIGS[name]), machines(CONFIGS[name])
        try:
            expected = model.run(network, x, **options)
        except NetworkError:
            return
        machine.restart(MemoryModel())
        measured = machine.run(network, x, **options)
        assert measured.cycles == expected.cycles
        assert measured.stall_cycles == expected.stall_cycles

    check()


@pytest.mark.parametrize("name, largest, examples", [("tiny", 60, 60), ("edge", 100, 20)])
def test_cycles_of_every_mode_are_right_to_two_per_cent_when_streaming(
    machines, drawn, name, largest, examples, reproducible
):
    @reproducible(examples)
    @given(
        case=drawn.networks(largest),
        modes=drawn.layer_modes(),
        latency=st.integers(1, 40),
        steps=st.integers(1, 12),
        resident=st.sampled_from([False, False, None]),
    )
    def check(case, modes, latency, steps, resident):
        network = random_network(**case)
        x = drawn.slow_codes(network, 2, steps, case["seed"])
        options = {"modes": modes, "resident": resident}
        model, machine = ModelBackend(CONFIGS[name], latency=latency), machines(CONFIGS[name])
        machine.restart(MemoryModel(latency=latency))
        expected, measured = model.run(network, x, **options), machine.run(network, x, **options)
        assert expected.cycles == pytest.approx(measured.cycles, rel=TOLERANCE)

    check()


@pytest.mark.parametrize("inputs, hidden", [(256, 60), (900, 33)])
def test_a_step_alone_takes_what_the_model_says_with_many_inputs_too(machines, inputs, hidden):
    machine, model = machines(CONFIGS["edge"]), ModelBackend(CONFIGS["edge"])
    machine.restart(MemoryModel())
    network = random_network([inputs, hidden])
    x = moving_input(network, 0.2, 40)
    for modes in (
        LayerModes(),
        LayerModes(mode="delta", x_threshold=3),
        LayerModes(mode="auto", skip_threshold=0.99, delta_threshold=0.9),
    ):
        measured = compare(machine, network, x, modes)
        assert measured == compare(model, network, x, modes)
        assert measured["above"] <= 200


@pytest.mark.parametrize("name", ["tiny", "edge"])
def test_every_cycle_is_an_operation_or_one_stall(machines, name):
    machine = machines(CONFIGS[name])
    machine.restart(MemoryModel.stalling(0.3, seed=5))
    network = random_network([13, 22], seed=1)
    x = random_codes(network, 2, 5)
    result = machine.run(network, x)
    issued = 2 * 5 * machine.config.blocks(22) * (13 + 22)
    assert issued + sum(result.stall_cycles.values()) == result.cycles
