"""The comparison with published chips as a page."""

from collections.abc import Sequence

from sim.explore.compare.chips import CHIPMUNK, REFERENCE, SPARSE, Chip
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
settings that lose at most one standard error of the metric; with weights of fewer bits where these
lose no more. *At 65 nm* is what two published rules
make of a figure, from 1.2 V to 1.0 V. No chip of ours was made, at either node.
"""

_DISTANCE = """## How far from others, and what the weight memory allows

A dense run reads one byte of weight memory for each product, or half a byte with weights of 4 bits.
*By the weight memory alone* is what the machine would reach if nothing else took energy: no lane,
clock or cell unit can lift a figure above it. Published figures set the same bound at 65 nm: CACTI
(itrs-lstp, as `hwcomponents-cacti` has it) gives 177 pJ a read of 64 bytes from a memory of 128 KB,
which is 2.8 pJ a byte, or 0.72 TOPS/W by that memory alone.

*Times dense* is over the same machine in normal mode. The last three columns are over the
reference's {reference:.3g} TOPS/W, Chipmunk's {chipmunk:.3g} and the {sparse:.3g} of Kadetotad's
sparse weights, all at 65 nm: 1 means as good, and a range spans both rules and both supplies."""

_STEPS = """## What a step takes

A step is one input of the sequence. Networks differ in size, so nanojoules of a step compare tasks
and not machines. DeltaKWS is quoted for its own network and with its features, which the others
are without."""

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
        "node": _node(row),
        "pJ a product": _figure(row["pj_per_product"]),
        "TOPS/W": _figure(row["tops_per_watt"]),
    }
    for rule in RULES:
        scaled = row["scaled"].get(rule.name)
        shown[f"65 nm, {rule.name}"] = "-" if scaled is None else _range(*scaled)
    return {**shown, "origin": row["origin"]}


def _node(row: dict) -> str:
    return f"{row['nm']} nm" + (f", {row['volts']:g} V" if row["volts"] else "")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{float(f'{value:.3g}'):g}"


def compare_page(rows: Sequence[dict], command: str) -> str:
    """Markdown of the rows, told apart by their kinds."""
    parts = [_HEAD.format(command=command)]
    for kind, title in _KINDS.items():
        own = [table_row(row) for row in rows if row["kind"] == kind]
        parts.append(title)
        parts.append(_table(own) if own else "Nothing.")
    own = [row for row in rows if row["pj_per_step"] is not None]
    far = [_distance(row) for row in own if row["kind"] != QUOTED]
    if far:
        figures = (chip.tops_per_watt for chip in (REFERENCE, CHIPMUNK, SPARSE))
        names = ("reference", "chipmunk", "sparse")
        parts.append(_DISTANCE.format(**dict(zip(names, figures, strict=True))))
        parts.append(_table(far))
    parts.append(_STEPS)
    parts.append(_table([_step(row) for row in own]))
    parts.append("## Rules of scaling")
    parts.append("\n".join(f"- **{rule.name}**: {rule.source}." for rule in RULES))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _distance(row: dict) -> dict:
    bound = 2 / row["weights_pj_per_product"] if row["weights_pj_per_product"] else None
    found = sorted(value for pair in row["scaled"].values() for value in pair)
    return {
        "machine": row["machine"],
        "what": row["what"],
        "TOPS/W": _figure(row["tops_per_watt"]),
        "times dense": _figure(row["times_dense"]),
        "by the weight memory alone": _figure(bound),
        "at 65 nm, both rules": _range(found[0], found[-1]),
        "times the reference": _times(found, REFERENCE),
        "times Chipmunk": _times(found, CHIPMUNK),
        "times Kadetotad, sparse": _times(found, SPARSE),
    }


def _times(found: Sequence[float], chip: Chip) -> str:
    return _range(found[0] / chip.tops_per_watt, found[-1] / chip.tops_per_watt)


def _step(row: dict) -> dict:
    shown = {
        "machine": row["machine"],
        "what": row["what"],
        "node": _node(row),
        "nJ a step": _figure(row["pj_per_step"] / 1e3),
    }
    for rule in RULES:
        scaled = row["scaled_pj_per_step"].get(rule.name)
        text = "-" if scaled is None else _range(*(each / 1e3 for each in scaled))
        shown[f"65 nm, {rule.name}"] = text
    return {**shown, "kind": row["kind"]}


def _range(least: float, most: float) -> str:
    return f"{_figure(least)} to {_figure(most)}"


def _table(rows: Sequence[dict]) -> str:
    columns = [name for name in rows[0] if any(row[name] != "-" for row in rows)]
    lines = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(name.replace('_', ' ') for name in line)} |" for line in lines)
