"""The evidence as people read it: a table on the terminal, and as Markdown."""

from collections.abc import Iterable, Mapping

from sim.explore.evidence.schemes import SCHEMES

__all__ = ["markdown", "shown_row"]

_NONE = "-"
_HEAD = """# Results

This page is for engineers who want every figure behind [What the modes save](savings.md). It has
each scheme on each workload, with its metric, its savings, its speed and its settings.
[Workloads](workloads.md) says what the workloads are, how their data are divided and what each row
means.

- Every figure is of held-out data of the final division.
- MACs and bytes are shares of what a dense run does. Bytes are those of the weights, with all of
  them streamed.
- Cycles per step are those of the model of time, as `refrain run` reports them: with as many
  weights resident as the configuration holds, from a memory that answers after the stated latency,
  the beginning of every sequence included. If only some steps were followed, their cycles are
  scaled by the performance model.
- The number behind ± is the standard error. *Within* says whether the metric is at most one
  standard error below that of int8.

Made by `refrain workload table --output docs/results.md`; do not edit.
"""
_COLUMNS = (
    "scheme",
    "metric",
    "MACs skipped",
    "bytes skipped",
    "cycles a step",
    "steps/s",
    "within",
)


def shown_row(row: Mapping) -> dict[str, str]:
    """A row of ``evidence`` as text."""
    shown = [row["scheme"], f"{row['score']:.3f} ± {row['standard_error']:.3f}"]
    if "settings" in row:
        shown += [
            f"{100 * row[f'{what}_avoided_share']:.1f} %" for what in ("macs", "weight_bytes")
        ]
        shown += [f"{row['cycles_per_step']:,.0f}", f"{row['steps_per_second']:,.0f}"]
        kept = "yes" if row["within_one_error"] else "no"
        shown.append("bit for bit" if row["exact"] else kept)
    shown += [_NONE] * (len(_COLUMNS) - len(shown))
    return dict(zip(_COLUMNS, shown, strict=True))


def markdown(rows: Iterable[Mapping]) -> str:
    """Rows of ``evidence`` as a document."""
    rows = list(rows)
    parts = [_HEAD]
    for name in dict.fromkeys(row["workload"] for row in rows):
        own = [row for row in rows if row["workload"] == name]
        machine = next((row for row in own if "config" in row), None)
        title = f"## {name}: {own[0]['metric']}"
        if machine:
            title += f"; `{machine['config']}` at {machine['clock_mhz']:g} MHz"
            title += f", bus {machine['bus_bits']} bits, latency {machine['latency']} cycles"
        parts += [title + "\n", _table([shown_row(row) for row in own]), _settings(own)]
        if machine and machine["steps_followed"] < machine["steps"]:
            text = "Of {steps:,} steps, {steps_followed:,} were followed.\n"
            parts.append(text.format(**machine))
    parts += ["## Schemes\n", "\n".join(f"- *{each.name}*: {each.meaning}." for each in SCHEMES)]
    return "\n".join(parts) + "\n"


def _table(rows: list[Mapping]) -> str:
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _settings(rows: list[Mapping]) -> str:
    """Settings of the rows whose settings were searched."""
    lines = []
    for row in rows:
        if "settings" in row and row["scheme"] not in ("int8", "exact delta"):
            texts = [
                ", ".join(f"{name} {value}" for name, value in layer.items())
                for layer in row["settings"]
            ]
            bits = row.get("weight_bits", 8)
            texts += [f"weights of {bits} bits"] * (bits < 8)
            lines.append(f"- {row['scheme']}: {'; '.join(texts)}")
    return "\n".join(lines) + "\n"
