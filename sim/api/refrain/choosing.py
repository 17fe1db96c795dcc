"""Which machine to build: advice for a network and a part, and machines beside published chips."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Only for types, as they bring what sweeps need with them.
    from sim.explore.sweep.advising import Advice

__all__ = ["advise", "compare"]


def advise(
    folder: str | Path,
    *,
    network: str | Path,
    data: str | Path,
    part: str,
    objective: str = "energy",
    budget: float = 0.0,
    labels: str | Path | None = None,
    metric: str | None = None,
    lower: bool = False,
    jobs: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> "Advice":
    """Recommend a machine for a network and an FPGA, after a sweep of what a newcomer would try.

    Parameters
    ----------
    folder : path
        Where measurements are kept; a sweep that was stopped goes on.
    network, data, labels : path
        The network's file, and samples and labels as ``.npy`` files.
    part : str
        The FPGA, such as ``xc7z020``.
    objective : str
        ``energy`` (a proxy: products and bytes), ``latency`` or ``steps``.
    budget : float
        How much of the metric may be lost against 8-bit weights in normal mode.
    metric : str or None
        ``sqnr`` without labels and ``accuracy`` with them when None.
    lower : bool
        Less of the metric is better.
    jobs : int or None
        Processes; all cores when None.
    say : function of str
        Told what happens.

    Returns
    -------
    Advice
        ``config`` and ``modes`` to build and run; ``reasons``; ``row`` with its figures, and
        ``others``, the runners-up.

    Raises
    ------
    RefrainError
        There is no such part or objective, nothing fits, or network or data cannot be used.
    """
    from sim.explore.files import check_folder
    from sim.explore.sweep.advising import advise as recommend
    from sim.explore.sweep.subjects import Subject

    check_folder(Path(folder))
    files = (Path(network), Path(data), None if labels is None else Path(labels))
    subject = Subject.of_files(*files, metric=metric, lower=lower)
    wanted: dict[str, Any] = {"part": part, "objective": objective, "budget": budget}
    return recommend(subject, Path(folder), jobs=jobs or os.cpu_count() or 1, say=say, **wanted)


def compare(
    machines: Sequence[str | Path] = (),
    *,
    workloads: Sequence[str] = (),
    node: int = 130,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:
    """Energy of measured machines beside published LSTM chips: a row for each figure.

    Parameters
    ----------
    machines : sequence of path
        What ``refrain silicon --coefficients`` wrote, a file for each machine.
    workloads : sequence of str
        Workloads whose energy is estimated at settings that lose nothing, where they fit.
    node : int
        Nanometres of the cells that were measured: 130, 90 or 65.
    say : function of str
        Told what happens.

    Returns
    -------
    list of dict
        ``kind`` says whether a figure was measured, estimated or quoted, ``origin`` from what.

    Raises
    ------
    RefrainError
        A file holds no coefficients, or there is no such workload or node.
    """
    from sim.explore.compare.comparing import checked_workloads, compare_chips
    from sim.explore.energy.coefficients import read_coefficients

    names = checked_workloads(workloads, node)
    held = {Path(path): read_coefficients(Path(path)) for path in machines}
    return compare_chips(held, names, node, say)
