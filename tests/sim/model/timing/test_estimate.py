"""The model of time by itself; ``tests/sim/rtl`` holds it to the gates."""

import numpy as np
import pytest

import sim.model.timing.bus
from hw.config import CONFIGS
from hw.modes import Mode
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.random_network import random_network
from sim.model.timing.bus import PartRuns
from sim.model.timing.columns import SequenceColumns
from sim.model.timing.estimate import estimate


def cycles(config, sizes, share, *, steps=40, latency=20, seed=0):
    """Of delta steps in which this share of all columns are events, every block streamed."""
    network, modes = random_network(sizes, seed=1), LayerModes(mode="delta")
    image = compile_network(network, config, steps=steps, sequences=1, resident=False, modes=modes)
    rng = np.random.default_rng(seed)
    x, h = (rng.random((steps, size)) < share for size in sizes)
    x[0] = h[0] = True
    mode = np.full(steps, Mode.DELTA, np.uint8)
    mode[0] = Mode.NORMAL
    return estimate(image, config, latency, [[SequenceColumns(mode=mode, x=x, h=h)]])[0]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name, sizes", [("tiny", [80, 100]), ("edge", [100, 300])])
def test_parts_of_long_runs_take_what_their_bursts_take_one_by_one(monkeypatch, name, sizes, share):
    for latency, tolerance in ((1, 0.01), (20, 0.02), (40, 0.05)):
        one_by_one = cycles(CONFIGS[name], sizes, share, latency=latency)
        with monkeypatch.context() as patch:
            patch.setattr(sim.model.timing.bus, "_MANY_BURSTS", 0)
            at_once = cycles(CONFIGS[name], sizes, share, latency=latency)
        assert at_once == pytest.approx(one_by_one, rel=tolerance)


def test_runs_are_neighbours_that_are_events():
    events = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 1]], bool)
    part = PartRuns(events)
    assert part.columns == [3, 0, 5, 3]
    assert part.counts == [2, 0, 1, 2]
    assert [part.of(step) for step in range(4)] == [
        [(0, 2), (3, 1)],
        [],
        [(0, 5)],
        [(1, 1), (3, 2)],
    ]


def test_fewer_events_never_take_longer():
    times = [cycles(CONFIGS["edge"], [100, 300], share) for share in (0.05, 0.2, 0.5, 0.9)]
    assert times == sorted(times)
