"""What is measured of a network: every method on every data set, once."""

from dataclasses import replace

import numpy as np
import pytest

from sim.explore.accuracy import measuring
from sim.explore.accuracy.goals import goal_rows
from sim.explore.accuracy.measuring import BY_CALL, CURVE, METHODS, accuracy_rows
from sim.explore.accuracy.subjects import network_subject, workload_subject
from sim.explore.accuracy.table import (
    accuracy_markdown,
    byte_rows,
    score_rows,
    shown_rows,
)
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads.published.catalogue import PUBLISHED
from sim.workloads.scores import Score
from sim.workloads.workload import Case, Workload, pad


def lstm(inputs, hidden, seed):
    rng = np.random.default_rng(seed)
    shapes = {"W": (4, hidden, inputs), "R": (4, hidden, hidden), "bias": (4, hidden)}
    return FloatLstm(**{k: rng.normal(0, 0.4, shape).astype("f") for k, shape in shapes.items()})


def small_case(paths, say):
    """Two layers; the score is how near the mean of the last output is to a label."""
    layers = [FloatLayer(directions=(lstm(*each),)) for each in ((5, 8, 0), (8, 6, 1))]
    rng = np.random.default_rng(2)
    splits = [
        pad([rng.normal(size=(length, 5)).astype("f") for length in (7, 9, 9)], np.zeros(3))
        for _ in range(2)
    ]

    def score(h, split):
        return Score(value=float(1 - np.abs(h).mean()), standard_error=0.01, examples=3)

    return Case(
        network=FloatNetwork(layers=tuple(layers)),
        calibration=splits[0],
        evaluation=splits[1],
        score=score,
    )


SMALL = Workload(
    name="small",
    summary="two layers",
    metric="nearness",
    source="",
    licence="",
    members=(),
    prepare=small_case,
)


@pytest.fixture
def subject():
    return workload_subject(SMALL, lambda text: None)


def test_every_method_is_measured_on_every_data_set(subject, tmp_path):
    rows = accuracy_rows([subject], (*METHODS, *CURVE), tmp_path)
    assert [row["method"] for row in rows] == [each.name for each in (*METHODS, *CURVE)]
    found = {row["method"]: row for row in rows}
    for row in rows:
        assert list(row["sets"]) == ["calibration", "held out"]
        for figures in row["sets"].values():
            assert list(figures["lstm"]) == ["layer 0", "layer 1"]
            assert figures["standard_error"] == 0.01
    ratios = {name: row["sets"]["held out"]["lstm"]["layer 0"] for name, row in found.items()}
    assert ratios["per gate"] > 30 and ratios["per row"] > 30
    assert ratios["per row"] > ratios["per row, 4 bits"] > ratios["per row, 2 bits"]
    assert ratios["ONNX Runtime per tensor"] > 25
    # Activations are what limits: weights gain little, and 16 bits much.
    ratios = {name: row["sets"]["calibration"]["lstm"]["layer 0"] for name, row in found.items()}
    assert ratios["per row"] - 1 < ratios["exact weights"] < ratios["per row, 16x8"] - 6
    # 4 H (I + H) weights of each layer; 16 bytes a unit, or 48.
    weights = 4 * 8 * (5 + 8) + 4 * 6 * (8 + 6)
    assert found["per gate"]["weight_bytes"] == weights
    assert found["per gate"]["parameter_bytes"] == 14 * 16
    assert found["per row, 4 bits"]["weight_bytes"] == weights // 2
    assert found["per row, 3 bits"]["weight_bytes"] == weights // 2
    assert found["per row, 2 bits"]["weight_bytes"] == weights // 4
    assert found["per row"]["parameter_bytes"] == 14 * 48
    assert found["per row, 16x8"]["weight_bytes"] == weights
    for method in ("ONNX Runtime per tensor", "exact weights"):
        assert found[method]["seconds"] is found[method]["weight_bytes"] is None


def test_what_was_measured_is_found_again_until_data_or_method_change(
    subject, tmp_path, monkeypatch
):
    first = accuracy_rows([subject], METHODS[:2], tmp_path)
    quantised = []

    def quantize(**options):
        quantised.append(options)
        return subject.quantize(**options)

    again = replace(subject, quantize=quantize)
    assert accuracy_rows([again], METHODS[:2], tmp_path) == first and not quantised
    accuracy_rows([replace(again, content="other data")], METHODS[:2], tmp_path)
    assert quantised == [{}]
    accuracy_rows([again], METHODS[:3], tmp_path)
    assert quantised == [{}, {"row_scales": True}]
    monkeypatch.setattr(measuring, "_code_digest", lambda: "other code")
    assert accuracy_rows([again], METHODS[:1], tmp_path) == [
        {**first[0], "seconds": pytest.approx(0, abs=60)}
    ]
    assert len(quantised) == 3


def test_only_a_stream_is_measured_call_by_call(subject, tmp_path):
    rows = accuracy_rows([subject], (METHODS[1], *BY_CALL), tmp_path)
    assert [row["method"] for row in rows] == ["ONNX Runtime per tensor"]


def made_up(method, name="net", kind="network", **figures):
    """A row with one data set."""
    return {
        "name": name,
        "kind": kind,
        "method": method,
        "weight_bytes": None if "ONNX" in method or "exact" in method else 1000,
        "parameter_bytes": None if "ONNX" in method or "exact" in method else 16,
        "seconds": None,
        "sets": {"held out": figures},
    }


@pytest.mark.parametrize(
    ("ratios", "reached"),
    [
        ((40, 39, 40, 42), "both"),
        ((40, 40.04, 40, 43.04), "both"),
        ((38, 39, 40, 42), "per row"),
        ((40, 39, 38, 42), "per gate"),
        ((38, 39, 38, 42), "none"),
    ],
)
def test_a_line_says_which_goals_it_reaches(ratios, reached):
    rows = [
        made_up(method.name, outputs={"y": ratio}, lstm={})
        for method, ratio in zip(METHODS, ratios, strict=False)
    ]
    (line,) = shown_rows(rows)
    assert line["reached"] == reached and line["per gate"] == f"{ratios[0]:.1f}"


def test_the_page_has_every_figure():
    rows = []
    for number, method in enumerate(METHODS):
        figures = {"score": 0.9 - 0.01 * number, "standard_error": 0.02, "float_score": 0.91}
        rows.append(made_up(method.name, "work", "workload", lstm={"layer 0": 30.0}, **figures))
        rows.append(made_up(method.name, outputs={"y": 20.0, "z": None}, lstm={"a": 10.0 + number}))
    assert [line["of"] for line in shown_rows(rows)] == ["LSTM 1", "y", "z", "LSTM 1"]
    (scores,) = score_rows(rows)
    assert scores["float"] == "0.910" and scores["per gate"] == "0.900 ± 0.020"
    # It is 0.04 below 8 bits; those are 0.01 and 0.03 below floating point.
    assert scores["of 8 bits"] == "no" and scores["of float"] == "per gate"
    assert len(byte_rows(rows)) == 2
    page = accuracy_markdown(rows)
    figures = " | ".join(f"{10 + k}.0" for k in range(7))
    assert f"| net | held out | LSTM 1 | {figures} | per row |" in page
    assert "| net | held out | z | - |" in page and "| work | 1,000 + 16 |" in page
    assert "    refrain workload accuracy work net --output docs/accuracy.md\n" in page


def test_goals_are_counted():
    def rows_of(ratios, **names):
        pairs = zip(METHODS, ratios, strict=True)
        return [made_up(each.name, lstm={"a": ratio}, outputs={}, **names) for each, ratio in pairs]

    # Gate, tensor, row, channel, four bits, exact weights, 16 bits.
    rows = rows_of((40, 41, 40, 43, 30, 41, 61)) + rows_of((1, 1, 1, 5, 1, 2, 9), name="other")
    rows += rows_of((40, 40, 40, 40, 40, 41.1, 99), name="work", kind="workload")
    # Without a signal, and limited by weights.
    rows += rows_of((None,) * 7, name="still", kind="workload")
    networks, workloads, every = goal_rows(rows)
    assert list(networks.values()) == [
        *("networks, other data", "2", "1", "1", "2", "8.0 to 21.0, median 14.5", "1"),
    ]
    assert list(workloads.values()) == ["workloads, other data", "2", "1", "1", "0", "-", "0"]
    assert list(every.values())[:4] == ["all", "4", "2", "2"]
    calibrated = [{**row, "sets": {"calibration": row["sets"]["held out"]}} for row in rows[:7]]
    assert goal_rows(calibrated)[0]["of"] == "networks, calibration"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["silero-v4", "dtln-1"])
def test_integers_of_a_published_stream_are_as_near_as_onnx_runtimes_on_data_not_seen(
    name, tmp_path
):
    rows = accuracy_rows([network_subject(PUBLISHED[name])], METHODS[:2], tmp_path)
    ours, theirs = (row["sets"] for row in rows)
    assert list(ours) == ["calibration", "the same voices later", "a meeting"]
    for data, figures in ours.items():
        (output,) = figures["outputs"]
        assert figures["outputs"][output] >= theirs[data]["outputs"][output]
