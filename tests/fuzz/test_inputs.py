"""Damaged arrays, settings and study files."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from sim.networks.container import Part, container_bytes
from sim.networks.tflite.reader import read_tflite


def _npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), **options)
    return buffer.getvalue()


def _npz(save, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


RNG = np.random.default_rng(0)
X = RNG.normal(size=(1, 2, 3)).astype(np.float32)
ARRAYS = [
    _npy(X),
    _npy(np.asfortranarray(X.astype(np.float64))),
    _npy(np.zeros((1, 2, 3), np.int8), version=(2, 0)),
    _npy(X[:, :1], version=(3, 0)),
    _npy(np.zeros((1, 2), [("a", "<f4"), ("b", "<i8")])),
    _npy(np.array([["a", "bc"]])),
]
ARCHIVES = [
    _npz(np.savez, x=X),
    _npz(np.savez_compressed, x=X, state=np.zeros((1, 2))),
    _npz(np.savez, x=X[:, :1], labels=np.arange(3), names=np.array(["a"])),
]


def _weights(hidden, inputs=3, prefix="", suffix="l0", **options):
    shapes = {"weight_ih": (4 * hidden, inputs), "weight_hh": (4 * hidden, hidden)}
    shapes |= {"bias_ih": (4 * hidden,), "bias_hh": (4 * hidden,)}
    return {
        f"{prefix}{name}_{suffix}": RNG.normal(0, 0.4, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


WEIGHTS = [
    save(_weights(2)),
    save({**_weights(1, prefix="lstm."), **_weights(1, 1, "lstm.", "l1")}),
    save(
        {
            name: each.astype(np.float16)
            for name, each in {**_weights(1), **_weights(1, suffix="l0_reverse")}.items()
        },
        metadata={"format": "pt"},
    ),
]


def test_damaged_safetensors_end_in_a_sentence(survives, command, tmp_path, count):
    np.save(tmp_path / "x.npy", X)
    path = tmp_path / "net.safetensors"
    run = command("run", path, "--input", tmp_path / "x.npy", "--config", "tiny")
    survives(run, path, WEIGHTS, count)


def test_damaged_tflite_files_end_in_a_sentence(survives, command, net, tmp_path, count):
    np.save(tmp_path / "x.npy", X)
    run = command("run", net, "--input", tmp_path / "x.npy", "--config", "tiny")
    survives(run, net, [net.read_bytes()], count)


PYTORCH = Path(__file__).parents[1] / "data" / "pytorch"
CHECKPOINTS = [
    (PYTORCH / name).read_bytes()
    for name in ("plain.pt", "legacy.pt", "protocol4.pt", "checkpoint.pt", "views.pt", "module.pt")
]


def test_damaged_pytorch_files_end_in_a_sentence(survives, command, tmp_path, count):
    np.save(tmp_path / "x.npy", X)
    path = tmp_path / "net.pt"
    run = command("run", path, "--input", tmp_path / "x.npy", "--config", "tiny")
    survives(run, path, CHECKPOINTS, count)


def test_damaged_refrain_files_end_in_a_sentence(survives, command, net, tmp_path, count):
    np.save(tmp_path / "x.npy", X)
    seeds = [container_bytes([Part(name="a", network=read_tflite(net))])]
    path = tmp_path / "net.refrain"
    run = command("run", path, "--input", tmp_path / "x.npy", "--config", "tiny")
    survives(run, path, seeds, count)


@pytest.fixture
def float_net(tmp_path):
    """A .safetensors file of one LSTM, 3 inputs and 2 hidden units."""
    path = tmp_path / "net.safetensors"
    path.write_bytes(WEIGHTS[0])
    return path


def test_damaged_arrays_for_floats_end_in_a_sentence(survives, command, float_net, tmp_path, count):
    path = tmp_path / "x.npy"
    survives(command("run", float_net, "--input", path, "--config", "tiny"), path, ARRAYS, count)


def test_damaged_arrays_end_in_a_sentence(survives, command, net, tmp_path, count):
    path = tmp_path / "x.npy"
    survives(command("run", net, "--input", path, "--config", "tiny"), path, ARRAYS, count)


def test_damaged_archives_end_in_a_sentence(survives, command, net, tmp_path, count):
    path = tmp_path / "x.npz"
    survives(command("run", net, "--input", path, "--config", "tiny"), path, ARCHIVES, count)


SETTINGS = [
    json.dumps({"layers": [{"mode": "delta", "x_threshold": 3, "normal_every": 8}]}).encode(),
    json.dumps(
        {
            "layers": [
                {"mode": "auto", "skip_threshold": 0.9, "delta_threshold": 0.5, "max_skips": 2},
            ],
            "notes": {"made_by": "refrain tune", "budget": "1se"},
        },
        indent=2,
    ).encode(),
    b'{"layers": [{"mode": "skip", "skip_threshold": 1e-3, "delta_level": "a"}]}',
    b"[" * 2000,
    b'{"a":' * 2000,
]


def test_damaged_settings_end_in_a_sentence(survives, command, net, tmp_path, count):
    np.save(tmp_path / "x.npy", X)
    path = tmp_path / "settings.json"
    run = command("run", net, "--input", tmp_path / "x.npy", "--config", "tiny", "--settings", path)
    survives(run, path, SETTINGS, count)
