import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sim.networks.network import NetworkError
from sim.networks.pytorch.archive import read_state_dicts
from sim.networks.pytorch.pickles import Object, PickleError, read_pickle
from sim.networks.pytorch.reader import read_pt

FILES = Path(__file__).parents[3] / "data" / "pytorch"
SAVE = 'torch.save(model.state_dict(), "weights.pt")'


def archive(path, **members):
    """A zip file with members in one folder, as PyTorch writes it."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"net/{name.replace('_pkl', '.pkl')}", content)
    return path


def refusal(path):
    with pytest.raises(NetworkError) as caught:
        read_state_dicts(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text
    return text[len(str(path)) + 1 :]


class Attack:
    """Unpickling it by ``pickle`` makes a folder."""

    def __init__(self, folder, call=os.mkdir):
        self.folder, self.call = str(folder), call

    def __reduce__(self):
        return self.call, (self.folder,)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", ["alone", "beside", "legacy"])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path, where, protocol):
    folder = tmp_path / "made"
    attack = Attack(folder)
    content = pickle.dumps(attack if where == "alone" else {"a": 1, "b": attack}, protocol)
    path = tmp_path / "evil.pt"
    if where == "legacy":
        path.write_bytes((FILES / "legacy.pt").read_bytes()[:80] + content)
        refusal(path)
    else:
        archive(path, data_pkl=content)
        assert refusal(path) == (
            f"asks to call {os.mkdir.__module__}.mkdir when it is opened, which no file of weights "
            f"does; nothing of it was run, and PyTorch should not open it either"
        )
    assert not folder.exists()
    # It is an attack: the same bytes do it where pickle reads them.
    pickle.loads(content)
    assert folder.exists()


@pytest.mark.parametrize("call", [eval, exec, open, __import__])
def test_builtins_that_run_something_are_refused(tmp_path, call):
    path = archive(tmp_path / "evil.pt", data_pkl=pickle.dumps(Attack("1", call)))
    assert refusal(path).startswith("asks to call ")


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_read_as_pickle_reads_them(protocol):
    values = {
        "numbers": [1, -2, 2**40, 2**100, 0.5, True, None],
        "texts": ("a", "ä" * 300, b"bytes"),
        "tuples": ((), (1,), (1, 2), (1, 2, 3), tuple(range(9))),
        "shared": [[1], {"a": {}}] * 3,
    }
    if protocol < 3:
        # Bytes are calls of a codec there.
        values["texts"] = values["texts"][:2]
    file = io.BytesIO(pickle.dumps(values, protocol) + b"rest")
    assert read_pickle(file).value == values
    assert file.read() == b"rest"


def test_what_a_pickle_would_make_stays_a_description():
    found = read_pickle(io.BytesIO(pickle.dumps(np.float64(2.5), 4)))
    assert isinstance(found.value, Object)
    assert found.value.maker.name.endswith("multiarray scalar")


def test_a_value_that_contains_itself_is_read():
    loop = []
    loop.append(loop)
    value = read_pickle(io.BytesIO(pickle.dumps(loop))).value
    assert value[0] is value


@pytest.mark.parametrize(
    "content", [b"", b".", b"text", b"\x80\x02", b"\x80\x02}", b"0.", b"(.", b"]K\x01u.", b"h\x05."]
)
def test_damaged_pickles_are_said_to_be(content):
    with pytest.raises(PickleError):
        read_pickle(io.BytesIO(content))


def test_a_whole_module_is_refused_with_what_makes_the_right_file():
    assert refusal(FILES / "module.pt") == (
        "holds a whole module (__main__.Net) and not its weights alone; these two lines write "
        f'them: model = torch.load("module.pt", weights_only=False); {SAVE}'
    )


def test_torchscript_and_exported_programs_are_refused_with_what_makes_the_right_file():
    assert refusal(FILES / "script.pt") == (
        "is a TorchScript archive; only weights are read here, and these two lines write them: "
        f'model = torch.jit.load("script.pt"); {SAVE}'
    )
    assert refusal(FILES / "program.pt2") == (
        "is an exported program (.pt2); only weights are read here, and these two lines write "
        f'them: model = torch.export.load("program.pt2").module(); {SAVE}'
    )


def test_a_checkpoint_is_searched_and_what_is_beside_the_weights_is_not_read():
    (name,) = read_state_dicts(FILES / "checkpoint.pt")
    assert name == "model_state_dict"


def test_a_file_without_tensors_is_refused(tmp_path):
    path = archive(tmp_path / "net.pt", data_pkl=pickle.dumps({"epoch": 3}))
    assert refusal(path) == (
        f"holds no state dict but a dictionary without tensors; write one with {SAVE}"
    )
    path = archive(tmp_path / "net.pt", data_pkl=pickle.dumps([1, 2]))
    assert refusal(path) == (
        f"holds no state dict but a value of the type list; write one with {SAVE}"
    )
    path = archive(tmp_path / "net.pt", data_pkl=pickle.dumps(np.float64(1)))
    assert refusal(path).startswith("holds no state dict but an object (numpy.")


def test_other_archives_are_refused(tmp_path):
    path = archive(tmp_path / "a.pt", readme="text")
    assert refusal(path) == (
        "is not a file of PyTorch weights, or it is damaged (it is a zip archive without "
        f"data.pkl); write it anew with {SAVE}"
    )
    keras = tmp_path / "a.keras"
    with zipfile.ZipFile(keras, "w") as file:
        file.writestr("config.json", "{}")
        file.writestr("model.weights.h5", "")
    assert refusal(keras) == (
        'is a Keras model; export it as ONNX: model.export("model.onnx", format="onnx")'
    )


def test_a_compressed_archive_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("net/data.pkl", pickle.dumps({}))
    assert "(data.pkl in it is compressed)" in refusal(path)


@pytest.mark.parametrize("name", ["plain.pt", "legacy.pt", "checkpoint.pt"])
def test_damaged_files_are_refused_in_a_sentence(tmp_path, name):
    content = (FILES / name).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "net.pt"
    for number in range(300):
        damaged = bytearray(content)
        if number % 3:
            for place in rng.integers(len(content), size=rng.integers(1, 6)):
                damaged[place] = rng.integers(256)
        else:
            del damaged[rng.integers(len(content)) :]
        path.write_bytes(damaged)
        try:
            read_pt(path)
        except NetworkError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)


@pytest.mark.parametrize(
    "shape, strides",
    [
        # (16, 30), beyond the end; (255, 255) with strides of 0, more values than there are.
        (b"K\x10K\x1e\x86", b"K\x01K\x10\x86"),
        (b"K\xffK\xff\x86", b"K\x00K\x00\x86"),
    ],
)
def test_a_view_that_is_larger_than_its_storage_is_refused(tmp_path, shape, strides):
    path = tmp_path / "views.pt"
    with zipfile.ZipFile(FILES / "views.pt") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("data.pkl"):
                before, after = content.split(b"K\x10K\x03\x86")
                assert after.count(b"K\x01K\x10\x86") == 2
                content = before + shape + after.replace(b"K\x01K\x10\x86", strides, 1)
            new.writestr(name, content)
    with pytest.raises(NetworkError) as caught:
        read_pt(path)
    assert str(caught.value) == (
        f"{path}: weight_ih_l0 cannot be read: it lies outside of its storage"
    )
