import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from sim.cli import app
from sim.cli.main import main

COMMAND = [sys.executable, "-c", "from sim.cli.main import main; main()"]


def test_help_lists_the_commands():
    done = subprocess.run(COMMAND, capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("configs", "quantize", "run", "verilog", "demo", "bench"):
        assert f"│ {command} " in done.stdout


def test_a_refusal_is_one_sentence_and_status_2():
    done = subprocess.run([*COMMAND, "verilog", "huge", "-o", "."], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "refrain: there is no configuration huge; the configurations are tiny, speech, small, "
        "edge, chip, or name a .toml file\n"
    )


def test_interruption_ends_with_status_130(tmp_path, net):
    # The command waits for a writer of its input, so it is surely at work when the signal comes.
    pipe = tmp_path / "x.npy"
    os.mkfifo(pipe)
    output = tmp_path / "h.npy"
    command = [*COMMAND, "run", net, "--input", pipe, "--output", output]
    # What a shell runs in the background ignores Ctrl-C, and so would what a test there starts.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    with process, pipe.open("wb"):
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")
    assert not output.exists()


def test_a_reader_that_leaves_early_sees_no_traceback():
    shell = f"{' '.join(map(repr, COMMAND))} configs | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert done.stderr == ""


def test_programming_errors_are_not_hidden(monkeypatch):
    def fail(arguments):
        raise KeyError("a bug")

    monkeypatch.setattr(app, "run", fail)
    with pytest.raises(KeyError):
        main()


def test_warnings_are_for_programmers():
    code = "import warnings; from sim.cli import app, main; "
    code += "app.run = lambda given: warnings.warn('noise') or 0; main.main()"
    quiet, asked = (
        subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
        for options in ([], ["-W", "always"])
    )
    assert quiet.stderr == "" and "noise" in asked.stderr
