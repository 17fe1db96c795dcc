"""Points of a sweep and their Pareto fronts, as a picture."""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.explore.sweep.fronts import pareto, varied, within_error

__all__ = ["sweep_picture"]

_TITLES = {
    "macs": "multiplications per step",
    "bytes": "bytes of weights per step, all streamed",
    "energy_pj": "energy of the core per step, pJ",
    "step_us": "time of a step, us",
    "lut": "LUTs",
}
_COLOURS = ("#1e3a8a", "#f59e0b", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#64748b")
_PANELS = 3
_WIDTH, _HEIGHT = 4.7, 4.4


def sweep_picture(rows: Sequence[dict], title: str) -> bytes:
    """A PNG: score against each cost that differs, a line of panels for each subject.

    A colour stands for each multiplier, bars for the standard error, a line for the front; points
    that are no worse within the error are filled.
    """
    subjects = list(dict.fromkeys(row["subject"] for row in rows))
    costs = (varied(rows, [*_TITLES]) or ["macs"])[:_PANELS]
    size = (_WIDTH * len(costs), _HEIGHT * len(subjects) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(len(subjects), len(costs), squeeze=False, sharey="row")
    names = list(dict.fromkeys(row["multiplier"] for row in rows))
    for line, subject in zip(panels, subjects, strict=True):
        own = [row for row in rows if row["subject"] == subject]
        for axes, cost in zip(line, costs, strict=True):
            _draw(axes, own, cost, names)
        side = " (less is better)" if own[0]["lower_is_better"] else ""
        line[0].set(ylabel=own[0]["metric"] + side, title=subject if subjects[1:] else title)
    handles, labels = panels[0][0].get_legend_handles_labels()
    # Below the panels, where no point can be.
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    content = io.BytesIO()
    canvas.print_png(content)
    return content.getvalue()


def _draw(axes: Axes, rows: Sequence[dict], cost: str, names: Sequence[str]):
    """One panel."""
    near = {id(row) for row in within_error(rows, cost)}
    front = pareto(rows, cost)
    axes.step(
        [row[cost] for row in front],
        [row["score"] for row in front],
        where="post",
        color="#475569",
        linewidth=1.4,
        label="front",
        zorder=2,
    )
    for number, name in enumerate(names):
        colour = _COLOURS[number % len(_COLOURS)]
        chosen = [row for row in rows if row["multiplier"] == name and row.get(cost) is not None]
        if not chosen:
            continue
        axes.errorbar(
            [row[cost] for row in chosen],
            [row["score"] for row in chosen],
            yerr=[row["standard_error"] or 0 for row in chosen],
            fmt="none",
            ecolor=colour,
            elinewidth=0.7,
            alpha=0.35,
            zorder=1,
        )
        axes.scatter(
            [row[cost] for row in chosen],
            [row["score"] for row in chosen],
            s=22,
            facecolors=[colour if id(row) in near else "white" for row in chosen],
            edgecolors=colour,
            label=name,
            zorder=3,
        )
    axes.set(xlabel=_TITLES[cost], xlim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
