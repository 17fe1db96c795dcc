import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli.surroundings import quiet_packages

NAMES = ("MPLCONFIGDIR", "YOWASP_CACHE_DIR")


@pytest.fixture(autouse=True)
def usual(monkeypatch):
    """An environment that names no folders."""
    for name in (*NAMES, "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def closed_home(monkeypatch, tmp_path):
    """A home in which nobody can write, not even root: it is below a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    return tmp_path / "file" / "home"


def test_a_home_that_can_be_written_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "new"))
    with quiet_packages():
        assert not set(NAMES) & os.environ.keys()
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_is_replaced_for_a_while(closed_home):
    with quiet_packages():
        folders = {Path(os.environ[name]) for name in NAMES}
        assert all(os.access(folder, os.W_OK) for folder in folders)
    assert not set(NAMES) & os.environ.keys()
    assert not any(folder.exists() for folder in folders)


def test_networks_are_run_without_telling_anybody(monkeypatch):
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    with quiet_packages():
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert "ORT_DISABLE_TELEMETRY" not in os.environ
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    with quiet_packages():
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"


def test_what_the_user_names_stays(closed_home, monkeypatch, tmp_path):
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with quiet_packages():
        assert os.environ["MPLCONFIGDIR"] == "mine" and "YOWASP_CACHE_DIR" not in os.environ
    assert os.environ["MPLCONFIGDIR"] == "mine"


def test_without_a_home_there_are_folders_all_the_same(monkeypatch):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    with quiet_packages():
        assert set(NAMES) <= os.environ.keys()


@pytest.mark.parametrize("onnx", [False, True])
def test_no_other_package_speaks_where_the_home_cannot_be_written(
    closed_home, net, x, onnx_lstm, tmp_path, onnx
):
    picture = tmp_path / "trace.png"
    network = onnx_lstm() if onnx else net
    code = "from sim.cli.main import main; main()"
    command = ["run", network, "--input", x, "--config", "tiny", "--trace-picture", picture]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and picture.exists()


def test_a_cache_that_cannot_be_written_is_a_sentence(closed_home, refused, net, x):
    sentence = refused("run", net, "--input", x, "--config", "tiny", "--backend", "rtl")
    assert sentence == (
        f"machines cannot be kept in {closed_home}/.cache/refrain: Not a directory; the "
        "environment variable XDG_CACHE_HOME names another folder"
    )
    given = ("--data", x, "--metric", "sqnr", "--budget", "20dB", "--config", "tiny")
    sentence = refused("tune", net, *given)
    assert sentence.startswith(f"{closed_home}/.cache/refrain/studies/")
    assert sentence.endswith(" cannot be written: Not a directory; --study names another file")
