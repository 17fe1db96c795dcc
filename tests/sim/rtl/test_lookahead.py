"""Groups of steps on the compiled machine, compared with the model bit for bit, count for count."""

import contextlib
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.driver import DeviceError
from hw import descriptor
from hw.config import CONFIGS
from hw.registers import Error
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

AHEAD = dataclasses.replace(
    CONFIGS["tiny"], name="ahead", lookahead=4, stream_words=64, weight_words=600
)


@pytest.fixture(scope="module")
def machine():
    """The compiled machine."""
    return RtlBackend(AHEAD)


@st.composite
def layer_modes(draw):
    """Settings of a layer, with lookahead or without."""
    return LayerModes(
        mode=draw(st.sampled_from(["normal", "delta", "delta", "reduced"])),
        x_threshold=draw(st.sampled_from([0, 9])),
        h_threshold=draw(st.sampled_from([0, 1, 9, 40, 255])),
        normal_every=draw(st.sampled_from([0, 0, 1, 3, 5])),
        zero_skip=draw(st.booleans()),
        lookahead=draw(st.sampled_from([1, 2, 3, 4, 4, 4])),
    )


@st.composite
def cases(draw):
    """A network whose inputs the ring can hold."""
    depth, both = draw(st.sampled_from([1, 1, 2])), draw(st.booleans())
    inner = st.one_of(st.integers(1, 4), st.integers(1, AHEAD.held_words // (1 + both)))
    sizes = [draw(st.one_of(st.integers(1, 4), st.integers(1, AHEAD.held_words)))]
    sizes += [draw(inner) for _ in range(depth)]
    return {
        "sizes": sizes,
        "seed": draw(st.integers(0, 1 << 20)),
        "bidirectional": both,
        "initial": draw(st.booleans()),
    }


def codes_with_rests(network, sequences, steps, seed):
    """int8 ``[sequences, steps, I]`` in which many columns rest at zero."""
    rng = np.random.default_rng(seed)
    zero = network.layers[0].directions[0].x.zero_point
    shape = (sequences, steps, network.layers[0].input_size)
    codes = rng.integers(-128, 128, shape)
    return np.where(rng.random(shape) < 0.5, zero, codes).astype(np.int8)


def test_groups_of_steps_give_what_the_model_gives(machine, agree, drawn, reproducible):
    @reproducible(60)
    @given(
        case=cases(),
        modes=layer_modes(),
        memory=drawn.memories(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 14),
        resident=st.sampled_from([False, False, None]),
    )
    def check(case, modes, memory, sequences, steps, resident):
        machine.restart(memory)
        network = random_network(**case)
        x = codes_with_rests(network, sequences, steps, case["seed"])
        agree(machine, network, x, modes, resident=resident)

    check()


@pytest.mark.parametrize("sizes", [[1, 1], [1, 2], [2, 1], [60, 1], [1, 33], [60, 5]])
@pytest.mark.parametrize("mode", ["normal", "delta"])
def test_corner_sizes_give_what_the_model_gives(machine, agree, sizes, mode):
    network = random_network(sizes, seed=3, bidirectional=True)
    x = codes_with_rests(network, 2, 9, 5)
    for memory in (MemoryModel(), MemoryModel.stalling(0.4, seed=1, latency=25)):
        machine.restart(memory)
        for lookahead in (2, 3, 4):
            modes = LayerModes(mode=mode, h_threshold=200, lookahead=lookahead)
            agree(machine, network, x, modes, resident=False)


def test_lookahead_gives_the_bits_of_normal_with_fewer_bytes(machine, agree):
    machine.restart(MemoryModel(latency=20))
    network = random_network([48, 40], seed=11)
    x = codes_with_rests(network, 1, 16, 12)
    normal = agree(machine, network, x, LayerModes(), resident=False)
    ahead = agree(machine, network, x, LayerModes(lookahead=4), resident=False)
    assert np.array_equal(normal.h, ahead.h)
    assert ahead.counts.macs_done == normal.counts.macs_done
    blocks, fetches = AHEAD.blocks(40), 16 - 16 // 4
    saved = fetches * 48 * blocks * AHEAD.column_bytes
    assert normal.counts.read_bytes - ahead.counts.read_bytes == saved
    assert ahead.counts.weight_bytes_avoided == saved


def test_without_lookahead_a_machine_that_has_it_takes_no_other_time(machine, agree):
    machine.restart(MemoryModel())
    network = random_network([30, 22], seed=5)
    x = codes_with_rests(network, 2, 6, 1)
    result = agree(machine, network, x, LayerModes(), resident=None)
    expected = ModelBackend(AHEAD).run(network, x)
    assert result.cycles == pytest.approx(expected.cycles, rel=0.02)


def test_every_cycle_of_a_group_is_an_operation_or_one_stall(machine, agree):
    machine.restart(MemoryModel.stalling(0.3, seed=5))
    network = random_network([13, 22], seed=1)
    x = codes_with_rests(network, 2, 7, 1)
    result = agree(machine, network, x, LayerModes(lookahead=4), resident=False)
    issued = 2 * 7 * AHEAD.blocks(22) * (13 + 22)
    assert issued + sum(result.stall_cycles.values()) == result.cycles


@pytest.mark.parametrize(
    "changes",
    [{"lookahead": 5}, {"lookahead": 2, "skip": 1}, {"lookahead": 2, "plan": 2}],
    ids=["too far", "skips", "scored"],
)
def test_the_machine_refuses_what_it_cannot_look_ahead_for(machine, changes):
    assert _error(machine, [9, 14], changes) == Error.BAD_DESCRIPTOR


def test_the_machine_refuses_parts_that_the_ring_cannot_hold(machine):
    assert _error(machine, [61, 14], {"lookahead": 2}) == Error.BAD_DESCRIPTOR
    assert _error(machine, [60, 14], {"lookahead": 2}) == Error.NONE


def _error(machine, sizes, changes):
    """Code of a run whose descriptor was changed behind the compiler's back."""
    machine.restart(MemoryModel())
    image = compile_network(
        random_network(sizes, seed=2), AHEAD, steps=3, sequences=1, resident=False
    )
    machine.transport.write_memory(0, image.data)
    fields = image.placements[0].fields | changes
    machine.transport.write_memory(image.descriptor, descriptor.pack(**fields))
    machine.driver.start(image.descriptor, image.output_base, image.output_limit)
    with contextlib.suppress(DeviceError):
        machine.driver.wait(100_000)
    return machine.driver.read("error")
