"""What is kept is there whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from boards.cache import CacheError, default_cache, is_kept, publish

ANOTHER = "the environment variable XDG_CACHE_HOME names another folder"


def test_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "refrain"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "refrain"


def test_entries_appear_whole_when_made_twice_at_once(tmp_path):
    barrier = threading.Barrier(2)

    def make(folder):
        barrier.wait()
        for name in ("a", "b"):
            (folder / name).write_text(name)

    target = tmp_path / "entry"
    workers = [threading.Thread(target=publish, args=(make, target, "things")) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(tmp_path.iterdir()) == [target]
    assert sorted(path.name for path in target.iterdir()) == ["a", "b"]


def test_what_is_there_is_not_made_again(tmp_path):
    (tmp_path / "entry").mkdir()
    publish(None, tmp_path / "entry", "things")


def test_a_failed_entry_leaves_nothing(tmp_path):
    def make(folder):
        (folder / "half").write_text("")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publish(make, tmp_path / "entry", "things")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError) as error:
        publish(None, tmp_path / "file" / "entry", "things")
    where = tmp_path / "file"
    assert str(error.value) == f"things cannot be kept in {where}: File exists; {ANOTHER}"


def test_without_a_home_there_is_no_cache(monkeypatch):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    with pytest.raises(CacheError) as error:
        default_cache()
    assert str(error.value) == (
        "there is no home folder to keep files in: let the environment variable XDG_CACHE_HOME "
        "name a folder"
    )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, code):
    def make(folder):
        (folder / "half").write_text("")
        raise OSError(code, os.strerror(code))

    with pytest.raises(CacheError) as error:
        publish(make, tmp_path / "entry", "things")
    assert str(error.value) == (
        f"things cannot be kept in {tmp_path}: {os.strerror(code)}; {ANOTHER}"
    )
    assert list(tmp_path.iterdir()) == []


MAKE = """
import sys, time
from pathlib import Path
from boards.cache import publish

def make(folder):
    Path(folder, "half").write_text("half")
    print("made half", flush=True)
    time.sleep(600)

publish(make, Path(sys.argv[1]), "things")
"""


def _start(target):
    """A process that is in the middle of making an entry."""
    command = [sys.executable, "-c", MAKE, target]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "made half\n"
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path, how):
    with _start(tmp_path / "entry") as process:
        process.send_signal(how)
        process.wait()
    assert len(list(tmp_path.iterdir())) == 1
    publish(lambda folder: None, tmp_path / "other", "things")
    assert list(tmp_path.iterdir()) == [tmp_path / "other"]


def test_what_is_being_made_stays(tmp_path):
    with _start(tmp_path / "entry") as process:
        publish(lambda folder: None, tmp_path / "other", "things")
        (unfinished,) = set(tmp_path.iterdir()) - {tmp_path / "other"}
        assert (unfinished / "half").read_text() == "half"
        process.kill()


def test_nobody_else_may_write_to_what_is_kept(tmp_path):
    def make(folder):
        (folder / "inner").mkdir()
        for path in (folder / "code", folder / "inner" / "code"):
            path.write_text("")
            path.chmod(0o777)

    before = os.umask(0)
    try:
        publish(make, tmp_path / "entry", "things")
    finally:
        os.umask(before)
    for path in (tmp_path / "entry", *(tmp_path / "entry").rglob("*")):
        assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    assert is_kept(tmp_path / "entry") and not is_kept(tmp_path / "another")


@pytest.mark.parametrize("name", [".", "code"])
@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
def test_what_another_may_write_to_is_not_used(tmp_path, name, bit):
    target = tmp_path / "entry"
    publish(lambda folder: Path(folder, "code").write_text(""), target, "things")
    path = target / name
    path.chmod(path.stat().st_mode | bit)
    for call in (is_kept, lambda target: publish(None, target, "things")):
        with pytest.raises(CacheError) as error:
            call(target)
        assert str(error.value) == (
            f"{path} is not used, because another user owns it or may write to it: remove "
            f"{target}; {ANOTHER}"
        )


def test_what_another_user_owns_is_not_used(tmp_path, monkeypatch):
    target = tmp_path / "entry"
    publish(lambda folder: None, target, "things")
    monkeypatch.setattr("boards.cache.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(CacheError, match="because another user owns it"):
        is_kept(target)
