"""The whole machine on its ports: its runs, its counters, its interrupt, its memory."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boards.driver import Driver
from hw.accelerator import Accelerator
from hw.config import CONFIGS
from hw.registers import COUNTERS, Control, Error
from hw.verilog import to_rtlil
from sim.rtl.memory_model import MemoryModel
from sim.rtl.simulator import RtlSimulator

STALLS = [name for name in COUNTERS if name.startswith("stall_")]
MEMORIES = {
    "ideal": MemoryModel(),
    "far": MemoryModel(latency=60, write_latency=60),
    "narrow": MemoryModel(beats=1, per_cycles=3, latency=5),
    "serial": MemoryModel(latency=20, outstanding=1),
    "stalling": MemoryModel.stalling(0.5, seed=1, latency=10),
    "stalling reads": MemoryModel(stall_ar=0.7, stall_r=0.7, seed=2),
    "stalling writes": MemoryModel(stall_aw=0.9, stall_w=0.9, stall_b=0.9, seed=3),
    "stalling addresses": MemoryModel(stall_ar=0.9, stall_aw=0.9, seed=4),
}

reproducible = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
@pytest.mark.parametrize("resident", [True, False])
def test_any_memory_gives_the_same_results(hosts, resident, memory):
    host = hosts().power_on(memory)
    host.lay_out((20, 30), resident=resident, bidirectional=True, sequences=2)
    host.start()
    host.expect_done()


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (2, 5), (9, 40)])
def test_outputs_that_cannot_leave_hold_up_the_steps(hosts, sizes, resident):
    # Buffers between the cell unit and the bus hold about a hundred rows of one beat.
    memory = MemoryModel(write_latency=60, outstanding=1, stall_w=0.9, seed=5)
    host = hosts().power_on(memory).lay_out(sizes, steps=200, resident=resident)
    host.start()
    host.expect_done()
    assert host.driver.counters()["cycles"] > 200 * 60


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_every_cycle_is_an_operation_or_has_one_cause(hosts, memory):
    host = hosts().power_on(memory).lay_out((16, 32), resident=False, sequences=2)
    host.start()
    host.expect_done()
    counters = host.driver.counters()
    done = host.driver.mode_counters()["normal"]["macs_done"]
    operations = done // host.config.lanes
    assert counters["cycles"] == operations + sum(counters[name] for name in STALLS)


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_counted_bytes_are_the_bytes_on_the_bus(hosts, memory):
    host = hosts().power_on(memory).lay_out((11, 13, 6), bidirectional=True)
    host.start()
    host.expect_done()
    counters, stats, beat = host.driver.counters(), host.simulator.stats, host.config.bus_bytes
    assert counters["read_bytes"] == stats["read_beats"] * beat
    assert counters["write_bytes"] == stats["write_beats"] * beat


def test_bytes_between_the_outputs_are_left_alone(hosts):
    host = hosts().power_on(MemoryModel.stalling(0.3, seed=5))
    host.lay_out((9, 13), sequences=3, bidirectional=True)
    host.load()
    first, last = host.window
    before = np.random.default_rng(6).integers(0, 256, last - first, np.uint8)
    host.simulator.write_memory(first, before)
    host.driver.start(host.descriptor, *host.window)
    host.expect_done()
    between = np.ones(last - first, bool)
    for placement in host.image.placements:
        for rows, used in ((placement.h, 13), (placement.state_out, 4 * 13)):
            part = between[rows.addr - first : rows.end - first]
            part.reshape(-1, rows.stride)[:, :used] = False
    after = host.simulator.read_memory(first, last - first)
    assert between.any()
    assert np.array_equal(after[between], before[between])


def test_nothing_but_outputs_is_written(hosts):
    host = hosts().power_on().lay_out((9, 13), initial=True)
    host.load()
    size = host.image.output_base
    before = host.simulator.read_memory(0, size)
    host.driver.start(host.descriptor, *host.window)
    host.expect_done()
    assert np.array_equal(host.simulator.read_memory(0, size), before)


@settings(reproducible, max_examples=25)
@given(
    runs=st.lists(
        st.tuples(
            st.lists(st.integers(1, 40), min_size=2, max_size=3),
            st.sampled_from([False, None]),
            st.booleans(),
        ),
        min_size=2,
        max_size=4,
    ),
    stall=st.sampled_from([0.0, 0.4]),
)
def test_a_run_does_not_depend_on_the_runs_before(hosts, runs, stall):
    host = hosts().power_on(MemoryModel.stalling(stall, seed=7))
    for seed, (sizes, resident, bidirectional) in enumerate(runs):
        host.lay_out(sizes, seed=seed, resident=resident, bidirectional=bidirectional, steps=2)
        host.start()
        host.expect_done()


def test_a_run_can_be_repeated(hosts):
    host = hosts().power_on().lay_out((9, 14), resident=True)
    cycles = set()
    for _ in range(3):
        host.start()
        host.expect_done()
        cycles.add(host.driver.counters()["cycles"])
    # The first run of a machine and every later one take the same time.
    assert len(cycles) == 1


def test_counters_stand_still_when_the_machine_is_idle(hosts):
    host = hosts().power_on().lay_out()
    host.start()
    host.expect_done()
    counters = host.driver.counters()
    host.simulator.run(1000)
    assert host.driver.counters() == counters


def test_without_its_enable_bit_the_interrupt_stays_low(hosts):
    host = hosts().power_on().lay_out()
    host.load()
    driver = host.driver
    for name, value in zip(("output_base", "output_limit"), host.window, strict=True):
        driver.write(name, value)
    driver.write("descriptor", host.descriptor)
    driver.write("interrupt_enable", 0)
    host.command(Control.START)
    assert not host.simulator.wait_interrupt(20_000)
    assert driver.read("status") == host.DONE
    assert driver.read("interrupt") == host.DONE_PENDING
    driver.write("interrupt_enable", host.DONE_PENDING)
    assert host.simulator.interrupt
    host.expect_right()


def test_registers_can_be_read_while_the_machine_runs(hosts):
    host = hosts().power_on(MemoryModel.stalling(0.3, seed=8, latency=20)).lay_out((30, 40))
    host.start()
    seen = []
    while host.driver.busy:
        seen.append(host.driver.mode_counters()["normal"]["steps"])
        assert len(seen) < 10_000
    assert seen == sorted(seen) and len(set(seen)) > 2
    host.expect_done()


@pytest.mark.parametrize("base", [4096 - 64, 4096 - 8 * 64 - 192, (1 << 26) + 64 * 17])
def test_a_run_can_lie_anywhere(hosts, base):
    host = hosts().power_on().lay_out((20, 30), base=base, bidirectional=True, initial=True)
    host.start()
    host.expect_done()


def test_addresses_reach_to_the_end_of_the_memory_map(hosts):
    host = hosts()
    machine = type("Machine", (), {"config": CONFIGS["tiny"]})()
    size = 1 << 16
    machine.simulator = RtlSimulator(Accelerator(machine.config), size=size, base=(1 << 32) - size)
    machine.driver = Driver(machine.simulator)
    high = type(host)(machine).lay_out((9, 14), base=(1 << 32) - size, initial=True)
    high.start()
    high.expect_done()
    assert machine.driver.read("error") == Error.NONE


def test_other_machines_give_the_same_results(hosts):
    for memory in (MemoryModel(latency=30), MemoryModel.stalling(0.4, seed=9)):
        host = hosts("edge").power_on(memory)
        host.lay_out((70, 45), resident=None, bidirectional=True, sequences=2)
        host.start()
        host.expect_done()
        host.lay_out((33, 129, 5), resident=False, initial=True)
        host.start()
        host.simulator.run(500)
        host.command(Control.SOFT_RESET)
        host.expect_rest()
        host.expect_works(soft_reset=False)


PARTS = {
    "scores": ("chooser.distance", "chooser.skip_test", "chooser.middle_test"),
    "mode_counters": ("machine.steps",),
    "states": ("packer.state", "writer.client_1", "sequencer.units"),
    "resume": ("h_events.recall",),
}
"""Ends of the modules of a part that can be left out."""


@pytest.mark.parametrize("name", PARTS)
def test_what_is_left_out_is_not_generated_and_all_else_is(name):
    for left_out in (False, True):
        config = replace(CONFIGS["tiny"], **{name: not left_out})
        text = to_rtlil(Accelerator(config), "top")
        modules = [re.sub(r"\$\d+", "", each) for each in re.findall(r"^module (.*)$", text, re.M)]
        for part, ends in PARTS.items():
            for end in ends:
                found = any(each.endswith(end) for each in modules)
                assert found != (left_out and part == name), end
