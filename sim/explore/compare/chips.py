"""LSTM chips as their papers tell them: quoted, not measured."""

from dataclasses import dataclass

__all__ = ["CHIPS", "Chip"]


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A published chip.

    Members
    -------
    name, source : str
        What it is, and where its figure is from.
    nm : int
        Its node.
    volts : float or None
        The supply that the figure is of, where it is known.
    tops_per_watt : float
        Operations, two for each multiply-accumulate, over energy.
    skips : bool
        The figure counts operations of weights that are not there.
    """

    name: str
    source: str
    nm: int
    volts: float | None
    tops_per_watt: float
    skips: bool = False


CHIPS = (
    Chip(
        name="the reference chip",
        source="the chip whose three modes this project began with: 64 GOPS at 33.14 mW",
        nm=65,
        volts=1.2,
        tops_per_watt=64 / 33.14,
    ),
    Chip(
        name="Chipmunk",
        source="F. Conti et al., CICC 2018",
        nm=65,
        volts=1.24,
        tops_per_watt=1.11,
    ),
    Chip(
        name="Thinker",
        source="S. Yin et al., JSSC 2018",
        nm=65,
        volts=None,
        tops_per_watt=1.28,
    ),
    Chip(
        name="Kadetotad, dense",
        source="D. Kadetotad et al., JSSC 2020",
        nm=65,
        volts=None,
        tops_per_watt=2.45,
    ),
    Chip(
        name="Kadetotad, weights 16 times sparser",
        source="D. Kadetotad et al., JSSC 2020",
        nm=65,
        volts=None,
        tops_per_watt=8.93,
        skips=True,
    ),
)
"""Those that the machines are compared with."""
