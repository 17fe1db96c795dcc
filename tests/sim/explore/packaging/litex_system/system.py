"""Writes the Verilog of a LiteX system with the accelerator: PACKAGE [PROGRAM], in an empty folder.

Says where the program has to write its result.
"""

import sys

sys.path.insert(0, f"{sys.argv[1]}/litex")

from litex.build.generic_platform import Pins
from litex.build.sim import SimPlatform
from litex.gen import LiteXModule
from litex.soc.integration.common import get_mem_data
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect.csr import CSRStorage
from migen import ClockDomain
from refrain_tiny import Accelerator


class Clock(LiteXModule):
    def __init__(self, platform):
        self.cd_sys = ClockDomain()
        self.comb += self.cd_sys.clk.eq(platform.request("sys_clk"))
        self.comb += self.cd_sys.rst.eq(platform.request("sys_rst"))


class Said(LiteXModule):
    """A register whose value is on pins."""

    def __init__(self, platform):
        self.word = CSRStorage(32)
        self.comb += platform.request("said").eq(self.word.storage)


pins = [("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1)), ("said", 0, Pins(32))]
platform = SimPlatform("SIM", pins)
options = {
    "integrated_rom_size": 0x10000,
    "integrated_sram_size": 0x2000,
    "integrated_main_ram_size": 0x10000,
    "with_uart": False,
    "with_timer": False,
}
if len(sys.argv) > 2:
    program = get_mem_data(sys.argv[2], data_width=32, endianness="little")
    options["integrated_rom_init"] = program
soc = SoCCore(platform, clk_freq=50e6, cpu_type="vexriscv", bus_standard="axi", **options)
soc.crg = Clock(platform)
soc.said = Said(platform)
soc.accelerator = Accelerator(platform)
soc.accelerator.add_to(soc, origin=0x9000_0000)
soc.finalize()
platform.get_verilog(soc).write("top.v")
origin = soc.bus.regions["csr"].origin + soc.csr.locs["said"] * soc.csr.paging
print(f"said: {origin:#x}")
