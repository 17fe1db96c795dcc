"""What layers with a map count, by brute force over their weights."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.modes import Mode
from sim.image.compile import compile_run
from sim.image.modes import LayerModes
from sim.image.options import RunOptions
from sim.image.residency import residency
from sim.image.weights import part_beats
from sim.model.backend import ModelBackend
from sim.model.counts import left_out
from sim.model.network import Model
from sim.model.random_network import random_network
from sim.model.timing.columns import columns_of

TINY = replace(CONFIGS["tiny"], map_words=4096, weight_words=70)
MODES = {
    "normal": LayerModes(),
    "normal, zeros skipped": LayerModes(zero_skip=True),
    "delta": LayerModes(mode="delta"),
    "delta, beyond": LayerModes(mode="delta", x_threshold=3, h_threshold=2, zero_skip=True),
    "reduced": LayerModes(mode="reduced"),
    "skip": LayerModes(mode="skip", skip_threshold=0.9, skip_action="freeze"),
    "auto": LayerModes(mode="auto", skip_threshold=0.95, delta_threshold=0.5),
}


def slow(network, sequences, steps):
    """Codes that stand still in most columns."""
    rng = np.random.default_rng(1)
    form = network.layers[0].directions[0].x
    shape = sequences, steps, network.layers[0].input_size
    moves = rng.integers(-9, 10, shape) * (rng.random(shape) < 0.2)
    return np.clip(np.cumsum(moves, axis=1), form.low, form.high).astype(form.dtype)


def sparse(sizes=(9, 13, 7), config=TINY, zeros=0.6, **how):
    how = {"seed": 3, "bidirectional": True, "initial": True} | how
    return random_network(sizes, zeros=zeros, zero_units=config.units_per_block, **how)


def columns(network, x, config, modes, **options):
    image = compile_run(network, x, config, RunOptions(modes=modes, **options))
    outputs = Model(network, config).run(x, modes=modes, trace=True)
    # Zeros skipped or not, every column: what is plain is no different here.
    return image, columns_of(image, x, outputs.layers, outputs.activity)


def brute(network, x, config, modes, **options):
    """Counts of each mode, from weights, one step, block and column after the other."""
    image, found = columns(network, x, config, modes, **options)
    names = ("macs", "bytes", "operations", "read", "followed")
    total = {mode: dict.fromkeys(names, 0) for mode in Mode}
    for placement, sequences in zip(image.placements, found, strict=True):
        direction, fields = placement.direction, placement.fields
        hidden, units = direction.hidden_size, config.units_per_block
        blocks = config.blocks(hidden)
        resident, beats = residency(fields["resident_blocks"], blocks), part_beats(fields)
        if sequences is None:
            every = np.ones((x.shape[1], direction.input_size + hidden), bool)
            parts = [(np.zeros(len(every), int), *np.split(every, [direction.input_size], 1))]
            sequences = parts * len(x)
        else:
            sequences = [(each.mode, each.x, each.h) for each in sequences]
        for mode, *events in sequences:
            for weights, part, word in zip((direction.W, direction.R), events, beats, strict=True):
                for step, chosen in zip(mode, part, strict=True):
                    row = total[Mode(step)]
                    for block in range(blocks):
                        rows = weights[:, block * units : (block + 1) * units]
                        hits = sum(
                            bool(rows[:, :, c].any())
                            or c == len(chosen) - 1
                            or not fields["mapped"]
                            for c in np.flatnonzero(chosen)
                        )
                        row["macs"] += hits * 4 * rows.shape[1]
                        row["operations"] += max(hits, 1) if chosen.any() else 0
                        row["read"] += hits * word
                        if not resident[block]:
                            row["bytes"] += hits * word * config.bus_bytes
    return image, total


@pytest.mark.parametrize("resident", [True, None, False])
@pytest.mark.parametrize("name", MODES)
def test_counts_are_those_of_every_step_block_and_column(name, resident):
    config = replace(TINY, weight_words=1000) if resident else TINY
    network, modes = sparse(), MODES[name]
    x = slow(network, 2, 12)
    image, expected = brute(network, x, config, modes, resident=resident)
    assert all(placement.fields["mapped"] for placement in image.placements)
    done = ModelBackend(config).run(network, x, modes=modes, resident=resident, work=True)
    steps = len(image.placements) * 2 * 12
    assert done.counts.steps == steps
    for mode in Mode:
        counts, wanted, row = done.counts.modes[mode], expected[mode], done.work[mode.name.lower()]
        assert counts.macs_done == wanted["macs"]
        assert counts.weight_bytes == wanted["bytes"]
        assert row["operation"] == wanted["operations"]
        assert row["resident_beat"] + row["streamed_beat"] == wanted["read"]
    dense = sum(12 * 2 * placement.fields["dense_macs"] for placement in image.placements)
    assert done.counts.macs_done + done.counts.macs_avoided == dense


@pytest.mark.parametrize("name", MODES)
def test_values_and_events_are_those_of_a_machine_without_maps(name):
    network, modes = sparse(), MODES[name]
    x = slow(network, 2, 12)
    with_map, without = (
        ModelBackend(config).run(network, x, modes=modes)
        for config in (TINY, replace(TINY, map_words=0))
    )
    assert np.array_equal(with_map.h, without.h)
    for one, other in zip(with_map.states, without.states, strict=True):
        assert np.array_equal(one.c, other.c)
    assert with_map.counts.events_x == without.counts.events_x
    assert with_map.counts.events_h == without.counts.events_h
    assert with_map.counts.macs_done < without.counts.macs_done


@pytest.mark.parametrize("name", MODES)
def test_what_no_event_and_what_zero_columns_left_out_is_told_apart(name):
    network, modes = sparse(), MODES[name]
    x = slow(network, 2, 12)
    with_map, without = (
        ModelBackend(config).run(network, x, modes=modes)
        for config in (TINY, replace(TINY, map_words=0))
    )
    zeros = without.counts.macs_done - with_map.counts.macs_done
    assert with_map.left_out == {"no_event": without.counts.macs_avoided, "zero_columns": zeros}
    assert without.left_out is None


def test_counters_tell_why_where_all_layers_have_as_many_units():
    for sizes, known in (((9, 7, 7), True), ((9, 7, 5), False)):
        network = sparse(sizes)
        x = slow(network, 2, 12)
        done = ModelBackend(TINY).run(network, x, modes=MODES["delta"])
        image = compile_run(network, x, TINY, RunOptions())
        unknown = {"no_event": None, "zero_columns": None}
        assert left_out(image, [done.counts]) == (done.left_out if known else unknown)


def test_read_bytes_are_whole_beats_of_what_is_read():
    network = sparse((70, 8), bidirectional=False, initial=False, zeros=0.5)
    x = slow(network, 1, 3)
    for bus in (64, 128):
        config = replace(CONFIGS["small"], map_words=7, bus_width=bus, weight_words=1000)
        done = ModelBackend(config).run(network, x, resident=True)
        image = compile_run(network, x, config, RunOptions(resident=True))
        (placement,) = image.placements
        assert placement.fields["map_words"] == 3
        rows = 3 * -(-70 // (bus // 8)) * bus // 8
        words = sum(int(part.sum()) for part in placement.stored.parts) * config.column_bytes
        assert done.counts.read_bytes == 256 + 8 * 16 + 3 * 16 + words + rows
        again = ModelBackend(config).run(network, x, resident=True, load=False)
        assert again.counts.read_bytes == 256 + rows


def test_a_resumed_run_counts_as_one_long_run():
    network = sparse(bidirectional=False, initial=False)
    x, modes = slow(network, 1, 20), LayerModes(mode="delta", zero_skip=True)
    whole = ModelBackend(TINY).run(network, x, modes=modes)
    pieces = ModelBackend(TINY)
    first = pieces.run(network, x[:, :7], modes=modes)
    rest = pieces.run(network, x[:, 7:], modes=modes, resume=True, work=True)
    assert np.array_equal(np.concatenate([first.h, rest.h], axis=1), whole.h)
    assert (first.counts + rest.counts).modes == whole.counts.modes


def test_bits_of_a_layer_with_a_map_are_those_of_its_stored_columns():
    """One block and one stored column: no weight differs from the one before."""
    network = sparse((5, 2), bidirectional=False, initial=False, zeros=1.0)
    direction = network.layers[0].directions[0]
    direction.W[:, :, 4] = direction.R[:, :, 1] = 3
    x = slow(network, 1, 4)
    done = ModelBackend(TINY).run(network, x, work=True)
    row = done.work["normal"]
    assert done.counts.macs_done == 4 * 2 * 8
    assert (row["operation"], row["weight_bit"]) == (8, 0)
    assert row["pass"] == 8
