"""Addresses, residency and descriptors of compiled networks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.descriptor import DESCRIPTOR_BYTES, unpack
from sim.image.compile import compile_network, initial_state
from sim.image.image import State
from sim.image.parameters import unit_bytes, unpack_params
from sim.image.weights import part_beats, unpack_weights
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]


def descriptors(image):
    end = image.descriptor + DESCRIPTOR_BYTES * len(image.placements)
    table = image.data[image.descriptor : end]
    return [unpack(table[k : k + DESCRIPTOR_BYTES]) for k in range(0, len(table), DESCRIPTOR_BYTES)]


def compiled(sizes, config=TINY, steps=3, sequences=2, bidirectional=False, **options):
    network = random_network(sizes, bidirectional=bidirectional)
    return compile_network(network, config, steps=steps, sequences=sequences, **options)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(CONFIGS)),
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_what_is_in_the_image_is_the_network(
    name, sizes, bidirectional, initial, rows, steps, sequences
):
    config = replace(CONFIGS[name], row_scales=rows)
    how = {"bidirectional": bidirectional, "initial": initial, "row_scales": rows}
    network = random_network(sizes, **how)
    image = compile_network(network, config, steps=steps, sequences=sequences)
    for fields, placement in zip(descriptors(image), image.placements, strict=True):
        direction = placement.direction
        inputs, hidden = direction.input_size, direction.hidden_size
        size = config.blocks(hidden) * fields["block_bytes"]
        data = image.data[fields["weights_addr"] : fields["weights_addr"] + size]
        W, R = unpack_weights(data, inputs, hidden, config, part_beats(fields))
        assert np.array_equal(W, direction.W)
        assert np.array_equal(R, direction.R)
        assert fields["row_scales"] == rows
        end = fields["params_addr"] + unit_bytes(rows) * hidden
        params = unpack_params(image.data[fields["params_addr"] : end], rows)
        assert np.array_equal(params["bias"], direction.bias)
        assert fields["load_state"] == initial
        if initial:
            h, c = placement.state_in.unpack(image.data)
            assert (h == direction.h0).all()
            assert (c == direction.c0).all()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(CONFIGS)),
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.booleans(),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_no_two_regions_overlap_and_all_are_aligned(name, sizes, bidirectional, steps, sequences):
    rows = steps == sequences
    how = {"bidirectional": bidirectional, "initial": True, "row_scales": rows}
    network = random_network(sizes, **how)
    config = replace(CONFIGS[name], row_scales=rows)
    image = compile_network(network, config, steps=steps, sequences=sequences)
    written, read = [], [(image.x.addr, image.x.end), (0, 256 * len(image.placements))]
    for placement in image.placements:
        fields = placement.fields
        size = config.blocks(fields["hidden_size"]) * fields["block_bytes"]
        read.append((fields["weights_addr"], fields["weights_addr"] + size))
        params = fields["params_addr"]
        read.append((params, params + unit_bytes(rows) * fields["hidden_size"]))
        read.append((placement.state_in.addr, placement.state_in.end))
        written.append((placement.h.addr, placement.h.end))
        written.append((placement.state_out.addr, placement.state_out.end))
        assert placement.h.stride % config.bus_bytes == 0
        assert placement.state_in.stride % max(16, config.bus_bytes) == 0
    regions = sorted(read + written)
    assert all(first[1] <= second[0] for first, second in pairwise(regions))
    assert all(start % 64 == 0 for start, _ in regions)
    assert min(start for start, _ in written) == image.output_base
    assert max(end for _, end in written) <= image.output_limit == image.size
    assert max(end for _, end in read) <= image.output_base
    assert len(image.data) == image.x.addr


def test_one_layer_is_one_last_descriptor():
    image = compiled([5, 6], steps=7, sequences=3)
    (fields,) = descriptors(image)
    assert fields["last"] == 1
    assert (fields["input_size"], fields["hidden_size"]) == (5, 6)
    assert (fields["steps"], fields["sequences"]) == (7, 3)
    assert fields["x_head_size"] == 5
    assert fields["x_addr"] == fields["x_tail_addr"] == image.x.addr
    assert (fields["x_step_stride"], fields["x_sequence_stride"]) == (8, 56)
    assert fields["block_bytes"] == 11 * 8
    direction = image.placements[0].direction
    assert fields["x_zero"] == direction.x.zero_point
    assert fields["h_zero"] == direction.h.zero_point


def test_the_scales_of_each_gate_stand_in_their_fields():
    (fields,) = descriptors(compiled([5, 6]))
    direction = random_network([5, 6]).layers[0].directions[0]
    for gate in range(4):
        for name, scale, operand in (
            ("x", direction.W_scale[gate], direction.x.scale),
            ("h", direction.R_scale[gate], direction.h.scale),
        ):
            real = fields[f"{name}_multiplier_{gate}"] * 2.0 ** (
                fields[f"{name}_shift_{gate}"] - 31
            )
            assert real == pytest.approx(4096 * scale * operand, rel=1e-6)
    assert fields["product_shift"] == 19
    assert fields["tanh_shift"] == 1


def test_a_layer_reads_what_the_one_below_writes():
    image = compiled([5, 6, 7])
    first, second = descriptors(image)
    assert (first["last"], second["last"]) == (0, 1)
    for of_x, of_h in (("x_addr", "h_addr"), ("x_step_stride", "h_step_stride")):
        assert second[of_x] == first[of_h]
    assert second["x_sequence_stride"] == first["h_sequence_stride"]
    assert second["x_head_size"] == second["input_size"] == 6


def test_a_layer_above_two_directions_reads_two_segments():
    image = compiled([5, 6, 7], bidirectional=True)
    fields = descriptors(image)
    forward, backward = image.placements[:2]
    assert fields[2]["input_size"] == 12
    assert fields[2]["x_head_size"] == 6
    assert (fields[2]["x_addr"], fields[2]["x_tail_addr"]) == (forward.h.addr, backward.h.addr)
    last_row = 2 * forward.h.stride
    assert fields[3]["x_addr"] == forward.h.addr + last_row
    assert fields[3]["x_tail_addr"] == backward.h.addr + last_row
    assert fields[3]["x_step_stride"] == -forward.h.stride


def test_directions_of_unequal_size_have_equal_strides():
    network = random_network([5, 6], bidirectional=True)
    other = random_network([5, 30], bidirectional=True).layers[0].directions[1]
    first = network.layers[0].directions[0]
    other = replace(other, x=first.x, h=first.h)
    layer = replace(network.layers[0], directions=(first, other))
    image = compile_network(replace(network, layers=(layer,)), TINY, steps=2, sequences=1)
    assert [each.h.stride for each in image.placements] == [32, 32]
    assert [each.h.codes for each in image.placements] == [6, 30]


def test_a_backward_direction_starts_at_its_last_rows():
    forward, backward = descriptors(compiled([5, 6], bidirectional=True))
    assert backward["x_addr"] == forward["x_addr"] + 16
    assert backward["x_step_stride"] == -8
    assert backward["x_sequence_stride"] == 24
    assert backward["h_step_stride"] == -8


def resident(sizes, weight_words, policy=None, **options):
    config = replace(TINY, weight_words=weight_words)
    image = compiled(sizes, config, resident=policy, **options)
    return [
        (f["resident_blocks"], f["resident_base"], f["load_weights"]) for f in descriptors(image)
    ]


def test_as_many_blocks_as_fit_are_resident_first_layer_first():
    # Layers of 3 blocks of 11 words and 4 blocks of 13 words.
    assert resident([5, 6, 7], 10) == [(0, 0, 0), (0, 0, 0)]
    assert resident([5, 6, 7], 22) == [(2, 0, 1), (0, 0, 0)]
    assert resident([5, 6, 7], 46) == [(3, 0, 1), (1, 33, 1)]
    assert resident([5, 6, 7], 85) == [(3, 0, 1), (4, 33, 1)]


def test_residency_can_be_all_or_nothing():
    assert resident([5, 6, 7], 85, True) == [(3, 0, 1), (4, 33, 1)]
    assert resident([5, 6, 7], 85, False) == [(0, 0, 0), (0, 0, 0)]


def test_resident_weights_that_do_not_fit_are_refused():
    with pytest.raises(NetworkError) as caught:
        resident([5, 6, 7], 84, True)
    assert str(caught.value) == (
        "resident weights need 85 column words or more, and configuration tiny holds 84"
    )


def test_what_the_machine_still_holds_is_not_loaded():
    assert resident([5, 6], 99, load=False) == [(3, 0, 0)]
    assert [f["load_params"] for f in descriptors(compiled([5, 6], load=False))] == [0]
    assert [f["load_params"] for f in descriptors(compiled([5, 6, 7], load=False))] == [0, 0]
    # There is no room for the parameters of both.
    assert [f["load_params"] for f in descriptors(compiled([5, 200, 99], load=False))] == [1, 1]


def test_states_are_stored_only_if_wanted():
    image = compiled([5, 6], store_state=False)
    assert descriptors(image)[0]["store_state"] == 0
    assert image.output_limit == image.output_base + 64
    assert image.unpack_states(bytes(image.size)) == ()


def test_a_state_of_the_run_goes_before_that_of_the_network():
    direction = random_network([5, 6], initial=True).layers[0].directions[0]
    own = initial_state(direction, None, 2)
    assert (own.h == direction.h0).all()
    given = State(h=np.full((2, 6), 3, np.int8), c=np.full((2, 6), 4, np.int16))
    assert (initial_state(direction, given, 2).c == 4).all()
    half = initial_state(replace(direction, h0=None), None, 2)
    assert (half.h == direction.h.zero_point).all()
    assert (half.c == direction.c0).all()
    assert initial_state(replace(direction, h0=None, c0=None), None, 2) is None


def refusal(**options):
    with pytest.raises(NetworkError) as caught:
        compiled([5, 6], **options)
    return str(caught.value)


def test_runs_that_cannot_be_are_refused():
    state = State(h=np.zeros((2, 6), np.int8), c=np.zeros((2, 6), np.int16))
    assert refusal(steps=0) == "a run must have at least one sequence and one step, not 2 of 0"
    assert refusal(initial=[state] * 2) == (
        "initial must hold a state for each of 1 directions, not 2"
    )
    assert refusal(initial=[replace(state, h=state.h[:, :5])]) == (
        "h0 must be int8 [2, 6], not int8 [2, 5]"
    )
    assert refusal(initial=[replace(state, c=state.h)]) == (
        "c0 must be int16 [2, 6], not int8 [2, 6]"
    )
    text = refusal(steps=1 << 28, sequences=2)
    assert text.startswith("the run needs ")
    assert text.endswith(" bytes of memory, and addresses reach 4294967296")
