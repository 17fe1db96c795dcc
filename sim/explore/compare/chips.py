"""LSTM chips as their papers tell them: quoted, not measured."""

from dataclasses import dataclass

__all__ = ["CHIPMUNK", "CHIPS", "REFERENCE", "SPARSE", "Chip"]


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
    tops_per_watt : float or None
        Operations, two for each multiply-accumulate, over energy, where they are told.
    skips : bool
        The figure counts operations of weights that are not there.
    nj_per_step : float or None
        Energy of a step of its own network, where that is told.
    """

    name: str
    source: str
    nm: int
    volts: float | None
    tops_per_watt: float | None = None
    skips: bool = False
    nj_per_step: float | None = None

    @property
    def what(self) -> str:
        """What the figure is of."""
        if self.tops_per_watt is None:
            return "a decision, its features among it"
        return "effective" if self.skips else "dense"


REFERENCE = Chip(
    name="the reference chip",
    source="the chip whose three modes this project began with: 64 GOPS at 33.14 mW",
    nm=65,
    volts=1.2,
    tops_per_watt=64 / 33.14,
)
"""The one whose figure is to be reached."""

CHIPMUNK = Chip(
    name="Chipmunk",
    source="F. Conti et al., CICC 2018",
    nm=65,
    volts=1.24,
    tops_per_watt=1.11,
)
"""A systolic array whose weights all stay on chip."""

SPARSE = Chip(
    name="Kadetotad, weights 16 times sparser",
    source="D. Kadetotad et al., JSSC 2020",
    nm=65,
    volts=None,
    tops_per_watt=8.93,
    skips=True,
)
"""One whose networks were trained to have few weights."""

CHIPS = (
    REFERENCE,
    CHIPMUNK,
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
    SPARSE,
    Chip(
        name="DeltaKWS",
        source="Q. Chen et al., IEEE Trans. Circuits and Systems for AI 2 (2025) 79-87: keywords "
        "by a delta network in an SRAM of 24 KB at 0.6 V; the figure is with features",
        nm=65,
        volts=None,
        nj_per_step=36.0,
    ),
)
"""Those that the machines are compared with."""
