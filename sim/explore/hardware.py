"""Generated hardware as a backend: the same call and the same result as the model's."""

from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np

from boards.driver import Driver
from hw.accelerator import Accelerator
from hw.config import Config
from sim.image.check import check_input
from sim.image.compile import compile_network
from sim.image.image import Image, State
from sim.model.counts import Counts
from sim.model.result import Result
from sim.networks.check import check_integer
from sim.networks.network import IntegerNetwork, NetworkError
from sim.rtl import MemoryModel, RtlSimulator

__all__ = ["RtlBackend", "run_image"]

_MEMORY_BYTES = 1 << 28
_PATIENCE = 20
"""A run may take this many times what the lanes need, and then some, before it counts as hung."""

_STALLS = "stall_"


def _quiet(*arguments) -> None:
    pass


def _lane_cycles(image: Image) -> int:
    """Cycles that the lanes work: one for each event of each block of each step."""
    runs = image.steps * image.sequences
    return sum(
        runs
        * image.config.blocks(placement.direction.hidden_size)
        * (placement.direction.input_size + placement.direction.hidden_size)
        for placement in image.placements
    )


def run_image(
    driver: Driver, image: Image, x: np.ndarray, name: str, progress: Callable = _quiet
) -> Result:
    """Write an image and its input to a machine's memory, run it, read results and counters.

    Parameters
    ----------
    driver : Driver
        Of the machine that ``image`` was made for.
    image : Image
        What to run.
    x : int8 [sequences, steps, I]
        Its input.
    name : str
        Of the backend, in the result.
    progress : function of (int, int)
        Told the cycles that have passed, and the cycles to be expected.

    Raises
    ------
    NetworkError
        The memory is too small.
    DeviceError
        The machine stopped, or does not end.
    """
    transport, config = driver.transport, image.config
    if transport.memory_base or image.size > transport.memory_size:
        raise NetworkError(
            f"the run needs the {image.size} bytes from address 0, and the memory has "
            f"{transport.memory_size} from {transport.memory_base:#x}"
        )
    transport.write_memory(0, image.data)
    transport.write_memory(image.x.addr, image.pack_x(x))
    expected = _lane_cycles(image)
    driver.start(image.descriptor, image.output_base, image.output_limit)
    driver.wait(_PATIENCE * (expected + image.size) + 1_000_000, lambda n: progress(n, expected))
    base = image.output_base
    memory = transport.read_memory(base, image.output_limit - base)
    counters = driver.counters()
    return Result(
        h=image.unpack_h(memory, base),
        states=image.unpack_states(memory, base),
        counts=Counts(**{field.name: counters[field.name] for field in fields(Counts)}),
        cycles=counters["cycles"],
        stall_cycles={
            cause.removeprefix(_STALLS): cycles
            for cause, cycles in counters.items()
            if cause.startswith(_STALLS)
        },
        lanes=config.lanes,
        config=config.name,
        backend=name,
    )


class RtlBackend:
    """Runs networks on the simulated hardware of one configuration.

    The hardware is generated and compiled when the first network runs, and stays switched on.

    Parameters
    ----------
    config : Config
        The machine.
    memory : MemoryModel
        How its DRAM behaves.
    say : function of str
        Told what takes time before the run.
    progress : function of (int, int)
        Told the cycles that have passed in a run, and the cycles to be expected.

    Members
    -------
    simulator : RtlSimulator or None
        The machine and its memory; None before the first run.
    """

    name = "rtl"

    def __init__(
        self,
        config: Config,
        memory: MemoryModel | None = None,
        say: Callable[[str], None] = _quiet,
        progress: Callable[[int, int], None] = _quiet,
    ):
        self.config = config
        self.memory = memory or MemoryModel()
        self.say = say
        self.progress = progress
        self.simulator = None

    def run(
        self,
        network: IntegerNetwork,
        x: np.ndarray,
        *,
        initial: Sequence[State | None] | None = None,
        resident: bool | None = None,
        load: bool = True,
        store_state: bool = True,
    ) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``; arguments as ``compile_network``.

        Raises
        ------
        NetworkError
            The network does not fit the configuration, or the run the memory.
        ToolError
            A tool for compiling the hardware is missing or failed.
        DeviceError
            The machine stopped with an error.
        """
        check_integer(network)
        check_input(network, x)
        image = compile_network(
            network,
            self.config,
            steps=x.shape[1],
            sequences=x.shape[0],
            initial=initial,
            resident=resident,
            load=load,
            store_state=store_state,
        )
        if self.simulator is None:
            self.simulator = RtlSimulator(
                Accelerator(self.config), memory=self.memory, size=_MEMORY_BYTES, say=self.say
            )
        return run_image(Driver(self.simulator), image, x, self.name, self.progress)
