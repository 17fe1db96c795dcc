from dataclasses import replace

import pytest

from boards.catalogue import BOARDS
from boards.errors import BoardError
from boards.zynq.system import ZynqSystem
from hw.accelerator import Accelerator
from hw.config import CONFIGS, ConfigError
from hw.multipliers.dsp_pair import DspPair
from sim.explore.bench.synthesis import xilinx_cells
from sim.explore.boards.frames import board_config, board_rows, flash, line_ms, make_board_backend


def test_every_board_has_a_row():
    rows = board_rows()
    assert [row["name"] for row in rows] == list(BOARDS)
    assert {row["config"] for row in rows} <= {*CONFIGS, "none fits"}
    memories = {row["name"]: row["memory"] for row in rows}
    assert memories["arty-a7-35"] == "64 KiB, or 256 MiB: ddr3"
    assert memories["icebreaker"] == "128 KiB"
    assert memories["cora-z7-10"] == "DRAM"


def test_a_board_has_a_configuration_that_can_be_changed_or_left_out():
    board = BOARDS["ulx3s-85f"]
    assert board_config(board, None, bare=False) == CONFIGS["speech"]
    assert board_config(board, "tiny", bare=False) == CONFIGS["tiny"]
    paired = board_config(board, None, bare=False, multiplier="dsp-pair")
    assert paired == replace(CONFIGS["speech"], multiplier=DspPair())
    assert board_config(board, None, bare=True) is None
    assert board_config(BOARDS["icebreaker"], None, bare=False) is None


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.config])
def test_every_configuration_fits_the_boards_bus_and_clock(name):
    board = BOARDS[name]
    config = board.fitted(CONFIGS[board.config])
    assert config.clock_mhz == board.clock_mhz
    if board.host == "zynq":
        assert config.bus_width == 64
        assert config.burst_beats <= 16


def test_a_frame_of_speech_is_milliseconds_on_a_line():
    # 128 bytes each way, their states, and some registers: about 2 kB of ten bits.
    assert 5 < line_ms(BOARDS["ulx3s-85f"], 128, 128) < 12


def test_a_port_that_is_not_there_is_named():
    with pytest.raises(BoardError) as refusal:
        make_board_backend("/dev/none", "ulx3s-85f")
    assert str(refusal.value).startswith("the serial port /dev/none cannot be opened: ")
    with pytest.raises(ConfigError) as refusal:
        make_board_backend("/dev/none", "icebreaker")
    assert str(refusal.value) == "no machine fits into icebreaker, so it runs no network"


def test_flashing_begins_with_a_bitstream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BoardError) as refusal:
        flash("icebreaker", None, False)
    assert str(refusal.value) == (
        "build/icebreaker/top.bit is not there; refrain build icebreaker makes it"
    )


@pytest.mark.slow
def test_edge_leaves_room_in_an_xc7z020():
    # DS190, table 1: 53,200 LUTs, 220 DSP48E1, 140 blocks of 36 kbit.
    config = BOARDS["arty-z7-20"].fitted(CONFIGS["edge"])
    cells = xilinx_cells(ZynqSystem(Accelerator(config), config.burst_beats))
    assert cells["lut"] <= 0.6 * 53_200
    assert cells["dsp"] <= 130
    assert cells["bram"] <= 140
