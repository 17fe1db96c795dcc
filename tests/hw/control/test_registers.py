"""The register file against the register map."""

from dataclasses import replace

import pytest
from amaranth.sim import Simulator

from hw.config import CONFIGS
from hw.control.registers import RegisterFile
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    ID_VALUE,
    MODE_COUNTER_BASE,
    MODE_COUNTERS,
    OVERRIDES,
    REGISTERS,
    VERSION_VALUE,
    Control,
    Error,
)

START, SOFT_RESET = 1 << Control.START, 1 << Control.SOFT_RESET
BUSY, DONE, ERROR = 1, 2, 4


@pytest.fixture
def host():
    """Runs a story told by an async function of a host."""

    def run(story, config=CONFIGS["tiny"]):
        dut = RegisterFile(config)

        async def testbench(ctx):
            await story(Access(ctx, dut))

        simulator = Simulator(dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(testbench)
        simulator.run()

    return run


class Access:
    """Reads, writes and pulses, each in one cycle."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut = ctx, dut

    def get(self, name):
        """Value of a port now."""
        return self.ctx.get(getattr(self.dut, name))

    async def cycle(self, **ports):
        """One cycle with these ports up."""
        for name, value in ports.items():
            self.ctx.set(getattr(self.dut, name), value)
        await self.ctx.tick()
        for name in ports:
            self.ctx.set(getattr(self.dut, name), 0)

    async def at(self, addr, ports=None, **members):
        """One access, with ``ports`` up meanwhile; returns (read_data, error) of the cycle after.

        The address stands a cycle ahead.
        """
        bus = self.dut.bus
        self.ctx.set(bus.addr, addr)
        await self.ctx.tick()
        for name, value in members.items():
            self.ctx.set(getattr(bus, name), value)
        await self.cycle(**(ports or {}))
        for name in members:
            self.ctx.set(getattr(bus, name), 0)
        return self.ctx.get(bus.read_data), self.ctx.get(bus.error)

    async def read(self, name):
        """Value of a register."""
        value, error = await self.at(REGISTERS[name].addr, read=1)
        assert not error
        return value

    async def write(self, name, value, strb=15, ports=None):
        """Write a register; returns the error."""
        return (await self.at(REGISTERS[name].addr, ports, write=1, data=value, strb=strb))[1]


@pytest.mark.parametrize(("rows", "bits"), [(False, 8), (True, 8), (True, 16)])
@pytest.mark.parametrize("name", CONFIGS)
def test_constants_say_what_the_machine_is(host, name, rows, bits):
    config = replace(CONFIGS[name], row_scales=rows, act_width=bits)

    async def story(h):
        assert await h.read("id") == ID_VALUE
        assert await h.read("version") == VERSION_VALUE
        assert await h.read("lanes") == config.lanes | config.bus_width // 8 << 16
        assert await h.read("limits") == config.max_input | config.max_hidden << 16
        assert await h.read("weight_words") == config.weight_words
        assert await h.read("features") == rows | (bits == 16) << 1

    host(story, config)


def test_values_are_written_byte_by_byte_and_read_back(host):
    async def story(h):
        for name in ("descriptor", "output_base", "output_limit"):
            assert not await h.write(name, 0x12345678)
            assert h.get(name) == 0x12345678
            await h.write(name, 0xAABBCCDD, 0b0101)
            assert await h.read(name) == h.get(name) == 0x12BB56DD
        await h.write("interrupt_enable", 0xFFFFFFFF)
        assert await h.read("interrupt_enable") == 3
        await h.write("interrupt_enable", 0, 0b1110)
        assert await h.read("interrupt_enable") == 3

    host(story)


def test_override_registers_are_written_and_read_back(host):
    async def story(h):
        values = [0x89ABCDEF - k for k in range(OVERRIDES)]
        for k, value in enumerate(values):
            assert not await h.write(f"override_{k}", value)
        assert not await h.write("override", 0xFFFFFFFD)
        assert await h.read("override") == h.get("override").enable == 0b101
        for k, value in enumerate(values):
            assert await h.read(f"override_{k}") == h.get("override").words[k] == value
        await h.write("override_1", 0, 0b0100)
        assert await h.read("override_1") == 0x8900CDEE
        await h.write("control", SOFT_RESET)
        assert await h.read("override") == 0b101

    host(story)


def test_every_other_address_is_an_error(host):
    known = {r.addr for r in REGISTERS.values()}
    known |= {COUNTER_BASE + 4 * k for k in range(2 * len(COUNTERS))}
    known |= {
        MODE_COUNTER_BASE + 64 * mode + 4 * k
        for mode in Mode
        for k in range(2 * len(MODE_COUNTERS))
    }

    async def story(h):
        for addr in range(0, 4096, 4):
            assert (await h.at(addr, read=1))[1] == (addr not in known)
        for register in REGISTERS.values():
            error = (await h.at(register.addr, write=1, data=0, strb=0))[1]
            assert error == (register.access == "ro")
        for addr in sorted(known):
            if addr >= COUNTER_BASE:
                assert (await h.at(addr, write=1, data=0, strb=15))[1]
        assert await h.read("control") == 0
        await h.at(0)
        assert not h.ctx.get(h.dut.bus.error)

    host(story)


def test_counters_are_asked_for_and_the_access_waits_until_they_are_there(host):
    async def story(h):
        for word in range(2 * len(COUNTERS)):
            h.ctx.set(h.dut.bus.addr, COUNTER_BASE + 4 * word)
            await h.ctx.tick()
            assert h.get("counter_en") == 0
            h.ctx.set(h.dut.bus.read, 1)
            assert (h.get("counter_en"), h.get("counter_word")) == (1, word)
            await h.ctx.tick()
            h.ctx.set(h.dut.bus.read, 0)
            for _ in range(word):
                assert h.ctx.get(h.dut.bus.wait) == 1
                await h.ctx.tick()
            h.ctx.set(h.dut.counter_data, 0xABCDEF00 + word)
            await h.cycle(counter_done=1)
            assert h.ctx.get(h.dut.bus.wait) == 0
            assert h.ctx.get(h.dut.bus.error) == 0
            assert h.ctx.get(h.dut.bus.read_data) == 0xABCDEF00 + word
        await h.read("id")
        assert h.ctx.get(h.dut.bus.wait) == 0

    host(story)


def test_counters_of_modes_are_asked_for_and_answered_a_cycle_later(host):
    async def story(h):
        for mode in Mode:
            for half in range(2 * len(MODE_COUNTERS)):
                h.ctx.set(h.dut.bus.addr, MODE_COUNTER_BASE + 64 * mode + 4 * half)
                await h.ctx.tick()
                assert h.get("mode_en") == 0
                h.ctx.set(h.dut.bus.read, 1)
                assert (h.get("mode_en"), h.get("mode_word")) == (1, 16 * mode + half)
                await h.ctx.tick()
                h.ctx.set(h.dut.bus.read, 0)
                h.ctx.set(h.dut.mode_data, 0xFEDCBA00 + half)
                assert h.ctx.get(h.dut.bus.read_data) == 0xFEDCBA00 + half
        await h.cycle()
        assert h.get("mode_en") == 0
        assert await h.read("id") == ID_VALUE

    host(story)


def test_a_run_begins_with_a_pulse_and_ends_with_done(host):
    async def story(h):
        await h.write("interrupt_enable", 1)
        await h.write("control", START)
        assert (h.get("start"), h.get("running")) == (1, 0)
        assert await h.read("status") == BUSY
        assert (h.get("start"), h.get("running")) == (0, 1)
        await h.cycle(done=1)
        assert (h.get("running"), h.get("interrupt")) == (0, 1)
        assert await h.read("status") == DONE
        assert await h.read("interrupt") == 1
        await h.write("interrupt", 2)
        assert h.get("interrupt") == 1
        await h.write("interrupt", 1)
        assert h.get("interrupt") == 0
        assert await h.read("status") == DONE
        await h.write("control", START)
        await h.cycle()
        assert await h.read("status") == BUSY

    host(story)


def test_the_first_error_of_a_run_stays(host):
    async def story(h):
        await h.write("control", START)
        await h.cycle()
        await h.cycle(error=1, code=Error.READ)
        assert h.get("running") == 0
        await h.cycle(error=1, code=Error.WRITE)
        await h.cycle(done=1)
        assert await h.read("status") == ERROR
        assert await h.read("error") == Error.READ
        assert await h.read("interrupt") == 2
        assert h.get("interrupt") == 0
        await h.write("interrupt_enable", 2)
        assert h.get("interrupt") == 1
        await h.write("control", START)
        assert await h.read("error") == Error.NONE
        assert await h.read("status") == BUSY
        await h.cycle(error=1, done=1, code=Error.OUTSIDE)
        assert await h.read("status") == ERROR
        assert await h.read("error") == Error.OUTSIDE

    host(story)


def test_a_start_while_busy_is_an_error_and_the_run_goes_on(host):
    async def story(h):
        await h.write("control", START)
        await h.write("control", START)
        assert h.get("start") == 0
        await h.write("control", START)
        assert (h.get("start"), h.get("running")) == (0, 1)
        assert await h.read("error") == Error.BUSY
        assert await h.read("interrupt") == 2
        await h.cycle(done=1)
        assert await h.read("status") == DONE | ERROR
        assert await h.read("interrupt") == 3

    host(story)


def test_of_a_refused_start_and_a_read_error_the_first_keeps_its_code(host):
    async def story(h):
        await h.write("control", START)
        await h.cycle()
        await h.write("control", START)
        await h.cycle(error=1, code=Error.READ)
        assert await h.read("error") == Error.BUSY
        await h.write("control", START)
        await h.cycle()
        await h.cycle(error=1, code=Error.READ)
        h.ctx.set(h.dut.active, 1)
        await h.write("control", START)
        assert await h.read("error") == Error.READ

    host(story)


def test_events_outside_a_run_are_ignored(host):
    async def story(h):
        await h.cycle(error=1, code=Error.READ)
        await h.cycle(done=1)
        assert await h.read("status") == 0
        assert await h.read("error") == Error.NONE
        assert await h.read("interrupt") == 0

    host(story)


def test_a_start_while_the_machine_is_active_is_refused(host):
    async def story(h):
        h.ctx.set(h.dut.active, 1)
        await h.write("control", START)
        assert h.get("start") == 0
        assert await h.read("error") == Error.BUSY
        assert await h.read("status") == BUSY | ERROR
        h.ctx.set(h.dut.active, 0)
        await h.write("control", START)
        assert h.get("start") == 1

    host(story)


def test_a_soft_reset_ends_a_run_and_clears_all_but_the_values(host):
    async def story(h):
        await h.write("descriptor", 0x1000)
        await h.write("interrupt_enable", 3)
        await h.write("control", START)
        await h.cycle()
        await h.write("control", START)
        assert h.get("interrupt") == 1
        await h.write("control", START | SOFT_RESET)
        assert (h.get("soft_reset"), h.get("start"), h.get("running")) == (1, 0, 0)
        assert h.get("interrupt") == 0
        await h.cycle(done=1)
        assert h.get("soft_reset") == 0
        assert await h.read("status") == 0
        assert await h.read("error") == 0
        assert await h.read("descriptor") == 0x1000
        assert await h.read("interrupt_enable") == 3

    host(story)


def test_a_soft_reset_right_after_a_start_wins(host):
    async def story(h):
        await h.write("control", START)
        await h.write("control", SOFT_RESET)
        await h.cycle()
        assert h.get("running") == 0

    host(story)


def test_an_event_is_not_lost_when_its_bit_is_cleared_in_the_same_cycle(host):
    async def story(h):
        await h.write("control", START)
        await h.cycle()
        await h.write("interrupt", 3, ports={"done": 1})
        assert await h.read("interrupt") == 1

    host(story)
