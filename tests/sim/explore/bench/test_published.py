"""Published networks: what the table says of one that runs, of one that does not, and of all."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from sim.explore.bench import published
from sim.explore.bench.published import format_rows, published_markdown, published_rows
from sim.networks.network import NetworkError
from sim.workloads.packages import Member
from sim.workloads.published import inputs
from sim.workloads.published.catalogue import PUBLISHED, Published

MEMBER = Member(package="some-package", version="1.0", path="net.onnx", sha256="")


def lstm_file(path):
    """An ONNX file with one LSTM of 4 inputs and 6 units."""
    rng = np.random.default_rng(0)
    shapes = {"W": (1, 24, 4), "R": (1, 24, 6)}
    arrays = [
        numpy_helper.from_array(rng.normal(0, 0.5, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    node = helper.make_node("LSTM", ["x", "W", "R"], ["y"], hidden_size=6)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["time", "batch", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "net", [x], [y], arrays)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)
    return path


def some(make):
    return Published(name="some", what="an LSTM", member=MEMBER, make=make)


def test_a_network_that_runs_is_near_to_floating_point_and_keeps_its_bits(tmp_path, monkeypatch):
    path = lstm_file(tmp_path / "net.onnx")
    monkeypatch.setattr(published, "fetch", lambda member: path)
    x = np.random.default_rng(1).normal(0, 0.1, (20, 2, 4)).cumsum(axis=0).astype(np.float32)
    (row,) = published_rows([some(lambda: {"x": x})])
    assert row["lstm"] == "4 -> 6" and row["package"] == "some-package 1.0"
    assert float(row["agreement"].removesuffix(" dB")) > 30
    assert row["exact"] is True and 0 < row["macs_avoided"] < 1
    text = published_markdown([row])
    assert f"| `some` | an LSTM | 4 -> 6 | {row['agreement']} |" in text
    ratios = {name: each["lstm_sqnr_db"] for name, each in row["formats"].items()}
    narrow, wide = ratios["8 bits, scales of rows"], ratios["16x8, scales of rows"]
    assert wide > max(narrow + 6, ratios["16x8"]) and narrow != row["lstm_sqnr_db"]
    assert "| network | 8 bits | 8 bits, scales of rows | 16x8 | 16x8, scales of rows |" in text
    (line,) = format_rows([row])
    assert f"| `some` | {' | '.join(list(line.values())[1:])} |\n" in text
    assert line["16x8"] == f"{row['formats']['16x8']['agreement']}; {ratios['16x8']:.1f} dB"


def test_a_network_that_does_not_run_says_why(tmp_path, monkeypatch):
    def refuse(path):
        raise NetworkError("net.onnx has GRU nodes")

    monkeypatch.setattr(published, "fetch", lambda member: tmp_path)
    monkeypatch.setattr(published, "load_network", refuse)
    (row,) = published_rows([some(dict)])
    assert row["refused"] == "net.onnx has GRU nodes" and row["exact"] is None
    text = published_markdown([row])
    assert "refused: net.onnx has GRU nodes" in text
    assert format_rows([row]) == [] and "16x8" not in text


@pytest.mark.parametrize("shape", [(64, 160, 1), (32, 100, 3)])
def test_words_are_pictures_that_differ(shape):
    height, width, channels = shape
    pictures = inputs.words(3, height, width, channels)
    assert pictures.shape == (3, channels, height, width) and pictures.dtype == np.float32
    assert np.abs(pictures).max() <= 1
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.05


def test_calls_of_sound_stand_behind_each_other():
    samples = np.arange(2048, dtype=np.float32)
    chunks = inputs.chunks(samples, 3)
    assert chunks.shape == (3, 1, 576)
    assert (chunks[1, 0, :64] == chunks[0, 0, -64:]).all()
    assert inputs.magnitudes(samples, 4).shape == (4, 257)


def test_brain_waves_are_normalised_in_every_bin():
    spectra = inputs.brain_waves(1, seconds=80)
    assert spectra.shape == (1, 100, 159)
    assert np.abs(spectra.mean(axis=2)).max() < 1e-5
    np.testing.assert_allclose(spectra.std(axis=2), 1, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_runs_as_it_is_shipped(name):
    (row,) = published_rows([PUBLISHED[name]], formats={})
    assert not row["refused"] and row["exact"]
    # Classes may differ where two are nearly equal; the layers themselves must be near.
    assert row["lstm_sqnr_db"] > 28
