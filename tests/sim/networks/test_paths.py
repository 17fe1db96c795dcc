import pytest

from sim.networks.loader import load_network
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read


def _missing(path):
    with pytest.raises(NetworkError) as refused:
        load_network(path)
    return str(refused.value)


def test_the_nearest_file_of_the_folder_is_named(tmp_path):
    (tmp_path / "speech.tflite").write_bytes(b"x")
    (tmp_path / "x.npy").write_bytes(b"x")
    wanted = tmp_path / "speach.tflite"
    near = tmp_path / "speech.tflite"
    reason = "cannot be read: No such file or directory"
    assert _missing(wanted) == f"{wanted} {reason}; did you mean {near}?"


def test_nothing_is_named_where_nothing_is_near(tmp_path):
    (tmp_path / "speech.tflite").write_bytes(b"x")
    for wanted in (tmp_path / "x.npy", tmp_path / "nowhere" / "speech.tflite"):
        assert _missing(wanted) == f"{wanted} cannot be read: No such file or directory"


def test_nothing_is_named_for_a_file_that_is_there(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folders").mkdir()
    error = IsADirectoryError(21, "Is a directory", str(tmp_path / "folder"))
    sentence = f"{tmp_path / 'folder'} cannot be read: Is a directory"
    assert cannot_read(tmp_path / "folder", error) == sentence
