"""What a point costs beside what was measured: the energy of a step."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hw.multipliers.family import Multiplier
from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.dram import DRAMS
from sim.explore.energy.estimating import energy_of, total
from sim.explore.multipliers.cost import liberty_cost
from sim.explore.sweep.points import Point

__all__ = ["DERIVED", "Costs", "cell_energy"]

DERIVED = {
    "energy_pj": (
        "pJ a step",
        "the whole core, from counts and what --energy measured of this machine; unknown without",
    ),
    "dram_pj": ("pJ a step", "bytes of DRAM at an LPDDR4 interface, beside the core"),
    "mac_pj": ("pJ", "a product and its addition in the cells of --liberty; unknown without"),
    "products_pj": ("pJ a step", "products, each at mac_pj; a part of energy_pj"),
}
"""Names of what is derived, each with its unit and where it comes from."""

_DRAM = DRAMS["lpddr4"]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """How costs are derived.

    Parameters
    ----------
    coefficients : tuple of Coefficients
        Of machines that were measured. The energy of any other is not known.
    lanes : dict
        Picojoules of a product and its addition by multiplier and level, where they were measured.
    """

    coefficients: tuple[Coefficients, ...] = ()
    lanes: dict[tuple[Multiplier, int], float] = field(default_factory=dict)

    def of(self, point: Point, figures: dict) -> dict:
        """Columns of a row, from the figures that were measured."""
        mac = self.lanes.get((point.config.multiplier, point.level))
        moved = figures["dram_read_bytes"] + figures["dram_write_bytes"]
        return {
            "energy_pj": self._energy(point, figures),
            "dram_pj": moved * _DRAM.pj_per_byte,
            "mac_pj": mac,
            "products_pj": None if mac is None else figures["macs"] * mac,
        }

    def _energy(self, point: Point, figures: dict) -> float | None:
        measured = (each for each in self.coefficients if each.fits(point.config))
        coefficients = next(measured, None)
        # Rows that an earlier program kept do not say what was done.
        if coefficients is None or not figures.get("work"):
            return None
        work = json.loads(figures["work"])
        return total(energy_of(coefficients, work, point.config.clock_mhz))


def cell_energy(
    liberty: Path, points: Sequence[Point], say: Callable[[str], None]
) -> dict[tuple[Multiplier, int], float]:
    """Picojoules of a product and its addition in given cells, for each multiplier and level.

    All of it is measured at once, so that a library that cannot be used is refused before anything
    else is done.

    Raises
    ------
    NetworkError
        The file is no library of cells.
    """
    levels: dict[Multiplier, set[int]] = {}
    for point in points:
        levels.setdefault(point.config.multiplier, set()).add(point.level)
    return {
        (multiplier, row["level"]): row["energy_pj"]
        for multiplier, used in levels.items()
        for row in liberty_cost(multiplier, liberty, sorted(used), None, 0, say)
    }
