"""``refrain compile``: what it writes, and what it refuses in a sentence."""

import json
import os

import numpy as np
import pytest

from sim.image.modes import LayerModes, Modes


def compiled(refrain, *arguments):
    status, out, err = refrain("compile", *arguments)
    assert status == 0, err
    return out


def test_it_writes_a_folder_and_says_what_a_host_must_know(refrain, net, tmp_path):
    out = compiled(refrain, net, "--config", "tiny", "-o", tmp_path / "out")
    for name in ("image.bin", "image.h", "manifest.json", "expected.npy"):
        assert (tmp_path / "out" / name).is_file()
        assert name in out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert f"{manifest['expected_cycles']['cycles']:,}" in out
    assert manifest["network"] == "net.tflite"
    assert (manifest["steps"], manifest["sequences"]) == (16, 1)
    window = manifest["output_window"]
    assert f"0x{window['base']:08x} to 0x{window['limit']:08x}" in out


def test_expected_outputs_are_those_of_a_run(refrain, net, x, tmp_path):
    settings = tmp_path / "settings.json"
    settings.write_text(Modes.of(LayerModes(mode="delta", x_threshold=9)).to_json())
    compiled(refrain, net, "--input", x, "--settings", settings, "-o", tmp_path / "out")
    arguments = ("--input", x, "--settings", settings, "--output", tmp_path / "h.npy")
    report = tmp_path / "report.json"
    assert refrain("run", net, *arguments, "--json", report)[0] == 0
    assert (np.load(tmp_path / "out" / "expected.npy") == np.load(tmp_path / "h.npy")).all()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["expected_cycles"]["cycles"] == json.loads(report.read_text())["cycles"]
    assert manifest["layers"][0]["settings"] == {"mode": "delta", "x_threshold": 9}


def test_length_base_name_and_json(refrain, net, tmp_path):
    options = ("--steps", 3, "--sequences", 2, "--base", "0x10000", "--name", "net")
    where = ("-o", tmp_path / "out", "--json", tmp_path / "made.json")
    compiled(refrain, net, "--config", "tiny", *options, *where)
    text = (tmp_path / "out" / "manifest.json").read_text()
    manifest = json.loads(text)
    assert json.loads((tmp_path / "made.json").read_text()) == manifest
    assert (manifest["steps"], manifest["sequences"]) == (3, 2)
    assert manifest["image"]["base"] == manifest["descriptors"]["address"] == 0x10000
    assert "#define NET_BASE 0x00010000u" in (tmp_path / "out" / "net.h").read_text()


def test_a_board_decides_the_width_of_the_bus(refrain, net, tmp_path):
    compiled(refrain, net, "--board", "arty-z7-20", "-o", tmp_path / "out")
    configuration = json.loads((tmp_path / "out" / "manifest.json").read_text())["configuration"]
    assert (configuration["name"], configuration["bus_width"]) == ("edge", 64)
    assert configuration["burst_beats"] == 16
    compiled(refrain, net, "--board", "arty-z7-20", "--config", "small", "-o", tmp_path / "out")
    configuration = json.loads((tmp_path / "out" / "manifest.json").read_text())["configuration"]
    assert configuration["name"] == "small"


def test_a_model_in_floating_point_is_quantised(refrain, onnx_lstm, tmp_path):
    samples = tmp_path / "samples.npy"
    np.save(samples, np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32))
    path = onnx_lstm()
    compiled(refrain, path, "--calibration", samples, "--network-bits", 4, "-o", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["layers"][0]["weight_bits"] == 4


def test_other_files_of_the_folder_stay_and_a_second_time_is_the_same(refrain, net, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    compiled(refrain, net, "-o", tmp_path / "out")
    names = sorted(os.listdir(tmp_path / "out"))
    first = [(tmp_path / "out" / name).read_bytes() for name in names]
    compiled(refrain, net, "-o", tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == names and "mine.txt" in names
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == first


def test_inspect_tells_what_was_compiled(refrain, net, tmp_path):
    compiled(refrain, net, "--config", "tiny", "-o", tmp_path)
    status, out, _ = refrain("inspect", tmp_path / "manifest.json")
    assert status == 0
    assert "net.tflite for the configuration tiny" in out and "output window" in out
    assert "image.bin beside it is the image that it describes" in out
    status, out, _ = refrain("inspect", tmp_path / "image.bin", "--json", tmp_path / "told.json")
    assert status == 0 and "an image of 1 layer descriptors" in out
    assert json.loads((tmp_path / "told.json").read_text())["bytes"] == 576


@pytest.mark.parametrize(
    "options, sentence",
    [
        (("--base", "here"), "--base must be an address such as 0x10000000, not here"),
        (("--base", "0x20"), "the base must be a multiple of 64, not 0x20"),
        (("--name", "My-Net"), "the image's name must be lower-case letters, digits and _"),
        (("--steps", 0), "there must be at least one of the steps, not 0"),
        (("--config", "huge"), "there is no configuration huge"),
        (("--board", "none"), "there is no board 'none'"),
        (("--board", "icebreaker"), "has no usual configuration: name one with --config"),
        (("--node", "a"), "is one network, so --node does nothing"),
        (("--settings", "none.json"), "none.json cannot be read"),
        (("--input", "none.npy"), "none.npy cannot be read"),
        (("--calibration", "none.npy"), "none.npy cannot be read"),
        (("--latency", 0), "the memory's latency must be at least 1 cycle, not 0"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    refused, net, tmp_path, options, sentence
):
    assert sentence in refused("compile", net, "-o", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(refused, net, tmp_path):
    (tmp_path / "file").write_text("")
    assert "is not a folder" in refused("compile", net, "-o", tmp_path / "file" / "out")
    (tmp_path / "out" / "image.h").mkdir(parents=True)
    assert "image.h cannot be written: it is a folder" in refused(
        "compile", net, "-o", tmp_path / "out"
    )
    assert os.listdir(tmp_path / "out") == ["image.h"]


def test_another_file_is_no_image(refused, tmp_path):
    (tmp_path / "a.json").write_text("{}")
    assert "is not a manifest" in refused("inspect", tmp_path / "a.json")
