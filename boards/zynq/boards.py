"""Boards with a Zynq-7000: the processor is the host, its DRAM the machine's memory."""

from dataclasses import replace
from functools import partial

from amaranth_boards.arty_z7 import ArtyZ720Platform
from amaranth_boards.cora_z7 import CoraZ7_07SPlatform, CoraZ7_10Platform
from amaranth_boards.microzed_z010 import MicroZedZ010Platform
from amaranth_boards.microzed_z020 import MicroZedZ020Platform

from boards.board import Board, Plan
from boards.xilinx import TOOLCHAINS, add_constraints, xilinx_plan, xilinx_platform
from boards.zynq.axi3 import LONGEST_BURST
from boards.zynq.system import ZynqSystem, ZynqTop
from hw.config import Config, ConfigError

__all__ = ["BOARDS"]

_BUS_WIDTH = 64
"""Bits of S_AXI_HP0."""


def _fit(config: Config) -> Config:
    """Bursts and bus of the DRAM port."""
    beats = min(config.burst_beats, LONGEST_BURST)
    return replace(config, bus_width=_BUS_WIDTH, burst_beats=beats)


def _plan(platform, board: Board, config: Config | None, toolchain: str) -> Plan:
    if config is None:
        raise ConfigError(f"{board.name} has no line to try, so it is not built without a machine")
    chosen = xilinx_platform(platform, toolchain, board.clock_mhz)
    add_constraints(chosen, toolchain, "zynq.xdc", period=f"{1000 / board.clock_mhz:.3f}")
    top = ZynqTop(ZynqSystem(board.machine(config), config.burst_beats))
    # The loader of Linux and the first-stage boot loader take a plain binary; openFPGALoader takes
    # the same file that Vivado's hardware manager does.
    return xilinx_plan(chosen, top, toolchain)


def _board(
    name: str,
    title: str,
    part: str,
    platform,
    config: str,
    flash: tuple,
    toolchains: tuple[str, ...] = TOOLCHAINS,
) -> Board:
    return Board(
        name=name,
        title=title,
        part=part,
        host="zynq",
        config=config,
        clock_mhz=100.0,
        memory_kib=0,
        baud=0,
        toolchains=toolchains,
        flash=flash,
        fit=_fit,
        plan=partial(_plan, platform),
    )


_DIGILENT = ("--cable", "digilent")

BOARDS = (
    _board(
        *("arty-z7-20", "Digilent Arty Z7-20, PYNQ-Z1", "XC7Z020"),
        *(ArtyZ720Platform, "edge", ("--board", "arty_z7_20")),
    ),
    _board(
        *("microzed-7020", "Avnet MicroZed 7Z020", "XC7Z020"),
        *(MicroZedZ020Platform, "edge", ("--cable", "digilent_hs2")),
    ),
    _board(
        *("microzed-7010", "Avnet MicroZed 7Z010", "XC7Z010"),
        *(MicroZedZ010Platform, "tiny", ("--cable", "digilent_hs2")),
    ),
    _board(
        *("cora-z7-10", "Digilent Cora Z7-10", "XC7Z010"),
        *(CoraZ7_10Platform, "tiny", _DIGILENT),
    ),
    _board(
        *("cora-z7-07s", "Digilent Cora Z7-07S", "XC7Z007S"),
        *(CoraZ7_07SPlatform, "tiny", _DIGILENT),
        # Project X-Ray's database has no such part.
        toolchains=TOOLCHAINS[:1],
    ),
)
