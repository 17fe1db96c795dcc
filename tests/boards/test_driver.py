import numpy as np
import pytest

from boards.driver import DeviceError, Driver
from boards.transport import Transport
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    ID_VALUE,
    MODE_COUNTER_BASE,
    MODE_COUNTERS,
    REGISTERS,
    Error,
)


class Machine:
    """Registers that behave as the register map says; it is done when it is waited for."""

    memory_base, memory_size = 0, 0
    MODES = (Mode.DELTA, Mode.SKIP)
    """Modes of which there were steps."""

    def __init__(self, code=Error.NONE, ends=True, rests=True):
        self.code, self.ends, self.rests = code, ends, rests
        self.started = []
        self.values = {register.addr: 0 for register in REGISTERS.values()}
        self.set("id", ID_VALUE)
        self.set("version", 1 << 16 | 2)
        self.set("lanes", 64 | 16 << 16)
        self.set("limits", 1024 | 2048 << 16)
        self.set("weight_words", 4096)
        for index in range(len(COUNTERS)):
            self.values[COUNTER_BASE + 8 * index] = index
            self.values[COUNTER_BASE + 8 * index + 4] = 2 * index
        for mode in Mode:
            for index in range(len(MODE_COUNTERS)):
                addr = MODE_COUNTER_BASE + 64 * mode + 8 * index
                self.values[addr] = 100 * mode + index if mode in self.MODES else 0
                self.values[addr + 4] = index if mode in self.MODES else 0
        self.reads = []

    def set(self, name, value):
        self.values[REGISTERS[name].addr] = value

    def get(self, name):
        return self.values[REGISTERS[name].addr]

    def read_register(self, addr):
        self.reads.append(addr)
        return self.values[addr]

    def write_register(self, addr, value):
        name = next(name for name, register in REGISTERS.items() if register.addr == addr)
        access = REGISTERS[name].access
        assert access != "ro"
        if access == "w1c":
            self.set(name, self.get(name) & ~value)
        elif name == "control":
            self.control(value)
        else:
            self.set(name, value)

    def control(self, value):
        if value == 1:
            names = ("descriptor", "output_base", "output_limit", "interrupt_enable")
            self.started.append(tuple(self.get(name) for name in names))
            self.set("status", 1)
        elif value == 2 and self.rests:
            self.set("status", 0)

    def wait_interrupt(self, timeout=None, progress=None):
        if progress:
            progress(7)
        if not self.ends:
            return False
        self.set("status", 2)
        self.set("error", int(self.code))
        self.set("interrupt", 2 if self.code else 1)
        return bool(self.get("interrupt") & self.get("interrupt_enable"))

    def read_memory(self, addr, size):
        return np.zeros(size, np.uint8)

    def write_memory(self, addr, data):
        pass


def test_the_fake_machine_is_a_transport():
    assert isinstance(Machine(), Transport)


def test_the_driver_knows_what_the_machine_can_hold():
    driver = Driver(Machine())
    assert driver.version == (1, 2)
    assert (driver.lanes, driver.bus_bytes) == (64, 16)
    assert (driver.max_input, driver.max_hidden) == (1024, 2048)
    assert driver.weight_words == 4096


@pytest.mark.parametrize("features, rows", [(0, False), (1, True), (2, False), (3, True)])
def test_a_machine_says_whether_rows_may_have_scales_of_their_own(features, rows):
    machine = Machine()
    machine.set("features", features)
    assert Driver(machine).row_scales is rows


@pytest.mark.parametrize("features", range(4))
def test_a_machine_says_whether_activations_have_16_bits(features):
    machine = Machine()
    machine.set("features", features)
    assert Driver(machine).wide is (features >= 2)


def test_a_machine_says_what_it_was_made_without():
    machine = Machine()
    for features, lacking in (
        (0b000011, ()),
        (0b000100, ("scores",)),
        (0b101000, ("mode_counters", "resume")),
        (0b111111, ("scores", "mode_counters", "states", "resume")),
    ):
        machine.set("features", features)
        assert Driver(machine).lacking == lacking


def test_counters_that_are_not_there_are_not_read():
    machine = Machine()
    machine.set("features", 1 << 3)
    driver = Driver(machine)
    with pytest.raises(DeviceError) as error:
        driver.mode_counters()
    assert str(error.value) == (
        "the accelerator was made without counters for each mode: it counts cycles, bytes and "
        "stalls alone"
    )
    assert not [addr for addr in machine.reads if addr >= 0x200]


def test_older_machines_have_no_register_for_that():
    machine = Machine()
    machine.set("version", 4)
    machine.set("features", 1)
    assert Driver(machine).row_scales is False
    assert Driver(machine).lacking == ()
    assert REGISTERS["features"].addr not in machine.reads


def test_another_machine_is_refused():
    machine = Machine()
    machine.set("id", 0xDEAD)
    with pytest.raises(DeviceError) as error:
        Driver(machine)
    assert str(error.value) == (
        "the ID register reads 0x0000dead, not 0x4e524652: no Refrain accelerator is there"
    )


def test_a_run_is_started_awaited_and_its_interrupt_cleared():
    machine, seen = Machine(), []
    driver = Driver(machine)
    machine.set("interrupt", 3)
    driver.start(0x100, 0x2000, 0x3000)
    assert machine.started == [(0x100, 0x2000, 0x3000, 3)]
    assert machine.get("interrupt") == 0
    assert driver.busy
    driver.wait(progress=seen.append)
    assert seen == [7]
    assert machine.get("interrupt") == 0
    assert not driver.busy


def test_counters_are_64_bits_by_name():
    counters = Driver(Machine()).counters()
    assert list(counters) == list(COUNTERS)
    assert counters["cycles"] == 0
    assert counters["stall_load"] == 3 | 3 * 2 << 32


def test_counters_of_modes_are_64_bits_by_mode_and_name():
    counters = Driver(Machine()).mode_counters()
    assert list(counters) == ["normal", "delta", "reduced", "skip"]
    for mode, counts in zip(Mode, counters.values(), strict=True):
        assert list(counts) == list(MODE_COUNTERS)
        there = mode in Machine.MODES
        assert list(counts.values()) == [there * (100 * mode + k | k << 32) for k in range(7)]


def test_of_a_mode_without_steps_only_the_steps_are_read():
    machine = Machine()
    driver = Driver(machine)
    machine.reads.clear()
    driver.mode_counters()
    counters = len(MODE_COUNTERS)
    assert len(machine.reads) == len(set(machine.reads)) == 2 * (counters + 1 + counters + 1)


def test_words_are_overridden_until_none_is():
    machine = Machine()
    driver = Driver(machine)
    driver.override({34: 0x12345678, 33: 2**32 - 1})
    names = ("override", "override_0", "override_1", "override_2")
    assert [machine.get(name) for name in names] == [0b011, 2**32 - 1, 0x12345678, 0]
    driver.override({35: 7})
    assert machine.get("override") == 0b100
    driver.override(None)
    assert machine.get("override") == 0
    driver.override({35: 7})
    driver.override({})
    assert machine.get("override") == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({32: 0}, "a descriptor word to override must be 33 to 35, not 32"),
        ({33: 0, 36: 0}, "a descriptor word to override must be 33 to 35, not 36"),
        ({34: 2**32}, "the override of word 34 must fit 32 bits, not 4294967296"),
        ({34: -1}, "the override of word 34 must fit 32 bits, not -1"),
    ],
)
def test_an_override_that_no_register_holds_is_refused_and_nothing_written(words, sentence):
    machine = Machine()
    with pytest.raises(ValueError) as error:
        Driver(machine).override(words)
    assert str(error.value) == sentence
    assert machine.get("override") == machine.get("override_0") == 0


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            Error.BAD_DESCRIPTOR,
            "the accelerator reports BAD_DESCRIPTOR: "
            "a layer descriptor asks for what this machine cannot run",
        ),
        (Error.READ, "the accelerator reports READ: the memory answered a read with an error"),
        (Error.WRITE, "the accelerator reports WRITE: the memory answered a write with an error"),
        (Error.BUSY, "the accelerator reports BUSY: it was started while it was running"),
        (
            Error.OUTSIDE,
            "the accelerator reports OUTSIDE: a write would have left the output window",
        ),
        (
            Error.TIMEOUT,
            "the accelerator reports TIMEOUT: the memory owes an answer and does nothing; make it "
            "answer, then reset the accelerator by soft_reset(), or reset both together",
        ),
    ],
)
def test_errors_are_sentences_with_their_code(code, sentence):
    driver = Driver(Machine(code))
    driver.start(0, 0, 0)
    with pytest.raises(DeviceError) as error:
        driver.wait()
    assert str(error.value) == sentence
    assert error.value.code is code


def test_an_unknown_code_is_reported_as_it_is():
    driver = Driver(Machine(99))
    driver.start(0, 0, 0)
    with pytest.raises(DeviceError) as error:
        driver.wait()
    assert str(error.value) == "the accelerator stopped with the unknown error code 99"
    assert error.value.code is None


def test_every_error_has_a_reason():
    for code in Error:
        if code:
            driver = Driver(Machine(code))
            driver.start(0, 0, 0)
            with pytest.raises(DeviceError, match=rf"^the accelerator reports {code.name}: "):
                driver.wait()


def test_a_running_machine_is_not_started():
    driver = Driver(Machine())
    driver.start(0, 0, 0)
    with pytest.raises(DeviceError) as error:
        driver.start(0, 0, 0)
    assert str(error.value) == "the accelerator is running; wait for it or reset it"
    assert error.value.code is Error.BUSY


def test_waiting_too_long_is_a_sentence():
    driver = Driver(Machine(ends=False))
    driver.start(0, 0, 0)
    with pytest.raises(DeviceError) as error:
        driver.wait(1000)
    assert str(error.value) == (
        "the accelerator was not done after 1000 cycles; soft_reset() ends the run"
    )


def test_an_interrupt_without_a_reason_is_a_sentence():
    class Spurious(Machine):
        def wait_interrupt(self, timeout=None, progress=None):
            return True

    with pytest.raises(DeviceError) as error:
        Driver(Spurious()).wait()
    assert str(error.value) == "the accelerator raised its interrupt without a reason"


def test_a_soft_reset_ends_at_rest():
    machine = Machine()
    driver = Driver(machine)
    driver.start(0, 0, 0)
    machine.set("interrupt", 3)
    driver.soft_reset()
    assert not driver.busy
    assert machine.get("interrupt") == 0


def test_a_soft_reset_that_does_not_help_is_a_sentence():
    driver = Driver(Machine(rests=False))
    driver.start(0, 0, 0)
    with pytest.raises(DeviceError) as error:
        driver.soft_reset(attempts=3)
    assert str(error.value) == (
        "the accelerator does not come to rest after a soft reset, because the memory owes it an "
        "answer: reset the memory and the accelerator together"
    )
