"""The workloads by name, in two divisions."""

from sim.networks.network import NetworkError
from sim.workloads.activity import ACTIVITY, ACTIVITY_FINAL
from sim.workloads.deepspeech import DEEPSPEECH, DEEPSPEECH_FINAL
from sim.workloads.digits import DIGITS, DIGITS_FINAL
from sim.workloads.speech import SILERO, SILERO_FINAL
from sim.workloads.strings import STRINGS, STRINGS_FINAL
from sim.workloads.vowels import VOWELS, VOWELS_FINAL
from sim.workloads.workload import Workload

__all__ = ["FINAL", "WORKLOADS", "find_workload"]

WORKLOADS = {
    workload.name: workload for workload in (SILERO, DEEPSPEECH, STRINGS, ACTIVITY, DIGITS, VOWELS)
}
"""Every workload by name, in the division that everything was developed on."""

FINAL = {
    workload.name: workload
    for workload in (
        SILERO_FINAL,
        DEEPSPEECH_FINAL,
        STRINGS_FINAL,
        ACTIVITY_FINAL,
        DIGITS_FINAL,
        VOWELS_FINAL,
    )
}
"""The same networks, in a division that was made when all rules were settled: the evidence is of
this one, and nothing may be chosen by what it shows."""


def find_workload(name: str, final: bool = False) -> Workload:
    """The named workload, in the division for development or in the final one.

    Raises
    ------
    NetworkError
        There is none of that name.
    """
    workloads = FINAL if final else WORKLOADS
    if name not in workloads:
        known = ", ".join(workloads)
        raise NetworkError(f"there is no workload {name}; the workloads are {known}")
    return workloads[name]
