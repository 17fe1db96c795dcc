"""The Digilent Arty A7 with 35 and with 100 thousand cells."""

from functools import partial

from amaranth_boards.arty_a7 import ArtyA7_35Platform, ArtyA7_100Platform

from boards.board import Board, Dram, Plan, unchanged
from boards.clocks import XilinxClock
from boards.dram.ddr3 import Ddr3Clock, Ddr3Pins, ddr3_settings
from boards.dram.memory import dram_memory
from boards.uart.top import UartTop, uart_system
from boards.xilinx import TOOLCHAINS, add_constraints, xilinx_plan, xilinx_platform
from hw.config import Config, ConfigError

__all__ = ["BOARDS"]


def _plan(platform, board: Board, config: Config | None, toolchain: str) -> Plan:
    chosen = xilinx_platform(platform, toolchain, board.clock_mhz)
    add_constraints(chosen, toolchain, "uart.xdc")
    clock = XilinxClock("clk100", 100.0, board.clock_mhz)
    top = UartTop(uart_system(board, config), clock, (("led", 0), ""))
    return xilinx_plan(chosen, top, toolchain)


def _ddr3_plan(platform, board: Board, config: Config | None, toolchain: str) -> Plan:
    if toolchain != "Vivado":
        raise ConfigError(f"the ddr3 of {board.name} is built with Vivado, not {toolchain}")
    chosen, pins = xilinx_platform(platform, toolchain, board.clock_mhz), Ddr3Pins()
    add_constraints(chosen, toolchain, "uart.xdc")
    add_constraints(chosen, toolchain, "ddr3.xdc")
    memory = partial(dram_memory, ddr3_settings(board.clock_mhz), pins, chosen)
    system = uart_system(board, config, memory)
    top = UartTop(system, Ddr3Clock("clk100", pins), (("led", 0), ""))
    return xilinx_plan(chosen, top, toolchain)


def _board(name: str, part: str, flash: str, platform, config: str, memory_kib: int) -> Board:
    return Board(
        name=name,
        title=f"Digilent {name.replace('-', ' ').title()}T",
        part=part,
        host="uart",
        config=config,
        clock_mhz=100.0,
        memory_kib=memory_kib,
        baud=2_000_000,
        toolchains=TOOLCHAINS,
        flash=("--board", flash),
        fit=unchanged,
        plan=partial(_plan, platform),
        dram=Dram(name="ddr3", kib=256 * 1024, clock_mhz=100.0, plan=partial(_ddr3_plan, platform)),
    )


BOARDS = (
    _board("arty-a7-35", "XC7A35T", "arty_a7_35t", ArtyA7_35Platform, "tiny", 64),
    _board("arty-a7-100", "XC7A100T", "arty_a7_100t", ArtyA7_100Platform, "small", 256),
)
