"""``refrain run --backend board``, over a simulated line."""

import numpy as np
import pytest

from boards.memory import BlockMemory, BlockStorage
from boards.uart.system import UartSystem
from hw.accelerator import Accelerator
from hw.config import CONFIGS, Config
from sim.explore.boards import backend as board_backend
from sim.rtl.board_uart import UartBoard

MACHINE = Config(
    name="speech",
    lanes=8,
    bus_width=64,
    max_input=16,
    max_hidden=16,
    weight_words=64,
    stream_words=16,
    cell_lanes=1,
    burst_beats=4,
    bursts_in_flight=2,
)
ON_BOARD = ["--backend", "board", "--board", "ulx3s-85f", "--port", "COM7"]


@pytest.fixture(scope="module")
def plugged_in():
    """A small machine with 4 KiB of memory on a simulated line."""
    system = UartSystem(Accelerator(MACHINE), BlockMemory(BlockStorage(512, 64)), 8)
    return UartBoard(system, clock_hz=50e6)


@pytest.fixture
def line(plugged_in, monkeypatch):
    """Stands for the serial port of a ULX3S whose usual machine is this one."""
    opened = []

    def open_line(port, baud):
        opened.append((port, baud))
        plugged_in.restart()
        return plugged_in

    monkeypatch.setattr(board_backend, "SerialLine", open_line)
    monkeypatch.setitem(CONFIGS, "speech", MACHINE)
    return opened


@pytest.fixture
def long_x(tmp_path):
    """Input of ``net``, 300 steps: more than the memory holds."""
    path = tmp_path / "long.npy"
    np.save(path, np.random.default_rng(0).normal(size=(1, 300, 3)).astype(np.float32))
    return path


@pytest.mark.parametrize("modes", [[], ["--mode", "delta"]])
def test_a_board_gives_the_models_outputs(refrain, net, long_x, line, tmp_path, modes):
    outputs = []
    for options in (ON_BOARD, ["--config", "speech"]):
        h = tmp_path / "h.npy"
        status, _, err = refrain("run", net, "--input", long_x, "--output", h, *options, *modes)
        assert (status, err) == (0, "")
        outputs.append(np.load(h))
    assert np.array_equal(*outputs)
    assert line == [("COM7", 2_000_000)]


def test_a_short_run_in_modes_is_the_models(refrain, net, line, tmp_path):
    x, h = tmp_path / "x.npy", tmp_path / "h.npy"
    np.save(x, np.random.default_rng(0).normal(size=(1, 20, 3)).astype(np.float32))
    outputs = []
    for options in (ON_BOARD, ["--config", "speech"]):
        delta = ["--mode", "delta", "--threshold-x", 3]
        assert refrain("run", net, "--input", x, "--output", h, *delta, *options)[0] == 0
        outputs.append(np.load(h))
    assert np.array_equal(*outputs)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--backend", "board", "--port", "COM7"],
            "the backend board needs --board, one of those of refrain boards",
        ),
        (
            ["--backend", "board", "--board", "ulx3s-85f"],
            "the backend board needs --port, the serial port of the board",
        ),
        (["--board", "ulx3s-85f"], "--board and --port are for the backend board, not model"),
        (
            ["--backend", "board", "--board", "icebreaker", "--port", "COM7"],
            "no machine fits into icebreaker, so it runs no network",
        ),
        ([*ON_BOARD, "--config", "edge"], "the machine on ulx3s-85f is not edge: it has "),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(refused, net, long_x, line, options, sentence):
    said = refused("run", net, "--input", long_x, *options)
    assert said.startswith(sentence)


def test_an_unknown_board_is_refused(refused, net, long_x):
    options = ["--backend", "board", "--board", "ulx", "--port", "COM7"]
    sentence = refused("run", net, "--input", long_x, *options)
    assert sentence.startswith("there is no board 'ulx'; the boards are arty-z7-20, ")


def test_a_port_that_is_not_there_is_refused(refused, net, long_x):
    options = ["--backend", "board", "--board", "ulx3s-85f", "--port", "no-port"]
    sentence = refused("run", net, "--input", long_x, *options)
    assert sentence.startswith("the serial port no-port cannot be opened: ")
