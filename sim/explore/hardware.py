"""Simulated hardware as the commands use it: made when it is needed, telling how far it is."""

from collections.abc import Callable

import numpy as np

from hw.config import Config
from sim.image.compile import compile_network
from sim.model.result import Result
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork
from sim.rtl import MemoryModel
from sim.rtl.backend import RtlBackend

__all__ = ["Simulation"]


def _quiet(*arguments) -> None:
    pass


class Simulation:
    """A backend: the RTL simulation of one configuration.

    The hardware is generated and compiled when the first network runs that fits it, so that
    unusable input is refused at once. Then it stays switched on.

    Parameters
    ----------
    config : Config
        The machine.
    latency : int
        Cycles from a read address to its first data beat.
    say : function of str
        Told what takes time before a run.
    progress : function of (int, int)
        Told the cycles that have passed in a run, and the cycles to be expected.
    """

    name = "rtl"

    def __init__(
        self,
        config: Config,
        latency: int,
        say: Callable[[str], None] = _quiet,
        progress: Callable[[int, int], None] = _quiet,
    ):
        self.config = config
        self.memory = MemoryModel(latency=latency)
        self.say = say
        self.progress = progress
        self._backend = None

    def sibling(self) -> "Simulation":
        """A backend like this one with a machine of its own, which has not run yet."""
        return Simulation(self.config, self.memory.latency, self.say, self.progress)

    def run(self, network: IntegerNetwork, x: np.ndarray, **options) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``; options as ``compile_network``.

        Raises
        ------
        NetworkError
            The network does not fit the configuration.
        ToolError
            A tool for compiling the hardware is missing or failed.
        DeviceError
            The machine stopped with an error.
        """
        check_integer(network)
        modes = options.get("modes")
        image = compile_network(network, self.config, steps=1, sequences=1, modes=modes)
        # The lanes take a cycle for each event of each block.
        cycles = sum(
            self.config.blocks(placement.direction.hidden_size)
            * (placement.direction.input_size + placement.direction.hidden_size)
            for placement in image.placements
        )
        expected = cycles * x.shape[0] * x.shape[1]
        if self._backend is None:
            self._backend = RtlBackend(self.config, self.memory, self.say)
        return self._backend.run(
            network, x, progress=lambda done: self.progress(done, expected), **options
        )
