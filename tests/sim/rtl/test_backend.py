"""Networks on the compiled machine, compared with the model bit for bit and count for count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.driver import DeviceError
from hw.config import CONFIGS
from hw.registers import Error
from sim.image.image import State
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerLayer, IntegerNetwork, NetworkError
from sim.networks.tflite.reader import read_tflite
from sim.rtl.memory_model import MemoryModel

DATA = Path(__file__).parents[2] / "data"
TINY, EDGE = CONFIGS["tiny"], CONFIGS["edge"]
CYCLES = 3_000_000
"""More than any run here takes: a machine that hangs fails instead of stopping the suite."""


@st.composite
def networks(draw, largest=60):
    """Networks of random sizes that divide by nothing, as settings of ``build``."""
    depth = draw(st.sampled_from([1, 1, 2, 3]))
    size = st.one_of(st.integers(1, 9), st.integers(1, largest // depth))
    return {
        "sizes": draw(st.lists(size, min_size=depth + 1, max_size=depth + 1)),
        "seed": draw(st.integers(0, 1 << 20)),
        "directions": draw(st.sampled_from(["forward", "backward", "both"])),
        "initial": draw(st.booleans()),
        "c_power": draw(st.sampled_from([-19, -16, *range(-13, -8)])),
        "cell_clip": draw(st.sampled_from([0, 0, 9000])),
        "gain": draw(st.sampled_from([1.0, 1.0, 8.0])),
    }


def build(sizes, directions, **options):
    """A random network that runs forward, backward or both ways."""
    network = random_network(sizes, bidirectional=directions == "both", **options)
    if directions != "backward":
        return network
    layers = (replace(layer.directions[0], reverse=True) for layer in network.layers)
    return IntegerNetwork(layers=tuple(IntegerLayer(directions=(each,)) for each in layers))


def fits(network, config):
    """Whether all weights of ``network`` can be resident."""
    directions = [each for layer in network.layers for each in layer.directions]
    words = (config.blocks(d.hidden_size) * (d.input_size + d.hidden_size) for d in directions)
    return sum(words) <= config.weight_words


def test_random_networks_on_random_memories_give_what_the_model_gives(
    machines, agree, drawn, reproducible
):
    machine = machines(TINY)

    @reproducible(60)
    @given(
        kind=networks(),
        memory=drawn.memories(),
        sequences=st.integers(1, 3),
        steps=st.integers(1, 4),
        resident=st.sampled_from([True, False, None]),
        store_state=st.booleans(),
    )
    def check(kind, memory, sequences, steps, resident, store_state):
        machine.restart(memory)
        network = build(**kind)
        resident = resident if fits(network, TINY) else resident and None
        x = random_codes(network, sequences, steps, seed=memory.seed)
        agree(machine, network, x, resident=resident, store_state=store_state)

    check()


def test_edge_gives_what_the_model_gives(machines, agree, drawn, reproducible):
    machine = machines(EDGE)

    @reproducible(20)
    @given(
        kind=networks(largest=150),
        memory=drawn.memories(),
        sequences=st.integers(1, 2),
        steps=st.integers(1, 5),
        resident=st.sampled_from([False, None]),
    )
    def check(kind, memory, sequences, steps, resident):
        machine.restart(memory)
        network = build(**kind)
        x = random_codes(network, sequences, steps, seed=memory.seed)
        agree(machine, network, x, resident=resident)

    check()


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("sizes", [[1, 1], [1, 2], [2, 1], [1, 33], [256, 1], [7, 8], [8, 7]])
def test_corner_sizes_give_what_the_model_gives(machines, agree, sizes, resident):
    machine = machines(TINY)
    network = random_network(sizes, seed=3, bidirectional=True)
    for memory in (MemoryModel(), MemoryModel.stalling(0.4, seed=1, latency=25)):
        machine.restart(memory)
        agree(machine, network, random_codes(network, 2, 3), resident=resident)


def test_the_largest_layer_gives_what_the_model_gives(machines, agree):
    machine = machines(TINY)
    network = random_network([256, 256], seed=4, initial=True)
    machine.restart(MemoryModel(latency=30))
    agree(machine, network, random_codes(network, 1, 3), resident=None)


@pytest.mark.parametrize("c_power", [-19, -16])
def test_fine_cell_scales_give_what_the_model_gives(machines, agree, c_power):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([9, 12], c_power=c_power, gain=3.0)
    result = agree(machine, network, random_codes(network, 2, 6))
    # Some product of the gates i and g leaves the 16 bits of c.
    assert any((np.abs(state.c.astype(int)) >= 32767).any() for state in result.states)


def test_extreme_codes_give_what_the_model_gives(machines, agree):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([200, 20], seed=5)
    (layer,) = network.layers
    (direction,) = layer.directions
    for weight, code in ((127, 127), (-127, 127), (127, -128), (-127, -128)):
        W, R = (np.full_like(each, weight) for each in (direction.W, direction.R))
        extreme = IntegerNetwork(layers=(IntegerLayer(directions=(replace(direction, W=W, R=R),)),))
        agree(machine, extreme, np.full((1, 3, 200), code, np.int8))


@pytest.mark.parametrize("memory", [MemoryModel(), MemoryModel.stalling(0.3, seed=2, latency=40)])
@pytest.mark.parametrize("name", ["tiny", "edge"])
def test_the_machine_gives_what_tflite_micro_gave(machines, agree, name, memory):
    machine = machines(CONFIGS[name])
    machine.restart(memory)
    reference = np.load(DATA / "lstm_64_128_tflm.npz")
    network = read_tflite(DATA / "lstm_64_128_int8.tflite")
    steps = 4 if name == "tiny" else 40
    result = agree(machine, network, reference["x"][:1, :steps])
    assert np.array_equal(result.h, reference["h"][:1, :steps])


def test_weights_stay_in_the_machine_and_states_go_from_run_to_run(
    machines, agree, drawn, reproducible
):
    machine = machines(TINY)

    @reproducible(20)
    @given(
        kind=networks(largest=40),
        memory=drawn.memories(),
        resident=st.sampled_from([True, None]),
        chunks=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    )
    def check(kind, memory, resident, chunks):
        machine.restart(memory)
        network = build(**kind)
        resident = resident if fits(network, TINY) else None
        states = None
        for index, steps in enumerate(chunks):
            x = random_codes(network, 2, steps, seed=index)
            load = index == 0
            result = agree(machine, network, x, resident=resident, load=load, initial=states)
            states = result.states

    check()


def test_a_stream_in_pieces_is_the_whole(machines, agree):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([10, 12, 7], seed=6)
    x = random_codes(network, 2, 12)
    whole = agree(machine, network, x, resident=True)
    pieces, states = [], None
    for start in range(0, 12, 4):
        piece = x[:, start : start + 4]
        result = agree(machine, network, piece, resident=True, load=start == 0, initial=states)
        pieces.append(result.h)
        states = result.states
    assert np.array_equal(np.concatenate(pieces, axis=1), whole.h)
    for mine, theirs in zip(states, whole.states, strict=True):
        assert np.array_equal(mine.h, theirs.h)
        assert np.array_equal(mine.c, theirs.c)


def test_each_sequence_starts_from_its_own_state(machines, agree):
    machine = machines(TINY)
    machine.restart(MemoryModel(latency=9))
    network = random_network([6, 11], seed=7)
    rng = np.random.default_rng(8)
    state = State(
        h=rng.integers(-128, 128, (3, 11), np.int8),
        c=rng.integers(-(1 << 15), 1 << 15, (3, 11), np.int16),
    )
    x = np.repeat(random_codes(network, 1, 2), 3, axis=0)
    result = agree(machine, network, x, initial=[state])
    assert not np.array_equal(result.h[0], result.h[1])


def test_the_same_seed_gives_the_same_cycles(machines, agree):
    machine = machines(TINY)
    network = random_network([9, 14], seed=9)
    x = random_codes(network, 1, 4)
    cycles = []
    for seed in (1, 1, 2):
        machine.restart(MemoryModel.stalling(0.3, seed=seed))
        cycles.append(agree(machine, network, x, resident=False).cycles)
    assert cycles[0] == cycles[1] != cycles[2]


def test_a_result_says_where_it_comes_from_and_what_it_cost(machines, agree):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([16, 16], seed=10)
    result = agree(machine, network, random_codes(network, 1, 8), resident=True)
    assert (result.backend, result.config, result.lanes) == ("rtl", "tiny", 8)
    assert result.cycles == result.counts.macs_done // 8 + sum(result.stall_cycles.values())


def test_progress_is_reported(machines):
    machine = machines(TINY)
    machine.restart(MemoryModel())
    network = random_network([3, 3])
    heard = []
    machine.run(network, random_codes(network, 1, 2), progress=heard.append)
    assert heard and heard == sorted(heard)


def test_a_network_too_large_for_the_machine_is_refused(machines):
    network = random_network([257, 5])
    with pytest.raises(NetworkError) as caught:
        machines(TINY).run(network, random_codes(network, 1, 1))
    assert str(caught.value) == "layer 0 has 257 inputs, and configuration tiny holds at most 256"


def test_an_error_of_the_machine_is_an_exception(machines):
    machine = machines(TINY)
    network = random_network([5, 6])
    x = random_codes(network, 1, 2)
    machine.restart(MemoryModel(error_base=0, error_limit=64))
    with pytest.raises(DeviceError) as caught:
        machine.run(network, x)
    assert str(caught.value) == (
        "the accelerator reports READ: the memory answered a read with an error"
    )
    assert caught.value.code == Error.READ
