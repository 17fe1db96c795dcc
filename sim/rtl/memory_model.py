"""How the simulated DRAM behaves."""

from dataclasses import dataclass, fields

__all__ = ["MemoryModel"]


@dataclass(frozen=True, kw_only=True)
class MemoryModel:
    """The memory behind the AXI4 port. The default is ideal: least latency, no gap, no error.

    What is handshaken in cycle ``t`` is answered in cycle ``t + latency`` at the earliest; answers
    come in order. A write is visible from the cycle in which its response is offered.

    Parameters
    ----------
    latency : int
        Cycles from a read address to its first data beat, at least 1.
    write_latency : int
        Cycles from the last data beat of a write to its response, at least 1.
    beats, per_cycles : int
        At most ``beats`` data beats in ``per_cycles`` cycles, in each direction.
    outstanding : int
        Bursts of each direction that are accepted before the first is answered.
    stall_ar, stall_r, stall_aw, stall_w, stall_b : float
        Probability that the memory keeps a channel idle in a cycle: ``ready`` of AR, AW and W,
        a new ``valid`` of R and B.
    stall_lite : float
        The same for every channel of the register port, where the host is the master.
    seed : int
        Of the stalls; the same seed gives the same cycles.
    error_base, error_limit : int
        Bytes from ``error_base`` to before ``error_limit`` answer SLVERR. Addresses outside the
        memory answer DECERR.
    """

    latency: int = 1
    write_latency: int = 1
    beats: int = 1
    per_cycles: int = 1
    outstanding: int = 16
    stall_ar: float = 0.0
    stall_r: float = 0.0
    stall_aw: float = 0.0
    stall_w: float = 0.0
    stall_b: float = 0.0
    stall_lite: float = 0.0
    seed: int = 0
    error_base: int = 0
    error_limit: int = 0

    def __post_init__(self):
        for name in ("latency", "write_latency", "beats", "per_cycles", "outstanding"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.beats > self.per_cycles:
            raise ValueError(
                f"beats must be at most the {self.per_cycles} of per_cycles, not {self.beats}"
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.startswith("stall_") and not 0 <= value < 1:
                raise ValueError(f"{field.name} must be at least 0 and below 1, not {value}")

    @classmethod
    def stalling(cls, probability: float, seed: int = 0, **settings) -> "MemoryModel":
        """A memory whose every channel stalls with ``probability``."""
        names = [field.name for field in fields(cls) if field.name.startswith("stall_")]
        return cls(seed=seed, **{**dict.fromkeys(names, probability), **settings})
