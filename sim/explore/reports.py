"""Figures of runs that follow each other, put together."""

from collections.abc import Mapping, Sequence

from hw.config import Config
from sim.explore.machine_values import values_of
from sim.model.result import share

__all__ = ["merge_reports", "with_time"]


def with_time(report: dict, config: Config) -> dict:
    """The report, what follows from it at the configuration's clock, and the configuration."""
    step_us = None
    if report["cycles"] is not None:
        step_us = report["cycles"] / report["steps"] / config.clock_mhz
    figures = {**report, "clock_mhz": config.clock_mhz, "step_us": step_us}
    return {**figures, "config": values_of(config)}


def merge_reports(reports: Sequence[Mapping]) -> dict:
    """One report for runs that follow each other: counts added, names kept, lists united.

    A count that one of them does not know is unknown in the sum.
    """
    merged = dict(reports[0])
    for report in reports[1:]:
        for name, value in report.items():
            merged[name] = _add(name, merged[name], value)
    if merged["cycles"] is not None:
        merged["utilisation"] = merged["macs_done"] / (merged["lanes"] * merged["cycles"])
    for avoided, done in (("macs_avoided", "macs_done"), ("weight_bytes_avoided", "weight_bytes")):
        if f"{avoided}_share" in merged:
            merged[f"{avoided}_share"] = share(merged[avoided], merged[done])
    return merged


_NOT_ADDED = ("lanes", "utilisation", "macs_avoided_share", "weight_bytes_avoided_share")


def _add(name: str, one, other):
    if one is None or other is None:
        return None
    if isinstance(one, list):
        return sorted({*one, *other})
    if isinstance(one, Mapping):
        both = {key: _add(key, one[key], other[key]) for key in one if key in other}
        return {**one, **other, **both}
    return one if isinstance(one, str) or name in _NOT_ADDED else one + other
