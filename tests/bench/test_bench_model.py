"""The speed comparison measures every runner."""

import sys

import pytest

from sim.explore.bench.model import SPEED_CASES, SpeedCase, bench_model, measure_speed

SMALL = SpeedCase(inputs=3, hidden=5, batch=2, steps=6, cmsis_nn=1e6)


def test_every_runner_has_a_figure():
    pytest.importorskip("tflite_micro")
    row = measure_speed(SMALL)
    assert (row["inputs"], row["hidden"], row["batch"]) == (3, 5, 2)
    for name in ("model", "plain", "tflm", "onnxruntime", "onnxruntime_int8"):
        assert row[name] > 0
    assert row["cmsis_nn"] == 1e6


def test_without_tflite_micro_its_figure_is_unknown(monkeypatch):
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    assert measure_speed(SMALL)["tflm"] is None


def test_cases_are_measured_in_a_process_with_one_thread():
    assert [row["hidden"] for row in bench_model((SMALL,))] == [5]


def test_the_cases_are_those_of_the_published_figures():
    assert {(case.inputs, case.hidden) for case in SPEED_CASES} == {
        (64, 128),
        (256, 512),
        (1024, 1024),
    }
