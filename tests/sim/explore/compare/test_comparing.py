"""Machines beside published chips: every figure has its kind and its origin."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.compare import comparing
from sim.explore.compare.comparing import ESTIMATED, MEASURED, QUOTED, compare_chips
from sim.explore.compare.page import compare_page
from sim.explore.compare.scaling import RULES, scaled_range
from sim.explore.compare.tuned import TUNED, TUNED_BITS
from sim.explore.energy.coefficients import Coefficients
from sim.explore.machine_values import values_of
from sim.explore.machines import make_config
from sim.image.modes import LayerModes
from sim.model.random_network import random_network

TINY = CONFIGS["tiny"]
RESULTS = Path(__file__).parents[4] / "docs" / "results.md"

MADE = Coefficients(
    config=values_of(TINY),
    work={"lanes": {"gates": {"operation": 8.0}}},
    idle={"lanes": {"clock": 0.0}},
    leakage={"lanes": 1e-4},
    clock_mhz=100.0,
    origin={"library": "small", "volts": 1.2, "mapped_for_mhz": 100.0},
    errors={
        "tested": [
            {
                "network": "net",
                "mode": mode,
                "operations": 100.0,
                "cycles": 200.0,
                "measured_pj": 1000.0,
                "estimated_pj": 1020.0,
                "error_percent": 2.0,
            }
            for mode in ("normal", "delta")
        ]
    },
)


@pytest.fixture
def workload(monkeypatch):
    """Makes every workload a small network that has much to leave out."""
    network = random_network([3, 8], seed=5)
    form = network.layers[0].directions[0].x
    x = np.zeros((1, 20, 3), np.float32)

    class Split:
        lengths = np.array([20])

    class Case:
        evaluation = Split()

    Case.evaluation.x = x + form.scale
    Case.network = network

    class Workload:
        def load(self):
            return Case()

    monkeypatch.setattr(comparing, "find_workload", lambda name: Workload())

    def quantize(case, weight_bits, activation_bits, row_scales):
        return random_network([3, 8], seed=5, weight_bits=weight_bits)

    monkeypatch.setattr(comparing, "quantize_case", quantize)


def _rows(kind, rows):
    return [row for row in rows if row["kind"] == kind]


def test_what_was_measured_is_of_the_dense_steps_with_leakage(workload):
    (row,) = _rows(MEASURED, compare_chips({Path("e.json"): MADE}, []))
    # 2 us of 100 uW are 200 pJ; 100 operations of 8 lanes.
    assert row["pj_per_product"] == pytest.approx((1000 + 200) / 800)
    assert row["tops_per_watt"] == pytest.approx(2 / 1.5)
    assert "small, 1.2 V" in row["origin"]


def test_estimates_count_the_products_of_a_dense_run(workload):
    dense, effective, few = _rows(ESTIMATED, compare_chips({Path("e.json"): MADE}, ["vowels"]))
    # 8 pJ an operation of 8 lanes, and leakage: an input that rests leaves most of it out.
    assert dense["pj_per_product"] > 1
    assert effective["pj_per_product"] < dense["pj_per_product"] / 2
    assert "within 2.0 %" in dense["origin"] and "docs/results.md" in effective["origin"]
    assert few["what"] == "effective, no loss, weights of 4 bits, vowels"
    assert few["times_dense"] == pytest.approx(few["tops_per_watt"] / dense["tops_per_watt"])


@pytest.mark.parametrize(
    ("width", "name", "said"),
    [
        (8, "silero", ["dense", "effective, no loss", "effective, no loss, weights of 6 bits"]),
        (8, "deepspeech", ["dense", "effective, no loss"]),
        # Settings were found with 8 bits: with fewer only those count that lose nothing.
        (4, "silero", ["dense, weights of 4 bits"]),
        (4, "vowels", ["dense, weights of 4 bits", "effective, no loss, weights of 4 bits"]),
        (6, "vowels", ["dense, weights of 6 bits", "effective, no loss, weights of 4 bits"]),
    ],
)
def test_weights_have_as_few_bits_as_lose_nothing(workload, width, name, said):
    made = replace(MADE, config=values_of(make_config("chip", "exact-tree", weight_bits=width)))
    rows = _rows(ESTIMATED, compare_chips({Path("e.json"): made}, [name]))
    assert [row["what"] for row in rows] == [f"{each}, {name}" for each in said]


def test_weights_are_quantised_to_the_bits_that_a_row_names(workload, monkeypatch):
    bits, quantised = [], comparing.quantize_case

    def quantize(case, **given):
        bits.append(given["weight_bits"])
        return quantised(case, **given)

    monkeypatch.setattr(comparing, "quantize_case", quantize)
    compare_chips({Path("e.json"): MADE}, ["silero"])
    assert bits == [8, 6]


def test_the_page_tells_the_distance_and_what_the_weight_memory_allows(workload):
    made = replace(
        MADE,
        work={**MADE.work, "weight memory": {"memory": {"operation": 4.0}}},
        idle={**MADE.idle, "weight memory": {"memory": 0.0}},
        leakage={"lanes": 0.0, "weight memory": 0.0},
    )
    rows = compare_chips({Path("e.json"): made}, ["vowels"])
    dense, effective, _ = _rows(ESTIMATED, rows)
    # 12 pJ an operation of 8 lanes, 4 of them in the weight memory; 4 x 8 rows of 11 columns.
    assert dense["pj_per_product"] == pytest.approx(1.5)
    assert dense["weights_pj_per_product"] == pytest.approx(0.5)
    assert dense["pj_per_step"] == pytest.approx(1.5 * 4 * 8 * 11)
    assert effective["pj_per_step"] < dense["pj_per_step"]
    assert dense["scaled_pj_per_step"]["general scaling"][1] == pytest.approx(0.75 * 352)
    text = compare_page(rows, "refrain compare chip e.json")
    # Half the energy by one rule at 1.2 V, and 0.257 of it by the other at 1.0 V.
    assert "| tiny | dense, vowels | 1.33 | 1 | 4 |" in text
    assert "| 2.67 to 5.18 | 1.38 to 2.68 | 2.4 to 4.67 | 0.299 to 0.581 |" in text
    assert "| DeltaKWS | a decision, its features among it | 65 nm | 36 |" in text


def test_a_workload_that_does_not_fit_has_no_row(workload):
    small = replace(MADE, config=values_of(replace(TINY, max_hidden=4)))
    assert not _rows(ESTIMATED, compare_chips({Path("e.json"): small}, ["vowels"]))


def test_every_figure_has_an_origin_and_the_page_has_every_figure(workload):
    rows = compare_chips({Path("e.json"): MADE}, ["vowels"])
    assert {row["kind"] for row in rows} == {MEASURED, ESTIMATED, QUOTED}
    assert all(row["origin"] for row in rows)
    text = compare_page(rows, "refrain compare chip e.json")
    for row in rows:
        figure = row["tops_per_watt"] or row["pj_per_step"] / 1e3
        assert f"{figure:.3g}" in text and row["origin"] in text
    for rule in RULES:
        assert rule.source in text


def test_without_machines_there_are_quoted_chips_alone():
    rows = compare_chips({}, ["vowels"])
    assert {row["kind"] for row in rows} == {QUOTED}
    reference = next(row for row in rows if row["machine"] == "the reference chip")
    assert reference["tops_per_watt"] == pytest.approx(1.93, abs=0.005)
    assert "Nothing." in compare_page(rows, "refrain compare chip")


def test_the_rules_are_those_that_were_published():
    fitted, general = RULES
    # The example of the paper's corrigendum has this factor of 65 nm at 1.3 V.
    assert fitted.factor(65, 1.3, 65, 1.3) == 1
    ratio = fitted.factor(65, 1.3, 65, 1.2)
    assert ratio == pytest.approx((3.755 * 1.44 - 4.398 * 1.2 + 1.975) / 2.604, rel=1e-3)
    # Half the length at the same supply is half the energy.
    assert general.factor(130, 1.2, 65, 1.2) == 0.5
    assert scaled_range(general, 130, 1.2) == (pytest.approx(0.5 / 1.44), 0.5)
    for rule in RULES:
        least, most = scaled_range(rule, 130, 1.2)
        assert 0 < least < most < 1


def test_settings_are_those_of_the_results():
    text = RESULTS.read_text()
    for name, tuned in TUNED.items():
        section = text.split(f"\n## {name}: ")[1].split("\n## ")[0]
        (said,) = re.findall(r"^- delta, no loss: (.*)$", section, re.M)
        (reduced,) = re.findall(r"^- delta, no loss, reduced weights: (.*)$", section, re.M)
        found = dict(each.split(" ") for each in said.split(", "))
        values = {k: v if v.isalpha() else int(v) for k, v in found.items()}
        values["zero_skip"] = values["zero_skip"] == "True"
        assert LayerModes(**values) == tuned.modes, name
        few = tuned.weight_bits
        assert reduced == (said if few == TUNED_BITS else f"{said}; weights of {few} bits"), name
