"""Points of a sweep and their Pareto fronts, as a picture."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.explore.sweep.running import AXES, pareto

__all__ = ["sweep_picture"]

_TITLES = {
    "macs": "multiplications per step",
    "bytes": "bytes of weights per step, all streamed",
    "energy_pj": "energy per step, pJ (see docs/precision.md)",
}
_COLOURS = ("#1e3a8a", "#f59e0b", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#64748b")


def sweep_picture(rows: Sequence[dict], title: str) -> bytes:
    """A PNG: score against each cost, a colour for each multiplier, the front as a line."""
    figure = Figure(figsize=(14, 4.8), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(AXES), sharey=True)
    names = list(dict.fromkeys(row["multiplier"] for row in rows))
    for axes, cost in zip(panels, AXES, strict=True):
        for number, name in enumerate(names):
            chosen = [row for row in rows if row["multiplier"] == name]
            axes.scatter(
                [row[cost] for row in chosen],
                [row["score"] for row in chosen],
                s=22,
                color=_COLOURS[number % len(_COLOURS)],
                label=name,
                zorder=3,
            )
        front = pareto(rows, cost)
        axes.step(
            [row[cost] for row in front],
            [row["score"] for row in front],
            where="post",
            color="#94a3b8",
            linewidth=1.2,
        )
        axes.set(xlabel=_TITLES[cost], xlim=(0, None))
        axes.spines[["top", "right"]].set_visible(False)
    side = " (less is better)" if rows[0]["lower_is_better"] else ""
    panels[0].set(ylabel=rows[0]["metric"] + side, title=title)
    panels[-1].legend(loc="lower right", framealpha=1)
    content = io.BytesIO()
    canvas.print_png(content)
    return content.getvalue()
