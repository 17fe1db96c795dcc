"""``refrain sweep``: points, what is kept, what is written and what is refused."""

import csv
import sqlite3

import numpy as np
import pytest

from sim.explore.files import held
from sim.explore.sweep import running as sweeping
from sim.networks.network import NetworkError


@pytest.fixture
def walk(tmp_path):
    """Samples of ``model`` that move slowly: 6 sequences of 20 steps."""
    rng = np.random.default_rng(2)
    steps = rng.normal(0, 0.1, (6, 20, 3)) * (rng.random((6, 20, 1)) < 0.7)
    path = tmp_path / "walk.npy"
    np.save(path, np.cumsum(steps, axis=1).astype(np.float32))
    return path


@pytest.fixture
def swept(refrain, model, walk, tmp_path):
    """Sweeps ``model`` with the given options; gives the rows."""

    def call(*options, jobs=1):
        folder = tmp_path / "out"
        fixed = ["--data", walk, "--metric", "sqnr", "-o", folder, "--jobs", jobs]
        status, _, err = refrain("sweep", model, *fixed, *options)
        assert (status, err) == (0, "")
        with (folder / "sweep.csv").open() as file:
            return list(csv.DictReader(file)), folder

    return call


def test_networks_of_fewer_bits_than_their_machine_are_points_of_their_own(swept):
    options = ["--weight-bits", "8,4", "--network-bits", "4,8", "--modes", "normal"]
    rows, _ = swept(*options, "--config", "small")
    widths = [(int(row["weight_bits"]), int(row["network_bits"])) for row in rows]
    assert widths == [(8, 4), (8, 8), (4, 4)]
    short, long, small = rows
    assert float(short["bytes"]) * 2 == float(long["bytes"]) == 2 * float(small["bytes"])
    assert short["score"] == small["score"] != long["score"]
    assert [float(row["bytes_avoided_share"]) for row in rows] == [0.5, 0, 0]


OPTIONS = ["--weight-bits", "8,4", "--activation-bits", "8,6", "--modes", "normal,delta"]
MORE = ["--multipliers", "exact,truncated:4,6", "--threshold-x", "0,3", "--threshold-h", "0,2"]
MORE += ["--normal-every", "9"]


def changes(row):
    """What makes a row differ from exact delta."""
    return [int(row[name]) for name in ("level", "x_threshold", "h_threshold")]


def test_every_combination_becomes_a_row_and_fronts_are_marked(swept):
    rows, folder = swept(*OPTIONS, *MORE)
    # Of each of 4 precisions: 2 normal; (1 + 3 levels) at 4 pairs of thresholds.
    assert len(rows) == 4 * (2 + 4 * 4)
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")
    # No machine was measured, so that no row's energy is known.
    assert {row["energy_pj"] for row in rows} == {""}
    for cost in ("macs", "bytes"):
        front = [row for row in rows if row[f"front_{cost}"] == "1"]
        assert front
        for row in front:
            assert not any(
                float(other["score"]) > float(row["score"])
                and float(other[cost]) <= float(row[cost])
                for other in rows
            )
    exact = [r for r in rows if (r["weight_bits"], r["activation_bits"]) == ("8", "8")]
    same = {r["score"] for r in exact if r["mode"] == "normal" or not any(changes(r))}
    assert len(same) == 1
    narrow = next(r for r in rows if r["weight_bits"] == "4" and r["mode"] == "normal")
    wide = next(r for r in rows if r["weight_bits"] == "8" and r["mode"] == "normal")
    assert float(narrow["bytes"]) == float(wide["bytes"]) / 2
    assert narrow["macs"] == wide["macs"]
    assert float(narrow["score"]) < float(wide["score"])


def test_what_is_measured_is_kept(swept, monkeypatch):
    measured = []
    original = sweeping.measure

    def counting(subject, point):
        measured.append(point)
        return original(subject, point)

    monkeypatch.setattr(sweeping, "measure", counting)
    rows, folder = swept(*OPTIONS)
    assert len(measured) == len(rows) == 8
    with sqlite3.connect(folder / "results.db") as kept:
        kept.execute("DELETE FROM points WHERE rowid > 5")
    kept.close()
    again, _ = swept(*OPTIONS)
    assert len(measured) == 8 + 3
    unlike = ("seconds",)
    assert [{k: v for k, v in row.items() if k not in unlike} for row in again] == [
        {k: v for k, v in row.items() if k not in unlike} for row in rows
    ]
    swept(*OPTIONS, "--threshold-x", "0,4")
    assert len(measured) == 11 + 4


def test_a_function_of_the_users_is_the_score(swept, tmp_path):
    path = tmp_path / "metrics.py"
    path.write_text("def step(outputs, labels):\n    return abs(outputs[:, 1:]).mean()\n")
    rows, folder = swept(*OPTIONS, "--metric", f"{path}:step", "--lower", jobs=2)
    assert {row["lower_is_better"] for row in rows} == {"True"}
    front = [row for row in rows if row["front_bytes"] == "1"]
    assert min(float(row["score"]) for row in rows) in [float(row["score"]) for row in front]
    for row in front:
        cheaper = [each for each in rows if float(each["bytes"]) < float(row["bytes"])]
        assert all(float(each["score"]) > float(row["score"]) for each in cheaper)
    path.write_text("def step(outputs, labels):\n    return 3\n")
    again, _ = swept(*OPTIONS, "--metric", f"{path}:step")
    assert {float(row["score"]) for row in again} == {3.0}
    assert len(kept_keys(folder)) == 16


def kept_keys(folder):
    connection = sqlite3.connect(folder / "results.db")
    keys = [key for (key,) in connection.execute("SELECT key FROM points")]
    connection.close()
    return keys


def test_an_interruption_keeps_what_is_done(refrain, model, walk, tmp_path, monkeypatch):
    original, left = sweeping.measure, [3]

    def interrupted(subject, point):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return original(subject, point)

    monkeypatch.setattr(sweeping, "measure", interrupted)
    fixed = ["--data", walk, "--metric", "sqnr", "-o", tmp_path / "out", "--jobs", 1]
    assert refrain("sweep", model, *fixed, *OPTIONS)[0] == 130
    assert len(kept_keys(tmp_path / "out")) == 3


def test_processes_measure_what_one_does(swept, tmp_path):
    rows, folder = swept(*OPTIONS)
    (folder / "results.db").unlink()
    again, _ = swept(*OPTIONS, jobs=2)
    for row in (*rows, *again):
        del row["seconds"]
    assert again == rows
    assert len(set(kept_keys(folder))) == 8


def test_a_point_that_fails_says_why_and_the_others_go_on(
    refrain, model, walk, tmp_path, monkeypatch
):
    original = sweeping.measure

    def failing(subject, point):
        if point.mode.x_threshold == 3:
            raise NetworkError("this one cannot be")
        if point.mode.x_threshold == 5:
            raise ZeroDivisionError("a fault")
        return original(subject, point)

    monkeypatch.setattr(sweeping, "measure", failing)
    fixed = ["--data", walk, "--metric", "sqnr", "-o", tmp_path / "out", "--jobs", 1]
    line = ["sweep", model, *fixed, "--threshold-x", "0,3,5"]
    status, out, err = refrain(*line)
    assert status == 1 and "sweep.csv" in out
    assert "2 points failed" in err and "this one cannot be" in err
    assert "ZeroDivisionError: a fault (failing, line" in err
    with (tmp_path / "out" / "sweep.csv").open() as file:
        assert [row["x_threshold"] for row in csv.DictReader(file)] == ["0", "0"]
    # What failed is not measured again until it is wanted.
    monkeypatch.setattr(sweeping, "measure", original)
    assert refrain(*line)[0] == 1
    assert refrain(*line, "--retry")[0] == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--weight-bits", "four"], "--weight-bits takes whole numbers with commas, not four"),
        (["--weight-bits", "3"], "weight_bits must be an integer from 4 to 8, not 3"),
        (["--activation-bits", "12"], "activation_bits must be from 4 to 8, or 16, not 12"),
        (
            ["--weight-bits", "5"],
            "bus_width must divide 320, what 64 lanes of 5-bit weights use per cycle, not 128",
        ),
        (
            ["--multipliers", "best"],
            "there is no multiplier best; the multipliers are exact, exact-tree, baugh-wooley, "
            "dsp-pair, booth, truncated, compensated, constant, broken, perforated, operands, "
            "rounded, centred, drum, mitchell, mitchell-corrected",
        ),
        (
            ["--multipliers", "drum", "--levels", "1"],
            "level 1 (segments of 4 bits) of configuration edge can be used in delta mode only "
            "with a normal step at least every 64 steps, and normal_every is 0: its errors cancel "
            "on average only (give segments of 4 bits as the unsafe level to use it all the same)",
        ),
        (
            ["--multipliers", "exact,drum", "--levels", "0,1,2", "--normal-every", "64"],
            "none of the multipliers has level 2",
        ),
        (["--modes", "skip"], "the modes of a sweep are normal, delta, reduced, not skip"),
        (
            ["--threshold-x", "70000"],
            "x_threshold must be a whole number from 0 to 65535, not 70000",
        ),
        (["--jobs", "0"], "--jobs must be at least 1, not 0"),
        (["--config", "huge"], "there is no configuration huge; the configurations are tiny, "
         "speech, small, edge, chip, or name a .toml file"),
        (["--labels", "no.npy"], "metric sqnr takes no labels: it compares with normal mode"),
    ],
)  # fmt: skip
def test_points_that_cannot_be_are_refused(refused, model, walk, tmp_path, options, sentence):
    fixed = ["--data", walk, "--metric", "sqnr", "-o", tmp_path / "out"]
    assert refused("sweep", model, *fixed, *options) == sentence


def test_a_target_must_be_named_and_be_there(refused, model, walk, tmp_path):
    out = ["-o", tmp_path / "out"]
    one = "name a network file or a --workload to sweep, one of them"
    assert refused("sweep", *out) == one
    assert refused("sweep", model, "--workload", "digits", *out) == one
    assert refused("sweep", model, *out) == (
        "a network file is swept on samples: give --data and --metric"
    )
    missing = tmp_path / "no.npy"
    options = ["--data", missing, "--metric", "sqnr", *out]
    assert refused("sweep", model, *options) == f"{missing} is no file"
    assert refused("sweep", "--workload", "digits", "--data", walk, *out) == (
        "a workload has its own data, labels and metric"
    )
    assert refused("sweep", "--workload", "digits", "--node", "lstm", *out) == (
        "--node chooses an LSTM of a network file, not of a workload"
    )


def test_a_folder_is_for_one_sweep_at_a_time(refused, model, walk, tmp_path):
    lock = tmp_path / "out" / ".sweep.lock"
    fixed = ["--data", walk, "--metric", "sqnr", "-o", tmp_path / "out", "--jobs", 1]
    with held(lock, "test"):
        assert refused("sweep", model, *fixed) == (
            f"{lock} is in use by another sweep: wait for its end; or else name another folder"
        )
    assert [each.name for each in (tmp_path / "out").iterdir()] == [".sweep.lock"]


@pytest.mark.parametrize("damage", ["text", "empty database", "cut"])
def test_a_damaged_file_of_results_is_refused(refused, refrain, model, walk, tmp_path, damage):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "results.db"
    fixed = ["--data", walk, "--metric", "sqnr", "-o", folder, "--jobs", 1]
    if damage == "text":
        path.write_text("{}\n")
    elif damage == "empty database":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE other (a)")
        connection.close()
    else:
        assert refrain("sweep", model, *fixed)[0] == 0
        path.write_bytes(path.read_bytes()[:5000])
    sentence = refused("sweep", model, *fixed)
    assert sentence.startswith(f"{path} is ") and "damaged" in sentence


def test_the_example_is_printed_and_runs(refrain, model, walk, tmp_path):
    status, out, _ = refrain("sweep", "--example")
    assert status == 0 and "[modes]" in out
    subject = f'network = "{model}"\ndata = "{walk}"\nmetric = "sqnr"'
    plan = tmp_path / "plan.toml"
    plan.write_text(out.replace('workload = ["vowels"]', subject))
    folder = tmp_path / "out"
    status, out, err = refrain("sweep", plan, "-o", folder, "--jobs", 1)
    assert (status, err) == (0, "")
    assert "are no worse within the standard error" in out
    with (folder / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert {row["lanes"] for row in rows} == {"16", "32"}
    # Machines of other sizes compute the same in another time.
    scores = {
        (r["weight_bits"], r["mode"], r["x_threshold"], r["h_threshold"]): set() for r in rows
    }
    for r in rows:
        name = (r["weight_bits"], r["mode"], r["x_threshold"], r["h_threshold"])
        scores[name].add((r["score"], r["macs"]))
    assert all(len(each) == 1 for each in scores.values())
    assert len({row["cycles"] for row in rows}) > 5
    assert all(float(row["standard_error"]) > 0 for row in rows)


def test_options_beside_a_plan_are_refused(refused, tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('[subject]\nworkload = "vowels"\n')
    sentence = (
        f"{plan} says what is swept: leave out the options that say so, too, or write them into "
        f"the plan"
    )
    out = ["-o", tmp_path / "out"]
    assert refused("sweep", plan, "--modes", "delta", *out) == sentence
    assert refused("sweep", plan, "--workload", "vowels", *out) == sentence
    assert refused("sweep", tmp_path / "no.toml", *out).startswith(f"{tmp_path / 'no.toml'} ")


def test_a_reason_that_all_points_share_is_the_sentence(refused, model, walk, tmp_path):
    options = ["--data", walk, "--metric", "sqnr", "--set", "max_hidden=2", "--config", "tiny"]
    assert refused("sweep", model, *options, "--jobs", 1, "-o", tmp_path / "out") == (
        "no point can be measured: layer 0 has 8 hidden units, and configuration tiny holds at "
        "most 2"
    )
