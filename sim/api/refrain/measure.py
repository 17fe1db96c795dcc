"""What multipliers cost and lose, what precisions give, and what real networks make of it."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.config import Config
from sim.explore.files import check_folder, check_writable, write_whole
from sim.explore.machines import make_config

__all__ = ["multiplier", "multipliers", "report", "sweep", "workload", "workloads"]


def multipliers() -> list[dict[str, Any]]:
    """The multipliers that have a name: a row for each, with its levels.

    Raises
    ------
    RefrainError
        Never; every name can be built.
    """
    from sim.explore.multipliers.report import multiplier_rows

    return multiplier_rows()


def multiplier(name: str, *, weight_bits: int = 8, length: int = 256) -> list[dict[str, Any]]:
    """What the errors of a multiplier are like, over all operands: a row for each level.

    Parameters
    ----------
    name : str
        ``NAME`` or ``NAME:NUMBERS``, a ``.npy`` table or a ``.v`` module.
    weight_bits : int
        Bits of a weight, sign included.
    length : int
        Length of the dot products whose signal-to-noise ratio is stated.

    Raises
    ------
    RefrainError
        There is no such multiplier.
    """
    from sim.explore.multipliers.importing import open_multiplier
    from sim.explore.multipliers.report import level_reports

    chosen = open_multiplier(name, weight_bits)
    return level_reports(chosen, list(range(len(chosen.levels))), length, {})


def sweep(
    folder: str | Path,
    *,
    plan: str | Path | Mapping[str, Any] | None = None,
    workload: str | None = None,
    network: str | Path | None = None,
    data: str | Path | None = None,
    labels: str | Path | None = None,
    metric: str | None = None,
    config: Config | str = "edge",
    weight_bits: Sequence[int] = (8,),
    activation_bits: Sequence[int] = (8,),
    multipliers: Sequence[str] = ("exact",),
    levels: Sequence[int] | None = None,
    modes: Sequence[str] = ("normal", "delta"),
    x_thresholds: Sequence[int] = (0,),
    h_thresholds: Sequence[int] = (0,),
    normal_every: int = 0,
    row_scales: bool = False,
    energy: Sequence[str | Path] = (),
    jobs: int | None = None,
    extend: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """Measure every point of a plan, or every combination of widths, levels and modes.

    What is measured is kept in ``folder``, so a sweep that was stopped goes on. A point that fails
    has no row; ``results.db`` in the folder says why it failed.

    Parameters
    ----------
    folder : path
        Where measurements are kept.
    plan : path, mapping or None
        A plan's file, or its sections by name; the rest but ``jobs`` and ``progress`` is then of
        no use. Without one:
    workload : str or None
        A workload, see :func:`workloads`; or a network of your own:
    network, data, labels, metric
        Its file, samples and labels as ``.npy`` files, and what it is measured by.
    config : Config or str
        The configuration that is changed, its name or its file.
    weight_bits, activation_bits, multipliers, levels, modes, x_thresholds, h_thresholds
        What is combined; ``levels`` of None are all that each multiplier has.
    normal_every : int
        Every so many steps of delta mode is normal; 0 for the first alone.
    row_scales : bool
        Rows of weights have scales of their own.
    energy : sequence of path
        What ``refrain silicon --coefficients`` wrote of machines; ``energy_pj`` of others is None.
    jobs : int or None
        Processes; all cores when None.
    extend : bool
        Add to the results of another plan that the folder holds.
    progress : function of (int, int)
        Told how many points are done.

    Returns
    -------
    list of dict
        A row for each point: its settings, score with standard error, MACs, bytes, cycles.

    Raises
    ------
    RefrainError
        A point cannot be, or the network or the data cannot be used.
    """
    from sim.explore.sweep.plan import plan_of, read_plan
    from sim.explore.sweep.running import sweep as run_sweep
    from sim.explore.sweep.short import short_plan
    from sim.explore.sweep.subjects import Subject

    check_folder(Path(folder))
    if plan is not None:
        wanted = plan_of(plan) if isinstance(plan, Mapping) else read_plan(Path(plan))
    else:
        subject = Subject(
            name=workload or str(network),
            workload=workload,
            network=None if network is None else str(network),
            data=None if data is None else str(data),
            labels=None if labels is None else str(labels),
            metric=metric,
        )
        subject.check()
        wanted = short_plan(
            subject,
            base=make_config(config),
            weight_bits=weight_bits,
            activation_bits=activation_bits,
            multipliers=multipliers,
            levels=levels,
            modes=modes,
            x_thresholds=x_thresholds,
            h_thresholds=h_thresholds,
            normal_every=normal_every,
            row_scales=row_scales,
        )
    done = run_sweep(
        wanted,
        Path(folder),
        energy=[Path(each) for each in energy],
        jobs=jobs or os.cpu_count() or 1,
        extend=extend,
        progress=lambda state: progress(state.done + state.failed, state.total),
    )
    return done.rows


def report(results: str | Path, output: str | Path, *, title: str | None = None) -> Path:
    """Make one page of a sweep's results, with charts and tables, that needs no server.

    Parameters
    ----------
    results : path
        The folder of a sweep, or its ``results.db``; a sweep may still be running.
    output : path
        The page to write.
    title : str or None
        What stands above it; the sweep's networks when None.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RefrainError
        There are no results, or the page cannot be written.
    """
    from sim.explore.report.page import report_page, title_of
    from sim.explore.sweep.store import read_results

    check_writable(Path(output))
    rows, failed, _, about = read_results(Path(results))
    write_whole(Path(output), report_page(title or title_of(rows), rows, failed, about))
    return Path(output)


def workloads() -> list[dict[str, Any]]:
    """The real networks with real data that there are: a row for each.

    Raises
    ------
    RefrainError
        Never.
    """
    from sim.explore.workloads import workload_rows
    from sim.workloads.catalogue import WORKLOADS

    return workload_rows(WORKLOADS.values())


def workload(
    name: str,
    *,
    config: Config | str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Fetch and measure a workload on its held-out data, as ``refrain workload run``.

    Parameters
    ----------
    name : str
        One of ``workloads()``.
    config : Config, str or None
        The accelerator, its name or its file; the workload's own choice when None.
    progress : function of str
        Told what happens.

    Raises
    ------
    RefrainError
        There is no such workload, or its files cannot be fetched.
    """
    from sim.explore.running import make_backend
    from sim.explore.workloads import measure_workload
    from sim.workloads.catalogue import find_workload

    chosen = find_workload(name)
    backend = make_backend("model", make_config(config or chosen.config))
    return measure_workload(chosen, backend, progress)
