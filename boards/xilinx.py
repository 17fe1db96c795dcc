"""What the boards of Xilinx share: platforms for each toolchain, and constraints as files."""

from pathlib import Path

from boards.board import Plan
from boards.open_xilinx import OPEN_TOOLCHAINS, open_platform

__all__ = ["TOOLCHAINS", "add_constraints", "xilinx_plan", "xilinx_platform"]

TOOLCHAINS = ("Vivado", *OPEN_TOOLCHAINS)
"""The vendor's, and the open ones around the older and the newer nextpnr and Project X-Ray."""

_CONSTRAINTS = Path(__file__).parents[1] / "constraints"


def xilinx_platform(platform, toolchain: str, clock_mhz: float):
    """The platform for a toolchain and a machine's clock."""
    if toolchain in OPEN_TOOLCHAINS:
        return open_platform(platform, toolchain, clock_mhz)
    return platform(toolchain=toolchain)


def xilinx_plan(chosen, top, toolchain: str) -> Plan:
    """The plan of a design for a platform of ``xilinx_platform``."""
    tools = {"tools": chosen.open_tools, "seeds": 3} if toolchain in OPEN_TOOLCHAINS else {}
    return Plan(platform=chosen, top=top, options={}, bitstream="top.bit", **tools)


def add_constraints(platform, toolchain: str, name: str, **values):
    """Add a file of ``constraints/`` with ``values`` filled in; only Vivado reads it."""
    if toolchain == "Vivado":
        text = (_CONSTRAINTS / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        platform.add_file(name, text)
