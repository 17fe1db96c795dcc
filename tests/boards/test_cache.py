"""What is kept is there whole or not at all."""

import threading

import pytest

from boards.cache import CacheError, default_cache, publish


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
    assert str(error.value) == f"things cannot be kept in {tmp_path / 'file'}: File exists"
