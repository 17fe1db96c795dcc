"""Runs inside the simulator: a host and a memory that nobody here wrote, from cocotbext-axi."""

import random
from itertools import count

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam

from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    MODE_COUNTER_BASE,
    MODE_COUNTERS,
    REGISTERS,
    Control,
)

_DONE, _ERROR = 1, 2
_CYCLE_NS = 10
_LONGEST_RUN = 60_000
"""Cycles; more than any run here takes."""


class Host:
    """The machine's memory and register port, every channel of which pauses at random."""

    def __init__(self, dut, size, stall, seed):
        self.dut = dut
        low = {"reset_active_level": False}
        memory, registers = ({"reset": reset, **low} for reset in (dut.m_axi_aresetn, dut.aresetn))
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.aclk, **memory, size=size)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **registers)
        for port in (self.ram, self.lite):
            write, read = port.write_if, port.read_if
            channels = write.aw_channel, write.w_channel, write.b_channel
            for channel in (*channels, read.ar_channel, read.r_channel):
                seed += 1
                channel.set_pause_generator(self._pauses(stall, seed))

    @staticmethod
    def _pauses(stall, seed):
        rng = random.Random(seed)
        return (rng.random() < stall for _ in count())

    async def reset(self, memory_too=True):
        """Hold the reset of the machine for some cycles, and that of its memory if wanted."""
        resets = [self.dut.aresetn, self.dut.m_axi_aresetn]
        for level in (0, 1):
            for reset in resets[: 1 + memory_too]:
                reset.value = level
            await ClockCycles(self.dut.aclk, 8)
        while await self.read("status"):
            pass

    async def read(self, name):
        """A register by its name."""
        return await self.lite.read_dword(REGISTERS[name].addr)

    async def write(self, name, value):
        """Write a register by its name."""
        await self.lite.write_dword(REGISTERS[name].addr, int(value))

    async def start(self, case):
        """Write what a run needs and start it."""
        self.ram.write(0, case["image"].tobytes())
        self.ram.write(int(case["output_base"]), case["untouched"].tobytes())
        await self.write("interrupt_enable", _DONE | _ERROR)
        await self.write("descriptor", case["descriptor"])
        await self.write("output_base", case["output_base"])
        await self.write("output_limit", case["output_limit"])
        await self.write("control", 1 << Control.START)

    async def finish(self, case):
        """Wait for the interrupt; what is in memory and in the counters is what was expected."""
        if not self.dut.interrupt.value:
            rising = RisingEdge(self.dut.interrupt)
            await with_timeout(rising, _LONGEST_RUN * _CYCLE_NS, "ns")
        assert await self.read("interrupt") == _DONE
        await self.write("interrupt", _DONE)
        assert not self.dut.interrupt.value
        size = case["output"].size
        written = np.frombuffer(self.ram.read(int(case["output_base"]), size), np.uint8)
        assert np.array_equal(written, case["output"])
        for name in ("read_bytes", "write_bytes"):
            await self.expect_counter(COUNTER_BASE + 8 * COUNTERS.index(name), case[name])
        for k, name in enumerate(MODE_COUNTERS):
            place = MODE_COUNTER_BASE + 64 * Mode.NORMAL + 8 * k
            await self.expect_counter(place, case[name])

    async def expect_counter(self, place, value):
        """A counter has this value, which fits in its low word."""
        assert await self.lite.read_dword(place) == value, hex(place)


@cocotb.test()
async def a_network_runs_before_and_after_a_reset(dut):
    """Two runs without a reset between them; two that resets end, and one behind each."""
    case = np.load(cocotb.plusargs["case"])
    cocotb.start_soon(Clock(dut.aclk, _CYCLE_NS, "ns").start())
    host = Host(dut, int(case["output_limit"]) + 4096, float(case["stall"]), int(case["seed"]))
    await host.reset()
    for _ in range(2):
        await host.start(case)
        await host.finish(case)
    for memory_too in (True, False):
        await host.start(case)
        await ClockCycles(dut.aclk, int(case["reset_after"]))
        await host.reset(memory_too)
        await host.start(case)
        await host.finish(case)
