"""A traced run as a picture."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hw.modes import Mode
from sim.explore.traces import Trace

__all__ = ["trace_picture"]

_COLOURS = {
    Mode.NORMAL: "#475569",
    Mode.DELTA: "#059669",
    Mode.REDUCED: "#f59e0b",
    Mode.SKIP: "#7dd3fc",
}
_UNITS = 3
"""Hidden units whose output is drawn: those that move most."""


def trace_picture(traces: Sequence[Trace], sequence: int = 0) -> bytes:
    """A PNG of one sequence: a column of plots for each direction of each layer.

    From above: the input's codes, the score with its thresholds, the modes, the share of columns
    that were events, and the output of the units that move most, with that of the normal run.
    """
    figure = Figure(figsize=(2 + 7 * len(traces), 9), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    plots = figure.subplots(5, len(traces), sharex=True, squeeze=False, height_ratios=_HEIGHTS)
    for column, trace in zip(plots.T, traces, strict=True):
        column[0].set_title(trace.title)
        for draw, axes in zip(_DRAWN, column, strict=True):
            draw(axes, trace, sequence)
            axes.spines[["top", "right"]].set_visible(False)
        column[-1].set(xlabel="step", xlim=(0, trace.x.shape[1]))
    content = io.BytesIO()
    canvas.print_png(content)
    return content.getvalue()


def _draw_input(axes, trace: Trace, sequence: int):
    form = trace.direction.x
    codes, limit = (
        trace.x[sequence].T.astype(np.int32) - form.zero_point,
        1 << max(form.bits, 8) - 1,
    )
    extent = (0, codes.shape[1], len(codes), 0)
    axes.imshow(codes, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, extent=extent)
    axes.set(ylabel="x, by column")


def _draw_score(axes, trace: Trace, sequence: int):
    score = trace.activity.score[sequence]
    axes.plot(np.arange(len(score)) + 0.5, score, color="#1e3a8a", linewidth=0.9)
    modes, limits = trace.modes, {}
    if modes.skips:
        limits["skip"] = modes.skip_threshold, _COLOURS[Mode.SKIP]
    if modes.mode == "auto":
        mode = Mode.DELTA if modes.deltas else Mode.REDUCED
        limits[modes.middle] = modes.delta_threshold, _COLOURS[mode]
    for name, (limit, colour) in limits.items():
        axes.axhline(limit, color=colour, linewidth=1.5, linestyle="--", label=f"{name} from here")
    if limits:
        axes.legend(loc="lower left", fontsize="small")
    axes.set(ylabel="score", ylim=(-0.02, 1.02))


def _draw_modes(axes, trace: Trace, sequence: int):
    mode = trace.activity.mode[sequence][None]
    axes.imshow(
        mode,
        aspect="auto",
        cmap=ListedColormap([_COLOURS[each] for each in Mode]),
        vmin=-0.5,
        vmax=len(Mode) - 0.5,
        interpolation="nearest",
        extent=(0, mode.shape[1], 0, 1),
    )
    shares = [(each, float((mode == each).mean())) for each in Mode]
    patches = [
        Patch(color=_COLOURS[each], label=f"{each.name.lower()} {100 * part:.0f} %")
        for each, part in shares
        if part
    ]
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0}
    axes.legend(handles=patches, **above, ncols=4, fontsize="small", frameon=False)
    axes.set(ylabel="mode", yticks=[])


def _draw_events(axes, trace: Trace, sequence: int):
    activity, direction = trace.activity, trace.direction
    for name, events, columns, colour in (
        ("x", activity.events_x, direction.input_size, "#7c3aed"),
        ("h", activity.events_h, direction.hidden_size, "#db2777"),
    ):
        part = 100 * events[sequence] / columns
        middle = np.arange(len(part)) + 0.5
        axes.plot(middle, part, color=colour, linewidth=0.9, label=f"{name}: {part.mean():.0f} %")
    axes.legend(loc="upper right", fontsize="small")
    axes.set(ylabel="events, %", ylim=(-2, 102))


def _draw_output(axes, trace: Trace, sequence: int):
    h, normal = trace.h[sequence], trace.normal[sequence]
    units = np.argsort(-normal.astype(np.float64).std(axis=0), kind="stable")[:_UNITS]
    middle = np.arange(len(h)) + 0.5
    for unit, colour in zip(units, ("#1e3a8a", "#059669", "#b45309"), strict=False):
        axes.plot(middle, normal[:, unit], color=colour, linewidth=2.5, alpha=0.35)
        axes.plot(middle, h[:, unit], color=colour, linewidth=0.9, label=f"unit {unit}")
    axes.legend(loc="upper right", fontsize="small", title="thick: normal", ncols=_UNITS)
    axes.set(ylabel="h, codes")


_DRAWN = (_draw_input, _draw_score, _draw_modes, _draw_events, _draw_output)
_HEIGHTS = (2, 2, 0.6, 1.5, 2.5)
