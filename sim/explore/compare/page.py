"""The comparison with published chips as a page."""

from collections.abc import Sequence

from sim.explore.compare.comparing import ESTIMATED, MEASURED, QUOTED
from sim.explore.compare.scaling import RULES

__all__ = ["compare_page", "table_row"]

_HEAD = """# Beside other chips

This page is for engineers who ask how much energy the machine takes beside LSTM chips that have
been published. It says of each figure whether it was measured, estimated or quoted, and from what.

`{command}` makes this page. [Silicon](silicon.md) says how machines are mapped and measured, and
what is missing from that: above all placement and wires.

TOPS/W are operations over energy of the whole core without DRAM, two operations for each
multiply-accumulate. *Effective* figures count the operations of a dense run, done or not, at
settings that lose at most one standard error of the metric. *At 65 nm* is what two published rules
make of a figure, from 1.2 V to 1.0 V. No chip of ours was made, at either node.
"""

_KINDS = {
    MEASURED: "## Measured: gates that ran a network, every transition counted",
    ESTIMATED: "## Estimated: counts of the bit-exact model times measured coefficients",
    QUOTED: "## Quoted: what papers say of silicon at 65 nm",
}


def table_row(row: dict) -> dict:
    """A row as it is shown."""
    shown = {
        "machine": row["machine"],
        "what": row["what"],
        "node": f"{row['nm']} nm" + (f", {row['volts']:g} V" if row["volts"] else ""),
        "pj_a_product": _figure(row["pj_per_product"]),
        "TOPS/W": _figure(row["tops_per_watt"]),
    }
    for rule in RULES:
        scaled = row["scaled"].get(rule.name)
        shown[f"65 nm, {rule.name}"] = "-" if scaled is None else " to ".join(map(_figure, scaled))
    return {**shown, "origin": row["origin"]}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def compare_page(rows: Sequence[dict], command: str) -> str:
    """Markdown of the rows, told apart by their kinds."""
    parts = [_HEAD.format(command=command)]
    for kind, title in _KINDS.items():
        own = [table_row(row) for row in rows if row["kind"] == kind]
        parts.append(title)
        parts.append(_table(own) if own else "Nothing.")
    parts.append("## Rules of scaling")
    parts.append("\n".join(f"- **{rule.name}**: {rule.source}." for rule in RULES))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(rows: Sequence[dict]) -> str:
    columns = [name for name in rows[0] if any(row[name] != "-" for row in rows)]
    lines = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(name.replace('_', ' ') for name in line)} |" for line in lines)
