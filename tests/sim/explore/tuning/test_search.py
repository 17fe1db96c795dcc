import json
from dataclasses import replace

import pytest

from sim.explore.tuning.budgets import Budget, Outcome
from sim.explore.tuning.search import milder, search, tune
from sim.explore.tuning.study_file import StudyFile
from sim.image.modes import LayerModes, Modes
from sim.networks.network import NetworkError
from sim.workloads.scores import Score


class Toy:
    """A made-up network of two layers: only the second one's h threshold costs accuracy."""

    key, title, metric, layers = "k", "a toy", "accuracy", 2
    activation_bits = 8

    def __init__(self, stop_after=None):
        self.measured, self.stop_after = [], stop_after

    def measure(self, modes, part):
        if self.stop_after is not None and len(self.measured) == self.stop_after:
            raise KeyboardInterrupt
        self.measured.append((part, modes))
        one, two = modes.for_layers(2)
        saved = one.x_threshold + one.h_threshold + two.x_threshold + two.h_threshold
        delta = one.mode in ("delta", "auto")
        value = 0.9 - 0.01 * max(0, two.h_threshold - 5)
        return Outcome(
            score=Score(value=value, standard_error=0.02, examples=100),
            exact=saved == 0 and not one.skips,
            macs=0.1 * delta + saved / 200,
            bytes=0.1 * delta + (two.x_threshold + two.h_threshold) / 100,
        )


@pytest.fixture
def study(tmp_path):
    return StudyFile(tmp_path / "toy.log", "k", "a toy")


def test_what_saves_most_within_the_budget_is_found(study):
    toy = Toy()
    best, found, normal = search(toy, study, Budget("1se"), family="delta", trials=60)
    assert normal.score.value == 0.9 and found.score.value >= 0.88
    one, two = best.layers
    # Better than any pair of thresholds that both layers share.
    assert two.h_threshold <= 7 and one.h_threshold > 12
    assert {part for part, _ in toy.measured} == {"calibration"}
    assert len(toy.measured) == len({modes for _, modes in toy.measured}) == study.size


def test_an_exact_budget_takes_what_changes_no_bit(study):
    toy = Toy()
    best, found, _ = search(toy, study, Budget("exact"), family="all", trials=60)
    assert found.exact and best.layers[0].mode == "delta" and best.layers[0].zero_skip
    assert len(toy.measured) == 3


def test_a_budget_of_nothing_takes_what_costs_nothing_though_bits_change(study):
    best, found, normal = search(Toy(), study, Budget("0"), family="delta", trials=60)
    assert found.score == normal.score and not found.exact
    assert best.layers[1].h_threshold <= 5 and best.layers[0].h_threshold > 5


class Wrong(Toy):
    """The same, judged by its errors."""

    def measure(self, modes, part):
        """As any problem's."""
        outcome = super().measure(modes, part)
        value = 1 - outcome.score.value
        return replace(outcome, score=replace(outcome.score, value=value, lower=True))


def test_where_less_is_better_the_same_settings_are_found(tmp_path):
    options = {"family": "delta", "trials": 40}
    found = [
        tune(toy, StudyFile(tmp_path / name, "k", "a toy"), Budget("0.02"), **options)
        for name, toy in (("a.study", Toy()), ("b.study", Wrong()))
    ]
    (one, figures), (other, wrong) = found
    assert one == other
    assert figures["held_out_limit"] == pytest.approx(0.88)
    assert wrong["held_out_limit"] == pytest.approx(0.12)
    again = tune(Wrong(), StudyFile(tmp_path / "b.study", "k", "a toy"), Budget("0.02"), **options)
    assert again == (other, wrong)


def test_a_limit_that_held_out_data_do_not_reach_is_refused_before_the_search(study):
    class Harder(Toy):
        def measure(self, modes, part):
            outcome = super().measure(modes, part)
            value = outcome.score.value - 0.1 * (part == "held_out")
            return replace(outcome, score=replace(outcome.score, value=value))

    toy = Harder()
    with pytest.raises(NetworkError) as caught:
        tune(toy, study, Budget(">=0.85"), trials=20)
    assert str(caught.value) == (
        "the budget >=0.85 cannot be met: the network itself reaches accuracy 0.8"
    )
    assert len(toy.measured) == 1


def test_settings_that_are_within_the_budget_by_luck_are_not_taken(study):
    class Lucky(Toy):
        def measure(self, modes, part):
            outcome = super().measure(modes, part)
            h = modes.for_layers(2)[1].h_threshold
            value = 0.95 if h == 24 else outcome.score.value
            score = Score(value=value, standard_error=0.02, examples=100)
            return Outcome(score=score, exact=outcome.exact, macs=outcome.macs, bytes=0.0)

    best, _, _ = search(Lucky(), study, Budget("0.01"), family="delta", trials=17)
    assert best.layers[1].h_threshold < 24


def test_milder_settings_approximate_less_in_every_way():
    base = LayerModes(mode="delta", x_threshold=3, h_threshold=4, normal_every=8)

    def is_milder(**changes):
        return milder(Modes(layers=(replace(base, **changes),)), Modes(layers=(base,)))

    assert is_milder() and is_milder(x_threshold=0) and milder(Modes(), Modes(layers=(base,)))
    assert not is_milder(h_threshold=5) and not is_milder(x_threshold=0, normal_every=0)
    skip = LayerModes(mode="skip", skip_threshold=0.9, max_skips=2)
    for changes, expected in (
        ({"skip_threshold": 0.95}, True),
        ({"skip_threshold": 0.85}, False),
        ({"max_skips": 1}, True),
        ({"max_skips": 0}, False),
        ({"skip_action": "freeze"}, False),
    ):
        other = Modes(layers=(replace(skip, **changes),))
        assert milder(other, Modes(layers=(skip,))) is expected


def test_an_interrupted_search_goes_on_and_loses_nothing(tmp_path):
    path = tmp_path / "toy.log"
    options = {"family": "all", "trials": 30}
    whole = search(Toy(), StudyFile(tmp_path / "other.log", "k", "a toy"), Budget("1se"), **options)
    first = Toy(stop_after=12)
    with pytest.raises(KeyboardInterrupt):
        search(first, StudyFile(path, "k", "a toy"), Budget("1se"), **options)
    second = Toy()
    again = search(second, StudyFile(path, "k", "a toy"), Budget("1se"), **options)
    assert not {modes for _, modes in first.measured} & {modes for _, modes in second.measured}
    assert again[1].macs >= 0.7 * whole[1].macs
    third = Toy(stop_after=0)
    assert search(third, StudyFile(path, "k", "a toy"), Budget("1se"), **options) == again


def test_the_report_is_of_both_parts_and_the_settings_can_be_read(study, tmp_path):
    toy, told = Toy(), []
    modes, report = tune(toy, study, Budget("1se"), trials=20, say=told.append)
    assert json.loads(json.dumps(report)) == report
    assert [part for part, _ in toy.measured].count("held_out") == 2
    assert report["held_out"]["normal"]["score"] == 0.9 and report["held_out_within_budget"]
    path = tmp_path / "settings.json"
    path.write_text(modes.to_json())
    read = Modes.read(path)
    assert read.layers == modes.layers and read.notes["budget"] == "1se"
    assert told == ["searching on the calibration data", "measuring on the held-out data"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"family": "naps"}, "the modes to tune must be delta, skip or all, not naps"),
        ({"save": "time"}, "what to save must be macs or bytes, not time"),
        ({"trials": 0}, "a search takes at least 1 trial, not 0"),
    ],
)
def test_unusable_choices_are_refused_before_any_work(study, options, sentence):
    toy = Toy()
    with pytest.raises(NetworkError) as caught:
        search(toy, study, Budget("1se"), **options)
    assert str(caught.value) == sentence and not toy.measured


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"{}\n", b'[1]\n{"op_code": 0}\n', b"\x00\xff"]
)
def test_files_that_are_no_study_are_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "toy.log"
    path.write_bytes(content)
    if not content:
        assert StudyFile(path, "k", "a toy").size == 0
        return
    with pytest.raises(NetworkError) as caught:
        StudyFile(path, "k", "a toy")
    assert str(caught.value) == f"{path} is not a study file, or is damaged"
    assert path.read_bytes() == content


def test_a_study_of_something_else_is_refused(tmp_path):
    path = tmp_path / "toy.log"
    StudyFile(path, "k", "a toy")
    with pytest.raises(NetworkError) as caught:
        StudyFile(path, "other", "another")
    assert str(caught.value) == (
        f"{path} holds the study of a toy with other data, metric or settings; name another file "
        f"for another"
    )


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "toy.log"
    study = StudyFile(path, "k", "a toy")
    search(Toy(), study, Budget("1se"), family="delta", trials=5)
    size = study.size
    path.write_bytes(path.read_bytes() + b'{"op_code": 4, "tri')
    again = StudyFile(path, "k", "a toy")
    assert again.size == size
    search(Toy(stop_after=0), again, Budget("1se"), family="delta", trials=5)
    assert StudyFile(path, "k", "a toy").size == size


def test_a_score_without_a_bound_is_kept(study):
    class Perfect(Toy):
        metric = "sqnr"

        def measure(self, modes, part):
            outcome = super().measure(modes, part)
            score = Score(value=float("inf"), standard_error=float("nan"), examples=3)
            return Outcome(score=score, exact=True, macs=outcome.macs, bytes=0.0)

    _, report = tune(Perfect(), study, Budget("20dB"), family="delta", trials=3)
    assert report["calibration"]["tuned"]["score"] is None
    again = StudyFile(study.path, "k", "a toy")
    assert again.outcome(Modes()).score.value == float("inf")
