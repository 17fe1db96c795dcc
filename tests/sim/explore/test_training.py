import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from sim.explore.training import train_anew, write_trained
from sim.workloads import keeping
from sim.workloads.catalogue import WORKLOADS
from sim.workloads.classifying import Sequences, classifier_case, train_classifier
from sim.workloads.keeping import SUMS, OwnNetwork
from sim.workloads.training import Recipe

RECIPE = Recipe(hidden=4, classes=2, epochs=2, batch=8)


def _data(paths):
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(4, 3)) for _ in range(30)]
    labels = np.array([int(each.sum() > 0) for each in sequences])
    parts = {
        "training": np.arange(20),
        "calibration": np.arange(20),
        "evaluation": np.arange(20, 30),
    }
    return Sequences(sequences=sequences, labels=labels, parts=parts)


@pytest.fixture
def workload(monkeypatch, tmp_path):
    """A workload without files, whose network is kept."""
    monkeypatch.setattr(keeping, "FOLDER", tmp_path / "kept")
    own = OwnNetwork(
        name="toy", recipe=RECIPE, data=_data, train=train_classifier, case=classifier_case
    )
    trained = train_classifier(_data([]), RECIPE, _silent)
    content = keeping.trained_bytes(trained, RECIPE)
    own.path.parent.mkdir()
    own.path.write_bytes(content)
    (own.path.parent / SUMS).write_text(f"{hashlib.sha256(content).hexdigest()}  {own.path.name}\n")
    return replace(WORKLOADS["digits"], name="toy", members=(), prepare=own)


def _silent(*_):
    pass


def test_the_same_training_gives_the_same_bits(workload):
    told, done = [], []
    anew = train_anew(workload, told.append, lambda *given: done.append(given))
    assert json.loads(json.dumps(anew.row)) == anew.row
    assert anew.row["same_bits"] and anew.row["largest_difference"] == 0
    assert anew.row["kept"] == anew.row["trained"] and anew.row["standard_error"] > 0
    assert anew.content == workload.prepare.path.read_bytes()
    assert told == ["training toy", "comparing toy"] and done[-1] == (2, 2)


def test_other_bits_are_seen_and_measured(workload):
    def other(data, recipe, progress):
        trained = train_classifier(data, recipe, progress)
        trained.network.lstm.R[3, 1, 2] += np.float32(0.25)
        return trained

    own = replace(workload.prepare, train=other)
    anew = train_anew(replace(workload, prepare=own), _silent, _silent)
    assert not anew.row["same_bits"]
    assert anew.row["largest_difference"] == pytest.approx(0.25, abs=1e-6)


def test_another_shape_is_no_difference_but_another_network(workload):
    wider = replace(workload.prepare, recipe=replace(RECIPE, hidden=5))
    row = train_anew(replace(workload, prepare=wider), _silent, _silent).row
    assert not row["same_bits"] and row["largest_difference"] is None


def test_files_are_written_with_hashes_that_are_read_again(workload, tmp_path, monkeypatch):
    anew = train_anew(workload, _silent, _silent)
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / SUMS).write_text(f"{'0' * 64}  other.safetensors\n")
    write_trained(folder, [anew])
    lines = (folder / SUMS).read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["other.safetensors", "toy.safetensors"]
    monkeypatch.setattr(keeping, "FOLDER", folder)
    assert (workload.prepare.read().mean == workload.prepare.read().mean).all()


@pytest.mark.slow
def test_vowels_that_are_trained_anew_are_as_good_on_any_machine():
    row = train_anew(WORKLOADS["vowels"], _silent, _silent).row
    assert abs(row["kept"] - row["trained"]) <= 2 * row["standard_error"]
