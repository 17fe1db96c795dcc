import numpy as np
import pytest

from sim.explore import files
from sim.networks.network import NetworkError, Quantization

FORM = Quantization(scale=0.5, zero_point=-3)


def _sentence(error, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def test_arrays_come_back(tmp_path):
    array = np.arange(6.0).reshape(1, 2, 3)
    (tmp_path / "a.npy").write_bytes(files.arrays_bytes({"a": array}))
    assert (files.read_array(tmp_path / "a.npy") == array).all()
    (tmp_path / "a.npz").write_bytes(files.arrays_bytes({"a": array, "b": array + 1}))
    several = files.read_arrays(tmp_path / "a.npz")
    assert list(several) == ["a", "b"] and (several["b"] == array + 1).all()


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "a.npy"
    expected = f"{path} cannot be read: No such file or directory"
    assert _sentence(NetworkError, files.read_array, path) == expected


def test_a_folder_is_not_a_file(tmp_path):
    expected = f"{tmp_path} cannot be read: Is a directory"
    assert _sentence(NetworkError, files.read_array, tmp_path) == expected


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\x00", b"PK\x03\x04broken"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    expected = f"{path} is not a NumPy array file (.npy or .npz)"
    assert _sentence(NetworkError, files.read_array, path) == expected


def test_a_pickle_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"a": 1}], object))
    expected = f"{path} is not a NumPy array file (.npy or .npz)"
    assert _sentence(NetworkError, files.read_array, path) == expected


def test_arrays_by_name_are_not_one_array(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3))
    assert files.read_arrays(path)["x"].shape == (3,)
    expected = f"{path} holds arrays by name; one array in a .npy file is needed here"
    assert _sentence(NetworkError, files.read_array, path) == expected


def test_codes_pass_and_values_are_quantised():
    given = np.array([[[-128, 5, 127]]], np.int8)
    assert files.codes(given, 3, FORM) is given
    values = np.array([[[0.0, 1.0, 1e9]]], np.float32)
    assert files.codes(values, 3, FORM).tolist() == [[[-3, -1, 127]]]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((1, 2, 3), np.int16), "the input must be int8 or floating point, not int16"),
        (np.zeros((2, 3)), "the input must have the shape [batch, time, 3], not [2, 3]"),
        (np.zeros((1, 2, 4)), "the input must have the shape [batch, time, 3], not [1, 2, 4]"),
        (np.zeros((1, 0, 3)), "the input is empty: its shape is [1, 0, 3]"),
        (
            np.array([[[0, 0, 0], [0, np.nan, 0]]]),
            "the input holds nan at [0, 1, 1]; every value must be finite",
        ),
    ],
)
def test_unusable_sequences_are_refused(array, sentence):
    assert _sentence(NetworkError, files.codes, array, 3, FORM) == sentence


def test_a_file_is_replaced_whole_and_folders_are_made(tmp_path):
    path = tmp_path / "new" / "a.bin"
    files.write_whole(path, b"old")
    files.write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    files.write_whole(path, b"old")
    with pytest.raises(TypeError):
        files.write_whole(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_can_be_written_stays_untouched(tmp_path):
    files.check_writable(tmp_path / "a" / "b" / "c.npy")
    files.check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "a.npy"
    expected = f"{path} cannot be written: {tmp_path / 'file'} is not a folder"
    assert _sentence(OSError, files.check_writable, path) == expected
    assert _sentence(OSError, files.check_folder, path) == expected
    expected = f"{tmp_path} cannot be written: it is a folder"
    assert _sentence(OSError, files.check_writable, tmp_path) == expected
