"""Settings that lose nothing, of each workload: rows "delta, no loss" of docs/results.md."""

from sim.image.modes import LayerModes

__all__ = ["TUNED"]


def _delta(x: int, h: int, every: int = 0) -> LayerModes:
    return LayerModes(
        mode="delta", x_threshold=x, h_threshold=h, normal_every=every, zero_skip=True
    )


TUNED = {
    "silero": _delta(14, 12, 64),
    "deepspeech": _delta(0, 0),
    "strings": _delta(9, 13, 16),
    "activity": _delta(16, 33),
    "digits": _delta(5, 24, 64),
    "vowels": _delta(12, 23, 64),
}
"""By workload."""
