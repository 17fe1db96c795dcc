"""The table of multipliers as people read it: Markdown, and the Pareto fronts as a picture."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.explore.multipliers.table import MODES, OPERANDS, Conditions
from sim.explore.sweep.fronts import pareto

__all__ = ["front_names", "markdown", "shown_rows", "table_picture"]

_HEAD = """# Every multiplier, measured

This page is for engineers who choose a multiplier by its figures. It has every family and level,
with its energy, its LUTs, and what real networks make of it. [Multipliers](multipliers.md) says
what the families are, [Precision](precision.md) what is safe in delta mode. Made by
`refrain multipliers --table`; do not edit.

- *pJ*: energy of a product and its addition in one lane, {energy}; operands of
  `{operands}`, in normal mode and in delta mode with events above {threshold}.
- *LUTs*: of one product on a Xilinx 7 series part without DSP blocks, by Yosys: of the level built
  alone, and of the array with all levels of its family.
- *Workloads*, on held-out data, with the standard error of the exact level:
  {metrics}.
  *Normal*: every column at this level, each step a fresh sum. *Delta*: thresholds of {threshold}
  for x and h, a normal step every {every} steps. A level that the compiler refuses in delta mode is
  measured all the same, in brackets.
- **Bold**: on the Pareto front of energy and metric of its workload and mode. Differences of less
  than a standard error say nothing.
"""
_COLOURS = ("#1e3a8a", "#f59e0b", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#64748b")
_MARKS = "osD^v"


def front_names(rows: Sequence[dict], workload: str, mode: str) -> list[tuple[str, int]]:
    """Multiplier and level of the rows that none beats in energy and metric, the cheapest first.

    Rows without energy, and in delta mode those that are refused, are not on it.
    """
    points = []
    for row in rows:
        refused = mode == "delta" and row["in_delta"] == "refused"
        if row[f"pj_{mode}"] is None or refused:
            continue
        score = row["scores"][workload][mode]["score"]
        # Every metric of a workload is better when it is more.
        points.append(
            {"row": row, "score": score, "pj": row[f"pj_{mode}"], "lower_is_better": False}
        )
    return [(p["row"]["multiplier"], p["row"]["level"]) for p in pareto(points, "pj")]


def shown_rows(rows: Sequence[dict], code: str = "", front: str = "*") -> list[dict[str, str]]:
    """The table as text, by column: names inside ``code``, what is on a front inside ``front``."""
    workloads = list(rows[0]["scores"])
    fronts = {(w, mode): front_names(rows, w, mode) for w in workloads for mode in MODES}
    shown = []
    for row in rows:
        key = (row["multiplier"], row["level"])
        text = {
            "multiplier": f"{code}{row['multiplier']}{code}",
            "level": row["name"],
            "pJ, normal": _number(row["pj_normal"]),
            "pJ, delta": _number(row["pj_delta"]),
            "LUTs": _whole(row["luts"]),
            "all levels": _whole(row["luts_all_levels"]),
            "in delta mode": row["in_delta"],
        }
        for workload in workloads:
            for mode in MODES:
                score = f"{row['scores'][workload][mode]['score']:.3f}"
                if mode == "delta" and row["in_delta"] == "refused":
                    score = f"({score})"
                on = key in fronts[workload, mode]
                text[f"{workload}, {mode}"] = f"{front}{score}{front}" if on else score
        shown.append(text)
    return shown


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _whole(value: int | None) -> str:
    return "-" if value is None else str(value)


def markdown(rows: Sequence[dict], conditions: Conditions, library: str, picture: str) -> str:
    """The document.

    Parameters
    ----------
    rows : list of dict
        Those of ``multiplier_table``.
    conditions : Conditions
        What was measured under.
    library : str
        Name of the cell library; empty without.
    picture : str
        Where the picture is, from the document; empty without.
    """
    metrics = [
        f"{scores['normal']['metric']} of `{workload}` (±{scores['normal']['standard_error']:.3f})"
        for workload, scores in rows[0]["scores"].items()
    ]
    energy = f"gates of {library}" if library else "not measured: no cell library was given"
    parts = [
        _HEAD.format(
            energy=energy,
            operands=OPERANDS,
            threshold=conditions.threshold,
            every=conditions.normal_every,
            metrics=", ".join(metrics),
        ),
        _table(shown_rows(rows, "`", "**")),
    ]
    if picture:
        parts.append(f"![Energy and metric of every level, with the Pareto fronts]({picture})\n")
    return "\n".join(parts)


def _table(rows: Sequence[dict[str, str]]) -> str:
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(row.values()) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def table_picture(rows: Sequence[dict]) -> bytes:
    """A PNG: metric against energy, a panel for each workload and mode, the front as a line.

    The band is a standard error below and above the exact level; hollow points are refused.
    """
    workloads = list(rows[0]["scores"])
    figure = Figure(figsize=(4.6 * len(workloads), 8.4), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(MODES), len(workloads), squeeze=False)
    handles = {}
    for line, mode in zip(panels, MODES, strict=True):
        for axes, workload in zip(line, workloads, strict=True):
            # The first panel's: there nothing is refused.
            handles = _panel(axes, rows, workload, mode) | handles
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=7, frameon=False
    )
    content = io.BytesIO()
    canvas.print_png(content)
    return content.getvalue()


def _panel(axes, rows, workload: str, mode: str) -> dict:
    """One panel; the handle of each multiplier for the legend."""
    handles = {}
    names = list(dict.fromkeys(row["multiplier"] for row in rows))
    points = {}
    for row in rows:
        pj = row[f"pj_{mode}"]
        if pj is None:
            continue
        number = names.index(row["multiplier"])
        refused = mode == "delta" and row["in_delta"] == "refused"
        colour = _COLOURS[number % len(_COLOURS)]
        score = row["scores"][workload][mode]["score"]
        points[row["multiplier"], row["level"]] = (pj, score)
        handles[row["multiplier"]] = axes.scatter(
            [pj],
            [score],
            s=30,
            marker=_MARKS[number // len(_COLOURS)],
            facecolor="none" if refused else colour,
            edgecolor=colour,
            zorder=3,
        )
    front = [points[key] for key in front_names(rows, workload, mode)]
    front.append((max(pj for pj, _ in points.values()), front[-1][1]))
    axes.step(*zip(*front, strict=True), where="post", color="#94a3b8")
    first = rows[0]["scores"][workload][mode]
    metric, error = first["metric"], first["standard_error"]
    axes.axhspan(first["score"] - error, first["score"] + error, color="#f1f5f9", zorder=0)
    axes.set(xlabel="pJ a product and addition", ylabel=metric, title=f"{workload}, {mode} mode")
    axes.spines[["top", "right"]].set_visible(False)
    return handles
