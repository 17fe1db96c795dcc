"""Whether a job needs what the sums account for."""

from amaranth import Value
from amaranth.lib import data

from hw.modes import Middle, Plan

__all__ = ["keeps_references"]


def keeps_references(job: data.View) -> Value:
    """Whether any step of the job may be a delta step, and so will ask for references."""
    return (job.plan != Plan.NORMAL) & (job.middle == Middle.DELTA)
