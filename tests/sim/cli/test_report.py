"""``refrain report``: a page of the results of a sweep, and what is refused."""

import numpy as np


def test_a_sweep_becomes_a_page(refrain, model, tmp_path):
    x = np.cumsum(np.random.default_rng(2).normal(0, 0.1, (6, 20, 3)), axis=1)
    data, folder = tmp_path / "x.npy", tmp_path / "out"
    np.save(data, x.astype(np.float32))
    fixed = ["--data", data, "--metric", "sqnr", "--config", "tiny", "--jobs", 1]
    assert refrain("sweep", model, *fixed, "-o", folder)[0] == 0
    page = tmp_path / "report.html"
    status, out, err = refrain("report", folder, "-o", page, "--title", "Mine & yours")
    assert (status, out, err) == (0, f"wrote {page}\n", "")
    text = page.read_text()
    assert "<h1>Mine &amp; yours</h1>" in text and "2 points of" in text
    assert refrain("report", folder / "results.db", "-o", page)[0] == 0
    assert "<h1>Sweep of " in page.read_text()


def test_what_is_no_sweep_is_refused(refused, model, tmp_path):
    out = ["-o", tmp_path / "report.html"]
    path = tmp_path / "results.db"
    assert refused("report", tmp_path, *out) == (
        f"{path} is no file; a sweep writes results.db into its folder"
    )
    assert refused("report", model, *out) == (f"{model} is not the file of a sweep, or is damaged")
    assert refused("report", tmp_path, "-o", tmp_path) == (
        f"{tmp_path} cannot be written: it is a folder"
    )
    assert not (tmp_path / "report.html").exists()


def test_a_run_becomes_a_page(refrain, refused, model, tmp_path):
    x, report, trace = (tmp_path / name for name in ("x.npy", "run.json", "trace.csv"))
    np.save(x, np.random.default_rng(2).normal(size=(2, 5, 3)).astype(np.float32))
    written = ["--report", report, "--trace", trace]
    assert refrain("run", model, "--input", x, "--mode", "delta", *written)[0] == 0
    page = tmp_path / "page.html"
    status, out, err = refrain("report", report, "--trace", trace, "-o", page)
    assert (status, out, err) == (0, f"wrote {page}\n", "")
    assert "<h1>Run on edge</h1>" in page.read_text()
    page.unlink()
    assert refused("report", tmp_path, "--trace", trace, "-o", page) == (
        "--trace is of a run: name the .json that run --report wrote"
    )
    assert refused("report", report, "--trace", x, "-o", page) == f"{x} is not text"
    assert not page.exists()
