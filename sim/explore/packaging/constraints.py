"""Timing constraints of a package, for tools that read SDC and for Vivado."""

from sim.explore.packaging.facts import Facts, filled

__all__ = ["constraint_files"]


def constraint_files(facts: Facts) -> dict[str, str]:
    """Texts by path in the package."""
    more = {
        "third": f"{1000 / facts.config.clock_mhz / 3:.3f}",
        "inputs": _names(facts, "input"),
        "outputs": _names(facts, "output"),
    }
    clocks = facts.comment("the clock, for synthesis out of context in Vivado.")
    return {
        f"constraints/{facts.top}.sdc": f"{facts.comment('timing constraints.')}\n"
        f"{filled('clock.sdc', facts, **more)}",
        f"constraints/{facts.top}_ooc.xdc": f"{clocks}\n{filled('clock.xdc', facts)}",
    }


def _names(facts: Facts, direction: str) -> str:
    """Ports of a direction but the clock, one a line."""
    ports = (port for port in facts.ports if port.direction == direction)
    return "\n".join(f"  {port.name}" for port in ports if port.name != "aclk")
