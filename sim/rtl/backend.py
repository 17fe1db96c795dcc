"""Runs networks on a machine behind the driver: RTL simulation, or whatever has a transport."""

from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from boards.driver import Driver
from boards.transport import Transport
from hw.config import Config
from hw.modes import Mode, Plan
from hw.registers import COUNTERS, MODE_COUNTERS
from hw.verilog import rtlil_to_verilog
from sim.image.image import Image
from sim.image.last_run import LastRun
from sim.image.options import RunOptions
from sim.model.backend import ModelBackend
from sim.model.counts import Counts, left_out
from sim.model.result import Result
from sim.networks.network import IntegerNetwork, NetworkError
from sim.rtl.build import runtime_beside
from sim.rtl.memory_model import MemoryModel
from sim.rtl.simulator import RtlSimulator
from sim.rtl.sources import machine_rtlil
from sim.rtl.stages import Stages

__all__ = ["DeviceBackend", "RtlBackend", "make_simulator"]

_NAME = "refrain"
"""Name of the simulated top module."""

_MEMORY_BYTES = 1 << 27
"""DRAM of a simulation, at the least; untouched pages cost nothing."""

_RESUMES = 0, 3
"""Version of the register map from which on runs go on from each other."""

_WANTS = {
    "scores": ("scores", lambda job: job["skip"] or job["plan"] == Plan.SCORED),
    "states": ("states in memory", lambda job: job["load_state"] or job["store_state"]),
    "resume": ("runs that go on from each other", lambda job: job["resume"] or job["keeper"]),
}
"""What machines may be made without: its name, and whether a descriptor asks for it."""

Progress = Callable[[int], None]


class DeviceBackend:
    """Runs networks on a machine that a transport leads to.

    Parameters
    ----------
    config : Config
        The machine's configuration.
    transport : Transport
        The way to it.
    name : str
        What results say they come from.
    """

    def __init__(self, config: Config, transport: Transport, name: str = "device"):
        self.config = config
        self.name = name
        self.transport = transport
        self.driver = Driver(transport)
        self._last = LastRun(config)
        self._counting = ModelBackend(config, timed=False)

    @property
    def goes_on(self) -> bool:
        """Whether the machine is new enough for runs that go on from each other, and has the gates
        for that.
        """
        return self.driver.version >= _RESUMES and "resume" not in self.driver.lacking

    def sibling(self) -> "DeviceBackend":
        """A backend for another network. It shares the machine, which has room for one network's
        states: a run of either ends what the other could resume.
        """
        return copy(self)

    def run(
        self, network: IntegerNetwork, x: np.ndarray, *, progress: Progress | None = None, **options
    ) -> Result:
        """Result for int8 ``x`` ``[sequences, steps, I]``; options as in ``RunOptions``.

        ``progress`` is called now and then with the cycles so far.
        """
        options = RunOptions(**options)
        if options.resume and self.driver.version < _RESUMES:
            found, wanted = (".".join(map(str, v)) for v in (self.driver.version, _RESUMES))
            raise NetworkError(
                f"the machine on {self.name} is of version {found}, and runs go on from each other "
                f"from version {wanted} on: build it anew, or do not resume"
            )
        image = self._last.compile(network, x, options)
        if self.driver.wide != (self.config.act_width > 8):
            found = "16 bits" if self.driver.wide else "at most 8 bits"
            raise NetworkError(
                f"the machine on {self.name} has activations of {found}, and the configuration of "
                f"{self.config.act_width}: build the machine with that configuration, or run with "
                f"the one that it was built with"
            )
        rows = any(placement.fields["row_scales"] for placement in image.placements)
        if rows and not self.driver.row_scales:
            raise NetworkError(
                f"the machine on {self.name} has no gates for scales of rows, and the network has "
                f"such scales: build the machine with --row-scales, or quantise without it"
            )
        if any(each.fields["mapped"] for each in image.placements) and not self.driver.maps:
            raise NetworkError(
                f"the machine on {self.name} has no gates for maps of columns, and the image "
                f"leaves zero columns out: build the machine with map_words = "
                f"{self.config.map_words}, or run with map_words = 0"
            )
        self._check_parts(image)
        # Of what a resumed run needs, all but descriptors and x is there.
        table = b"" if image is self._last.image else image.table
        self._last.begin()
        result = self._execute(image, x, progress, table if options.resume else image.data)
        self._last.end(image, network, options)
        return self._with_counts(result, network, x, options)

    def _check_parts(self, image: Image) -> None:
        """Refuse an image that asks for gates that the machine was made without."""
        for name in self.driver.lacking:
            wants = _WANTS.get(name)
            if wants and any(wants[1](placement.fields) for placement in image.placements):
                raise NetworkError(
                    f"the machine on {self.name} was made without gates for {wants[0]}, and the "
                    f"run takes them: build the machine with {name} = true, or run with the "
                    f"configuration that it was built with"
                )

    def _with_counts(self, result: Result, network, x: np.ndarray, options: RunOptions) -> Result:
        """The result, with the model's counts of modes where the machine counts none.

        The model goes on from run to run beside the machine.
        """
        if "mode_counters" not in self.driver.lacking:
            return result
        told = {item.name: getattr(options, item.name) for item in fields(options)}
        modes = self._counting.run(network, x, **told).counts.modes
        return replace(result, counts=replace(result.counts, modes=modes), counted_by="model")

    def _execute(
        self, image: Image, x: np.ndarray, progress: Progress | None, data: bytes
    ) -> Result:
        """Write ``data`` from address 0 on, and ``x``; run; read what there is."""
        transport, driver = self.transport, self.driver
        transport.write_memory(0, data)
        transport.write_memory(image.x.addr, image.pack_x(x))
        driver.start(image.descriptor, image.output_base, image.output_limit)
        driver.wait(progress=progress)
        counters = driver.counters()
        nothing = {mode.name.lower(): dict.fromkeys(MODE_COUNTERS, 0) for mode in Mode}
        modes = nothing if "mode_counters" in driver.lacking else driver.mode_counters()
        written = transport.read_memory(image.output_base, image.output_limit - image.output_base)
        stalls = [name for name in COUNTERS if name.startswith("stall_")]
        counts = Counts.of_counters(counters, modes)
        return Result(
            h=image.unpack_h(written, image.output_base),
            states=image.unpack_states(written, image.output_base),
            counts=counts,
            left_out=left_out(image, [counts]),
            cycles=counters["cycles"],
            stall_cycles={name.removeprefix("stall_"): counters[name] for name in stalls},
            weight_bits=image.weight_bits,
            lanes=self.config.lanes,
            config=self.config.name,
            backend=self.name,
        )


def make_simulator(
    config: Config,
    memory: MemoryModel | None,
    say: Callable[[str], None],
    *,
    size: int,
    trace: Path | None = None,
) -> RtlSimulator:
    """The compiled gates of a configuration, in reset once and then ready.

    Parameters
    ----------
    config : Config
        The machine; it is generated and compiled unless that has been done before.
    memory : MemoryModel or None
        How its DRAM behaves; ideal if None.
    say : function of str
        Told what takes long.
    size : int
        Bytes of DRAM.
    trace : Path or None
        VCD file of every signal.

    Raises
    ------
    ToolError
        A tool for compiling is missing or failed.
    """
    stages = Stages(say)
    with runtime_beside(trace=trace is not None):
        source = machine_rtlil(config, _NAME, stages=stages)
    imported = config.multiplier.verilog
    if imported:
        source = "\n".join([rtlil_to_verilog(source, _NAME), *imported.values()])
    return RtlSimulator(
        source,
        name=_NAME,
        rtlil=not imported,
        memory=memory,
        size=size,
        trace=trace,
        stages=stages,
    )


class RtlBackend(DeviceBackend):
    """Runs networks on the compiled gates of a configuration.

    Parameters
    ----------
    config : Config
        The machine; it is generated and compiled unless that has been done before.
    memory : MemoryModel or None
        How its DRAM behaves; ideal if None.
    say : function of str
        Told what takes long.

    Raises
    ------
    ToolError
        A tool for compiling is missing or failed.
    """

    def __init__(
        self,
        config: Config,
        memory: MemoryModel | None = None,
        say: Callable[[str], None] = lambda text: None,
    ):
        self._made_of = config, memory, say
        self.simulator = make_simulator(config, memory, say, size=_MEMORY_BYTES)
        super().__init__(config, self.simulator, "rtl")

    def sibling(self) -> "RtlBackend":
        """A backend like this one with a machine of its own, which has not run yet."""
        return RtlBackend(*self._made_of)

    def restart(self, memory: MemoryModel):
        """Start from power-on with another memory."""
        config, _, say = self._made_of
        self._made_of = config, memory, say
        self.simulator.restart(memory)
        self._last.forget("the machine was switched off since")
