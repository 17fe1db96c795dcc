"""Runs that go on from each other give what one long run gives, in every mode."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.image.image import State
from sim.image.modes import LayerModes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]
SMALL = replace(TINY, name="small", max_input=16, max_hidden=16)

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


def slow_input(network, steps, seed):
    """Codes that move slowly, and stand still at times."""
    rng = np.random.default_rng(seed)
    shape = (1, steps, network.layers[0].input_size)
    moves = rng.integers(-6, 7, shape) * (rng.random(shape) < 0.5)
    moves *= rng.random(shape[:2])[..., None] < 0.7
    moves[:, 0] += rng.integers(-60, 60, shape[::2])
    return np.clip(np.cumsum(moves, axis=1), -128, 127).astype(np.int8)


def assert_together(pieces, whole):
    """Values, states, events and the counters of modes are those of the whole run."""
    assert np.array_equal(np.concatenate([each.h for each in pieces], axis=1), whole.h)
    for mine, theirs in zip(pieces[-1].states, whole.states, strict=True):
        assert np.array_equal(mine.h, theirs.h)
        assert np.array_equal(mine.c, theirs.c)
    modes = [sum(column[1:], start=column[0]) for column in zip(*_modes(pieces), strict=True)]
    assert modes == list(whole.counts.modes)


def _modes(pieces):
    return [each.counts.modes for each in pieces]


def assert_same_trace(pieces, whole):
    """What each step did, scores included, is what it did in the whole run."""
    for k, expected in enumerate(whole.trace):
        for name in ("mode", "events_x", "events_h", "D", "N"):
            parts = [getattr(each.trace[k], name) for each in pieces]
            assert np.array_equal(np.concatenate(parts, axis=1), getattr(expected, name)), name


@st.composite
def splits(draw):
    """Steps behind which pieces end."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=2, max_size=12))
    return list(np.cumsum(lengths))


@settings(max_examples=150, deadline=None)
@given(
    modes=st.lists(layers, min_size=2, max_size=2),
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=3),
    ends=splits(),
    trace=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_split_gives_what_the_whole_gives(run_pieces, modes, sizes, ends, trace, seed):
    network = random_network(sizes, seed=seed % 1000)
    modes = modes[: len(sizes) - 1]
    x = slow_input(network, ends[-1], seed)
    options = {"modes": modes, "trace": trace}
    whole = ModelBackend(TINY).run(network, x, **options)
    pieces = run_pieces(ModelBackend(TINY), network, x, ends, **options)
    assert_together(pieces, whole)
    if trace:
        assert_same_trace(pieces, whole)


@settings(max_examples=40, deadline=None)
@given(
    modes=layers,
    levels=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    ends=splits(),
    seed=st.integers(0, 2**32 - 1),
)
def test_sums_that_are_not_exact_are_carried_too(run_pieces, modes, levels, ends, seed):
    config = replace(TINY, name="rough", multiplier=find_multiplier("truncated"))
    modes = replace(modes, delta_level=levels[0], reduced_level=levels[1], unsafe_level=levels[0])
    network = random_network([6, 7], seed=seed % 1000)
    x = slow_input(network, ends[-1], seed)
    whole = ModelBackend(config).run(network, x, modes=modes)
    assert_together(run_pieces(ModelBackend(config), network, x, ends, modes=modes), whole)


STREAMS = {
    "normal": LayerModes(),
    "delta": LayerModes(mode="delta"),
    "delta with thresholds": LayerModes(mode="delta", x_threshold=3, h_threshold=2),
    "skip freeze": LayerModes(mode="skip", skip_threshold=0.97, skip_action="freeze", max_skips=4),
    "skip hold": LayerModes(mode="skip", skip_threshold=0.97, skip_action="hold", normal_every=50),
    "auto": LayerModes(mode="auto", skip_threshold=0.98, delta_threshold=0.9, x_threshold=1),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_thousand_runs_of_a_step_are_a_run_of_a_thousand_steps(run_pieces, name):
    network = random_network([8, 12, 9], seed=3)
    x = slow_input(network, 1000, 5)
    whole = ModelBackend(TINY).run(network, x, modes=STREAMS[name])
    pieces = run_pieces(ModelBackend(TINY), network, x, range(1, 1001), modes=STREAMS[name])
    assert_together(pieces, whole)
    read = sum(each.counts.read_bytes for each in pieces) - whole.counts.read_bytes
    assert read == 999 * 2 * 256  # descriptors


def test_the_first_step_of_a_resumed_run_is_not_normal():
    network = random_network([8, 12])
    x = np.repeat(slow_input(network, 1, 1), 3, axis=1)
    backend, delta = ModelBackend(TINY), LayerModes(mode="delta")
    assert backend.run(network, x[:, :1], modes=delta).counts.mode_normal == 1
    behind = backend.run(network, x[:, :1], modes=delta, resume=True)
    assert (behind.counts.mode_normal, behind.counts.mode_delta) == (0, 1)
    assert behind.counts.events_x == 0


def test_thresholds_may_change_between_runs():
    network = random_network([8, 12])
    x = slow_input(network, 8, 1)
    backend = ModelBackend(TINY)
    backend.run(network, x[:, :4], modes=LayerModes(mode="delta"))
    wide = LayerModes(mode="delta", x_threshold=255, h_threshold=255)
    assert backend.run(network, x[:, 4:], modes=wide, resume=True).counts.events_x == 0


def test_runs_of_others_do_not_disturb_a_sibling():
    first, second = random_network([8, 12]), random_network([5, 6], seed=2)
    x, y = slow_input(first, 6, 1), slow_input(second, 6, 2)
    modes = LayerModes(mode="delta", x_threshold=2)
    backend = ModelBackend(TINY, latency=7)
    sibling = backend.sibling()
    assert (sibling.config, sibling.latency) == (backend.config, 7)
    pieces = [[], []]
    for step in range(6):
        for k, (each, network, rows) in enumerate(((backend, first, x), (sibling, second, y))):
            piece = rows[:, step : step + 1]
            pieces[k].append(each.run(network, piece, modes=modes, resume=step > 0))
    assert_together(pieces[0], ModelBackend(TINY).run(first, x, modes=modes))
    assert_together(pieces[1], ModelBackend(TINY).run(second, y, modes=modes))


def refusal(config=TINY, sizes=(8, 12), first=None, steps=1, sequences=1, **options):
    """What a resumed run is refused with, behind a run with the options ``first``."""
    network = random_network(list(sizes), bidirectional=options.pop("bidirectional", False))
    backend = ModelBackend(config)
    x = np.zeros((sequences, steps, sizes[0]), np.int8)
    if first is not None:
        before = np.zeros((first.pop("sequences", 1), steps, sizes[0]), np.int8)
        backend.run(first.pop("network", network), before, **first)
    with pytest.raises(NetworkError) as caught:
        backend.run(network, x, resume=True, **options)
    return str(caught.value)


def test_a_first_run_cannot_be_a_resumed_one():
    assert refusal() == (
        "there is no run to go on from: nothing has run yet; the first run of a network must be "
        "one without resume"
    )


def test_a_run_of_another_network_ends_what_could_be_resumed():
    assert refusal(first={"network": random_network([8, 5])}) == (
        "there is no run to go on from: the last run was of another network; the first run of a "
        "network must be one without resume"
    )


def test_several_sequences_are_refused():
    assert refusal(first={}, sequences=3) == (
        "a resumed run must be of one sequence, not 3: the machine keeps one state for each layer"
    )
    assert refusal(first={"sequences": 2}) == (
        "a resumed run goes on from a run of one sequence, and the last run had 2"
    )


def test_backward_layers_are_refused():
    assert refusal(first={}, bidirectional=True) == (
        "layer 0 runs backward, from the last step of its input, so that a run cannot go on where "
        "the one before ended; run it on whole sequences, without resume"
    )


def test_states_beside_resume_are_refused():
    state = State(h=np.zeros((1, 12), np.int8), c=np.zeros((1, 12), np.int16))
    assert refusal(first={}, initial=[state]) == (
        "a resumed run begins with the states that the run before left: give it no initial states, "
        "or do not resume"
    )


def test_lookahead_is_refused():
    ahead = LayerModes(lookahead=4)
    config = replace(TINY, name="far", lookahead=4)
    assert refusal(config, first={"modes": ahead}, modes=ahead) == (
        "layer 0 looks 4 steps ahead, and the groups of a resumed run would be others: its "
        "lookahead must be 1"
    )


def test_other_modes_are_refused():
    delta = LayerModes(mode="delta")
    assert refusal(first={}, modes=delta) == (
        "a resumed run may change thresholds only, and in layer 0 plan is not as in the run before"
    )
    assert refusal(first={"modes": delta}, modes=replace(delta, normal_every=3)) == (
        "a resumed run may change thresholds only, and in layer 0 normal_every is not as in the "
        "run before"
    )


def test_another_residency_is_refused():
    assert refusal(first={"resident": False}) == (
        "resident must be False as in the run that is resumed, not None: the weights are where "
        "that run put them"
    )


def test_layers_that_do_not_fit_together_are_refused_with_what_would_hold_them():
    assert refusal(SMALL, sizes=(8, 12, 7), first={}) == (
        "a resumed run needs the states of 20 hidden units (whole blocks of 2) to stay in the "
        "machine, and configuration small has room for 16: it takes one with a max_hidden of 20"
    )
    assert refusal(SMALL, sizes=(16, 3, 3, 3, 2), first={}) == (
        "a resumed run needs rows of x of 40 bytes to stay in the machine, and configuration small "
        "has room for 32: it takes one with a max_input of 40"
    )
    assert refusal(TINY, sizes=[3] * 10, first={}) == (
        "the network has 9 layers, and the machine keeps the states of at most 8 from run to run"
    )


def test_a_refused_run_leaves_what_was_there():
    network = random_network([8, 12])
    x = slow_input(network, 4, 1)
    backend, modes = ModelBackend(TINY), LayerModes(mode="delta")
    first = backend.run(network, x[:, :2], modes=modes)
    with pytest.raises(NetworkError):
        backend.run(network, x[:, :2], resume=True)
    behind = backend.run(network, x[:, 2:], modes=modes, resume=True)
    assert_together([first, behind], ModelBackend(TINY).run(network, x, modes=modes))


def test_a_run_without_resume_begins_anew():
    network = random_network([8, 12])
    x = slow_input(network, 4, 1)
    backend, modes = ModelBackend(TINY), LayerModes(mode="delta")
    once, again = (backend.run(network, x, modes=modes) for _ in range(2))
    assert np.array_equal(once.h, again.h)
    assert astuple(once.counts) == astuple(again.counts)
