"""Damaged study files."""

import os

from sim.cli.sentences import one_line
from sim.explore.tuning.budgets import Budget, Outcome
from sim.explore.tuning.search import search
from sim.explore.tuning.study_file import StudyFile
from sim.networks.network import NetworkError
from sim.workloads.scores import Score


class Toy:
    """A network of one layer whose thresholds save and cost a little each."""

    key, title, metric, layers = "k", "a toy", "accuracy", 1
    activation_bits = 8

    def measure(self, modes, part):
        """As any problem."""
        (layer,) = modes.layers
        moved = layer.x_threshold + layer.h_threshold
        score = Score(value=0.9 - moved / 1000, standard_error=0.02, examples=100)
        return Outcome(score=score, exact=not moved, macs=moved / 200, bytes=moved / 200)


def test_damaged_studies_end_in_a_sentence(survives, tmp_path, monkeypatch, count):
    # Nobody waits here for a disk.
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    path = tmp_path / "a.study"

    def go_on():
        try:
            search(Toy(), StudyFile(path, "k", "a toy"), Budget("1%"), trials=4)
        except NetworkError as error:
            return one_line(str(error))
        return None

    assert go_on() is None
    whole = path.read_bytes()
    survives(go_on, path, [whole, b"", whole[: len(whole) // 2]], count)
