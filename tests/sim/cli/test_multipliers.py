import json

import numpy as np
import pytest

from hw.multipliers.catalogue import MULTIPLIERS
from hw.multipliers.masked import Cut, MaskedArray
from sim.cli import multipliers as commands
from sim.explore.multipliers.operands import gather, histograms
from sim.explore.multipliers.report import dot_snr_db
from sim.explore.multipliers.table import MODES, Conditions
from sim.networks.loader import load_network
from sim.networks.quantizer import to_codes


def test_multipliers_are_listed(refrain, tmp_path):
    status, out, _ = refrain("multipliers", "--json", tmp_path / "m.json")
    assert status == 0
    rows = json.loads((tmp_path / "m.json").read_text())
    assert [row["name"] for row in rows] == list(MULTIPLIERS)
    assert all(name in out for name in MULTIPLIERS)


def test_a_multiplier_is_measured_and_its_table_written(refrain, tmp_path):
    table, figures = tmp_path / "t.npy", tmp_path / "m.json"
    status, out, _ = refrain(
        *("multiplier", "truncated:5", "--level", 1, "--table", table, "--json", figures)
    )
    assert status == 0
    array = MaskedArray(cuts=(Cut(), Cut(columns=5)))
    assert (np.load(table) == array.table(1)).all()
    (row,) = json.loads(figures.read_text())["levels"]
    assert row["name"] == "columns < 5" and row["safe_with_normal_steps"]
    assert row["worst"] == 129
    assert "cancel on average" in out and f"wrote {table}" in out


def test_an_imported_table_is_the_multiplier_it_was_written_from(refrain, tmp_path):
    table = tmp_path / "t.npy"
    refrain("multiplier", "booth:1", "--level", 1, "--table", table)
    status, out, _ = refrain("multiplier", table, "--compare", table)
    assert status == 0
    assert "safe with a normal step at least every 64 steps" in out
    assert f"products that differ from {table}: 0 of 65,536" in out
    status, out, _ = refrain("multiplier", "exact", "--compare", table)
    assert status == 1 and f"products that differ from {table}: " in out


def test_an_unsafe_module_is_named_so(refrain, tmp_path):
    path = tmp_path / "biased.v"
    path.write_text(
        "module biased(input signed [7:0] a, input signed [7:0] b, output signed [16:0] p);\n"
        "assign p = a * b - 12;\nendmodule\n"
    )
    status, out, _ = refrain("multiplier", path)
    assert status == 0
    assert "unsafe, errors accumulate: f(0, w) is not 0" in out


def test_operands_are_those_of_the_network(refrain, tmp_path, net, x):
    figures = tmp_path / "m.json"
    status, _, _ = refrain(
        *("multiplier", "truncated", "--network", net, "--data", x, "--threshold", 2),
        *("--length", 8, "--json", figures),
    )
    assert status == 0
    network, array = load_network(net), MaskedArray()
    codes = to_codes(np.load(x), network.layers[0].directions[0].x)
    parts = gather(network, codes)
    rows = json.loads(figures.read_text())["levels"]
    for level, row in enumerate(rows):
        for mode, threshold in (("normal", None), ("delta", 2)):
            wanted = dot_snr_db(array, level, 8, histograms(parts, threshold))
            assert row[f"snr_db_{mode}"] == (wanted and pytest.approx(wanted))


def test_costs_are_printed_for_a_library(refrain, tmp_path, monkeypatch):
    asked = {}

    def cost(multiplier, path, levels, parts, threshold, say):
        asked.update(path=path, levels=levels, parts=parts)
        return [{"level": 0, "energy_pj": 1.25}]

    monkeypatch.setattr("sim.cli.multipliers.liberty_cost", cost)
    monkeypatch.setattr("sim.cli.multipliers.fpga_cost", lambda multiplier: [{"xc7_luts": 77}])
    status, out, _ = refrain("multiplier", "booth", "--liberty", tmp_path / "l.lib", "--cells")
    assert status == 0
    assert asked == {"path": tmp_path / "l.lib", "levels": [0, 1, 2], "parts": None}
    assert "1.25" in out and "77" in out


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            ["best"],
            f"there is no multiplier best; the multipliers are {', '.join(MULTIPLIERS)}",
        ),
        (["exact", "--level", "1"], "there is no level 1; the levels are 0 (exact)"),
        (
            ["truncated", "--table", "t.npy"],
            "truncated has 4 levels; choose one with --level",
        ),
        (["exact", "--network", "n"], "--network and --data go together"),
        (["exact", "--length", "0"], "--length must be at least 1 and --threshold at least 0"),
        (["exact", "--weight-bits", "3"], "weight_width must be an integer from 4 to 8, not 3"),
        (["none.npy"], "none.npy cannot be read: No such file or directory"),
        (
            ["exact", "--liberty", "none.lib"],
            "none.lib must be a Liberty file of a cell library, and it cannot be read: No such "
            "file or directory (Debian's package qflow-tech-osu018 brings one, "
            "osu018_stdcells.lib)",
        ),
    ],
)
def test_what_cannot_be_is_refused(refused, arguments, sentence):
    assert refused("multiplier", *arguments) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--output", "t.md"],
            "--liberty, --output, --picture, --names and --jobs need --table",
        ),
        (
            ["--table", "--picture", "t.png"],
            "--picture draws energy, and without --liberty none is measured",
        ),
        (["--table", "--jobs", "0"], "--jobs must be at least 1, not 0"),
        (
            ["--table", "--liberty", "none.lib"],
            "none.lib must be a Liberty file of a cell library, and it cannot be read: No such "
            "file or directory (Debian's package qflow-tech-osu018 brings one, "
            "osu018_stdcells.lib)",
        ),
    ],
)
def test_a_table_that_cannot_be_made_is_refused(refused, tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    assert refused("multipliers", *options) == sentence


def test_the_table_is_printed_and_written(refrain, tmp_path, monkeypatch):
    scores = {mode: {"metric": "accuracy", "score": 0.9, "standard_error": 0.1} for mode in MODES}
    row = {"multiplier": "exact", "level": 0, "name": "exact", "in_delta": "safe", "luts": 9}
    row |= {"luts_all_levels": 9, "pj_normal": None, "pj_delta": None}
    row |= {"scores": {"vowels": scores}}
    asked = []

    def table(*arguments, jobs, say, progress):
        asked.append((arguments, jobs))
        return [row]

    monkeypatch.setattr(commands, "multiplier_table", table)
    document = tmp_path / "t.md"
    options = ["--names", "exact,truncated:4,6", "--workloads", "vowels", "--threshold", 6]
    options += ["--cache", tmp_path / "kept", "--jobs", 3, "-o", document]
    status, out, _ = refrain("multipliers", "--table", *options)
    assert status == 0 and f"wrote {document}" in out
    conditions = Conditions(threshold=6)
    assert asked == [((("exact", "truncated:4,6"), ("vowels",), conditions, tmp_path / "kept"), 3)]
    assert "| `exact` | exact | - | - | 9 | 9 | safe | 0.900 | 0.900 |" in document.read_text()
