"""The command that measures."""

import json

import pytest

from sim.cli import bench
from sim.cli.app import run


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tiny"], "a configuration is for --timing and --synth; give one of them"),
        (["--set", "lanes=8"], "a configuration is for --timing and --synth; give one of them"),
        (["--synth", "--family", "xc7"], "--family is for --timing; give that too"),
        (["--timing", "--family", "xc6"], "the family must be one of xc7, ecp5, not xc6"),
        (["--timing", "larger"], "there is no configuration larger; the configurations are "),
    ],
)
def test_a_measurement_that_cannot_be_is_refused(capsys, arguments, sentence):
    assert run(["bench", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"refrain: {sentence}")


def test_what_limits_a_clock_is_printed_and_written(capsys, monkeypatch, tmp_path):
    asked = []

    def measure(config, families, say):
        asked.append((config.name, config.max_hidden, families))
        return {"xc7": [{"levels": 7}], "xc7_ends": [{"levels": 7, "end": "engine.at"}]}

    monkeypatch.setattr(bench, "bench_timing", measure)
    arguments = ["tiny", "--set", "max_hidden=32", "--family", "xc7"]
    assert run(["bench", "--timing", *arguments, "--json", str(tmp_path / "t.json")]) == 0
    assert asked == [("tiny", 32, ["xc7"])]
    assert "engine.at" in capsys.readouterr().out
    assert json.loads((tmp_path / "t.json").read_text())["xc7"] == [{"levels": 7}]
