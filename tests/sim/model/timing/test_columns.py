"""Which columns were events, told from what a run read and wrote."""

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.image.compile import compile_run
from sim.image.modes import LayerModes
from sim.image.options import RunOptions
from sim.model.network import Model
from sim.model.random_network import random_network
from sim.model.timing.columns import columns_of

TINY = CONFIGS["tiny"]


def run(network, x, modes):
    """Columns of a run, and what the model counted in it."""
    image = compile_run(network, x, TINY, RunOptions(modes=modes))
    outputs = Model(network).run(x, modes=modes)
    return columns_of(image, x, outputs.layers, outputs.activity), outputs.activity


def slow_input(network, sequences, steps):
    """Codes that stand still in two of three columns, and rest at zero in some."""
    rng = np.random.default_rng(1)
    shape = (sequences, steps, network.layers[0].input_size)
    moves = rng.integers(-9, 10, shape) * (rng.random(shape) < 0.3)
    x = np.clip(np.cumsum(moves, axis=1), -128, 127)
    x[rng.random(shape) < 0.2] = network.layers[0].directions[0].x.zero_point
    return x.astype(np.int8)


@pytest.mark.parametrize("zero_skip", [False, True])
@pytest.mark.parametrize("thresholds", [(0, 0), (3, 2)])
@pytest.mark.parametrize("mode", ["normal", "delta", "reduced", "skip", "auto"])
def test_columns_are_as_many_as_the_model_counted(mode, thresholds, zero_skip):
    network = random_network([9, 7, 5], seed=3, bidirectional=True, initial=True)
    x = slow_input(network, 2, 30)
    x_threshold, h_threshold = thresholds
    modes = LayerModes(
        mode=mode,
        x_threshold=x_threshold,
        h_threshold=h_threshold,
        skip_threshold=0.9,
        delta_threshold=0.5,
        zero_skip=zero_skip,
    )
    columns, activity = run(network, x, modes)
    orders = [slice(None), slice(None, None, -1)] * 2
    for found, done, order in zip(columns, activity, orders, strict=True):
        if modes.plain:
            assert found is None
            continue
        for k, sequence in enumerate(found):
            assert np.array_equal(sequence.mode, done.mode[k, order])
            assert np.array_equal(sequence.x.sum(1), done.events_x[k, order])
            assert np.array_equal(sequence.h.sum(1), done.events_h[k, order])


def test_a_delta_step_is_made_of_the_columns_that_moved():
    network = random_network([4, 3], seed=1)
    x = np.zeros((1, 4, 4), np.int8)
    x[0, :, 2] = 5, 6, 8, 8
    (columns,), _ = run(network, x, LayerModes(mode="delta", x_threshold=1))
    (sequence,) = columns
    assert sequence.x.tolist() == [
        [True] * 4,
        [False] * 4,
        [False, False, True, False],
        [False] * 4,
    ]
