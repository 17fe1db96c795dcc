"""The core file of a package, for FuseSoC."""

from sim.explore.packaging.facts import Facts, filled

__all__ = ["core_files"]


def core_files(facts: Facts) -> dict[str, str]:
    """Texts by path in the package; FuseSoC wants ``CAPI=2:`` in the first line."""
    rtl = "\n".join(f"      - rtl/{name}" for name in facts.verilog)
    first, _, rest = filled("refrain.core", facts, rtl=rtl).partition("\n")
    return {f"{facts.top}.core": f"{first}\n{facts.comment('FuseSoC core.')}{rest}"}
