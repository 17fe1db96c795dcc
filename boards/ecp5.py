"""Boards with a Lattice ECP5, whose whole tool chain comes from PyPI."""

from functools import partial

from amaranth_boards.ecpix5 import ECPIX585Platform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from boards.board import Board, Dram, Plan, unchanged
from boards.clocks import Ecp5Clock
from boards.dram.memory import dram_memory
from boards.dram.sdram import SHIFT, SdramPins, sdram_settings
from boards.uart.top import UartTop, uart_system
from hw.config import Config

__all__ = ["BOARDS"]

_OPTIONS = {
    # The memories' and the multipliers' paths are what limits the clock: nextpnr is to go on where
    # it misses the wish and to say what it reached. Its newer placer makes wires a fifth shorter,
    # above all those of multipliers; its newer router stops where the wish below is met.
    "nextpnr_opts": "--timing-allow-fail --placer static --router router1 "
    "--seed 1 --report report.json",
    "ecppack_opts": "--compress",
    # What is placed for less ends up faster: with the whole wish nearly all paths count as urgent.
    "add_preferences": 'FREQUENCY NET "clk" 60 MHZ;',
    # The lanes' registers of their operand are alike. They are kept, since one for all lanes would
    # be far from most of them. Names of scopes have made abc9 fail.
    "script_after_read": """
        hierarchy -top top
        proc
        flatten -noscopeinfo
        setattr -set keep 1 top/w:*array.lane_*.operand* %ci top/t:$dff* %i
    """,
    # Synthesis stops before logic becomes LUTs and goes on behind that: by itself it takes a wire
    # for 0.3 ns. In so large a part 0.9 is nearer, and with that long chains of logic, not block
    # memories, are what it shortens.
    "synth_opts": "-abc9 -run begin:map_luts",
    "script_after_synth": """
        setattr -unset keep top/t:*
        techmap -map +/lattice/latches_map.v
        clean -purge
        abc9 -W 900
        clean
        synth_ecp5 -abc9 -run map_cells: -top top
    """,
}


def _plan(platform, clock, light, board: Board, config: Config | None, toolchain: str) -> Plan:
    system = uart_system(board, config)
    return _whole(platform(toolchain=toolchain), system, Ecp5Clock(*clock, board.clock_mhz), light)


def _sdram_plan(platform, clock, light, board: Board, config, toolchain: str) -> Plan:
    chosen = platform(toolchain=toolchain)
    loop = Ecp5Clock(*clock, board.clock_mhz, shift=SHIFT)
    settings = sdram_settings(loop.settings.mhz)
    memory = partial(dram_memory, settings, SdramPins(loop.shifted), chosen)
    return _whole(chosen, uart_system(board, config, memory), loop, light)


def _whole(platform, system, loop, light) -> Plan:
    return Plan(
        platform=platform,
        top=UartTop(system, loop, light),
        options=_OPTIONS,
        bitstream="top.bit",
        seeds=3,
    )


_ULX3S = (ULX3S_85F_Platform, ("clk25", 25.0), (("led", 0), ""))

BOARDS = (
    Board(
        name="ulx3s-85f",
        title="Radiona ULX3S-85F",
        part="LFE5U-85F",
        host="uart",
        config="speech",
        clock_mhz=100.0,
        memory_kib=256,
        # The FT231X on the board ends at 3 Mbaud, and what makes its clock from 48 MHz has few
        # steps near there.
        baud=2_000_000,
        toolchains=("Trellis",),
        flash=("--board", "ulx3s"),
        fit=unchanged,
        plan=partial(_plan, *_ULX3S),
        # What the chip answers within 6 ns has three quarters of a period to come back.
        dram=Dram(name="sdram", kib=32 * 1024, clock_mhz=60.0, plan=partial(_sdram_plan, *_ULX3S)),
    ),
    Board(
        name="ecpix5-85f",
        title="LambdaConcept ECPIX-5 85F",
        part="LFE5UM5G-85F",
        host="uart",
        config="speech",
        clock_mhz=100.0,
        memory_kib=256,
        baud=2_000_000,
        toolchains=("Trellis",),
        flash=("--board", "ecpix5"),
        fit=unchanged,
        plan=partial(_plan, ECPIX585Platform, ("clk100", 100.0), (("rgb_led", 0), "g")),
    ),
)
