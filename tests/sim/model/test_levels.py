"""Levels of the multiplier in the model: equal to the plain loop, for every family."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.catalogue import MULTIPLIERS, find_multiplier
from hw.multipliers.imported import Entries, TableMultiplier
from hw.multipliers.masked import Cut, MaskedArray
from hw.multipliers.rounded import RoundedWeights
from sim.image.modes import LayerModes
from sim.model.network import Model, run_network
from sim.model.plain import run_plain_direction
from sim.model.products import LevelProducts, product_factors
from sim.model.random_network import random_codes, random_network
from sim.networks.network import NetworkError

TINY = CONFIGS["tiny"]


def odd_table():
    """A table with errors of every kind: ``f(0, w)`` is not 0, and there is no symmetry."""
    values = np.arange(-128, 128)
    rng = np.random.default_rng(5)
    return Entries.of(np.outer(values, values) + rng.integers(-300, 500, (256, 256)))


FAMILIES = {name: find_multiplier(name) for name in MULTIPLIERS}
FAMILIES["table"] = TableMultiplier(entries=odd_table())
LEVELS = [
    (name, level)
    for name, multiplier in FAMILIES.items()
    for level in range(len(multiplier.levels))
    if level or name == "table"
]


def machine(multiplier, **changes):
    """A small configuration with this multiplier."""
    return replace(TINY, multiplier=multiplier, **changes)


def slow_input(network, sequences, steps, seed):
    """Codes that move a little, stand still or jump."""
    rng = np.random.default_rng(seed)
    shape = (sequences, steps, network.layers[0].input_size)
    moves = rng.integers(-30, 31, shape) * (rng.random(shape) < 0.5)
    moves[:, 0] += rng.integers(-60, 60, shape[::2])
    x = np.clip(np.cumsum(moves, axis=1), -128, 127).astype(np.int8)
    x[rng.random(shape) < 0.1] = network.layers[0].directions[0].x.zero_point
    return x


def assert_equals_plain(network, x, modes, config):
    """States, outputs and events of a network of one direction."""
    direction = network.layers[0].directions[0]
    log = []
    h, last_h, last_c = run_plain_direction(direction, x, modes=modes, log=log, config=config)
    found = Model(network, config).run(x, modes=modes, trace=True)
    assert np.array_equal(found.h, h)
    assert np.array_equal(found.states[0].h, last_h)
    assert np.array_equal(found.states[0].c, last_c)
    activity = found.activity[0]
    for name in ("events_x", "events_h"):
        counts = np.array([[len(getattr(step, name)) for step in steps] for steps in log])
        assert np.array_equal(getattr(activity, name), counts)
    return log


def modes_of(kind, level, **changes):
    """Settings that use a level, whatever it does."""
    level = {f"{kind}_level": level, "unsafe_level": level if kind == "delta" else None}
    return LayerModes(mode="auto", delta_threshold=0.6, middle=kind, **level, **changes)


@pytest.mark.parametrize("kind", ["delta", "reduced"])
@pytest.mark.parametrize("name, level", LEVELS)
def test_every_level_equals_the_plain_loop(name, level, kind):
    config = machine(FAMILIES[name])
    for seed, changes in enumerate(
        ({"x_threshold": 4, "skip_threshold": 0.9}, {"zero_skip": True, "normal_every": 5})
    ):
        network = random_network([7, 9], seed=seed, initial=True)
        x = slow_input(network, 3, 12, seed)
        assert_equals_plain(network, x, modes_of(kind, level, **changes), config)


@settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    family=st.sampled_from(["truncated", "rounded", "table", "drum", "constant"]),
    mode=st.sampled_from(["delta", "reduced", "auto", "normal", "skip"]),
    middle=st.sampled_from(["delta", "reduced"]),
    skip_threshold=st.sampled_from([None, 0.8, 0.95]),
    skip_action=st.sampled_from(["freeze", "hold"]),
    threshold=st.sampled_from([0, 3, 40]),
    zero_skip=st.booleans(),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    sequences=st.integers(1, 3),
    seed=st.integers(0, 999),
)
def test_every_mode_at_a_level_equals_the_plain_loop(
    family, mode, middle, skip_threshold, skip_action, threshold, zero_skip, sizes, sequences, seed
):
    config = machine(FAMILIES[family])
    level = len(config.multiplier.levels) - 1
    modes = LayerModes(
        mode=mode,
        middle=middle,
        skip_threshold=0.9 if mode == "skip" else skip_threshold,
        delta_threshold=0.5,
        skip_action=skip_action,
        x_threshold=threshold,
        h_threshold=threshold,
        zero_skip=zero_skip,
        delta_level=level,
        reduced_level=level,
        unsafe_level=level,
    )
    network = random_network(sizes, seed=seed)
    assert_equals_plain(network, slow_input(network, sequences, 10, seed), modes, config)


def test_both_directions_and_layers_have_their_levels():
    config = machine(FAMILIES["truncated"])
    network = random_network([5, 6, 7], bidirectional=True, initial=True)
    x = slow_input(network, 2, 9, 3)
    coarse = LayerModes(mode="delta", delta_level="columns < 6", normal_every=5)
    modes = [coarse, LayerModes(mode="delta")]
    found = Model(network, config).run(x, modes=modes)
    for layer, layer_modes in zip(network.layers, modes, strict=True):
        halves = [
            run_plain_direction(each, x, modes=layer_modes, config=config)[0]
            for each in layer.directions
        ]
        x = np.concatenate(halves, axis=2)
    assert np.array_equal(found.h, x)


def test_sums_that_leave_their_bits_wrap():
    """A constant is added with every event, in sums that hold some thirty of them."""
    table = np.full((256, 256), 131_000)
    config = machine(TableMultiplier(entries=Entries.of(table)), max_input=16, max_hidden=16)
    network = random_network([16, 3], seed=2)
    x = random_codes(network, 1, 12, seed=3)
    modes = LayerModes(mode="delta", unsafe_level=0)
    log = assert_equals_plain(network, x, modes, config)
    assert any((step.acc_x < 0).any() for step in log[0])


def test_exact_levels_cost_no_other_way():
    config = machine(FAMILIES["rounded"])
    network = random_network([9, 12], seed=4)
    x = slow_input(network, 2, 20, 4)
    modes = LayerModes(mode="delta")
    normal, delta = run_network(network, x), Model(network, config).run(x, modes=modes)
    assert np.array_equal(normal.h, delta.h)


@pytest.mark.parametrize("name, level", LEVELS)
def test_sums_of_products_are_those_of_the_table(name, level):
    multiplier = FAMILIES[name]
    rng = np.random.default_rng(level)
    limit = multiplier.weight_limit
    weights = rng.integers(-limit, limit + 1, (21, 40)).astype(np.int8)
    values = rng.integers(-255, 256, (40, 6))
    events = rng.random((40, 6)) < 0.6
    found = LevelProducts(weights, multiplier, level, 9).sums(values.astype(np.float32), events)
    for number in range(6):
        chosen = events[:, number]
        products = multiplier.compute(values[chosen, number], weights[:, chosen], level)
        assert np.array_equal(found[:, number], products.sum(axis=1))


def test_arrays_with_dots_left_out_take_few_factors():
    for cut, factors in ((Cut(columns=4), 5), (Cut(columns=6), 7), (Cut(rows=3), 1)):
        multiplier = MaskedArray(cuts=(Cut(), cut))
        assert product_factors(multiplier, 1, 9)[0].shape[1] == factors
    assert product_factors(RoundedWeights(), 2, 9)[0].shape[1] == 1
    assert product_factors(FAMILIES["mitchell"], 1, 9) is None


def test_a_level_without_a_configuration_is_refused():
    network = random_network([2, 2])
    with pytest.raises(NetworkError) as caught:
        run_network(network, random_codes(network, 1, 2), modes=LayerModes(delta_level=2))
    assert str(caught.value) == "level 2 needs a configuration that has it"
