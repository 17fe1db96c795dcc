"""Resets at any moment, and memories that stop answering: an error or the right result."""

import random

import pytest

from boards.driver import DeviceError
from hw.registers import WATCHDOG_CYCLES, Control, Error
from sim.rtl.memory_model import MemoryModel
from sim.rtl.simulator import CHANNELS

FAR = MemoryModel(latency=90, write_latency=130, stall_r=0.3, stall_w=0.3, seed=1)
MEMORIES = {
    "far": FAR,
    "serial": MemoryModel(latency=40, write_latency=40, outstanding=1),
    "stalling": MemoryModel.stalling(0.6, seed=2, latency=20),
    "ideal": MemoryModel(),
}
LIMIT = 700
"""More cycles than any of these memories needs."""


def cycles_of(hosts, memory, **options):
    """A host and the cycles of its run, which is then forgotten."""
    host = hosts().power_on(memory).lay_out((9, 14), steps=3, initial=True, **options)
    host.start()
    host.expect_done()
    return host, host.driver.counters()["cycles"]


def start_again(host, before):
    """Load and start as soon as the machine lets itself be started; how often it was busy.

    Until then it may still write where the run ``before`` could.
    """
    refused = 0
    while True:
        try:
            host.load()
            host.simulator.guard(host.window, before.window)
            host.driver.start(host.descriptor, *host.window)
            host.simulator.guard(host.window)
            return refused
        except DeviceError as error:
            assert error.code is Error.BUSY
            refused += 1
            assert refused < 1000, "the machine does not come to rest"


def check_resets(hosts, memory, moments, *, memory_too):
    """A run is reset at each of these moments, and another one follows at once.

    Returns how often the machine was still busy with what it had asked for.
    """
    host, cycles = cycles_of(hosts, memory, resident=False)
    other = type(host)(host.machine).lay_out((9, 14), steps=2, seed=77, resident=False)
    busy = 0
    for moment in moments:
        host.start()
        host.simulator.run(int(moment * cycles))
        host.simulator.reset(random.Random(moment).randint(2, 30), memory_too=memory_too)
        assert not host.simulator.interrupt
        assert host.driver.read("error") == Error.NONE
        assert host.driver.read("watchdog") == WATCHDOG_CYCLES
        busy += start_again(other, host) > 0
        other.expect_done()
    assert host.simulator.first_violation == ""
    return busy


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_reset_of_the_machine_alone_leaves_nothing_wrong(hosts, memory):
    moments = [random.Random(k).random() for k in range(40)]
    busy = check_resets(hosts, MEMORIES[memory], moments, memory_too=False)
    assert busy > 5 or memory == "ideal"


@pytest.mark.parametrize("memory", ["far", "stalling"])
def test_a_reset_together_with_the_memory_forgets_what_was_owed(hosts, memory):
    moments = [random.Random(k).random() for k in range(40)]
    assert check_resets(hosts, MEMORIES[memory], moments, memory_too=True) == 0


@pytest.mark.slow
def test_a_reset_in_any_cycle_of_a_run_leaves_nothing_wrong(hosts):
    _, cycles = cycles_of(hosts, FAR, resident=False)
    moments = [cycle / cycles for cycle in range(cycles)]
    assert check_resets(hosts, FAR, moments, memory_too=False) > cycles // 2


def test_a_reset_takes_effect_behind_two_cycles_of_its_pin(hosts):
    host, _ = cycles_of(hosts, MemoryModel())
    host.start()
    host.simulator.run(100)
    host.simulator.reset(2)
    host.expect_rest()
    assert host.driver.read("status") == 0
    host.expect_works(soft_reset=False)


@pytest.mark.parametrize("memory", ["far", "ideal"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_run_whose_memory_stops_answering_ends_with_a_timeout(hosts, channel, memory):
    host, cycles = cycles_of(hosts, MEMORIES[memory], resident=False)
    ended = 0
    for seed in range(12):
        driver, simulator = host.driver, host.simulator
        driver.write("watchdog", LIMIT)
        host.start()
        simulator.run(int(random.Random(seed).random() * cycles))
        simulator.hang(channel)
        assert simulator.wait_interrupt(cycles + 2 * LIMIT), "the machine hangs"
        if driver.read("error") == Error.TIMEOUT:
            ended += 1
            assert driver.read("interrupt") == host.ERROR_PENDING
            # Whether it is still busy depends on whether the bus owes it anything yet.
            assert driver.read("status") & ~host.BUSY == host.FAILED
            with pytest.raises(DeviceError) as error:
                driver.soft_reset(attempts=20)
            assert str(error.value).startswith("the accelerator does not come to rest")
        simulator.hang()
        driver.soft_reset()
        host.expect_works(soft_reset=False)
    assert ended > 6


def test_a_timeout_comes_after_as_many_cycles_as_the_register_says(hosts):
    host, _ = cycles_of(hosts, MemoryModel())
    for limit in (1 << 8, 1 << 12):
        host.driver.write("watchdog", limit)
        host.simulator.hang("r")
        before = host.simulator.stats["cycles"]
        host.start()
        assert host.simulator.wait_interrupt(2 * limit + 200)
        # The start takes its registers' accesses, and the descriptor is asked for.
        assert limit < host.simulator.stats["cycles"] - before < limit + 100
        host.simulator.hang()
        host.expect_error(Error.TIMEOUT)


def test_what_a_memory_owed_when_it_was_reset_too_is_forgotten(hosts):
    for channel in CHANNELS:
        host, _ = cycles_of(hosts, FAR, resident=False)
        host.driver.write("watchdog", LIMIT)
        host.simulator.hang(channel)
        host.start()
        assert host.simulator.wait_interrupt(100_000)
        host.simulator.reset(memory_too=True)
        host.simulator.hang()
        host.expect_works(soft_reset=False)


def test_a_watchdog_of_zero_waits_for_ever(hosts):
    host, _ = cycles_of(hosts, MemoryModel())
    host.driver.write("watchdog", 0)
    host.simulator.hang("r", "b")
    host.start()
    assert not host.simulator.wait_interrupt(3 * LIMIT)
    assert host.driver.busy
    host.simulator.hang()
    host.expect_done()
    host.driver.write("watchdog", WATCHDOG_CYCLES)


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
def test_a_memory_that_is_only_slow_runs_into_no_timeout(hosts, memory):
    host, _ = cycles_of(hosts, memory, resident=False)
    host.driver.write("watchdog", 250)
    host.start()
    host.expect_done()
    host.driver.write("watchdog", WATCHDOG_CYCLES)


def test_a_soft_reset_keeps_the_watchdog_and_a_reset_sets_it_anew(hosts):
    host = hosts().power_on()
    host.driver.write("watchdog", 1234)
    host.command(Control.SOFT_RESET)
    assert host.driver.read("watchdog") == 1234
    host.simulator.reset()
    assert host.driver.read("watchdog") == WATCHDOG_CYCLES
