"""What a run's energy is told as."""

from collections.abc import Mapping

from sim.explore.energy.coefficients import Coefficients
from sim.explore.energy.dram import DRAMS
from sim.explore.energy.estimating import Energies, by_mode, total, with_cycles

__all__ = ["energy_figures", "worst_error"]


def energy_figures(figures: Mapping, coefficients: Coefficients, dram: str = "lpddr4") -> dict:
    """Energy of a run by mode and part, from the report of a backend whose results have work.

    Parameters
    ----------
    figures : dict
        The report: ``work``, ``cycles``, ``stall_cycles``, ``clock_mhz``, ``steps``,
        ``macs_done``, and bytes.
    coefficients : Coefficients
        Of its machine.
    dram : str
        One of ``DRAMS``.

    Returns
    -------
    dict
        Picojoules: ``core_pj`` of the whole machine, ``modes`` and ``parts`` of it, and apart from
        it ``dram`` with its source; ``origin`` and ``worst_error_percent`` of the coefficients.
    """
    stalls, clock = figures["stall_cycles"] or {}, figures["clock_mhz"]
    rows = with_cycles(figures["work"], figures["cycles"], stalls.get("load", 0))
    modes = by_mode(coefficients, rows, clock)
    parts = {
        part: sum(sum(each[part].values()) for each in modes.values()) for part in coefficients.work
    }
    core, products = sum(parts.values()), figures["macs_done"]
    interface = DRAMS[dram]
    moved = figures["dram_read_bytes"] + figures["dram_write_bytes"]
    return {
        "core_pj": core,
        "core_pj_per_step": core / figures["steps"],
        "core_pj_per_product": core / products if products else None,
        "modes": {name: _mode(rows[name], energies) for name, energies in modes.items()},
        "parts": parts,
        "dram": {
            "interface": dram,
            "pj_per_byte": interface.pj_per_byte,
            "source": interface.source,
            "pj": moved * interface.pj_per_byte,
        },
        "clock_mhz": clock,
        "origin": dict(coefficients.origin),
        "worst_error_percent": worst_error(coefficients),
    }


def _mode(row: Mapping[str, float], energies: Energies) -> dict:
    pj, steps = total(energies), row["step"]
    return {
        "steps": steps,
        "cycles": row["cycle"],
        "pj": pj,
        "pj_per_step": pj / steps if steps else None,
        "parts": {part: sum(kinds.values()) for part, kinds in energies.items()},
    }


def worst_error(coefficients: Coefficients) -> float | None:
    """The largest error of a total on networks that took no part, in per cent; None without."""
    tested = coefficients.errors.get("tested") or []
    return max((abs(row["error_percent"]) for row in tested), default=None)
