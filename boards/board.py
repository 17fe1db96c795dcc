"""What is known of a board: its part, its clock, its host, how its bitstream gets onto it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from boards.open_xilinx import OpenTools
from hw.accelerator import Accelerator
from hw.config import Config, ConfigError

__all__ = ["Board", "Dram", "Plan", "unchanged"]


BLOCK = "block"
"""Blocks of the FPGA as memory, where a board has another too."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a build of a board is made of.

    Members
    -------
    platform
        Amaranth's platform object, for one build.
    top : wiring.Component
        The design.
    options : dict
        Overrides for the platform's templates.
    bitstream : str
        The file that a build leaves, of a design called ``top``.
    seeds : int
        How often it may be placed and routed until the clock is met.
    tools : OpenTools or None
        What the open tools of Xilinx need beside the design.
    """

    platform: object
    top: object
    options: dict
    bitstream: str
    seeds: int = 1
    tools: OpenTools | None = None


@dataclass(frozen=True, kw_only=True)
class Dram:
    """A memory on a board that it can be built for, instead of blocks of its FPGA.

    Parameters
    ----------
    name : str
        What it is called on the command line.
    kib : int
        Its size.
    clock_mhz : float
        The machine's clock with it.
    plan : function of (Board, Config or None, str)
        As of the board.
    """

    name: str
    kib: int
    clock_mhz: float
    plan: Callable[["Board", Config | None, str], Plan]


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board.

    Parameters
    ----------
    name : str
        What it is called on the command line.
    title, part : str
        What people call it and the FPGA on it.
    host : str
        ``uart``: a computer on a serial line; ``zynq``: the processor beside the logic.
    config : str or None
        Name of the configuration that it is built with unless another is named; None where no
        machine fits.
    clock_mhz : float
        The machine's clock.
    memory_kib : int
        The machine's memory on the board; 0 where it is the processor's DRAM.
    baud : int
        Bits a second on the line, 0 without one.
    toolchains : tuple of str
        The first is the usual one.
    flash : tuple of str
        Arguments of openFPGALoader before the bitstream.
    fit : function of Config
        The configuration as this board's memory port needs it.
    plan : function of (Board, Config or None, str)
        Makes a ``Plan`` for a configuration, or for a board without a machine, and a toolchain.
    dram : Dram or None
        The other memory that it can be built for.
    """

    name: str
    title: str
    part: str
    host: str
    config: str | None
    clock_mhz: float
    memory_kib: int
    baud: int
    toolchains: tuple[str, ...]
    flash: tuple[str, ...]
    fit: Callable[[Config], Config]
    plan: Callable[["Board", Config | None, str], Plan]
    dram: Dram | None = None

    def with_memory(self, name: str | None) -> "Board":
        """The board built for its memory of that name; for its usual one if None.

        Raises
        ------
        ConfigError
            It has none of that name.
        """
        if name is None or (name == BLOCK and self.dram is not None):
            return self
        if self.dram is None:
            raise ConfigError(f"{self.name} has no choice of memory, so it has no {name}")
        if name != self.dram.name:
            raise ConfigError(
                f"the memory of {self.name} must be {BLOCK} or {self.dram.name}, not {name}"
            )
        dram = self.dram
        return replace(self, memory_kib=dram.kib, clock_mhz=dram.clock_mhz, plan=dram.plan)

    def fitted(self, config: Config) -> Config:
        """The configuration at this board's clock and bus.

        Raises
        ------
        ConfigError
            It contradicts the board.
        """
        return self.fit(replace(config, clock_mhz=self.clock_mhz))

    def machine(self, config: Config) -> Accelerator:
        """The machine of a fitted configuration."""
        if self.config is None:
            raise ConfigError(
                f"no machine fits into the {self.part} of {self.name}; it is built without one"
            )
        return Accelerator(config)


def unchanged(config: Config) -> Config:
    """The configuration of a board whose memory takes any bus."""
    return config
