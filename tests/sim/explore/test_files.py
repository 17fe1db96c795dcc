import errno
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sim.explore import files
from sim.networks.network import NetworkError, Quantization

FORM = Quantization(scale=0.5, zero_point=-3)
WIDE = Quantization(scale=0.5, zero_point=0, bits=16)


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


def test_codes_of_16_bits_are_int16():
    x = np.array([[[300, -7]]], np.int16)
    assert files.codes(x, 2, WIDE) is x
    real = files.codes(x * 0.5, 2, WIDE)
    assert real.dtype == np.int16 and np.array_equal(real, x)
    for form, wrong, right in ((WIDE, np.int8, "int16"), (FORM, np.int16, "int8")):
        expected = f"the input must be {right} or floating point, not {np.dtype(wrong)}"
        assert _sentence(NetworkError, files.codes, x.astype(wrong), 2, form) == expected


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "a.npy"
    expected = f"{path} cannot be read: No such file or directory"
    assert _sentence(NetworkError, files.read_array, path) == expected


def test_a_folder_is_not_a_file(tmp_path):
    expected = f"{tmp_path} cannot be read: Is a directory"
    assert _sentence(NetworkError, files.read_array, tmp_path) == expected


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04pickle"])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    expected = f"{path} is not a NumPy array file (.npy or .npz)"
    assert _sentence(NetworkError, files.read_array, path) == expected


def _npy(header, data=b""):
    text = header.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04broken", "File is not a zip file"),
        (
            _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,"),
            "EOF in multi-line statement",
        ),
        (
            _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"),
            "Object arrays cannot be loaded when allow_pickle=False",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    sentence = _sentence(NetworkError, files.read_array, path)
    assert sentence == f"{path} is a damaged array file: {reason}"


@pytest.mark.parametrize("count", [10**10, 10**15, 10**30])
def test_a_header_that_claims_too_much_is_refused(tmp_path, count):
    path = tmp_path / "a.npy"
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},)}}"
    path.write_bytes(_npy(header, bytes(100)))
    sentence = _sentence(NetworkError, files.read_array, path)
    assert sentence.startswith(f"{path} ")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", _npy(header, bytes(100)))
    assert _sentence(NetworkError, files.read_arrays, path).startswith(f"{path} ")


def test_an_archive_that_grows_larger_than_the_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(1 << 20), y=np.zeros(1 << 20))
    sizes = {"SC_PHYS_PAGES": 3500, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(files.os, "sysconf", sizes.get)
    expected = f"{path} holds an array that is larger than the memory"
    assert _sentence(NetworkError, files.read_arrays, path) == expected
    sizes["SC_PHYS_PAGES"] = 5000
    assert len(files.read_arrays(path)) == 2


def test_a_member_that_is_no_array_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    expected = f"{path} holds notes.txt, which is not a NumPy array"
    assert _sentence(NetworkError, files.read_arrays, path) == expected


def test_an_archive_with_a_password_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3))
    content = bytearray(path.read_bytes())
    # The flag of encryption, in the entry and in the directory at the end.
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    path.write_bytes(content)
    sentence = _sentence(NetworkError, files.read_arrays, path)
    assert sentence.startswith(f"{path} is a damaged array file: File 'x.npy' is encrypted")


def test_arrays_in_the_order_of_fortran_and_of_other_machines_are_read(tmp_path):
    array = np.arange(6.0).reshape(1, 2, 3)
    for stored in (np.asfortranarray(array), array.astype(">f4"), array.astype("<f2")):
        np.save(tmp_path / "a.npy", stored)
        assert (files.read_array(tmp_path / "a.npy") == array).all()


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


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    files.write_whole(path, b"old")

    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fdopen", lambda handle, mode: Full())
    expected = f"{path} cannot be written: No space left on device"
    assert _sentence(OSError, files.write_whole, path, b"new") == expected
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


HOLD = """
import sys
from pathlib import Path
from sim.explore.files import held

with held(Path(sys.argv[1]), "test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_held_by_one_process_until_it_ends(tmp_path):
    path = tmp_path / "new" / "a.study"
    command = [sys.executable, "-c", HOLD, path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(NetworkError) as caught, files.held(path, "search"):
            pass
        assert str(caught.value) == (
            f"{path} is in use by another search: wait for its end; or else name another place"
        )
        process.kill()
        process.wait()
        with files.held(path, "search"):
            assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_held_is_refused(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "a.study"
    with pytest.raises(OSError) as caught, files.held(path, "search"):
        pass
    assert str(caught.value) == f"{path} cannot be written: File exists; name another place"


def test_files_of_a_folder_are_written_together(tmp_path):
    paths = files.write_all(tmp_path / "a" / "b", {"one": b"1", "two": b"2"})
    assert [path.read_bytes() for path in paths] == [b"1", b"2"]
    files.write_all(tmp_path / "a" / "b", {"two": b"3"})
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["one", "two"]
    assert paths[0].read_bytes() == b"1" and paths[1].read_bytes() == b"3"


@pytest.mark.parametrize("there", [False, True])
def test_where_one_file_fails_none_is_written(tmp_path, monkeypatch, there):
    folder = tmp_path / "out"
    if there:
        files.write_all(folder, {"one": b"old"})
    whole = Path.write_bytes

    def full(path, content):
        if path.name == "two":
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"out cannot be written: No space left on device$"):
        files.write_all(folder, {"one": b"new", "two": b"new"})
    assert folder.exists() == there
    assert not there or [path.read_bytes() for path in folder.iterdir()] == [b"old"]


def test_a_folder_in_the_place_of_a_file_is_met_before_anything_is_written(tmp_path):
    (tmp_path / "two").mkdir()
    with pytest.raises(OSError, match="two cannot be written: it is a folder"):
        files.write_all(tmp_path, {"one": b"1", "two": b"2"})
    assert os.listdir(tmp_path) == ["two"]


def test_files_of_a_tree_are_written_with_their_folders(tmp_path):
    contents = {"a": b"1", "b/c": b"2", "b/d/e": b"3"}
    paths = files.write_all(tmp_path / "new", contents)
    assert [path.read_bytes() for path in paths] == list(contents.values())
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a", "b"]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "b").write_text("x")
    with pytest.raises(OSError) as caught:
        files.write_all(tmp_path, {"a": b"1", "b/c/d": b"2"})
    expected = f"{tmp_path / 'b/c/d'} cannot be written: {tmp_path / 'b'} is not a folder"
    assert str(caught.value) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
