"""Scripts for Vivado as far as they run without it, and the wrapper in a LiteX system."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

LITEX = """
import sys

sys.path.insert(0, {folder!r})
from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.soc_core import SoCCore
from migen import ClockDomain

from refrain_tiny import Accelerator


class Clock(LiteXModule):
    def __init__(self, platform):
        self.cd_sys = ClockDomain()
        self.comb += self.cd_sys.clk.eq(platform.request("sys_clk"))
        self.comb += self.cd_sys.rst.eq(platform.request("sys_rst"))


platform = SimPlatform("SIM", [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1))])
options = {{"integrated_rom_size": 0x1000, "integrated_sram_size": 0x2000, "with_uart": False}}
soc = SoCCore(platform, clk_freq=50e6, cpu_type="vexriscv", bus_standard="axi", **options)
soc.crg = Clock(platform)
soc.accelerator = Accelerator(platform)
soc.accelerator.add_to(soc, origin=0x9000_0000)
soc.finalize()
assert soc.bus.regions["accelerator_registers"].origin == 0x9000_0000
assert "accelerator" in soc.irq.locs
assert "accelerator_memory" in soc.bus.masters
platform.get_verilog(soc).write("top.v")
"""


@pytest.mark.slow
def test_a_litex_system_has_it_and_its_verilog_is_clean(package, facts, run, tmp_path):
    (tmp_path / "make.py").write_text(LITEX.format(folder=str(package / "litex")))
    run(sys.executable, "-W", "ignore", "make.py", folder=tmp_path)
    processor = Path(importlib.util.find_spec("pythondata_cpu_vexriscv").origin).parent
    sources = ["top.v", processor / "verilog" / "VexRiscv.v", *(package / "rtl").glob("*.v")]
    options = ("--lint-only", "-Wall", "-Wno-fatal", "--top-module", "top")
    said = run("verilator", *options, *sources, folder=tmp_path)
    # Warnings about pins of the instance, in whose lines LiteX writes them.
    text = (tmp_path / "top.v").read_text()
    first = text[: text.index("\nrefrain_tiny refrain_tiny(")].count("\n") + 2
    last = first + text[text.index("\nrefrain_tiny refrain_tiny(") :].index(");\n\n")
    lines = [int(line) for line in re.findall(r"^%\S+ top.v:(\d+):", said, re.M)]
    assert lines and not [line for line in lines if first <= line <= last]
    pins = re.findall(r"^\t\.(\w+) +\(", text[text.index("\nrefrain_tiny refrain_tiny(") :], re.M)
    assert set(pins) >= {port.name for port in facts.ports}


NAMES = (
    *("create_project", "set_property", "current_project", "update_ip_catalog"),
    *("create_bd_design", "create_bd_cell", "apply_bd_automation", "get_bd_intf_pins"),
    *("get_bd_pins", "get_bd_nets", "get_bd_cells", "connect_bd_net", "assign_bd_address"),
    *("validate_bd_design", "save_bd_design", "make_wrapper", "get_files", "current_fileset"),
    *("launch_runs", "wait_on_run", "get_property", "get_runs", "open_run"),
    *("report_timing_summary", "report_utilization", "ipx::open_core", "ipx::current_core"),
    *("ipx::merge_project_changes", "ipx::check_integrity", "ipx::save_core", "ipx::archive_core"),
)
"""Commands of Vivado that the scripts use; they are written down here, and do nothing."""

PRELUDE = """
namespace eval ipx {{}}
foreach name {{{names}}} {{
    proc $name args {{
        set name [namespace tail [lindex [info level 0] 0]]
        puts [join [linsert $args 0 $name] \\x1f]
        switch $name {{get_property {{return 100%}} get_bd_nets {{return}}}}
        return [join [lrange [linsert $args 0 $name] 0 1] _]
    }}
}}
set argv [list {arguments}]
source {script}
"""


@pytest.fixture
def vivado(run, tmp_path):
    """Function that gives the calls of a script, as lists of words."""

    def call(script, *arguments):
        given = {"names": " ".join(NAMES), "arguments": " ".join(arguments), "script": script}
        (tmp_path / "prelude.tcl").write_text(PRELUDE.format(**given))
        said = run("tclsh", "prelude.tcl", folder=tmp_path, package="tcl")
        return [line.split("\x1f") for line in said.splitlines() if "\x1f" in line]

    return call


PARTS = ("xc7z010clg400-1", "em.avnet.com:microzed_7010:part0:1.1")


@pytest.mark.parametrize("end", [(), ("bitstream",)])
@pytest.mark.parametrize("named", [(), PARTS[:1], PARTS])
def test_the_block_design_names_what_there_is(package, facts, vivado, named, end):
    calls = vivado(package / "vivado" / "block_design.tcl", *named, *end)
    cells = [call for call in calls if call[0] == "create_bd_cell"]
    assert "refrain:ip:refrain_tiny" in cells[1]
    assert ["set_property", "ip_repo_paths", str(package), "current_project"] in calls
    ports = {port.name for port in facts.ports} | {"s_axi", "m_axi"}
    pins = [call[-1] for call in calls if call[0] in ("get_bd_pins", "get_bd_intf_pins")]
    own = {pin.removeprefix("core/") for pin in pins if pin.startswith("core/")}
    assert own == {"s_axi", "interrupt", *facts.resets} <= ports
    assert ("launch_runs" in [call[0] for call in calls]) == bool(end)
    part = named[0] if named else "xc7z020clg400-1"
    assert calls[0][:5] == ["create_project", "refrain_tiny_system", "build/vivado", "-part", part]
    boards = [call[2] for call in calls if call[:2] == ["set_property", "board_part"]]
    assert boards == list(named[1:])


def test_the_component_is_packaged(package, vivado, tmp_path):
    calls = vivado(package / "vivado" / "package_ip.tcl")
    assert ["open_core", str(package / "component.xml")] in calls
    assert ["archive_core", str(tmp_path / "refrain_tiny.zip"), "current_core"] in calls
