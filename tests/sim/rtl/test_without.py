"""Machines that were made without some of their parts: equal to the model; what they refuse."""

import contextlib
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.driver import DeviceError
from hw import descriptor
from hw.config import CONFIGS
from hw.modes import Plan
from hw.registers import OPTIONAL, Error
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.network import NetworkError
from sim.rtl import MemoryModel
from sim.rtl.backend import DeviceBackend

TINY = CONFIGS["tiny"]
WITHOUT = {
    **{name: dataclasses.replace(TINY, name="less", **{name: False}) for name in OPTIONAL},
    "all": dataclasses.replace(TINY, name="least", **dict.fromkeys(OPTIONAL, False)),
}
"""By what they are without."""


@st.composite
def plans(draw, drawn, config):
    """Settings that this machine has gates for."""
    modes = draw(drawn.layer_modes())
    if config.scores or modes.mode in ("normal", "delta", "reduced"):
        return modes
    return dataclasses.replace(
        modes, mode=draw(st.sampled_from(["delta", "reduced"])), max_skips=0, reference="computed"
    )


@pytest.mark.parametrize("name", WITHOUT)
def test_what_is_left_gives_what_the_model_gives(machines, agree, drawn, reproducible, name):
    config = WITHOUT[name]
    machine = machines(config)

    @reproducible(16)
    @given(
        case=drawn.networks(100),
        modes=plans(drawn, config),
        memory=drawn.memories(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 9),
    )
    def check(case, modes, memory, sequences, steps):
        machine.restart(memory)
        network = random_network(**{**case, "initial": case["initial"] and config.states})
        agree(machine, network, drawn.slow_codes(network, sequences, steps, 3), modes)

    check()


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize("mode", ["normal", "delta"])
def test_cycles_are_those_of_the_model(machines, drawn, name, mode):
    machine = machines(WITHOUT[name])
    machine.restart(MemoryModel())
    network = random_network([40, 33], seed=7)
    x = drawn.slow_codes(network, 2, 9, 5)
    modes = LayerModes(mode=mode, normal_every=4)
    result = machine.run(network, x, modes=modes)
    expected = ModelBackend(machine.config).run(network, x, modes=modes)
    assert result.cycles == expected.cycles
    assert result.stall_cycles == expected.stall_cycles


@pytest.mark.parametrize("name", ["scores", "mode_counters", "states"])
def test_runs_go_on_from_each_other(machines, drawn, name):
    machine = machines(WITHOUT[name])
    machine.restart(MemoryModel())
    network = random_network([9, 14, 11], seed=2)
    x = drawn.slow_codes(network, 1, 12, 8)
    modes = LayerModes(mode="delta", h_threshold=9, normal_every=5)
    pieces = [machine.run(network, x[:, :5], modes=modes)]
    pieces += [
        machine.run(network, x[:, at : at + 1], modes=modes, resume=True) for at in range(5, 12)
    ]
    whole = ModelBackend(machine.config).run(network, x, modes=modes)
    assert np.array_equal(np.concatenate([each.h for each in pieces], axis=1), whole.h)
    counts = pieces[0].counts
    for each in pieces[1:]:
        counts = counts + each.counts
    assert counts.modes == whole.counts.modes


def test_the_machine_counts_modes_or_the_model_does_and_the_result_says_which(machines, drawn):
    network = random_network([5, 6], seed=1)
    x = drawn.slow_codes(network, 1, 4, 1)
    for name, who in (("states", "machine"), ("mode_counters", "model")):
        machine = machines(WITHOUT[name])
        machine.restart(MemoryModel())
        result = machine.run(network, x)
        assert result.counted_by == who
        assert result.report().get("counted_by", "machine") == who
        assert result.counts.steps == 4
    with pytest.raises(DeviceError) as caught:
        machine.driver.mode_counters()
    assert str(caught.value) == (
        "the accelerator was made without counters for each mode: it counts cycles, bytes and "
        "stalls alone"
    )
    assert machine.transport.read_register(0x200) == 0


REFUSED = {
    "scores": [{"skip": 1}, {"plan": Plan.SCORED}],
    "states": [{"load_state": 1}, {"store_state": 1}],
    "resume": [{"resume": 1}, {"keeper": 1}, {"block_base": 1}, {"row_base": 1}],
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_machine_refuses_a_descriptor_that_asks_for_what_it_is_without(machines, name):
    machine = machines(WITHOUT[name])
    assert _error(machine, {}) == Error.NONE
    for changes in REFUSED[name]:
        assert _error(machine, changes) == Error.BAD_DESCRIPTOR, changes
        assert _error(machines(WITHOUT["all"]), changes) == Error.BAD_DESCRIPTOR, changes


def _error(machine, changes):
    """Code of a run whose descriptor was changed behind the compiler's back."""
    machine.restart(MemoryModel())
    network = random_network([5, 6], seed=2)
    image = compile_network(network, machine.config, steps=3, sequences=1)
    machine.transport.write_memory(0, image.data)
    fields = image.placements[0].fields | changes
    machine.transport.write_memory(image.descriptor, descriptor.pack(**fields))
    machine.driver.start(image.descriptor, image.output_base, image.output_limit)
    with contextlib.suppress(DeviceError):
        machine.driver.wait(100_000)
    return machine.driver.read("error")


@pytest.mark.parametrize(
    "name, what, options",
    [
        ("scores", "scores", {"modes": LayerModes(mode="skip", skip_threshold=0.9)}),
        ("states", "states in memory", {}),
        ("resume", "runs that go on from each other", {}),
    ],
)
def test_a_machine_that_is_not_as_configured_is_named(machines, drawn, name, what, options):
    machine = machines(WITHOUT[name])
    machine.restart(MemoryModel())
    network = random_network([5, 6, 6], seed=1)
    with pytest.raises(NetworkError) as caught:
        DeviceBackend(TINY, machine.transport, "board").run(
            network, drawn.slow_codes(network, 1, 4, 1), **options
        )
    assert str(caught.value) == (
        f"the machine on board was made without gates for {what}, and the run takes them: build "
        f"the machine with {name} = true, or run with the configuration that it was built with"
    )
