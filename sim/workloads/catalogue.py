"""The workloads by name."""

from sim.networks.network import NetworkError
from sim.workloads.activity import ACTIVITY
from sim.workloads.deepspeech import DEEPSPEECH
from sim.workloads.digits import DIGITS
from sim.workloads.speech import SILERO
from sim.workloads.strings import STRINGS
from sim.workloads.vowels import VOWELS
from sim.workloads.workload import Workload

__all__ = ["WORKLOADS", "find_workload"]

WORKLOADS = {
    workload.name: workload for workload in (SILERO, DEEPSPEECH, STRINGS, ACTIVITY, DIGITS, VOWELS)
}
"""Every workload by name."""


def find_workload(name: str) -> Workload:
    """The named workload.

    Raises
    ------
    NetworkError
        There is none of that name.
    """
    if name not in WORKLOADS:
        known = ", ".join(WORKLOADS)
        raise NetworkError(f"there is no workload {name}; the workloads are {known}")
    return WORKLOADS[name]
