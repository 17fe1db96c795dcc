"""What docs/integration.md says that the accelerator asks of its surroundings, and promises."""

import re
from pathlib import Path

import pytest

import hw
from boards.driver import DeviceError
from hw.accelerator import Accelerator
from hw.config import CONFIGS
from hw.descriptor import FIELDS
from hw.registers import OVERRIDES, WATCHDOG_CYCLES, Control, Error
from hw.verilog import to_verilog
from sim.rtl.memory_model import MemoryModel

PAGE = Path(hw.__file__).parents[1] / "docs" / "integration.md"


@pytest.fixture
def running(hosts):
    """A run of one layer on a slow memory, and how long it takes."""
    host = hosts().power_on(MemoryModel(latency=25, write_latency=25))
    host.lay_out((9, 14), resident=False)
    host.start()
    host.expect_done()
    cycles = host.driver.counters()["cycles"]
    host.start()
    host.simulator.run(cycles // 2)
    assert host.driver.busy
    return host


@pytest.fixture(scope="module")
def verilog():
    """The accelerator as it is exported."""
    return to_verilog(Accelerator(CONFIGS["tiny"]), "refrain_tiny")


def test_the_page_says_the_watchdog_of_a_reset():
    assert f"{WATCHDOG_CYCLES:,} cycles" in PAGE.read_text()


def test_clock_and_resets_are_ports_and_nothing_else_is_a_clock(verilog):
    top = re.search(r"^module refrain_tiny \(.*?^\);", verilog, re.M | re.S)[0]
    names = re.findall(r"(\w+),?$", top, re.M)
    assert names[:3] == ["aclk", "aresetn", "m_axi_aresetn"]
    assert set(re.findall(r"always @\((.*?)\)", verilog)) == {"posedge aclk", "posedge clock"}
    # That is how memories call it.
    assert set(re.findall(r"\.clock\((.*?)\)", verilog)) == {"aclk"}


def test_identifiers_and_attributes_of_bursts_are_constant(verilog):
    top = re.search(r"^module refrain_tiny \(.*?^endmodule", verilog, re.M | re.S)[0]
    for prefix in ("aw", "ar"):
        for name, value in (("id", 0), ("lock", 0), ("prot", 0), ("qos", 0), ("burst", 1)):
            found = re.search(rf"assign m_axi_{prefix}{name} = \d+'[bh](\w+);", top)
            assert found and int(found[1], 16) == value, prefix + name
        assert re.search(rf"assign m_axi_{prefix}cache = 4'h3;", top)
    for name in ("rready", "bready"):
        assert re.search(rf"assign m_axi_{name} = 1'b1;", top)


def test_no_more_bursts_are_outstanding_than_the_configuration_says(hosts):
    most = CONFIGS["tiny"].bursts_in_flight
    host = hosts().power_on(MemoryModel(latency=900, write_latency=900, outstanding=64))
    host.lay_out((40, 60), resident=False, steps=12)
    host.start()
    seen = {"reads_outstanding": 0, "writes_outstanding": 0}
    while not host.simulator.interrupt:
        host.simulator.run(5)
        stats = host.simulator.stats
        seen = {name: max(value, stats[name]) for name, value in seen.items()}
    host.expect_done()
    assert 1 < seen["reads_outstanding"] <= most
    assert 0 < seen["writes_outstanding"] <= most


def test_the_interrupt_is_a_level_until_its_bit_is_written(running):
    driver, simulator = running.driver, running.simulator
    assert simulator.wait_interrupt(100_000)
    simulator.run(1000)
    assert simulator.interrupt
    for value in (0, running.ERROR_PENDING):
        driver.write("interrupt", value)
        assert simulator.interrupt
    driver.write("interrupt_enable", running.ERROR_PENDING)
    assert not simulator.interrupt
    driver.write("interrupt_enable", running.DONE_PENDING)
    assert simulator.interrupt
    driver.write("interrupt", running.DONE_PENDING)
    assert not simulator.interrupt


def test_bits_of_the_interrupt_last_until_they_are_cleared_or_reset(running):
    driver, simulator = running.driver, running.simulator
    for reset in (lambda: running.command(Control.SOFT_RESET), simulator.reset):
        assert simulator.wait_interrupt(100_000)
        # A second run ends while the bit of the first is set.
        driver.write("control", 1 << Control.START)
        while driver.busy:
            pass
        assert driver.read("interrupt") == running.DONE_PENDING
        reset()
        assert not simulator.interrupt and driver.read("interrupt") == 0
        running.expect_rest()
        running.start()


def test_the_next_start_takes_a_descriptor_that_was_written_during_a_run(running):
    running.driver.write("descriptor", 0xFFFFFF00)
    running.expect_done()
    running.command(Control.START)
    running.expect_error(Error.READ)


def test_the_interrupt_and_the_watchdog_may_be_set_during_a_run(running):
    driver = running.driver
    driver.write("interrupt_enable", 0)
    driver.write("watchdog", 500)
    driver.write("interrupt", 3)
    assert not running.simulator.wait_interrupt(50_000)
    driver.write("interrupt_enable", running.DONE_PENDING)
    running.expect_done()
    driver.write("watchdog", 0)
    running.start()
    running.simulator.hang("r")
    assert not running.simulator.wait_interrupt(3000)
    driver.write("watchdog", 500)
    assert running.simulator.wait_interrupt(600)
    running.simulator.hang()
    running.expect_error(Error.TIMEOUT)


def test_words_that_are_overridden_during_a_run_are_for_descriptors_behind(running):
    driver, freeze = running.driver, FIELDS["plan"]
    words = {freeze.word + k: 0xFFFFFFFF for k in range(OVERRIDES)}
    driver.override(words)
    running.expect_done()
    driver.override(None)


def test_a_window_that_is_moved_during_a_run_ends_it(running):
    running.driver.write("output_base", 0)
    running.driver.write("output_limit", 0)
    running.expect_error(Error.OUTSIDE)


def test_a_start_behind_a_reset_is_refused_until_the_memory_has_answered(running):
    running.simulator.hang("r")
    running.simulator.reset()
    assert running.driver.busy
    with pytest.raises(DeviceError) as error:
        running.driver.start(running.descriptor, *running.window)
    assert error.value.code is Error.BUSY
    running.command(Control.START)
    assert running.driver.read("error") == Error.BUSY
    running.simulator.hang()
    running.expect_rest()
    running.expect_works(soft_reset=True)
