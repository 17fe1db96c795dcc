"""The driver under Linux, on files in place of devices."""

import numpy as np
import pytest

from boards.errors import BoardError
from boards.transport import Transport
from boards.zynq import linux
from boards.zynq.gp import BASE_REGISTER
from boards.zynq.linux import (
    REGISTERS_AT,
    MappedTransport,
    fclk_divisors,
    find_buffer,
    prepare_logic,
)
from hw.registers import ID_VALUE, REGISTERS

BUFFER_AT, BUFFER_BYTES = 0x1F00_0000, 1 << 16


@pytest.fixture
def devices(tmp_path):
    """Files of zeros: registers, buffer."""
    registers, buffer = tmp_path / "registers", tmp_path / "udmabuf0"
    registers.write_bytes(bytes(0x2000))
    buffer.write_bytes(bytes(BUFFER_BYTES))
    return registers, buffer


@pytest.fixture
def transport(devices):
    """A transport over them."""
    registers, buffer = devices
    return MappedTransport(100e6, (buffer, BUFFER_AT, BUFFER_BYTES), registers, 0)


def test_it_is_a_transport_whose_memory_begins_at_zero(transport):
    assert isinstance(transport, Transport)
    assert (transport.memory_base, transport.memory_size) == (0, BUFFER_BYTES)


def test_the_machine_is_told_where_the_buffer_is(transport):
    assert transport.read_register(BASE_REGISTER) == BUFFER_AT


def test_registers_and_memory_are_those_of_the_devices(transport, devices):
    registers, buffer = devices
    transport.write_register(0x28, 0xDEAD_BEEF)
    transport.write_memory(5, np.arange(4, dtype=np.int16))
    assert registers.read_bytes()[0x28:0x2C] == bytes.fromhex("efbeadde")
    assert buffer.read_bytes()[5:13] == bytes([0, 0, 1, 0, 2, 0, 3, 0])
    assert transport.read_memory(7, 2).tolist() == [1, 0]


def test_an_interrupt_counts_where_it_is_enabled(transport):
    transport.write_register(REGISTERS["interrupt"].addr, 1)
    assert not transport.wait_interrupt(1000)
    transport.write_register(REGISTERS["interrupt_enable"].addr, 1)
    assert transport.wait_interrupt(1000)


def test_what_is_outside_is_refused(transport):
    with pytest.raises(BoardError) as refusal:
        transport.write_memory(BUFFER_BYTES - 2, b"123")
    assert str(refusal.value) == ("bytes 0xfffe to 0x10001 are outside the buffer of 0x10000 bytes")


def test_a_buffer_begins_at_a_page(devices):
    with pytest.raises(BoardError) as refusal:
        MappedTransport(100e6, (devices[1], 0x100, 64), devices[0], 0)
    assert str(refusal.value) == "the buffer at 0x100 does not begin at a multiple of 4 KiB"


def test_a_missing_device_is_named(devices, tmp_path):
    with pytest.raises(BoardError) as refusal:
        MappedTransport(100e6, (devices[1], 0, 64), tmp_path / "none", 0)
    assert str(refusal.value) == f"{tmp_path}/none cannot be opened: No such file or directory"


def test_a_buffer_is_found_by_its_name(tmp_path):
    folder = tmp_path / "udmabuf0"
    folder.mkdir()
    (folder / "phys_addr").write_text("0x1f000000\n")
    (folder / "size").write_text("65536\n")
    assert find_buffer("udmabuf0", tmp_path) == (BUFFER_AT, BUFFER_BYTES)
    with pytest.raises(BoardError) as refusal:
        find_buffer("udmabuf1", tmp_path)
    assert str(refusal.value) == (
        "there is no buffer udmabuf1: load the driver, modprobe u-dma-buf udmabuf1=16777216"
    )


@pytest.mark.parametrize(
    ("most", "made"), [(100, 100), (150, 1000 / 7), (33, 1000 / 31), (0.3, 0.3)]
)
def test_the_clock_is_the_fastest_that_is_allowed(most, made):
    first, second = fclk_divisors(1000, most)
    assert 1 <= second <= first <= 63
    assert 1000 / first / second <= most
    assert 1000 / first / second == pytest.approx(made, rel=0.03)


class Processor:
    """Stands for the processor's physical memory, and writes down what is written where."""

    SLCR, LEVEL_SHIFTERS, RESETS = 0xF800_0000, 0x900, 0x240
    MACHINE = REGISTERS_AT

    def __init__(self, *, up, id_value=ID_VALUE, rests_after=3):
        self.log = []
        self.rests_after = rests_after
        self.devices = {}
        self.words(self.SLCR).values |= {
            self.LEVEL_SHIFTERS // 4: 0xF if up else 0,
            self.RESETS // 4: 0 if up else 0xF,
        }
        self.words(self.MACHINE).values[REGISTERS["id"].addr // 4] = id_value

    def words(self, offset):
        return self.devices.setdefault(offset, Device(self, offset))


class Device:
    """Registers at a physical address; the machine's ``status`` is busy for some reads."""

    def __init__(self, processor, offset):
        self.processor, self.offset, self.values = processor, offset, {}

    def __getitem__(self, index):
        if self.offset == Processor.MACHINE and index == REGISTERS["status"].addr // 4:
            self.processor.rests_after -= 1
            self.processor.log.append("rest" if self.processor.rests_after <= 0 else "busy")
            return int(self.processor.rests_after > 0)
        return np.uint32(self.values.get(index, 0))

    def __setitem__(self, index, value):
        self.values[index] = value
        named = {
            (Processor.SLCR, Processor.RESETS // 4): f"reset {value}",
            (Processor.MACHINE, REGISTERS["control"].addr // 4): f"control {value}",
        }
        if (self.offset, index) in named:
            self.processor.log.append(named[self.offset, index])


@pytest.fixture
def processor(monkeypatch):
    """Makes the processor on which the logic is prepared."""

    def make(**options):
        made = Processor(**options)

        class Mapping:
            def __init__(self, path, size, offset=0):
                self.words = made.words(offset)

        monkeypatch.setattr(linux, "_Mapping", Mapping)
        return made

    return make


def test_a_machine_that_is_there_comes_to_rest_before_its_reset(processor):
    made = processor(up=True)
    prepare_logic(100)
    assert made.log == ["control 2", "busy", "busy", "rest", "reset 15", "reset 0"]


@pytest.mark.parametrize("options", [{"up": False}, {"up": True, "id_value": 0}])
def test_logic_that_is_no_machine_yet_is_not_asked(processor, options):
    made = processor(**options)
    prepare_logic(100)
    assert made.log == ["reset 15", "reset 0"]


def test_a_machine_that_does_not_come_to_rest_is_not_reset(processor, monkeypatch):
    monkeypatch.setattr(linux, "_REST_SECONDS", 0.01)
    made = processor(up=True, rests_after=10**9)
    with pytest.raises(BoardError) as refusal:
        prepare_logic(100)
    assert str(refusal.value) == (
        "the accelerator does not come to rest after a soft reset, because DRAM owes it an answer: "
        "load its bitstream again"
    )
    assert not any(each.startswith("reset") for each in made.log)
