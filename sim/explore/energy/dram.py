"""What a byte costs between the machine and its DRAM: figures that others have published."""

from dataclasses import dataclass

from sim.networks.network import NetworkError

__all__ = ["DRAMS", "Dram", "find_dram"]

_SOURCE = "as hwcomponents-cacti has it, CACTI for Accelergy; the memory, and what drives its pins"


@dataclass(frozen=True, kw_only=True)
class Dram:
    """An interface.

    Members
    -------
    pj_per_byte : float
        Picojoules of a byte that is read or written, the memory and the interface.
    source : str
        Where the figure is from.
    """

    pj_per_byte: float
    source: str


DRAMS = {
    name: Dram(pj_per_byte=8.0 * pj_per_bit, source=f"{pj_per_bit:g} pJ a bit, {_SOURCE}")
    for name, pj_per_bit in (("lpddr4", 8.0), ("lpddr", 40.0), ("ddr3", 70.0))
}
"""Interfaces by name."""


def find_dram(name: str) -> Dram:
    """The interface of a name.

    Raises
    ------
    NetworkError
        There is none.
    """
    if name not in DRAMS:
        raise NetworkError(f"there is no DRAM interface {name}; they are {', '.join(DRAMS)}")
    return DRAMS[name]
