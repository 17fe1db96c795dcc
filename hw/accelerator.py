"""The accelerator: what goes into a chip or onto a board."""

from amaranth import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.lite import LiteSlave
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from hw.config import Config
from hw.control.counters import Counters
from hw.control.registers import RegisterFile
from hw.control.step_counters import StepCounters
from hw.core import Core

__all__ = ["Accelerator"]

_STALLS = ("load", "input", "hidden", "weights", "cell", "drain")

_SOURCES = {
    "cycles": "busy",
    "read_bytes": "read",
    "write_bytes": "written",
    **{f"stall_{name}": f"stall_{name}" for name in _STALLS},
}
"""Field of the core's activity that a counter counts."""

_STEP = (
    "rows",
    "beats",
    "slot",
    "step",
    "mode",
    "events_x",
    "events_h",
    "dense_macs",
    "dense_bytes",
)
"""Fields of the core's activity that are counted by mode."""


class Accelerator(wiring.Component):
    """An LSTM accelerator between a host and DRAM; wires only.

    The host writes an image to DRAM, the address of its descriptors and the window of its outputs
    to registers, and starts; the machine raises ``interrupt`` when the outputs are in DRAM.

    Throughput: see ``docs/machine.md``.

    Parameters
    ----------
    config : Config
        The machine.

    Members
    -------
    s_axi : In
        Registers (``hw/registers.py``), AXI4-Lite.
    m_axi : Out
        DRAM, AXI4.
    machine_reset : In
        Level: resets the machine alone. The register port is reset at once. Towards memory it is
        a soft reset: bursts that are on the bus are finished, their answers belong to nobody, and
        ``status`` says busy until then. The reset of the ``sync`` domain is for the machine
        together with what it is connected to: it forgets what the memory owes.
    interrupt : Out
        High while an enabled interrupt bit is set.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "machine_reset": In(1),
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(config.addr_width, config.bus_width)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        """Slave, registers, core, counters."""
        m = Module()
        config = self.config
        reset = ResetInserter(self.machine_reset)
        slave, registers = LiteSlave(), RegisterFile(config)
        m.submodules.slave = reset(slave)
        m.submodules.registers = reset(registers)
        m.submodules.core = core = Core(config)
        wiring.connect(m, wiring.flipped(self.s_axi), slave.axi)
        wiring.connect(m, slave.bus, registers.bus)
        wiring.connect(m, core.m_axi, wiring.flipped(self.m_axi))
        m.d.comb += [
            core.start.eq(registers.start),
            core.soft_reset.eq(registers.soft_reset),
            core.give_up.eq(self.machine_reset),
            core.descriptor.eq(registers.descriptor),
            core.override.eq(registers.override),
            core.output_base.eq(registers.output_base),
            core.output_limit.eq(registers.output_limit),
            core.watchdog.eq(registers.watchdog),
            registers.active.eq(core.busy),
            registers.done.eq(core.done),
            registers.error.eq(core.failed),
            registers.code.eq(core.error),
            self.interrupt.eq(registers.interrupt),
        ]
        self._count(m, registers, core)
        return m

    def _count(self, m, registers, core):
        """Cycles and beats in counters of their own, steps by their mode; beats count as bytes."""
        # A register: what is counted is far from where it happens. Counting ends a cycle later.
        activity = {
            name: Signal.like(core.activity[name], name=f"activity_{name}")
            for name in core.activity.shape().members
        }
        m.d.sync += [seen.eq(core.activity[name]) for name, seen in activity.items()]
        increments = {name: activity[source] for name, source in _SOURCES.items()}
        of_a_beat = self.config.bus_bytes.bit_length() - 1
        m.submodules.counters = counters = Counters(
            {name: len(value) for name, value in increments.items()},
            dict.fromkeys(("read_bytes", "write_bytes"), of_a_beat),
        )
        m.d.comb += [
            counters.clear.eq(registers.start),
            counters.enable.eq(activity["busy"]),
            counters.r_en.eq(registers.counter_en),
            counters.r_word.eq(registers.counter_word),
            registers.counter_done.eq(counters.r_done),
            registers.counter_data.eq(counters.r_data),
            *(counters.increments[name].eq(value) for name, value in increments.items()),
        ]
        if self.config.mode_counters:
            self._count_steps(m, registers, activity)

    def _count_steps(self, m, registers, activity):
        m.submodules.steps = steps = StepCounters(self.config)
        m.d.comb += [
            steps.clear.eq(registers.start),
            *(getattr(steps, name).eq(activity[name]) for name in _STEP),
            steps.r_en.eq(registers.mode_en),
            steps.r_word.eq(registers.mode_word),
            registers.mode_data.eq(steps.r_data),
        ]
