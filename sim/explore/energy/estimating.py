"""Energy of a run from what its steps gave the parts of the machine to do."""

from collections.abc import Mapping

from hw.modes import Mode
from sim.explore.energy.coefficients import Coefficients
from sim.model.work import LOAD, WORK

__all__ = ["LEAKAGE", "by_mode", "energy_of", "total", "with_cycles"]

LEAKAGE = "leakage"
"""The kind of energy that only time takes."""

Rows = Mapping[str, Mapping[str, float]]
Energies = dict[str, dict[str, float]]


def with_cycles(work: Rows, cycles: int, load_cycles: int) -> dict[str, dict[str, float]]:
    """Rows of work with their cycles.

    Those of the load are known. Of the rest an operation takes one; those in which the lanes wait
    are spread evenly over the steps.
    """
    steps = sum(row["step"] for row in work.values())
    issued = sum(row["operation"] for row in work.values())
    waiting = max(cycles - load_cycles - issued, 0.0)
    found = {}
    for name, row in work.items():
        own = row["operation"] + (waiting * row["step"] / steps if steps else 0.0)
        found[name] = {**row, "cycle": load_cycles if name == LOAD else own}
    return found


def energy_of(
    coefficients: Coefficients, work: Mapping[str, float], clock_mhz: float | None = None
) -> Energies:
    """Picojoules by part and kind of a row of work, its cycles among it.

    Parameters
    ----------
    coefficients : Coefficients
        What each piece of work costs.
    work : dict of float
        Of each name of ``WORK``.
    clock_mhz : float or None
        At which leakage counts; that of the file when None.
    """
    cycles, found = work["cycle"], {}
    micro = cycles / (clock_mhz or coefficients.clock_mhz)
    for part, kinds in coefficients.work.items():
        idle = coefficients.idle[part]
        found[part] = {
            kind: cycles * idle.get(kind, 0.0)
            + sum(pj * work[name] for name, pj in kinds.get(kind, {}).items())
            for kind in dict.fromkeys((*idle, *kinds))
        }
        # Watts times microseconds are microjoules, and a million picojoules each.
        found[part][LEAKAGE] = 1e6 * micro * coefficients.leakage[part]
    return found


def by_mode(
    coefficients: Coefficients, rows: Rows, clock_mhz: float | None = None
) -> dict[str, Energies]:
    """Picojoules of each row in which anything was done, by part and kind."""
    names = (LOAD, *(mode.name.lower() for mode in Mode))
    return {
        name: energy_of(coefficients, rows[name], clock_mhz)
        for name in names
        if any(rows[name].get(each, 0.0) for each in WORK)
    }


def total(energies: Energies) -> float:
    """Picojoules of all parts and kinds."""
    return sum(sum(kinds.values()) for kinds in energies.values())
