import json
from dataclasses import replace

import numpy as np
import pytest

from sim.explore.files import held
from sim.explore.tuning.problems import FileProblem
from sim.networks.loader import load_network
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork
from sim.networks.quantizer import from_codes
from sim.workloads.catalogue import WORKLOADS
from sim.workloads.scores import share_right
from sim.workloads.workload import Case, last_valid, pad


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "refrain"


@pytest.fixture
def samples(tmp_path):
    """Input of ``net`` that changes slowly: 6 sequences of 12 steps."""
    path = tmp_path / "samples.npy"
    values = np.cumsum(np.random.default_rng(2).normal(0, 0.2, (6, 12, 3)), axis=1)
    np.save(path, values.astype(np.float32))
    return path


def _case(paths, say):
    rng = np.random.default_rng(1)
    lstm = FloatLstm(
        W=rng.normal(0, 0.5, (4, 6, 3)).astype(np.float32),
        R=rng.normal(0, 0.5, (4, 6, 6)).astype(np.float32),
        bias=np.zeros((4, 6), np.float32),
    )
    split = pad([np.cumsum(rng.normal(0, 0.2, (4, 3)), axis=0) for _ in range(10)], np.ones(10))
    return Case(
        network=FloatNetwork(layers=(FloatLayer(directions=(lstm,)),)),
        calibration=split,
        evaluation=split,
        score=lambda h, s: share_right(last_valid(h, s.lengths)[:, 0] < 2, s.labels),
    )


@pytest.fixture
def digits(monkeypatch):
    """A small network in the place of a real workload, without files."""
    monkeypatch.setitem(
        WORKLOADS, "digits", replace(WORKLOADS["digits"], members=(), prepare=_case)
    )


def test_settings_are_found_written_and_run(refrain, net, samples, tmp_path):
    settings, report = tmp_path / "settings.json", tmp_path / "report.json"
    given = ("--data", samples, "--metric", "sqnr", "--budget", "15dB", "--trials", 6)
    written = ("--output", settings, "--report", report)
    status, out, err = refrain("tune", net, *given, *written, "--config", "tiny")
    assert status == 0 and not err
    assert f"wrote {settings}" in out and "held-out" in out
    figures = json.loads(report.read_text())
    tuned = figures["held_out"]["tuned"]
    assert tuned["score"] >= figures["held_out_limit"] == 15
    assert figures["held_out_within_budget"]
    assert figures["calibration"]["tuned"]["score"] >= 15 and tuned["macs_avoided_share"] > 0.2
    status, out, _ = refrain("run", net, "--input", samples, "--settings", settings)
    assert status == 0 and "macs_avoided" in out


def test_without_a_budget_no_bit_changes(refrain, net, samples, tmp_path):
    path = tmp_path / "report.json"
    status, _, _ = refrain("tune", net, "--data", samples, "--metric", "agreement", "--json", path)
    assert status == 0
    assert json.loads(path.read_text())["held_out"]["tuned"]["exact"]


def test_a_search_is_taken_up_again(refrain, net, samples, cache, tmp_path):
    study = tmp_path / "a.study"
    given = ("tune", net, "--data", samples, "--metric", "sqnr", "--budget", "15dB")
    for trials in (6, 12):
        status, _, _ = refrain(*given, "--trials", trials, "--study", study)
        assert status == 0
    assert study.stat().st_size > 0 and not (cache / "studies").exists()
    status, _, _ = refrain(*given, "--trials", 6)
    assert status == 0 and len(list((cache / "studies").iterdir())) == 1


def test_a_workload_is_tuned_by_its_own_score(refrain, digits, tmp_path):
    path = tmp_path / "report.json"
    arguments = ("--workload", "digits", "--budget", "1se", "--trials", 6, "--config", "tiny")
    status, out, _ = refrain("tune", *arguments, "--json", path)
    assert status == 0 and "accuracy within 1se" in out
    assert json.loads(path.read_text())["metric"] == "accuracy"


def test_labels_are_compared_with(refrain, refused, net, samples, tmp_path):
    labels = tmp_path / "labels.npy"
    np.save(labels, np.zeros((6, 12), int))
    given = ("tune", net, "--data", samples, "--labels", labels, "--budget", "0.01")
    assert refrain(*given, "--metric", "accuracy", "--trials", 3)[0] == 0
    sentence = refused(*given, "--metric", "roc_auc")
    assert sentence == "roc_auc is not defined on the held-out data: its labels are all 0"


def test_a_metric_that_held_out_data_do_not_define_is_refused_before_the_search(
    refused, net, samples, tmp_path
):
    labels, study = tmp_path / "labels.npy", tmp_path / "a.study"
    np.save(labels, np.repeat([[0] * 6 + [1] * 6, [1] * 12], 3, axis=0))
    given = ("--data", samples, "--labels", labels, "--metric", "roc_auc", "--budget", "1%")
    sentence = refused("tune", net, *given, "--study", study, "--trials", 5)
    assert sentence == "roc_auc is not defined on the held-out data: its labels are all 1"
    assert "trial" not in study.read_text()


def test_an_interruption_says_where_the_measurements_are(refrain, net, samples, tmp_path):
    study = tmp_path / "a.study"
    given = ("tune", net, "--data", samples, "--metric", "sqnr", "--budget", "15dB")
    measure = FileProblem.measure
    done = []

    def stop(problem, modes, part):
        if len(done) == 7:
            raise KeyboardInterrupt
        done.append(modes)
        return measure(problem, modes, part)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileProblem, "measure", stop)
        status, out, err = refrain(*given, "--trials", 20, "--study", study)
    assert (status, out) == (130, "")
    # One of the seven measurements was of the held-out part.
    assert err == (
        f"refrain: stopped; 6 settings that were measured are kept in {study}, and the same "
        "command goes on from there\n"
    )
    status, _, err = refrain(*given, "--trials", 20, "--study", study, "--force")
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name a network file or a --workload to tune, one of them"),
        (["NET"], "a network file is tuned on samples: give --data and --metric"),
        (
            ["NET", "--workload", "digits"],
            "name a network file or a --workload to tune, one of them",
        ),
        (
            ["--workload", "digits", "--metric", "sqnr"],
            "a workload has its own data, labels and metric",
        ),
        (
            ["NET", "--data", "X", "--metric", "sqnr", "--calibration-share", "1"],
            "the calibration share must be between 0 and 1, not 1",
        ),
        (
            ["NET", "--data", "X", "--metric", "agreement", "--budget", "30dB"],
            "a budget in dB is for metric sqnr, not for agreement",
        ),
        (
            ["NET", "--data", "X", "--metric", "agreement", "--budget", ">=1.5"],
            "the budget >=1.5 cannot be met: the network itself reaches agreement 1",
        ),
        (
            ["NET", "--data", "X", "--metric", "agreement", "--budget", "2"],
            "the budget 2 must leave something of agreement, which is 1",
        ),
        (
            ["NET", "--data", "X", "--metric", "agreement", "--budget", "100%"],
            "the budget 100% must leave something of agreement, which is 1",
        ),
        (
            ["NET", "--data", "X", "--metric", "agreement", "--calibration-share", "0.05"],
            "the calibration and the held-out part must both hold an example, not 0 and 6",
        ),
        (
            ["NET", "--data", "X", "--metric", "sqnr", "--modes", "naps"],
            "the modes to tune must be delta, skip or all, not naps",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused(refused, net, samples, digits, arguments, sentence):
    places = {"NET": net, "X": samples}
    assert refused("tune", *(places.get(each, each) for each in arguments)) == sentence


ERRORS = """
def error(outputs, labels):
    return abs(outputs - labels).mean()
"""


@pytest.fixture
def error(refrain, net, samples, tmp_path):
    """The arguments of a metric of the user's: how far outputs are from what they should be."""
    path, labels = tmp_path / "metrics.py", tmp_path / "labels.npy"
    path.write_text(ERRORS)
    assert refrain("run", net, "--input", samples, "--output", labels)[0] == 0
    form = load_network(net).layers[-1].directions[0].h
    np.save(labels, from_codes(np.load(labels), form))
    return ("--data", samples, "--labels", labels, "--metric", f"{path}:error", "--lower")


def test_a_function_of_the_users_is_the_metric(refrain, net, error, tmp_path):
    report = tmp_path / "report.json"
    given = ("tune", net, *error, "--config", "tiny", "--json", report)
    status, out, err = refrain(*given, "--budget", "<=0.02", "--trials", 8)
    assert (status, err) == (0, "") and f"{error[5]} within <=0.02" in out
    figures = json.loads(report.read_text())
    assert figures["calibration"]["normal"]["score"] == 0
    assert 0 < figures["calibration"]["tuned"]["score"] <= 0.02 == figures["held_out_limit"]
    assert figures["held_out"]["tuned"]["macs_avoided_share"] > 0


def test_of_a_function_the_budget_may_be_in_standard_errors(refrain, refused, net, error, tmp_path):
    (tmp_path / "metrics.py").write_text("def error(a, b):\n    return a[..., 0].mean()\n")
    report = tmp_path / "report.json"
    given = ("tune", net, *error[:-1], "--config", "tiny", "--trials", 4, "--force")
    assert refrain(*given, "--budget", "0.1se", "--json", report)[0] == 0
    assert json.loads(report.read_text())["calibration"]["normal"]["standard_error"] > 0
    assert refused(*given, "--budget", "<=0.3").endswith("so its limit is >=0.3, not <=0.3")
    (tmp_path / "metrics.py").write_text("def error(a, b):\n    return a[9]\n")
    sentence = refused(*given)
    assert sentence.startswith(f"{tmp_path}/metrics.py, line 2: error raised IndexError: index 9")


def test_settings_that_lose_more_on_held_out_data_are_not_written(
    refrain, refused, net, samples, tmp_path
):
    settings, report = tmp_path / "settings.json", tmp_path / "report.json"
    given = ["tune", net, "--data", samples, "--metric", "sqnr", "--budget", "15dB"]
    given += ["--trials", 20, "-o", settings, "--json", report]
    sentence = refused(*given)
    figures = json.loads(report.read_text())
    reached = figures["held_out"]["tuned"]["score"]
    assert figures["calibration"]["tuned"]["score"] >= 15 > reached
    assert sentence == (
        f"on the held-out data sqnr is {reached:.4g}, and the budget 15dB ends at 15: {settings} "
        "is not written; choose a smaller budget, give more samples, or take --force"
    )
    assert not settings.exists() and not figures["held_out_within_budget"]
    assert refused(*given[:-4]).endswith(
        "the budget 15dB ends at 15: choose a smaller budget, give more samples, or take --force"
    )
    status, out, err = refrain(*given, "--force")
    assert (status, err) == (0, "") and "and the budget 15dB ends at 15" in out
    notes = json.loads(settings.read_text())["notes"]
    assert notes["budget"] == "15dB" and notes["held_out_within_budget"] is False


def test_a_foreign_or_damaged_study_is_refused(refused, refrain, net, samples, tmp_path):
    study = tmp_path / "a.study"
    given = ("tune", net, "--data", samples, "--study", study)
    assert refrain(*given, "--metric", "sqnr")[0] == 0
    assert refused(*given, "--metric", "agreement") == (
        f"{study} holds the study of {net} with other data, metric or settings; name another file "
        f"for {net}"
    )
    with held(study, "test"):
        assert refused(*given, "--metric", "sqnr") == (
            f"{study} is in use by another search: wait for its end; or else --study names another "
            "file"
        )
    study.write_text("notes\n")
    sentence = refused(*given, "--metric", "sqnr")
    assert sentence == f"{study} is not a study file, or is damaged"
