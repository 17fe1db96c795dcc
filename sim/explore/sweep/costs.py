"""What a point costs beside what was measured: energy of a step, and resources of a part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hw.multipliers.family import Multiplier
from sim.explore.multipliers.cost import liberty_cost
from sim.explore.sweep.energy import Coefficients, step_energy
from sim.explore.sweep.points import Point

__all__ = ["DERIVED", "Costs", "cell_energy"]

DERIVED = {
    "mac_pj": ("pJ", "a product and its addition: coefficients, or measured with a Liberty file"),
    "products_pj": ("pJ a step", "products, each at mac_pj"),
    "sram_pj": ("pJ a step", "bytes of weights to and from SRAM, all streamed"),
    "dram_pj": ("pJ a step", "bytes of weights from DRAM, all streamed"),
    "energy_pj": ("pJ a step", "the sum of these three"),
}
"""Names of what is derived, each with its unit and where it comes from."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """How costs are derived.

    Parameters
    ----------
    coefficients : Coefficients
        Of energies.
    lanes : dict
        Picojoules of a product and its addition by multiplier and level, where they were measured.
    """

    coefficients: Coefficients = field(default_factory=Coefficients)
    lanes: dict[tuple[Multiplier, int], float] = field(default_factory=dict)

    def of(self, point: Point, figures: dict) -> dict:
        """Columns of a row, from the figures that were measured."""
        config = point.config
        if self.lanes:
            mac = self.lanes[config.multiplier, point.level]
        else:
            mac = self.coefficients.mac(config.multiplier.weight_width, config.act_width)
        energy = step_energy(figures["macs"], figures["bytes"], mac, self.coefficients)
        return {"mac_pj": mac, **energy}


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
