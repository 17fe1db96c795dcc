"""Speech probability over time, and the work for it, as a picture."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sim.workloads import silero

__all__ = ["speech_picture"]

_STYLES = {
    "float": {"color": "#f59e0b", "linewidth": 3.5, "label": "floating point"},
    "integer": {"color": "#1e3a8a", "linewidth": 1.2, "label": "integer model"},
    "rtl": {
        "color": "#059669",
        "linewidth": 0,
        "marker": "o",
        "markersize": 4,
        "markerfacecolor": "none",
        "markevery": 8,
        "label": "RTL, every 8th step",
    },
}


_SHADES = "#cbd5e1", "#60a5fa", "#1e3a8a"


def speech_picture(
    samples: np.ndarray,
    labels: np.ndarray,
    probabilities: dict[str, np.ndarray],
    work: dict[str, np.ndarray],
) -> bytes:
    """A PNG of the recording, its labels, the probabilities of several runs and their work.

    Parameters
    ----------
    samples : float32 [samples]
        The recording.
    labels : bool [chunks]
        Where people speak.
    probabilities : dict of float32 [chunks]
        For some of ``float``, ``integer`` and ``rtl``.
    work : dict of float [chunks]
        Share of all products that up to three ways of choosing modes make, most first.
    """
    figure = Figure(figsize=(11, 6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    sound, speech, products = figure.subplots(3, 1, sharex=True, height_ratios=(1, 3, 1.8))
    edges = np.arange(len(labels) + 1) * silero.CHUNK_SECONDS
    for axes in (sound, speech):
        # As high as any plot below is.
        axes.stairs(
            np.where(labels, 2, -1),
            edges,
            baseline=-1,
            fill=True,
            color="#e2e8f0",
            label="labelled as speech",
        )
        axes.spines[["top", "right"]].set_visible(False)
    sound.plot(np.arange(samples.size) / silero.RATE, samples, color="#64748b", linewidth=0.4)
    loudest = max(float(np.abs(samples).max()), 1e-6)
    sound.set(ylim=(-loudest, loudest), ylabel="sound", yticks=[])
    centres = edges[:-1] + silero.CHUNK_SECONDS / 2
    for name, probability in probabilities.items():
        speech.plot(centres, probability, **_STYLES[name])
    speech.axhline(0.5, color="#94a3b8", linewidth=0.8, linestyle=":")
    speech.set(xlim=(0, edges[-1]), ylim=(-0.05, 1.05))
    speech.set(ylabel="probability of speech")
    speech.legend(loc="upper left", framealpha=1)
    for (name, shares), shade in zip(work.items(), _SHADES, strict=False):
        mean = f"{name}: {shares.mean():.0%}"
        products.fill_between(centres, 100 * shares, step="mid", color=shade, lw=0, label=mean)
    products.set(xlabel="seconds", ylabel="% of MACs", ylim=(0, 105))
    products.spines[["top", "right"]].set_visible(False)
    products.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(_SHADES), frameon=False)
    content = io.BytesIO()
    canvas.print_png(content)
    return content.getvalue()
