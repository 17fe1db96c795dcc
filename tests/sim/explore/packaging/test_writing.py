"""The folder of a package: all files or none, and what becomes of earlier ones."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from hw.config import CONFIGS
from sim.explore.packaging import writing

TINY = CONFIGS["tiny"]


@pytest.fixture
def contents(monkeypatch):
    """Contents that the next package has; the list comes with them."""
    made = {}

    def package_files(config, command, pdf):
        files = {name: hashlib.sha256(data).hexdigest() for name, data in made.items()}
        listed = {"format": writing.FORMAT, "files": files}
        return {**made, writing.LIST: json.dumps(listed).encode()}

    monkeypatch.setattr(writing, "package_files", package_files)
    return made


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def write(folder):
    return writing.write_package(TINY, folder, command="refrain package tiny")


def test_the_list_names_every_file(package):
    listed = json.loads((package / "package.json").read_text())
    assert sorted([*listed["files"], "package.json"]) == names(package)
    for name, digest in listed["files"].items():
        assert hashlib.sha256((package / name).read_bytes()).hexdigest() == digest
    assert listed["configuration"]["lanes"] == TINY.lanes


def test_the_readme_tells_of_every_folder(package):
    text = (package / "README.md").read_text()
    assert "@" not in text
    for path in package.iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name == "README.md" or f"`{name}`" in text, name


def test_heads_say_what_made_them(package):
    assert "// Made by: refrain package tiny\n" in (package / "rtl" / "refrain_tiny.v").read_text()
    for name in ("constraints/refrain_tiny.sdc", "registers/refrain.rdl", "component.xml"):
        text = (package / name).read_text()
        assert "refrain package tiny\n" in text and "SPDX-License-Identifier: Apache-2.0" in text


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(package, tmp_path):
    """Dictionaries and sets of another order change nothing, in no file."""
    environment = {**os.environ, "PYTHONHASHSEED": "3", "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-m", "sim.cli", "package", "tiny", "-o", str(tmp_path / "again")]
    subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert names(tmp_path / "again") == names(package)
    for name in names(package):
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (package / name).read_bytes(), name


def test_files_of_an_earlier_package_go(contents, tmp_path):
    contents |= {"rtl/a.v": b"a", "rtl/b.v": b"b", "c": b"c"}
    write(tmp_path)
    (tmp_path / "rtl" / "b.v").write_text("changed")
    (tmp_path / "mine").write_text("mine")
    contents.clear()
    contents["c"] = b"new"
    write(tmp_path)
    assert names(tmp_path) == ["c", "mine", "package.json", "rtl/b.v"]
    assert (tmp_path / "c").read_text() == "new"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": 1}', '{"format": "refrain package", "files": 1}', '{"files": {}}']
)
def test_another_list_is_no_list(contents, tmp_path, text):
    (tmp_path / "package.json").write_text(text)
    (tmp_path / "a").write_text("a")
    contents["b"] = b"b"
    write(tmp_path)
    assert names(tmp_path) == ["a", "b", "package.json"]


def test_no_file_outside_the_folder_goes(contents, tmp_path):
    (tmp_path / "outside").write_text("x")
    digest = hashlib.sha256(b"x").hexdigest()
    folder = tmp_path / "folder"
    folder.mkdir()
    listed = {"format": writing.FORMAT, "files": {"../outside": digest}}
    (folder / "package.json").write_text(json.dumps(listed))
    write(folder)
    assert (tmp_path / "outside").exists()


def test_where_one_file_cannot_be_written_none_is(contents, tmp_path):
    (tmp_path / "rtl").write_text("a file")
    contents |= {"a": b"a", "rtl/b.v": b"b"}
    with pytest.raises(OSError) as caught:
        write(tmp_path)
    expected = f"{tmp_path / 'rtl/b.v'} cannot be written: {tmp_path / 'rtl'} is not a folder"
    assert str(caught.value) == expected
    assert names(tmp_path) == ["rtl"]
