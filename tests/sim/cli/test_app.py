import importlib.metadata
import os
import subprocess
import sys

import pytest

from hw.errors import UserError
from sim.cli import app
from sim.cli.table import COMMANDS, Entry
from sim.explore.machine_files import config_text
from sim.explore.machines import find_config

SLOW = {
    *("matplotlib", "onnx", "onnxruntime", "optuna", "safetensors", "scipy"),
    *(
        "amaranth_boards",
        "boards.board",
        "boards.driver",
        "hw.accelerator",
        "sim.rtl",
        "sim.workloads",
    ),
}
"""What takes time to load, and a small run on the model does without."""


def _loaded(*arguments):
    """Modules that a command line loads, in a process of its own."""
    program = (
        "import sys; from sim.cli.app import run; status = run(sys.argv[1:]);"
        "print(status, *sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, *modules = done.stderr.split()
    assert status == "0"
    return set(modules)


def test_help_loads_no_command_and_no_package_that_only_commands_need():
    loaded = _loaded("--help")
    assert not loaded & {*SLOW, "numpy", "amaranth", "tflite"}
    assert not loaded & {entry.module for entry in COMMANDS.values()}


def test_a_run_of_a_tflite_file_loads_what_it_needs(net, x):
    loaded = _loaded("run", net, "--input", x)
    assert loaded >= {"numpy", "tflite", "sim.cli.run"}
    assert not loaded & SLOW
    others = {entry.module for entry in COMMANDS.values()} - {"sim.cli.run"}
    assert not loaded & others


def test_a_configuration_of_a_file_loads_no_more(net, x, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(config_text(find_config("edge", ["multiplier=drum:4"])))
    loaded = _loaded("run", net, "--input", x, "--config", path, "--set", "lanes=64")
    assert loaded >= {"tomllib", "sim.explore.machine_files"} and not loaded & SLOW
    assert "sim.explore.multipliers.importing" not in loaded


def test_no_argument_is_a_question_for_help(refrain):
    assert refrain() == refrain("--help")
    status, out, _ = refrain()
    assert status == 0
    for name, entry in COMMANDS.items():
        assert name in out and entry.help in out
    for panel in {entry.panel for entry in COMMANDS.values()}:
        assert f"─ {panel} ─" in out


def test_options_stand_in_their_panels(refrain):
    _, out, _ = refrain("run", "--help")
    panels = [line.split("─ ")[1].split(" ─")[0] for line in out.splitlines() if "╭" in line]
    assert panels == [
        *("Arguments", "Options", "Board", "Arithmetic", "Trace", "Energy", "Modes of the steps"),
    ]
    assert "NAME[:NUMBERS]" in out


def test_the_version_is_that_of_the_package(refrain):
    assert refrain("--version") == (0, f"refrain {importlib.metadata.version('refrain')}\n", "")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["quantise"], "No such command 'quantise'. Did you mean 'quantize'?"),
        (["workload", "fetsh"], "No such command 'fetsh'. Did you mean 'fetch'?"),
        (["run", "n", "--inptu", "x"], "No such option: --inptu (Possible options: --input, "),
    ],
)
def test_the_nearest_name_is_suggested(refused, arguments, sentence):
    assert refused(*arguments).startswith(sentence)


def test_the_nearest_file_is_suggested(refused, net, x):
    wanted = net.with_name("nett.tflite")
    reason = "cannot be read: No such file or directory"
    assert refused("run", wanted, "--input", x) == f"{wanted} {reason}; did you mean {net}?"
    wanted = x.with_name("xx.npy")
    assert refused("run", net, "--input", wanted) == f"{wanted} {reason}; did you mean {x}?"


@pytest.mark.parametrize(
    "words, offered",
    [("refrain qua", "quantize"), ("refrain run --threshold-", "--threshold-x\n--threshold-h")],
)
def test_a_shell_completes_commands_and_options(words, offered):
    program = "from sim.cli.main import main; main()"
    asked = {"_REFRAIN_COMPLETE": "complete_bash", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split()) - 1)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **asked},
        check=True,
    )
    assert done.stdout.strip() == offered


def test_what_a_user_can_mend_is_one_sentence(refused, monkeypatch):
    def fail():
        raise UserError("mend this")

    monkeypatch.setattr("sim.cli.configs.configs", fail)
    assert refused("configs") == "mend this"


def test_a_package_that_is_not_installed_is_no_sentence(refrain, monkeypatch):
    gone = Entry(help="", panel="", module="sim.cli.gone", attribute="gone", example="")
    monkeypatch.setitem(app.app.commands, "gone", app.Deferred("gone", gone))
    with pytest.raises(ModuleNotFoundError):
        refrain("gone")
