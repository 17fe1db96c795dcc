"""Cells of the machines of a sweep, estimated or counted by Yosys, beside a part's limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hw.config import Config
from sim.explore.resources.cells import machine_cells
from sim.explore.resources.estimate import estimated_cells
from sim.explore.resources.parts import RESOURCES, family_of, find_part, fits
from sim.explore.sweep.fronts import fronts_of
from sim.explore.sweep.points import Point
from sim.networks.network import NetworkError

__all__ = ["WHICH", "Estimates", "Synthesis"]

WHICH = ("front", "all")
"""Points whose machines are synthesised: those on a Pareto front, or every one."""


class Estimates:
    """What machines of a sweep are estimated to take of a part.

    Parameters
    ----------
    part : str
        What they are compared with, see ``PARTS``.

    Raises
    ------
    ConfigError
        There is no such part.
    """

    def __init__(self, part: str):
        find_part(part)
        self._part = part

    def columns(
        self,
        rows: Sequence[Mapping],
        points: Mapping[str, Point],
        costs: Sequence[str],
        say: Callable[[str], None],
    ) -> list[dict]:
        """Columns of rows that Yosys has not counted, each with its ``key``."""
        del costs
        say("estimating cells of the machines")
        found = []
        family = family_of(self._part)
        for row in rows:
            cells = {name: row.get(name) for name in RESOURCES}
            source = row.get("cells_from")
            if source != "Yosys" or family_of(row.get("part")) != family:
                cells, source = estimated_cells(points[row["key"]].config, family), "estimate"
            beside = {"part": self._part, "fits": fits(cells, self._part), "cells_from": source}
            found.append({"key": row["key"], **cells, **beside})
        return found


class Synthesis:
    """What is counted of the machines of a sweep.

    Parameters
    ----------
    which : str
        One of ``WHICH``.
    part : str or None
        What they are compared with, see ``PARTS``.

    Raises
    ------
    NetworkError, ConfigError
        There is no such choice, or no such part.
    """

    def __init__(self, which: str, part: str | None):
        if which not in WHICH:
            raise NetworkError(f"--synthesise takes {' or '.join(WHICH)}, not {which}")
        if part is not None:
            find_part(part)
        self._which, self._part = which, part

    def columns(
        self,
        rows: Sequence[Mapping],
        points: Mapping[str, Point],
        costs: Sequence[str],
        say: Callable[[str], None],
    ) -> list[dict]:
        """Columns of rows that are wanted, each with its ``key``; equal machines are counted once.

        Parameters
        ----------
        rows : sequence of dict
            Those of the sweep.
        points : dict of Point
            By key.
        costs : sequence of str
            What fronts are made against.
        say : function of str
            Told what is being counted.

        Raises
        ------
        ToolError
            Yosys is missing, or cannot handle a machine.
        """
        marked = fronts_of(rows, costs)
        wanted = [
            row["key"]
            for row in marked
            if self._which == "all" or any(row[f"front_{cost}"] for cost in costs)
        ]
        family = family_of(self._part)
        machines: dict[Config, dict] = {}
        found = []
        for key in wanted:
            config = points[key].config
            # Neither changes a gate.
            gates = replace(config, name="machine", clock_mhz=100.0)
            if gates not in machines:
                machines[gates] = machine_cells([config], say, family)[0]
            cells = machines[gates]
            beside = {"part": self._part}
            beside["fits"] = None if self._part is None else fits(cells, self._part)
            beside["cells_from"] = "Yosys"
            found.append({"key": key, **{name: cells[name] for name in RESOURCES}, **beside})
        return found
