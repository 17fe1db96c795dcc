"""What takes a package into Vivado and LiteX."""

from sim.explore.packaging.facts import Facts, filled

__all__ = ["tool_files"]

_SCRIPTS = {"block_design.tcl": "block design with Zynq.", "package_ip.tcl": "IP of Vivado."}


def tool_files(facts: Facts) -> dict[str, str]:
    """Texts by path in the package."""
    more = {"reset_words": " ".join(facts.resets), "reset_names": repr(facts.resets)}
    texts = {
        f"vivado/{name}": f"{facts.comment(what)}\n{filled(f'vivado/{name}', facts, **more)}"
        for name, what in _SCRIPTS.items()
    }
    head = facts.comment("LiteX wrapper.")
    texts[f"litex/{facts.top}.py"] = f"{head}\n{filled('litex/refrain.py', facts, **more)}"
    return texts
