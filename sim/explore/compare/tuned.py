"""Settings that lose nothing, of each workload: rows "delta, no loss" of docs/results.md."""

from dataclasses import dataclass

from sim.image.modes import LayerModes

__all__ = ["TUNED", "TUNED_BITS", "Tuned"]

TUNED_BITS = 8
"""Bits of the weights that settings were found with."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What loses nothing on a workload.

    Members
    -------
    modes : LayerModes
        Settings, found with weights of ``TUNED_BITS``.
    weight_bits : int
        The fewest bits of weights that lose nothing with these settings.
    """

    modes: LayerModes
    weight_bits: int


def _delta(x: int, h: int, every: int = 0, bits: int = 4) -> Tuned:
    modes = LayerModes(
        mode="delta", x_threshold=x, h_threshold=h, normal_every=every, zero_skip=True
    )
    return Tuned(modes=modes, weight_bits=bits)


TUNED = {
    "silero": _delta(14, 12, 64, bits=6),
    "deepspeech": _delta(0, 0, bits=8),
    "strings": _delta(9, 13, 16),
    "activity": _delta(16, 33),
    "digits": _delta(5, 24, 64),
    "vowels": _delta(12, 23, 64),
}
"""By workload."""
