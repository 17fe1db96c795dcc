from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.evidence import agreement
from sim.explore.evidence.agreement import agrees, compare_backends, compare_workload
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.workloads.catalogue import find_workload

TINY = CONFIGS["tiny"]


class Spoilt:
    """Stands in for hardware: the model, with changed results of some runs."""

    def __init__(self, config, spoil=lambda result: {}, modes=("normal", "delta")):
        self.model, self.spoil, self.modes = ModelBackend(config), spoil, modes

    def run(self, network, x, modes):
        result = self.model.run(network, x, modes=modes)
        chosen = modes.layers[0].mode if modes.layers else "normal"
        return replace(result, **self.spoil(result)) if chosen in self.modes else result


def _rows(hardware):
    network = random_network([5, 9], seed=2)
    x = np.repeat(random_codes(network, 1, 6), 3, axis=1)
    return compare_backends(network, x, hardware, ModelBackend(TINY))


def test_what_is_equal_agrees():
    normal, delta = _rows(Spoilt(TINY))
    assert agrees(normal) and agrees(delta)
    assert (normal["mode"], delta["mode"]) == ("normal", "delta")
    assert normal["bits"] == 8 * 18 * 9 and normal["steps"] == 18
    assert normal["macs_avoided"] == 0 < delta["macs_avoided"]
    assert delta["cycles"] == delta["model_cycles"] < normal["cycles"]


def _flipped(result):
    h = result.h.copy()
    h[0, 4, 3] ^= 5
    return {"h": h}


def _state(result):
    (state,) = result.states
    c = state.c.copy()
    c[0, 2] ^= 1
    return {"states": (replace(state, c=c),)}


def _counted(result):
    delta = replace(result.counts.modes[1], macs_avoided=1)
    modes = (result.counts.modes[0], delta, *result.counts.modes[2:])
    return {"counts": replace(result.counts, write_bytes=1, modes=modes)}


@pytest.mark.parametrize(
    "spoil, modes, seen",
    [
        (_flipped, ["delta"], {"bits_unlike_normal": 2, "bits_unlike_model": 2}),
        (_flipped, ["normal", "delta"], {"bits_unlike_normal": 0, "bits_unlike_model": 2}),
        (_state, ["delta"], {"bits_unlike_normal": 1, "bits_unlike_model": 1}),
        (_counted, ["delta"], {"counters_unlike_model": 2}),
        (lambda result: {"cycles": result.cycles * 2}, ["delta"], {}),
    ],
    ids=["a bit", "a bit of both", "a bit of a state", "counters", "cycles"],
)
def test_what_differs_is_seen(spoil, modes, seen):
    row = _rows(Spoilt(TINY, spoil, modes))[1]
    assert not agrees(row)
    assert seen.items() <= row.items()


def test_time_may_be_off_by_two_per_cent():
    row = _rows(Spoilt(TINY))[1]
    assert agrees({**row, "cycles": 1000, "model_cycles": 1020})
    assert not agrees({**row, "cycles": 1000, "model_cycles": 979})


def test_a_dense_step_takes_what_lanes_or_bus_take():
    network = random_network([8, 16])
    # Eight blocks of 24 columns, all resident; four, of which three are streamed, two beats a word.
    assert agreement._dense_cycles(network, TINY) == 8 * 24
    wide = replace(TINY, lanes=16, weight_words=24)
    assert agreement._dense_cycles(network, wide) == 3 * 2 * 24


@pytest.mark.slow
def test_exact_delta_is_normal_mode_in_gates_on_real_data(monkeypatch):
    monkeypatch.setattr(agreement, "_CYCLES", 200_000)
    silero = find_workload("silero", final=True)
    rows = compare_workload(silero, CONFIGS["edge"], 1, lambda text: None, lambda *_: None)
    assert [row["mode"] for row in rows] == ["normal", "delta"]
    assert all(agrees(row) and row["cycles"] == row["model_cycles"] for row in rows)
    assert {row["steps"] for row in rows} == {97}
    assert rows[1]["macs_avoided"] > 0.2 * 97 * 131072
