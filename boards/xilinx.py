"""What the boards of Xilinx share: platforms for each toolchain, and constraints as files."""

from pathlib import Path

__all__ = ["TOOLCHAINS", "add_constraints", "xilinx_platform"]

TOOLCHAINS = ("Vivado", "Xray")
"""The vendor's, and the open one around nextpnr-xilinx and Project X-Ray."""

_CONSTRAINTS = Path(__file__).parents[1] / "constraints"


def xilinx_platform(platform, toolchain: str):
    """The platform for a toolchain; the open one may use block memories.

    Amaranth's own script forbids them, from the time before nextpnr-xilinx could place them; no
    machine fits without.
    """

    class WithBlockMemories(platform):
        _xray_command_templates = tuple(
            command.replace(" -nobram", "") for command in platform._xray_command_templates
        )

    return WithBlockMemories(toolchain=toolchain)


def add_constraints(platform, toolchain: str, name: str, **values):
    """Add a file of ``constraints/`` with ``values`` filled in; only Vivado reads it."""
    if toolchain == "Vivado":
        text = (_CONSTRAINTS / name).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        platform.add_file(name, text)
