"""``refrain package``: what it says, and what it refuses in a sentence before it works."""

import importlib.metadata
import json

import pytest

from sim.explore.packaging import pdf

OPTIONS = ("--set", "name=mine", "--set", "max_input=64", "--weight-bits", "8")


def test_it_writes_a_package_and_counts_its_files(refrain, tmp_path):
    status, out, err = refrain("package", "tiny", "-o", tmp_path / "out", *OPTIONS)
    assert status == 0, err
    listed = json.loads((tmp_path / "out" / "package.json").read_text())
    assert listed["configuration"]["max_input"] == 64
    assert listed["command"] == (
        "refrain package tiny --weight-bits 8 --set name=mine --set max_input=64"
    )
    assert (tmp_path / "out" / "rtl" / "refrain_mine.v").is_file()
    said = " ".join(out.split())
    assert "rtl (6 files)" in said and "package.json" in said


def nothing_is_written(folder):
    return not list(folder.iterdir())


def test_an_unknown_configuration_is_refused(refused, tmp_path):
    assert "no configuration none" in refused("package", "none", "-o", tmp_path / "out")
    assert nothing_is_written(tmp_path)


def test_a_missing_tool_is_named(refused, tmp_path, monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "wavedrom":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    said = refused("package", "tiny", "-o", tmp_path / "out")
    assert "wavedrom" in said and "pip install 'refrain[package]'" in said
    assert nothing_is_written(tmp_path)


def test_a_pdf_without_a_browser_is_refused(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    assert "install chromium" in refused("package", "tiny", "--pdf", "-o", tmp_path / "out")
    assert nothing_is_written(tmp_path)


@pytest.mark.parametrize("name", ["out", "out/deeper"])
def test_a_file_in_the_way_is_refused(refused, tmp_path, name):
    (tmp_path / "out").write_text("mine")
    assert "is not a folder" in refused("package", "tiny", "-o", tmp_path / name)
    assert (tmp_path / "out").read_text() == "mine"
