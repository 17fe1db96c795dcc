"""Traces: what their rows and pictures say of a run."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from hw.config import CONFIGS, ConfigError
from sim.explore.running import make_backend
from sim.explore.trace_picture import trace_picture
from sim.explore.traces import Tracer, trace_bytes, trace_rows
from sim.image.modes import LayerModes
from sim.model.network import run_network
from sim.model.random_network import random_codes, random_network

TINY = CONFIGS["tiny"]
AUTO = LayerModes(mode="auto", skip_threshold=0.9, delta_threshold=0.6, x_threshold=9)


@pytest.fixture
def network():
    return random_network([4, 6, 5], bidirectional=True)


@pytest.fixture
def x(network):
    rng = np.random.default_rng(0)
    moves = rng.integers(-20, 20, (2, 12, 4)) * (rng.random((2, 12, 1)) < 0.5)
    return np.clip(np.cumsum(moves, axis=1), -128, 127).astype(np.int8)


def traced(network, x, modes):
    backend = make_backend("model", TINY)
    tracer = Tracer(backend)
    result = tracer.run(backend, "node", network, x, modes=modes)
    return tracer.traces, result


def test_a_trace_holds_what_each_direction_read_and_wrote(network, x):
    modes = [AUTO, LayerModes()]
    traces, result = traced(network, x, modes)
    assert [(t.layer, t.direction.reverse) for t in traces] == [
        (0, False),
        (0, True),
        (1, False),
        (1, True),
    ]
    assert [trace.modes for trace in traces] == [AUTO, AUTO, LayerModes(), LayerModes()]
    assert [trace.title for trace in traces][1:3] == ["node 0 backward", "node 1 forward"]
    below = np.concatenate([trace.h for trace in traces[:2]], axis=2)
    assert np.array_equal(traces[0].x, x) and np.array_equal(traces[2].x, below)
    assert np.array_equal(np.concatenate([t.h for t in traces[2:]], axis=2), result.h)
    normal = run_network(network, x)
    assert np.array_equal(np.concatenate([t.normal for t in traces[2:]], axis=2), normal.h)
    assert np.array_equal(np.concatenate([t.normal for t in traces[:2]], axis=2), normal.layers[0])


def test_rows_add_up_to_the_counts(network, x):
    traces, result = traced(network, x, AUTO)
    rows = list(trace_rows(traces))
    assert len(rows) == result.counts.steps == 4 * 24
    assert sum(row["events_x"] for row in rows) == result.counts.events_x
    assert sum(row["mode"] == "skip" for row in rows) == result.counts.mode_skip > 0
    first = [row["step"] for row in rows if row["score"] is None]
    assert first == [0, 0, 11, 11] * 2
    for row in rows:
        if row["N"]:
            assert row["score"] == pytest.approx(1 - row["D"] / row["N"])
    errors = [row["h_error"] for row in rows]
    assert max(errors) > 0 and errors[0] == 0
    trace = traces[0]
    expected = np.abs(trace.h[1, 3].astype(int) - trace.normal[1, 3]).mean()
    (row,) = (r for r in rows[:24] if (r["sequence"], r["step"]) == (1, 3))
    assert row["h_error"] == expected
    assert row["h_size"] == np.abs(trace.h[1, 3].astype(int) - trace.direction.h.zero_point).mean()


def test_a_table_is_what_its_name_says(network, x):
    traces, _ = traced(network, x, AUTO)
    rows = json.loads(trace_bytes(traces, Path("t.JSON")))
    assert rows == list(trace_rows(traces))
    lines = trace_bytes(traces, Path("t.csv")).decode().splitlines()
    assert lines[0] == ",".join(rows[0])
    assert len(lines) == 1 + len(rows)


@pytest.mark.parametrize(
    "modes", [LayerModes(), AUTO, replace(AUTO, middle="reduced"), LayerModes(mode="delta")]
)
def test_a_picture_is_drawn_for_any_modes_and_length(modes):
    network = random_network([1, 2])
    for steps in (1, 30):
        traces, _ = traced(network, random_codes(network, 1, steps), modes)
        pixels = imread(io.BytesIO(trace_picture(traces)))
        assert pixels.shape == (900, 900, 4)
        assert pixels.std() > 0.05


def test_a_picture_has_a_column_for_each_direction(network, x):
    traces, _ = traced(network, x, AUTO)
    assert imread(io.BytesIO(trace_picture(traces, sequence=1))).shape == (900, 3000, 4)


def test_only_the_model_can_tell():
    with pytest.raises(ConfigError) as caught:
        Tracer(make_backend("rtl", TINY))
    assert str(caught.value) == "a trace is made by the backend model, not rtl"
