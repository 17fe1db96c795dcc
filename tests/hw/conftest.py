"""Whole machines, compiled, with what a host can do to them and what the model expects."""

import functools

import numpy as np
import pytest

from boards.driver import DeviceError
from hw import descriptor
from hw.config import CONFIGS
from hw.registers import Control, Error
from sim.image.compile import compile_network
from sim.model.backend import ModelBackend
from sim.model.counts import Counts
from sim.model.random_network import random_codes, random_network
from sim.rtl.memory_model import MemoryModel

CYCLES = 400_000
"""More than any run here takes."""

_ADDRESSES = [name for name in descriptor.FIELDS if name.endswith("_addr")]


class Host:
    """A machine, and one run of a random network that lies in its memory from ``base`` on.

    Members
    -------
    tables : list of dict
        Descriptor fields of the run, free to be changed before ``start``.
    window : (int, int)
        Bytes that the run may write.
    descriptor : int
        Address that the machine is started with.
    """

    BUSY, DONE, FAILED = 1, 2, 4
    """Bits of the status register."""
    DONE_PENDING, ERROR_PENDING = 1, 2
    """Bits of the interrupt register."""

    def __init__(self, machine):
        self.machine, self.config = machine, machine.config
        self.simulator, self.driver = machine.simulator, machine.driver

    def power_on(self, memory=None):
        """Start from power-on, with this memory."""
        self.simulator.restart(memory or MemoryModel())
        return self

    def lay_out(self, sizes=(9, 14), *, base=0, steps=4, sequences=1, seed=0, **options):
        """Make a network and its image; ``options`` as those of a run or of the network."""
        kinds = {
            name: options.pop(name) for name in ("bidirectional", "initial") if name in options
        }
        self.network = random_network(sizes, seed=seed, **kinds)
        self.options = {"resident": None, **options}
        self.x = random_codes(self.network, sequences, steps, seed=seed)
        image = compile_network(
            self.network, self.config, steps=steps, sequences=sequences, **self.options
        )
        self.image, self.base, self.descriptor = image, base, base + image.descriptor
        self.tables = [dict(placement.fields) for placement in image.placements]
        for fields in self.tables:
            fields.update({name: fields[name] + base for name in _ADDRESSES if name in fields})
        self.window = base + image.output_base, base + image.output_limit
        return self

    def load(self):
        """Write image, descriptors as they are now, and x to memory; guard the window."""
        simulator, image = self.simulator, self.image
        simulator.write_memory(self.base, image.data)
        simulator.write_memory(self.base + image.x.addr, image.pack_x(self.x))
        table = b"".join(descriptor.pack(**fields) for fields in self.tables)
        simulator.write_memory(self.base + image.descriptor, table)
        simulator.guard(self.window)

    def start(self):
        """Load and start."""
        self.load()
        self.driver.start(self.descriptor, *self.window)

    def command(self, bit: Control):
        """Write one bit of the control register, whatever the machine does."""
        self.driver.write("control", 1 << bit)

    def expect_error(self, code: Error, cycles=CYCLES):
        """The run ends with this error, seen in every register; then clear the interrupt."""
        simulator, driver = self.simulator, self.driver
        assert simulator.wait_interrupt(cycles), "the machine hangs"
        assert driver.read("interrupt") == self.ERROR_PENDING
        assert driver.read("error") == code
        self.expect_rest()
        assert driver.read("status") == self.FAILED
        driver.write("interrupt", self.ERROR_PENDING)
        assert not simulator.interrupt
        assert driver.read("error") == code

    def expect_rest(self, cycles=CYCLES):
        """The machine comes to rest; its bus is quiet and no rule was broken."""
        simulator = self.simulator
        limit = simulator.stats["cycles"] + cycles
        while self.driver.busy:
            assert simulator.stats["cycles"] < limit, "the machine does not come to rest"
        stats = simulator.stats
        assert stats["reads_outstanding"] == stats["writes_outstanding"] == 0
        before = stats["read_bursts"], stats["write_bursts"]
        simulator.run(200)
        stats = simulator.stats
        assert (stats["read_bursts"], stats["write_bursts"]) == before
        assert simulator.first_violation == ""

    def expect_right(self):
        """What the run gave is what the model gives."""
        expected = ModelBackend(self.config).run(self.network, self.x, **self.options)
        first, size = self.image.output_base, self.image.output_limit - self.image.output_base
        written = self.simulator.read_memory(self.base + first, size)
        h = self.image.unpack_h(written, first)
        states = self.image.unpack_states(written, first)
        assert np.array_equal(h, expected.h)
        for mine, theirs in zip(states, expected.states, strict=True):
            assert np.array_equal(mine.h, theirs.h)
            assert np.array_equal(mine.c, theirs.c)
        counts = Counts.of_counters(self.driver.counters(), self.driver.mode_counters())
        assert counts == expected.counts

    def expect_done(self):
        """The run ends well and is right."""
        try:
            self.driver.wait(CYCLES)
        except DeviceError as error:
            pytest.fail(str(error))
        assert self.driver.read("status") == self.DONE
        assert self.driver.read("error") == Error.NONE
        self.expect_right()
        assert self.simulator.first_violation == ""

    def expect_works(self, *, soft_reset: bool):
        """A fresh run of another network at address 0 is right, on the machine as it is now."""
        if soft_reset:
            self.driver.soft_reset()
            assert self.driver.read("status") == 0
            assert self.driver.read("error") == Error.NONE
            assert not self.simulator.interrupt
        fresh = Host(self.machine).lay_out((7, 10), steps=3, seed=99, resident=soft_reset)
        fresh.start()
        fresh.expect_done()


@pytest.fixture(scope="session")
def hosts():
    """A host of the machine of a named configuration, which is compiled once."""
    from sim.rtl.backend import RtlBackend

    machine = functools.cache(lambda name: RtlBackend(CONFIGS[name]))
    return lambda name="tiny": Host(machine(name))
