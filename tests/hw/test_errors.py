"""What goes wrong: a code, an interrupt, a machine at rest that works again; never a hang."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.descriptor import FIELDS
from hw.job import ALIGNED
from hw.registers import Control, Error
from sim.rtl.memory_model import MemoryModel

TINY = CONFIGS["tiny"]
MEGABYTE = 1 << 20
SLOW = {"latency": 25, "write_latency": 9}
MEMORIES = {"ideal": {}, "slow": SLOW, "stalling": MemoryModel.stalling(0.4, seed=1).__dict__}

reproducible = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def failing(region, memory="ideal"):
    """A memory that answers with errors in ``region``."""
    first, limit = region
    return MemoryModel(**{**MEMORIES[memory], "error_base": first, "error_limit": limit})


BAD = {
    "another magic": {"magic": 0x5247},
    "no input": {"input_size": 0},
    "an input too large": {"input_size": 257},
    "no hidden unit": {"hidden_size": 0},
    "too many hidden units": {"hidden_size": 257},
    "no step": {"steps": 0},
    "no sequence": {"sequences": 0},
    "an empty first segment": {"x_head_size": 0},
    "a first segment longer than the row": {"x_head_size": 10},
    "words without beats": {"word_beats": 0},
    "words of too many beats": {"word_beats": 2, "block_bytes": 2 * 23 * 8},
    "blocks that are too short": {"block_bytes": 23 * 8 - 8},
    "blocks that are too long": {"block_bytes": 23 * 8 + (1 << 20)},
    "more resident blocks than blocks": {"resident_blocks": 8},
    "very many resident blocks": {"resident_blocks": 0xFFFF},
    "a resident block behind the weight memory": {"resident_base": 2048},
    "a last resident block that ends behind the weight memory": {
        "resident_base": 2048 - 7 * 23 + 1
    },
    "a resident base of more bits than the weight memory has": {"resident_base": 1 << 12},
    "a resident base of all bits": {"resident_base": (1 << 32) - 1},
    "an x shift that the cell unit cannot do": {"x_shift_2": -100},
    "an h shift that the cell unit cannot do": {"h_shift_0": 100},
    "an output shift that the cell unit cannot do": {"output_shift": 127},
    "a product shift that the cell unit cannot do": {"product_shift": 200},
    "a tanh shift that the cell unit cannot do": {"tanh_shift": -128},
    "a clip that is no cell state": {"cell_clip": 0x8000},
    "a place of its states behind the memory of sums": {"block_base": 128 - 7 + 1},
    "a place of its rows behind the memory of references": {"row_base": 64},
    "a keeper that is not there": {"keeper": 8},
    "a run to go on from that there was not": {"resume": 1},
    "an x multiplier of 32 bits": {"x_multiplier_1": 1 << 31},
    "an h multiplier of 32 bits": {"h_multiplier_3": 1 << 31},
    "an output multiplier of 32 bits": {"output_multiplier": 1 << 31},
    **{f"{name} between two beats": {name: 4} for name in ALIGNED},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_a_descriptor_that_cannot_be_run_is_refused(hosts, changes):
    host = hosts().power_on(MemoryModel(**SLOW)).lay_out(resident=True)
    fields = host.tables[0]
    assert fields["resident_blocks"] == 7 and fields["block_bytes"] == 23 * 8
    fields.update(changes)
    host.start()
    host.expect_error(Error.BAD_DESCRIPTOR)
    assert host.simulator.stats["write_bursts"] == 0
    host.expect_works(soft_reset=False)


def test_the_unchanged_descriptor_is_run(hosts):
    host = hosts().power_on(MemoryModel(**SLOW)).lay_out(resident=True)
    host.start()
    host.expect_done()


def test_resident_blocks_that_just_fit_are_run(hosts):
    host = hosts().power_on().lay_out(resident=True)
    host.tables[0]["resident_base"] = 2048 - 7 * 23
    host.start()
    host.expect_done()


def test_a_bad_second_descriptor_is_refused(hosts):
    host = hosts().power_on().lay_out((5, 6, 7))
    host.tables[1]["steps"] = 0
    host.start()
    host.expect_error(Error.BAD_DESCRIPTOR)
    host.expect_works(soft_reset=True)


def test_a_table_without_an_end_is_refused(hosts):
    host = hosts().power_on().lay_out((5, 6, 7))
    host.tables[1]["last"] = 0
    host.start()
    host.expect_error(Error.BAD_DESCRIPTOR)
    host.expect_works(soft_reset=False)


@pytest.mark.parametrize("offset", [1, 4, 8, 32, 64, 128])
def test_a_table_elsewhere_is_refused(hosts, offset):
    host = hosts().power_on().lay_out()
    host.load()
    host.driver.start(host.descriptor + offset, *host.window)
    host.expect_error(Error.BAD_DESCRIPTOR)
    host.expect_works(soft_reset=False)


def region_of(host, name):
    """Bytes of something that the run reads or writes."""
    fields, base = host.tables[-1], host.base
    placement = host.image.placements[-1]
    if name == "descriptor":
        return base, base + 256
    if name == "params":
        return fields["params_addr"], fields["params_addr"] + 16 * fields["hidden_size"]
    if name == "weights":
        blocks = TINY.blocks(fields["hidden_size"])
        return fields["weights_addr"], fields["weights_addr"] + blocks * fields["block_bytes"]
    if name == "state out":
        first = base + placement.state_out.addr
        return first, first + 4 * fields["hidden_size"]
    rows = {"x": host.image.x, "h": placement.h, "state in": placement.state_in}[name]
    return base + rows.addr, base + rows.end


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["descriptor", "params", "weights", "x", "state in"])
def test_an_error_response_to_a_read_stops_the_run(hosts, name, part, resident, memory):
    kinds = {"resident": resident, "initial": True, "base": MEGABYTE}
    host = hosts().lay_out((19, 30), **kinds)
    first, limit = region_of(host, name)
    at = (first + int(part * (limit - first - 1))) & ~7
    host.power_on(failing((at, at + 8), memory))
    host.start()
    host.expect_error(Error.READ)
    host.expect_works(soft_reset=resident)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["h", "state out"])
def test_an_error_response_to_a_write_stops_the_run(hosts, name, part, memory):
    host = hosts().lay_out((9, 14), base=MEGABYTE)
    first, limit = region_of(host, name)
    at = (first + int(part * (limit - first - 1))) & ~7
    host.power_on(failing((at, at + 8), memory))
    host.start()
    host.expect_error(Error.WRITE)
    host.expect_works(soft_reset=part == 0.5)


@pytest.mark.parametrize("name", ["x_addr", "params_addr", "weights_addr", "state_in_addr"])
def test_a_read_where_no_memory_is_stops_the_run(hosts, name):
    host = hosts().power_on().lay_out(initial=True, resident=False)
    host.tables[0][name] = 0xF0000000
    host.start()
    host.expect_error(Error.READ)
    host.expect_works(soft_reset=True)


def test_a_descriptor_where_no_memory_is_stops_the_run(hosts):
    host = hosts().power_on().lay_out()
    host.load()
    host.driver.start(0xFFFFFF00, *host.window)
    host.expect_error(Error.READ)
    host.expect_works(soft_reset=False)


def outside_is_untouched(host, window):
    """Run in a smaller window: it ends with OUTSIDE, and only bytes of the window changed."""
    simulator = host.simulator
    host.load()
    simulator.guard(window)
    size = host.image.size + 4096
    before = simulator.read_memory(0, size)
    host.driver.start(host.descriptor, *window)
    host.expect_error(Error.OUTSIDE)
    changed = np.flatnonzero(simulator.read_memory(0, size) != before)
    return ((changed >= window[0]) & (changed < window[1])).all()


@settings(reproducible, max_examples=30)
@given(st.data(), st.sampled_from(sorted(MEMORIES)))
def test_nothing_is_written_outside_the_window(hosts, data, memory):
    host = hosts().power_on(MemoryModel(**MEMORIES[memory]))
    host.lay_out((9, 70), steps=5, sequences=2)
    first, last = host.window
    base = data.draw(st.integers(first, last))
    limit = data.draw(st.integers(base, last - (base < first + 8)))
    if base < first + 8:
        # Rows end in bytes that are not written, so only whole beats are surely missed.
        limit = min(limit, last - 80)
    assert outside_is_untouched(host, (base, limit))
    host.expect_works(soft_reset=data.draw(st.booleans()))


@pytest.mark.parametrize("window", [(0, 0), (1 << 20, 1 << 21), (1 << 20, 0), (0, 1)])
def test_a_window_elsewhere_is_respected(hosts, window):
    host = hosts().power_on().lay_out()
    assert outside_is_untouched(host, window)
    host.expect_works(soft_reset=False)


@pytest.mark.parametrize("name", ["h_addr", "state_out_addr"])
@pytest.mark.parametrize("target", [0, 0xFFFFFFF8, 0xF0000000])
def test_a_descriptor_cannot_leave_the_window(hosts, name, target):
    host = hosts().power_on().lay_out()
    host.tables[0][name] = target
    assert outside_is_untouched(host, host.window)
    host.expect_works(soft_reset=True)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("when", [0, 1, 40, 400, 1000])
def test_a_start_while_running_is_refused_and_the_run_goes_on(hosts, when, resident):
    host = hosts().power_on(MemoryModel(**SLOW)).lay_out((9, 30), resident=resident)
    host.start()
    host.simulator.run(when)
    assert not host.simulator.interrupt
    host.command(Control.START)
    assert host.simulator.interrupt
    driver = host.driver
    assert driver.read("interrupt") == host.ERROR_PENDING
    assert driver.read("error") == Error.BUSY
    assert driver.read("status") == host.BUSY | host.FAILED
    driver.write("interrupt", host.ERROR_PENDING)
    assert host.simulator.wait_interrupt(100_000)
    assert driver.read("interrupt") == host.DONE_PENDING
    assert driver.read("status") == host.DONE | host.FAILED
    host.expect_right()
    driver.write("interrupt", host.DONE_PENDING)
    host.expect_works(soft_reset=False)


@settings(reproducible, max_examples=60)
@given(
    part=st.floats(0, 1),
    memory=st.sampled_from(sorted(MEMORIES)),
    resident=st.sampled_from([True, False, None]),
    sizes=st.sampled_from([(9, 14), (5, 6, 7), (40, 30)]),
    resets=st.integers(1, 3),
)
def test_a_soft_reset_at_any_time_leaves_a_working_machine(
    hosts, part, memory, resident, sizes, resets
):
    host = hosts().power_on(MemoryModel(**MEMORIES[memory]))
    host.lay_out(sizes, steps=3, resident=resident, initial=True)
    host.start()
    host.expect_done()
    cycles = host.driver.counters()["cycles"]
    for each in range(resets):
        host.start()
        host.simulator.run(int(part * cycles) // (each + 1))
        host.command(Control.SOFT_RESET)
        host.expect_rest()
        assert host.driver.read("status") == 0
        assert not host.simulator.interrupt
    host.expect_works(soft_reset=False)


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_start_right_behind_a_soft_reset_runs_or_is_refused(hosts, memory):
    for cycles in range(0, 1200, 60):
        host = hosts().power_on(MemoryModel(**MEMORIES[memory])).lay_out(steps=2, resident=False)
        host.start()
        host.simulator.run(cycles)
        host.command(Control.SOFT_RESET)
        host.command(Control.START)
        assert host.simulator.wait_interrupt(100_000), "the machine hangs"
        pending = host.driver.read("interrupt")
        if pending == host.DONE_PENDING:
            host.expect_right()
        else:
            assert host.driver.read("error") == Error.BUSY
        host.expect_rest()
        host.expect_works(soft_reset=True)


def test_a_soft_reset_wins_over_a_start_in_the_same_write(hosts):
    host = hosts().power_on().lay_out()
    host.load()
    host.driver.write("control", 1 << Control.START | 1 << Control.SOFT_RESET)
    host.expect_rest()
    assert host.driver.read("status") == 0
    host.expect_works(soft_reset=False)


@settings(reproducible, max_examples=30)
@given(st.integers(0, 600), st.sampled_from(sorted(MEMORIES)), st.booleans())
def test_a_soft_reset_around_an_error_leaves_a_working_machine(hosts, when, memory, resident):
    host = hosts().lay_out((19, 30), base=MEGABYTE, resident=resident)
    first, limit = region_of(host, "weights")
    host.power_on(failing((first + 512, limit), memory))
    host.start()
    host.simulator.run(when)
    host.command(Control.SOFT_RESET)
    host.expect_rest()
    host.expect_works(soft_reset=True)


NAMES = sorted(set(FIELDS) - {"magic"})


@settings(reproducible, max_examples=100)
@given(st.integers(0, 1 << 30), st.integers(1, 3), st.sampled_from(sorted(MEMORIES)))
def test_no_descriptor_whatsoever_takes_the_machine_down(hosts, seed, changes, memory):
    rng = random.Random(seed)
    host = hosts().power_on(MemoryModel(**MEMORIES[memory]))
    host.lay_out((9, 14), steps=2, initial=True, resident=rng.choice([True, False]))
    for name in rng.sample(NAMES, changes):
        field = FIELDS[name]
        low = -(1 << (field.width - 1)) if field.signed else 0
        bits = rng.randint(1, field.width)
        value = low + rng.getrandbits(field.width) if field.signed else rng.getrandbits(bits)
        host.tables[0][name] = value & -8 if field.width == 32 else value
    host.start()
    # Very many steps are legal: what matters is that the machine can be stopped.
    if host.simulator.wait_interrupt(20_000):
        pending = host.driver.read("interrupt")
        assert pending in (host.DONE_PENDING, host.ERROR_PENDING)
        assert (host.driver.read("error") != Error.NONE) == (pending == host.ERROR_PENDING)
        host.expect_rest()
    host.command(Control.SOFT_RESET)
    host.expect_rest()
    host.expect_works(soft_reset=True)
