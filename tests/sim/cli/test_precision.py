"""Precision and multipliers on the command line."""

import json

import numpy as np
import pytest

from sim.networks.container import read_container
from sim.networks.tflite.reader import read_tflite


@pytest.fixture
def samples(tmp_path):
    """Samples of ``model``: 4 sequences of 12 steps."""
    path = tmp_path / "samples.npy"
    np.save(path, np.random.default_rng(2).normal(size=(4, 12, 3)).astype(np.float32))
    return path


def test_weights_of_four_bits_are_written_and_lose_accuracy(refrain, model, samples, tmp_path):
    found = {}
    for bits in (8, 6, 4):
        out, figures = tmp_path / f"{bits}.tflite", tmp_path / f"{bits}.json"
        options = ["--calibration", samples, "-o", out, "--weight-bits", bits, "--json", figures]
        assert refrain("quantize", model, *options)[0] == 0
        direction = read_tflite(out).layers[0].directions[0]
        largest = max(np.abs(direction.W).max(), np.abs(direction.R).max())
        assert 1 << bits - 2 <= largest < 1 << bits - 1
        found[bits] = json.loads(figures.read_text())["sqnr_db"]
    assert found[8] > found[4] + 5 and found[6] > found[4] + 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--activation-bits", 6],
            "a .tflite file holds activations of 8 or 16 bits, and x of layer 0 has 6; a .refrain "
            "file holds it: -o out.refrain",
        ),
        (["--weight-bits", 9], "weights must have 2 to 8 bits, not 9"),
        (["--activation-bits", 12], "activations must have 4 to 8 bits, or 16, not 12"),
        (
            ["--budget", "1kB", "--weight-bits", 4],
            "--budget chooses the bits of weights; leave out --weight-bits",
        ),
        (
            ["--budget", "much"],
            "the budget must be bytes, as 120kB, 64KiB or 123456, or a signal-to-noise ratio, as "
            "40dB, not 'much'",
        ),
    ],
)
def test_precisions_that_cannot_be_are_refused(
    refused, model, samples, tmp_path, options, sentence
):
    fixed = ["--calibration", samples, "-o", tmp_path / "out.tflite"]
    assert refused("quantize", model, *fixed, *options) == sentence
    assert not (tmp_path / "out.tflite").exists()


@pytest.mark.parametrize("suffix", [".tflite", ".refrain"])
def test_bits_within_a_budget_are_told_written_and_run(refrain, model, samples, tmp_path, suffix):
    out, figures = tmp_path / f"net{suffix}", tmp_path / "figures.json"
    options = ["--calibration", samples, "-o", out, "--json", figures]
    assert refrain("quantize", model, *options)[0] == 0
    plain = json.loads(figures.read_text())
    assert "weights" not in plain
    wanted = plain["sqnr_db"] - 6
    status, text, _ = refrain("quantize", model, *options, "--budget", f"{wanted:.2f}dB")
    assert status == 0 and "bits of weights" in text
    found = json.loads(figures.read_text())
    assert found["sqnr_db"] >= wanted
    assert [(row["layer"], row["part"]) for row in found["weights"]] == [
        (name, part) for name in dict.fromkeys(row["layer"] for row in found["weights"])
        for part in "WR"
    ]  # fmt: skip
    taken = sum(row["bytes"] for row in found["weights"])
    most = sum(row["bytes_8_bits"] for row in found["weights"])
    assert taken < most and f"weights: {taken:,} bytes, of {most:,} with 8 bits each" in text
    report = tmp_path / "report.json"
    assert refrain("run", out, "--input", samples, "--report", report, "--config", "small")[0] == 0
    bits = {row["bits"] for row in found["weights"]}
    assert set(json.loads(report.read_text())["weight_bits"]) <= bits


def test_a_run_quantises_to_the_widths_of_the_machine(refrain, model, samples, tmp_path):
    codes = {}
    for bits in (8, 5):
        out = tmp_path / f"{bits}.npy"
        options = ["--input", samples, "--output", out, "--config", "small"]
        options += ["--activation-bits", bits, "--weight-bits", 4]
        assert refrain("run", model, *options)[0] == 0
        codes[bits] = np.load(out)
        assert np.abs(codes[bits].astype(int)).max() <= 1 << bits - 1
    assert np.ptp(codes[8].astype(int)) > 127 and np.ptp(codes[5]) > 15


def test_a_network_of_four_bits_in_a_machine_of_eight_moves_half_the_bytes(
    refrain, model, samples, tmp_path
):
    figures = {}
    for bits in (8, 4):
        out, own = tmp_path / f"{bits}.npy", tmp_path / f"{bits}.json"
        options = ["--input", samples, "--config", "small", "--output", out, "--report", own]
        assert refrain("run", model, *options, "--network-bits", bits)[0] == 0
        figures[bits] = json.loads(own.read_text())
        assert figures[bits]["weight_bits"] == [bits]
    net = tmp_path / "net.tflite"
    fixed = ["--calibration", samples, "-o", net, "--weight-bits", 4]
    assert refrain("quantize", model, *fixed)[0] == 0
    options = ["--input", samples, "--config", "small", "--output", tmp_path / "same.npy"]
    assert refrain("run", net, *options)[0] == 0
    assert np.array_equal(np.load(tmp_path / "same.npy"), np.load(tmp_path / "4.npy"))
    loaded = [figures[bits]["dram_read_bytes"] for bits in (8, 4)]
    # A block of 8 units; 11 columns of 32 bytes and of 16.
    assert loaded[0] - loaded[1] == 11 * 16


def test_bits_that_the_machine_lacks_are_refused(refused, model, samples):
    for command in (["run", model, "--input", samples], ["tune", model, "--data", samples]):
        options = ["--metric", "sqnr", "--budget", "30dB"] if command[0] == "tune" else []
        assert refused(*command, *options, "--network-bits", 9) == (
            "the network's weights must have at most the 8 bits of configuration edge, not 9"
        )
    options = ["--input", samples, "--weight-bits", 4, "--network-bits", 6]
    assert refused("run", model, *options) == (
        "the network's weights must have at most the 4 bits of configuration edge, not 6"
    )
    assert refused("run", model, "--input", samples, "--network-bits", 1) == (
        "weights must have 2 to 8 bits, not 1"
    )


def test_a_network_of_other_widths_is_refused(refused, net, x):
    assert refused("run", net, "--input", x, "--activation-bits", 6) == (
        "x of layer 0 has codes of 8 bits, and configuration edge takes codes of 6: quantise the "
        "network with --activation-bits 6, or make the machine with --activation-bits 8"
    )
    assert refused("run", net, "--input", x, "--weight-bits", 4) == (
        "W of layer 0 has weights up to ±127, and those of configuration edge have 4 bits, up to "
        "±7: quantise the network with --weight-bits 4"
    )
    assert refused("run", net, "--input", x, "--weight-bits", 5) == (
        "bus_width must divide 320, what 64 lanes of 5-bit weights use per cycle, not 128"
    )


def test_scales_of_rows_are_written_and_run(refrain, model, samples, tmp_path):
    made, direct, kept = tmp_path / "q.refrain", tmp_path / "a.npy", tmp_path / "b.npy"
    options = ["--calibration", samples, "-o", made, "--row-scales", "--weight-bits", 4]
    assert refrain("quantize", model, *options)[0] == 0
    (part,) = read_container(made)
    assert part.network.layers[0].directions[0].by_row
    machine = ["--config", "tiny", "--row-scales", "--input", samples]
    assert refrain("run", made, *machine, "--output", kept)[0] == 0
    options = [*machine, "--network-bits", 4, "--output", direct]
    assert refrain("run", model, *options)[0] == 0
    assert np.array_equal(np.load(direct), np.load(kept))


def test_scales_of_rows_are_refused_where_nothing_holds_them(
    refrain, refused, model, samples, tmp_path
):
    options = ["--calibration", samples, "--row-scales", "-o"]
    out = tmp_path / "out.tflite"
    assert refused("quantize", model, *options, out) == (
        f"{out} cannot hold scales of rows, as a .tflite LSTM operator has one for each gate; "
        f"write them with -o out.refrain"
    )
    assert not out.exists()
    made = tmp_path / "q.refrain"
    assert refrain("quantize", model, *options, made)[0] == 0
    assert refused("run", made, "--config", "tiny", "--input", samples) == (
        "layer 0 has scales for each row of weights, and configuration tiny has gates for scales "
        "by gate alone; give it those with --row-scales"
    )


@pytest.mark.parametrize("config", [[], ["--config", "small"]])
def test_boards_have_no_gates_for_scales_of_rows(refused, model, samples, config):
    options = [*config, "--row-scales", "--input", samples, "--backend", "board"]
    assert refused("run", model, *options) == (
        "boards are built without gates for scales of rows: leave --row-scales out, or run with "
        "--backend model or rtl"
    )
