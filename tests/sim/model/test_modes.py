"""Every mode of the fast model equals the plain loop, and keeps what ``docs/modes.md`` promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import sim.model.lstm
import sim.model.plan
from hw.config import CONFIGS
from hw.modes import Mode
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.model.lstm import Lstm
from sim.model.network import run_network
from sim.model.plain import run_plain, run_plain_direction
from sim.model.plan import plan_steps
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

CHOICES = {
    "mode": st.sampled_from(["normal", "delta", "reduced", "skip", "auto"]),
    "x_threshold": st.sampled_from([0, 0, 1, 4, 40, 255]),
    "h_threshold": st.sampled_from([0, 0, 1, 4, 40, 255]),
    "skip_threshold": st.sampled_from([0, 0.8, 0.9, 0.95, 1]),
    "delta_threshold": st.sampled_from([0, 0.5, 0.8, 0.9, 1]),
    "middle": st.sampled_from(["delta", "reduced"]),
    "skip_action": st.sampled_from(["freeze", "hold"]),
    "max_skips": st.integers(0, 3),
    "normal_every": st.integers(0, 5),
    "reference": st.sampled_from(["computed", "previous"]),
    "zero_skip": st.booleans(),
}
layers = st.fixed_dictionaries(CHOICES).map(lambda each: LayerModes(**each))


def slow_input(network, sequences, steps, seed):
    """Codes that move slowly, stand still at times, and are often zero."""
    rng = np.random.default_rng(seed)
    shape = (sequences, steps, network.layers[0].input_size)
    moves = rng.integers(-6, 7, shape) * (rng.random(shape) < 0.5)
    moves *= rng.random(shape[:2])[..., None] < 0.7
    moves[:, 0] += rng.integers(-60, 60, shape[::2])
    x = np.clip(np.cumsum(moves, axis=1), -128, 127)
    x[rng.random(shape) < 0.1] = network.layers[0].directions[0].x.zero_point
    return x.astype(np.int8)


def array(log, reverse, what):
    """``what`` of each logged step, ``[sequences, steps, ...]`` in time order."""
    values = np.array([[what(step) for step in steps] for steps in log])
    return values[:, ::-1] if reverse else values


def assert_equals_plain(direction, x, modes):
    log = []
    expected = run_plain_direction(direction, x, modes=modes, log=log)
    reverse = direction.reverse
    plan = plan_steps(x, direction.x.zero_point, modes.fields(), reverse=reverse, scores=True)
    found = Lstm(direction).run(x, plan=plan)
    activity = plan.activity
    assert np.array_equal(activity.mode, array(log, reverse, lambda s: s.mode))
    assert np.array_equal(plan.x_ref, array(log, reverse, lambda s: s.x_ref))
    assert np.array_equal(activity.D, array(log, reverse, lambda s: s.D))
    assert np.array_equal(activity.N, array(log, reverse, lambda s: s.N))
    assert np.array_equal(activity.events_x, array(log, reverse, lambda s: len(s.events_x)))
    assert np.array_equal(activity.events_h, array(log, reverse, lambda s: len(s.events_h)))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)
    return log


@settings(max_examples=120, deadline=None)
@given(
    modes=layers,
    inputs=st.integers(1, 12),
    hidden=st.integers(1, 12),
    sequences=st.integers(1, 4),
    steps=st.integers(1, 14),
    seed=st.integers(0, 9999),
    reverse=st.booleans(),
    initial=st.booleans(),
)
def test_every_mode_equals_the_plain_loop(
    modes, inputs, hidden, sequences, steps, seed, reverse, initial
):
    network = random_network([inputs, hidden], seed=seed, initial=initial)
    direction = replace(network.layers[0].directions[0], reverse=reverse)
    x = slow_input(network, sequences, steps, seed)
    log = assert_equals_plain(direction, x, modes)
    W, R = direction.W.astype(np.int64), direction.R.astype(np.int64)
    for step in (step for sequence in log for step in sequence):
        assert np.array_equal(step.acc_x, W @ (step.x_ref - direction.x.zero_point))
        assert np.array_equal(step.acc_h, R @ (step.h_ref - direction.h.zero_point))


@settings(max_examples=60, deadline=None)
@given(
    x_threshold=st.integers(0, 30),
    h_threshold=st.integers(0, 30),
    normal_every=st.integers(0, 4),
    seed=st.integers(0, 9999),
)
def test_no_column_drifts_further_than_its_threshold(x_threshold, h_threshold, normal_every, seed):
    modes = LayerModes(
        mode="delta",
        x_threshold=x_threshold,
        h_threshold=h_threshold,
        normal_every=normal_every,
    )
    network = random_network([9, 7], seed=seed)
    direction = network.layers[0].directions[0]
    x = slow_input(network, 2, 20, seed)
    log = []
    run_plain_direction(direction, x, modes=modes, log=log)
    for rows, steps in zip(x, log, strict=True):
        h = np.full(7, direction.h.zero_point)
        for row, step in zip(rows, steps, strict=True):
            assert np.abs(row - step.x_ref).max() <= x_threshold
            assert np.abs(h - step.h_ref).max() <= h_threshold
            h = step.h.astype(np.int64)
    assert_equals_plain(direction, x, modes)


# A skipped step is not among them: even if x stands still, h moves on.
EXACT = (
    LayerModes(mode="delta"),
    LayerModes(mode="delta", normal_every=3, zero_skip=True),
    LayerModes(mode="reduced", zero_skip=True),
    LayerModes(zero_skip=True),
    LayerModes(mode="auto", delta_threshold=0.9),
    LayerModes(mode="auto", delta_threshold=0.7, middle="reduced", reference="previous"),
)


@pytest.mark.parametrize("modes", EXACT)
@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    bidirectional=st.booleans(),
    sequences=st.integers(1, 5),
    steps=st.integers(1, 20),
    seed=st.integers(0, 9999),
)
@example(sizes=[64, 128], bidirectional=False, sequences=2, steps=60, seed=1)
def test_delta_without_thresholds_equals_normal(
    modes, sizes, bidirectional, sequences, steps, seed
):
    network = random_network(sizes, seed=seed, bidirectional=bidirectional, initial=True)
    x = slow_input(network, sequences, steps, seed)
    normal, other = run_network(network, x), run_network(network, x, modes=modes)
    assert np.array_equal(other.h, normal.h)
    for mine, theirs in zip(other.states, normal.states, strict=True):
        assert np.array_equal(mine.h, theirs.h)
        assert np.array_equal(mine.c, theirs.c)


def test_each_layer_has_its_own_modes():
    network = random_network([6, 7, 8], bidirectional=True)
    x = slow_input(network, 3, 12, 5)
    modes = [
        LayerModes(mode="delta", x_threshold=5, h_threshold=2),
        LayerModes(mode="skip", skip_threshold=0.9, skip_action="freeze"),
    ]
    outputs = run_network(network, x, modes=modes)
    assert np.array_equal(outputs.h, run_plain(network, x, modes))
    assert [int(each.mode.max()) for each in outputs.activity] == [1, 1, 3, 3]
    with pytest.raises(NetworkError) as caught:
        run_network(network, x, modes=[modes[0]] * 3)
    assert str(caught.value) == "the settings are for 3 layers, and the network has 2"


def test_many_sequences_run_in_parts_and_pieces(monkeypatch):
    monkeypatch.setattr(sim.model.lstm, "_SEQUENCES", 3)
    monkeypatch.setattr(sim.model.lstm, "_COLUMNS", 5)
    monkeypatch.setattr(sim.model.plan, "_AT_ONCE", 100)
    network = random_network([13, 29], seed=5)
    direction = network.layers[0].directions[0]
    x = slow_input(network, 8, 11, 6)
    settings = {"skip_threshold": 0.9, "delta_threshold": 0.5, "zero_skip": True}
    for middle in ("delta", "reduced"):
        modes = LayerModes(mode="auto", middle=middle, **settings)
        assert_equals_plain(direction, x, modes)
        assert_equals_plain(direction, x, replace(modes, skip_threshold=None))


def planned(rows, zero=0, **modes):
    """Modes of the steps whose ``x`` has the given single columns."""
    x = np.array(rows, np.int8).reshape(1, len(rows), -1)
    plan = plan_steps(x, zero, LayerModes(**modes).fields(), reverse=False, scores=True)
    return plan.activity.mode[0].tolist(), plan.activity


def test_the_score_is_compared_exactly():
    # D / N is 1 / 3, a distance of 21845.33: a threshold of 2/3 is the distance 21845.
    assert planned([2, 1], mode="skip", skip_threshold=2 / 3)[0] == [0, 0]
    assert planned([2, 1], mode="skip", skip_threshold=0.66)[0] == [0, 3]
    modes, activity = planned([3, 1], mode="skip", skip_threshold=0.5)
    assert modes == [0, 3]
    assert (activity.D.tolist(), activity.N.tolist()) == ([[-1, 2]], [[-1, 4]])
    assert np.isnan(activity.score[0, 0]) and activity.score[0, 1] == 0.5
    # Rows at the zero point are equal.
    modes, activity = planned([5, 5], zero=5, mode="skip", skip_threshold=1)
    assert modes == [0, 3] and activity.score[0, 1] == 1


def test_the_reference_is_the_last_row_computed_or_the_row_before():
    creeping = [10, 11, 12, 13, 14, 15]
    skip = {"mode": "skip", "skip_threshold": 0.95}
    assert planned(creeping, **skip)[0] == [0, 3, 0, 3, 0, 3]
    assert planned(creeping, **skip, reference="previous")[0] == [0, 3, 3, 3, 3, 3]


def test_runs_of_skips_end_and_normal_steps_come_again():
    still, skip = [7] * 9, {"mode": "skip", "skip_threshold": 1}
    assert planned(still, **skip, max_skips=2)[0] == [0, 3, 3, 0, 3, 3, 0, 3, 3]
    assert planned(still, **skip, normal_every=4)[0] == [0, 3, 3, 3, 0, 3, 3, 3, 0]
    auto = {"mode": "auto", "delta_threshold": 0}
    assert planned(still, **auto, skip_threshold=1, max_skips=1)[0] == [0, 3, 1, 3, 1, 3, 1, 3, 1]
    assert planned(still, mode="delta", normal_every=3)[0] == [0, 1, 1, 0, 1, 1, 0, 1, 1]


def test_zeros_are_left_out_but_for_the_last_column():
    rows = [[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 1, 4]]
    _, activity = planned(rows, zero_skip=True)
    assert activity.events_x.tolist() == [[1, 2, 3, 2]]


def test_a_frozen_step_repeats_the_row_and_a_held_one_does_not():
    network = random_network([4, 9], seed=2)
    x = np.repeat(slow_input(network, 1, 2, 1), 4, axis=1)[:, :4]
    skip = LayerModes(mode="skip", skip_threshold=1)
    frozen = run_network(network, x, modes=replace(skip, skip_action="freeze")).h
    held = run_network(network, x, modes=skip).h
    assert (frozen == frozen[:, :1]).all()
    assert not (held == held[:, :1]).all()


def test_a_trace_tells_of_every_direction_also_in_normal_mode():
    network = random_network([6, 7, 8], bidirectional=True)
    x = slow_input(network, 2, 5, 5)
    backend = ModelBackend(CONFIGS["tiny"])
    plain = backend.run(network, x)
    traced = backend.run(network, x, trace=True)
    assert plain.trace == ()
    assert plain.counts == traced.counts and np.array_equal(plain.h, traced.h)
    assert [each.mode.shape for each in traced.trace] == [(2, 5)] * 4
    assert all((each.mode == Mode.NORMAL).all() for each in traced.trace)
    assert [int(each.events_x.max()) for each in traced.trace] == [6, 6, 14, 14]
    assert np.isnan(traced.trace[0].score[:, 0]).all()
    assert np.isnan(traced.trace[1].score[:, -1]).all()


def test_counts_of_a_run_are_those_of_its_steps():
    network = random_network([6, 7, 8], bidirectional=True)
    x = slow_input(network, 2, 9, 5)
    modes = LayerModes(mode="auto", delta_threshold=0, skip_threshold=0.9, x_threshold=2)
    result = ModelBackend(CONFIGS["tiny"]).run(network, x, modes=Modes.of(modes), resident=False)
    counts, blocks = result.counts, (4, 4, 4, 4)
    log = []
    directions = [each for layer in network.layers for each in layer.directions]
    inputs = [x, x, *[run_network(network, x, modes=modes).layers[0]] * 2]
    for direction, given_x in zip(directions, inputs, strict=True):
        log.append([])
        run_plain_direction(direction, given_x, modes=modes, log=log[-1])
    for mode in Mode:
        pairs = [
            (k, step)
            for k, rows in enumerate(log)
            for row in rows
            for step in row
            if step.mode == mode
        ]
        found = counts.modes[mode]
        events = [(k, len(step.events_x) + len(step.events_h)) for k, step in pairs]
        assert found.steps == len(pairs)
        assert found.macs_done == sum(n * 4 * directions[k].hidden_size for k, n in events)
        assert found.weight_bytes == sum(n * 8 * blocks[k] for k, n in events)
    dense = ModelBackend(CONFIGS["tiny"]).run(network, x, resident=False).counts
    assert counts.macs_done + counts.macs_avoided == dense.macs_done
    assert counts.weight_bytes + counts.weight_bytes_avoided == dense.weight_bytes
    assert dense.read_bytes - counts.read_bytes == counts.weight_bytes_avoided > 0
    # Every cycle of the lanes that is no stall is an operation or a passed block.
    operations = sum(
        blocks_of * (len(step.events_x) + len(step.events_h) or 1)
        for blocks_of, rows in zip(blocks, log, strict=True)
        for row in rows
        for step in row
    )
    assert result.cycles == operations + sum(result.stall_cycles.values())


@given(
    mode=st.sampled_from(["normal", "delta", "reduced"]),
    h_threshold=st.sampled_from([0, 4, 40]),
    normal_every=st.integers(0, 5),
    zero_skip=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_lookahead_equals_the_plain_loop(mode, h_threshold, normal_every, zero_skip, seed):
    network = random_network([7, 9], seed=seed, bidirectional=True)
    x = slow_input(network, 2, 13, seed)
    modes = LayerModes(
        mode=mode,
        h_threshold=h_threshold,
        normal_every=normal_every,
        zero_skip=zero_skip,
        lookahead=3,
    )
    for direction in network.layers[0].directions:
        assert_equals_plain(direction, x, modes)


@pytest.mark.parametrize("zero_skip", [False, True])
def test_the_first_step_of_a_group_counts_the_whole_part_of_x(zero_skip):
    """Groups go from the end where a direction does; 11 steps are three groups."""
    config = replace(CONFIGS["tiny"], lookahead=4)
    network = random_network([20, 9], seed=4, bidirectional=True)
    x = slow_input(network, 3, 11, 1)
    modes = LayerModes(mode="delta", normal_every=4, lookahead=4, zero_skip=zero_skip)
    backend = ModelBackend(config)
    counts = backend.run(network, x, modes=modes, resident=False).counts
    normal, delta = counts.modes[Mode.NORMAL], counts.modes[Mode.DELTA]
    word = config.blocks(9) * config.column_bytes
    # Both directions begin a group with every normal step, and with no other.
    assert normal.steps == 2 * 3 * 3
    assert normal.weight_bytes == (normal.steps * 20 + normal.events_h) * word
    assert delta.weight_bytes == delta.events_h * word
    resident = backend.run(network, x, modes=modes, resident=True).counts
    assert resident.weight_bytes == 0
    assert (resident.events_x, resident.events_h) == (counts.events_x, counts.events_h)
