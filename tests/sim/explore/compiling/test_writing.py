"""All files of a folder, or none; the same bytes each time."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from sim.explore.compiling.formats import read_image
from sim.explore.compiling.writing import compiled_files, write_compiled
from sim.networks.network import NetworkError

FILES = {
    *("image.bin", "image.hex", "image.mem", "image.h", "manifest.json"),
    *("input.bin", "input.npy", "expected.bin", "expected.npy"),
}


def test_the_files_are_those_that_the_manifest_names(compiled, tmp_path):
    paths = write_compiled(compiled(), tmp_path / "new" / "folder")
    assert {path.name for path in paths} == FILES == set(os.listdir(tmp_path / "new" / "folder"))
    manifest = json.loads(paths[-1].read_text())
    named = {*manifest["image"]["files"].values()}
    for part in manifest["test_vector"].values():
        named |= {part["bin"], part["npy"]}
    assert named == FILES - {"manifest.json"}


def test_every_format_holds_the_same_bytes(compiled, tmp_path):
    made = compiled(base=0x10_0000)
    write_compiled(made, tmp_path)
    for suffix in ("bin", "hex", "mem"):
        assert read_image(tmp_path / f"image.{suffix}") == made.data


def test_the_test_vector_is_there_as_bytes_and_as_arrays(compiled):
    made = compiled()
    found = compiled_files(made)
    arrays = [np.load(io.BytesIO(found[f"{name}.npy"])) for name in ("input", "expected")]
    assert (arrays[0] == made.x).all() and (arrays[1] == made.h).all()
    assert found["expected.bin"] == arrays[1].tobytes()
    padded = np.frombuffer(found["input.bin"], np.int8).reshape(2, 3, 8)
    assert (padded[:, :, :5] == made.x).all() and not padded[:, :, 5:].any()


def test_another_process_makes_the_same_bytes(compiled, tmp_path):
    text = (
        "from pathlib import Path; from hw.config import CONFIGS;"
        "from sim.explore.compiling.made import Wanted, compile_integer;"
        "from sim.explore.compiling.writing import write_compiled;"
        "from sim.model.random_network import random_network;"
        "network = random_network((5, 6, 7), seed=1, bidirectional=True, initial=True);"
        "wanted = Wanted(config=CONFIGS['tiny'], steps=3, sequences=2);"
        "write_compiled(compile_integer(network, wanted), Path())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=environment, check=True)
    for name, content in compiled_files(compiled()).items():
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize("name", ["", "Image", "a-b", "../a", "1a", "a" * 41])
def test_a_name_that_is_none_in_c_is_refused(compiled, tmp_path, name):
    with pytest.raises(NetworkError, match=r"^the image's name must be lower-case letters"):
        write_compiled(compiled(), tmp_path, name)
    assert not os.listdir(tmp_path)
