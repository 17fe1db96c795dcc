"""The workloads by name, in two divisions."""

from collections.abc import Sequence

from sim.networks.network import NetworkError
from sim.workloads.activity import ACTIVITY, ACTIVITY_FINAL
from sim.workloads.deepspeech import DEEPSPEECH, DEEPSPEECH_FINAL
from sim.workloads.digits import DIGITS, DIGITS_FINAL
from sim.workloads.keeping import OwnNetwork
from sim.workloads.speech import SILERO, SILERO_FINAL
from sim.workloads.strings import STRINGS, STRINGS_FINAL
from sim.workloads.vowels import VOWELS, VOWELS_FINAL
from sim.workloads.workload import Workload

__all__ = ["FINAL", "WORKLOADS", "find_workload", "trained_here"]

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


def trained_here(names: Sequence[str] | None = None) -> list[Workload]:
    """The named workloads whose network is trained here, or all, each in both divisions.

    Raises
    ------
    NetworkError
        There is none of that name, or its network is published.
    """
    own = [name for name, each in WORKLOADS.items() if isinstance(each.prepare, OwnNetwork)]
    for name in names or ():
        if name not in own and find_workload(name):
            raise NetworkError(
                f"the network of {name} is published and not trained here; those trained here "
                f"are {', '.join(own)}"
            )
    return [find_workload(name, final) for name in names or own for final in (False, True)]
