"""Runs that go on from each other: the compiled machine against the model, and against one run."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.driver import DeviceError
from hw.config import CONFIGS
from hw.registers import Error
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.network import NetworkError
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

TINY = CONFIGS["tiny"]
# Beats of 64 bytes: a descriptor is there in four cycles, and a step follows close behind.
WIDE = replace(
    TINY,
    name="wide",
    lanes=64,
    bus_width=512,
    max_input=256,
    max_hidden=256,
    weight_words=2048,
    cell_lanes=4,
    burst_beats=16,
)

STREAMS = {
    "normal": LayerModes(),
    "delta": LayerModes(mode="delta"),
    "delta with thresholds": LayerModes(mode="delta", x_threshold=3, h_threshold=2),
    "skip freeze": LayerModes(mode="skip", skip_threshold=0.97, skip_action="freeze", max_skips=4),
    "skip hold": LayerModes(mode="skip", skip_threshold=0.97, skip_action="hold", normal_every=50),
    "auto": LayerModes(mode="auto", skip_threshold=0.98, delta_threshold=0.9, x_threshold=1),
    "zero skip": LayerModes(mode="reduced", zero_skip=True, normal_every=7),
    "delta with zero skip": LayerModes(mode="delta", zero_skip=True, normal_every=3),
}


def assert_equal_runs(mine, theirs, *, timed):
    """Each run of the gates is what it is on the model."""
    for result, expected in zip(mine, theirs, strict=True):
        assert np.array_equal(result.h, expected.h)
        for state, wanted in zip(result.states, expected.states, strict=True):
            assert np.array_equal(state.h, wanted.h)
            assert np.array_equal(state.c, wanted.c)
        assert result.counts == expected.counts
        if timed:
            assert (result.cycles, result.stall_cycles) == (expected.cycles, expected.stall_cycles)


def assert_whole(pieces, whole):
    """Together they are one run."""
    assert np.array_equal(np.concatenate([each.h for each in pieces], axis=1), whole.h)
    modes = zip(*(each.counts.modes for each in pieces), strict=True)
    assert [sum(rest, start=first) for first, *rest in modes] == list(whole.counts.modes)


@st.composite
def cases(draw, largest):
    """A network of one to three layers, modes for each, and where pieces end."""
    depth = draw(st.sampled_from([1, 1, 2, 3]))
    size = st.one_of(st.integers(1, 9), st.integers(1, largest // depth))
    lengths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=7))
    return {
        "sizes": draw(st.lists(size, min_size=depth + 1, max_size=depth + 1)),
        "seed": draw(st.integers(0, 1 << 20)),
        "ends": list(np.cumsum(lengths)),
        "store_state": draw(st.booleans()),
    }


def check_split(run_pieces, machine, drawn, case, modes, memory, resident, *, timed):
    """A network in pieces on gates and model, and whole on the model."""
    machine.restart(memory)
    network = random_network(case["sizes"], seed=case["seed"])
    ends, layers = case["ends"], len(network.layers)
    x = drawn.slow_codes(network, 1, ends[-1], case["seed"])
    options = {
        "modes": (modes * layers)[:layers],
        "resident": resident,
        "store_state": case["store_state"],
    }
    model = ModelBackend(machine.config, latency=memory.latency)
    try:
        theirs = run_pieces(model, network, x, ends, **options)
    except NetworkError as error:
        assert "resident" in str(error)
        return
    mine = run_pieces(machine, network, x, ends, **options)
    assert_equal_runs(mine, theirs, timed=timed)
    assert_whole(mine, ModelBackend(machine.config).run(network, x, **options))
    assert machine.simulator.first_violation == ""


@pytest.mark.parametrize("config, examples", [(TINY, 120), (CONFIGS["edge"], 30)])
def test_any_split_gives_what_the_model_gives_in_the_same_cycles(
    run_pieces, machines, drawn, config, examples, reproducible
):
    @reproducible(examples)
    @given(case=cases(80), modes=st.lists(drawn.layer_modes(), min_size=3, max_size=3))
    def check(case, modes):
        machine = machines(config)
        check_split(
            run_pieces, machine, drawn, case, modes, MemoryModel(), resident=True, timed=True
        )

    check()


def test_any_split_gives_what_the_model_gives_with_any_memory_and_streamed_weights(
    run_pieces, machines, drawn, reproducible
):
    @reproducible(60)
    @given(
        case=cases(60),
        modes=st.lists(drawn.layer_modes(), min_size=3, max_size=3),
        memory=drawn.memories(),
        resident=st.sampled_from([False, None]),
    )
    def check(case, modes, memory, resident):
        check_split(run_pieces, machines(TINY), drawn, case, modes, memory, resident, timed=False)

    check()


@pytest.mark.slow
def test_a_step_that_follows_its_start_at_once_is_counted(
    run_pieces, machines, drawn, reproducible
):
    """The narrowest way from start to the end of a step: a wide bus, and next to nothing to do."""

    @reproducible(60)
    @given(case=cases(40), modes=st.lists(drawn.layer_modes(), min_size=3, max_size=3))
    def check(case, modes):
        case = {**case, "ends": list(range(1, len(case["ends"]) + 1))}
        machine = machines(WIDE)
        check_split(
            run_pieces, machine, drawn, case, modes, MemoryModel(), resident=True, timed=True
        )

    check()


@pytest.mark.slow
def test_a_machine_with_lookahead_goes_on_step_by_step(run_pieces, machines, drawn, reproducible):
    @reproducible(40)
    @given(case=cases(60), modes=st.lists(drawn.layer_modes(), min_size=3, max_size=3))
    def check(case, modes):
        machine = machines(replace(TINY, name="ahead", lookahead=4))
        check_split(
            run_pieces, machine, drawn, case, modes, MemoryModel(), resident=None, timed=False
        )

    check()


def check_stream(run_pieces, machine, drawn, name, steps):
    """As many runs of a step as there are steps, through layers that fill the machine."""
    network = random_network([9, 31, 30], seed=3)
    x = drawn.slow_codes(network, 1, steps, 5)
    machine.restart(MemoryModel())
    options = {"modes": STREAMS[name], "store_state": False}
    whole = machine.run(network, x, **options)
    mine = run_pieces(machine, network, x, range(1, steps + 1), **options)
    theirs = run_pieces(ModelBackend(TINY), network, x, range(1, steps + 1), **options)
    assert_equal_runs(mine, theirs, timed=False)
    assert_whole(mine, whole)
    start_up = sum(each.counts.read_bytes for each in mine) - whole.counts.read_bytes
    assert start_up == (steps - 1) * 2 * 256  # descriptors, and nothing else


@pytest.mark.parametrize("name", STREAMS)
def test_fifty_runs_of_a_step_are_a_run_of_fifty_steps(run_pieces, machines, drawn, name):
    check_stream(run_pieces, machines(TINY), drawn, name, 50)


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_a_thousand_runs_of_a_step_are_a_run_of_a_thousand_steps(run_pieces, machines, drawn, name):
    check_stream(run_pieces, machines(TINY), drawn, name, 1000)


@pytest.mark.parametrize("sizes", [[9, 130, 124], [250, 4, 1, 1, 1, 1, 1, 1, 1], [3, 252, 2, 2]])
def test_layers_that_fill_the_machine_keep_theirs(run_pieces, machines, drawn, sizes):
    network = random_network(sizes, seed=1)
    x = drawn.slow_codes(network, 1, 6, 2)
    machine = machines(TINY)
    machine.restart(MemoryModel())
    modes = LayerModes(mode="auto", skip_threshold=0.98, delta_threshold=0.5, x_threshold=1)
    mine = run_pieces(machine, network, x, range(1, 7), modes=modes)
    assert_equal_runs(
        mine, run_pieces(ModelBackend(TINY), network, x, range(1, 7), modes=modes), timed=False
    )
    assert_whole(mine, ModelBackend(TINY).run(network, x, modes=modes))


def test_only_x_and_a_table_that_changed_are_written_for_a_resumed_run(machines, drawn):
    network = random_network([8, 12], seed=1)
    x = drawn.slow_codes(network, 1, 6, 2)
    machine = machines(TINY)
    machine.restart(MemoryModel())
    machine.run(network, x[:, :1])
    written, write = [], machine.transport.write_memory

    def note(addr, data):
        written.append(len(data))
        write(addr, data)

    machine.transport.write_memory = note
    try:
        for start, end in ((1, 2), (2, 3), (3, 5), (5, 6)):
            machine.run(network, x[:, start:end], resume=True)
    finally:
        machine.transport.write_memory = write
    assert written == [256, 8, 0, 8, 256, 16, 256, 8]


def test_after_a_reset_there_is_nothing_to_resume(machines):
    network = random_network([8, 12], seed=1)
    x = np.zeros((1, 1, 8), np.int8)
    machine = machines(TINY)
    machine.restart(MemoryModel())
    machine.run(network, x)
    machine.driver.soft_reset()
    with pytest.raises(DeviceError) as caught:
        machine.run(network, x, resume=True)
    assert caught.value.code == Error.BAD_DESCRIPTOR
    with pytest.raises(NetworkError) as caught:
        machine.run(network, x, resume=True)
    assert str(caught.value) == (
        "there is no run to go on from: the last run failed; the first run of a network must be "
        "one without resume"
    )
    machine.run(network, x)
    machine.restart(MemoryModel())
    with pytest.raises(NetworkError) as caught:
        machine.run(network, x, resume=True)
    assert str(caught.value) == (
        "there is no run to go on from: the machine was switched off since; the first run of a "
        "network must be one without resume"
    )


def test_a_machine_of_before_there_was_resume_is_not_asked(machines, monkeypatch):
    network = random_network([8, 12], seed=1)
    x = np.zeros((1, 1, 8), np.int8)
    machine = machines(TINY)
    machine.restart(MemoryModel())
    monkeypatch.setattr(machine.driver, "version", (0, 2))
    machine.run(network, x)
    with pytest.raises(NetworkError) as caught:
        machine.run(network, x, resume=True)
    assert str(caught.value) == (
        "the machine on rtl is of version 0.2, and runs go on from each other from version 0.3 on: "
        "build it anew, or do not resume"
    )


def test_a_machine_that_others_use_has_one_last_run(machines):
    first, second = random_network([8, 12], seed=1), random_network([8, 5], seed=2)
    x = np.zeros((1, 1, 8), np.int8)
    machine = machines(TINY)
    machine.restart(MemoryModel())
    shared = super(RtlBackend, machine).sibling()
    machine.run(first, x)
    shared.run(second, x)
    with pytest.raises(NetworkError) as caught:
        machine.run(first, x, resume=True)
    assert "the last run was of another network" in str(caught.value)
    shared.run(second, x, resume=True)


def test_a_sibling_has_a_machine_of_its_own(machines, drawn):
    first, second = random_network([8, 12], seed=1), random_network([8, 5], seed=2)
    x, modes = drawn.slow_codes(first, 1, 4, 3), LayerModes(mode="delta")
    machine = machines(TINY)
    machine.restart(MemoryModel())
    other = machine.sibling()
    found = {machine: [], other: []}
    for step in range(4):
        for backend, network in ((machine, first), (other, second)):
            piece = x[:, step : step + 1]
            found[backend].append(backend.run(network, piece, modes=modes, resume=step > 0))
    for backend, network in ((machine, first), (other, second)):
        assert_whole(found[backend], ModelBackend(TINY).run(network, x, modes=modes))
