"""Whole boards on a serial line: host code, bits, bridge, memory, machine, and back."""

import functools
from struct import pack

import numpy as np
import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.memory import BlockMemory, BlockStorage
from boards.uart import link
from boards.uart import try_line as try_line_module
from boards.uart.link import LinkError, SerialTransport
from boards.uart.protocol import VERSION, FrameReader, Operation, Status, request
from boards.uart.system import UartSystem
from boards.uart.try_line import try_line
from hw.axi.lite import LiteSlave
from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from sim.rtl.board_uart import UartBoard

CLOCK, CYCLES, PAYLOAD = 50e6, 8, 16
WORDS = 512
_LATER = 20_000
"""Cycles from the write to the interrupt: more than a request and its answer take."""


class Tally(wiring.Component):
    """In place of a machine: register 0 counts writes, 4 holds the last one and sets the interrupt.

    From 0x800 on every access is answered with an error.
    """

    def __init__(self):
        super().__init__(
            {
                "s_axi": In(Axi4LiteSignature()),
                "m_axi": Out(Axi4Signature(32, 64)),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.slave = slave = LiteSlave()
        wiring.connect(m, wiring.flipped(self.s_axi), slave.axi)
        bus, count, last, timer = slave.bus, Signal(32), Signal(32), Signal(range(_LATER + 1))
        m.d.sync += bus.read_data.eq(count)
        with m.If(bus.addr[2]):
            m.d.sync += bus.read_data.eq(last)
        m.d.sync += bus.error.eq(bus.addr[11])
        with m.If(bus.write & ~bus.addr[11]):
            m.d.sync += [count.eq(count + 1), last.eq(bus.data)]
        # The interrupt rises some cycles after the value that was written is not zero.
        with m.If(last == 0):
            m.d.sync += timer.eq(0)
        with m.Elif(timer != _LATER):
            m.d.sync += timer.eq(timer + 1)
        m.d.comb += self.interrupt.eq(timer == _LATER)
        return m


class Unready(BlockMemory):
    """Memory that says of itself what the registers of a ``Tally`` do not: bits of ``flags``."""

    flag_bits = 2

    def __init__(self, storage, flags):
        self.said = flags
        super().__init__(storage)

    @property
    def flags(self):
        """As of ``boards.dram.memory.DramMemory``."""
        return Const(self.said, 2)


@functools.cache
def compiled():
    return UartBoard(
        UartSystem(Tally(), BlockMemory(BlockStorage(WORDS, 64)), CYCLES, PAYLOAD), clock_hz=CLOCK
    )


def tally(**errors):
    """The board, just switched on."""
    board = compiled()
    board.restart(**errors)
    return board


def connect(board, clock_hz=CLOCK):
    return SerialTransport(board, clock_hz=clock_hz, baud=board.baud, patience=5000 / clock_hz)


def exchange(board, sent, seconds=1e-3):
    """Answers to raw bytes."""
    board.write(sent)
    return FrameReader().feed(board.read(seconds))


def test_the_board_says_what_it_is():
    answer = exchange(tally(), request(5, Operation.SYNC))
    assert answer == [pack("<BB4I", 5, 0, VERSION, PAYLOAD, 0, 8 * WORDS)]


def test_memory_holds_what_was_written_at_any_address():
    transport = connect(tally())
    assert transport.memory_size == 8 * WORDS
    rng = np.random.default_rng(0)
    held = np.zeros(8 * WORDS, np.uint8)
    transport.write_memory(0, held)
    for first, size in ((0, 64), (5, 1), (6, 7), (63, 130), (8 * WORDS - 3, 3), (99, 0)):
        data = rng.integers(0, 256, size).astype(np.uint8)
        transport.write_memory(first, data)
        held[first : first + size] = data
        assert (transport.read_memory(first, size) == data).all()
    assert (transport.read_memory(0, 8 * WORDS) == held).all()
    assert transport.repeated == 0


def test_a_write_whose_answer_was_lost_is_not_done_twice():
    board = tally()
    exchange(board, request(0, Operation.SYNC))
    write = request(1, Operation.WRITE_REGISTERS, 0, data=pack("<I", 0))
    assert exchange(board, write) == exchange(board, write) == [bytes([1, 0])]
    count = exchange(board, request(2, Operation.READ_REGISTERS, 0, 1))
    assert count == [pack("<BBI", 2, 0, 1)]


def test_a_new_host_may_use_the_last_number_again():
    board = tally()
    for wanted in (1, 2):
        exchange(board, request(1, Operation.SYNC))
        exchange(board, request(1, Operation.WRITE_REGISTERS, 0, data=pack("<I", 0)))
        count = exchange(board, request(2, Operation.READ_REGISTERS, 0, 1))
        assert count == [pack("<BBI", 2, 0, wanted)]


def test_registers_are_read_one_after_another():
    board = tally()
    exchange(board, request(0, Operation.SYNC))
    exchange(board, request(1, Operation.WRITE_REGISTERS, 0, data=pack("<2I", 0, 0)))
    answer = exchange(board, request(2, Operation.READ_REGISTERS, 0, 3))
    assert answer == [pack("<BB3I", 2, 0, 2, 0, 2)]


@pytest.mark.parametrize(
    "sent",
    [
        request(3, Operation.READ_MEMORY, 0, 0),
        request(3, Operation.READ_MEMORY, 0, PAYLOAD + 1),
        request(3, 8, 0, 1),
    ],
)
def test_what_is_not_known_is_answered_so(sent):
    assert exchange(tally(), sent) == [bytes([3, Status.UNKNOWN])]


def test_errors_of_registers_and_memory_reach_the_host():
    transport = connect(tally())
    with pytest.raises(LinkError) as refusal:
        transport.read_register(0x800)
    assert str(refusal.value) == "the board answered READ_REGISTERS at 0x800 with an error"
    with pytest.raises(LinkError) as refusal:
        transport.write_memory(8 * WORDS, b"1234")
    assert str(refusal.value) == (
        "bytes 0x1000 to 0x1004 are outside the board's memory, 0x0 to 0x1000"
    )
    assert transport.read_register(0) == 0


def test_the_host_waits_for_the_interrupt_in_cycles():
    transport = connect(tally())
    assert not transport.wait_interrupt(100)
    transport.write_register(4, 1)
    assert not transport.wait_interrupt(100)
    assert transport.wait_interrupt(50_000)
    transport.write_register(4, 0)
    assert not transport.wait_interrupt(10)


def test_damage_on_the_line_is_detected_and_repeated():
    board = tally(bit_errors=3e-4, seed=4)
    transport = connect(board)
    data = np.random.default_rng(1).integers(0, 256, 4000).astype(np.uint8)
    transport.write_memory(0, data)
    assert (transport.read_memory(0, 4000) == data).all()
    for value in range(1, 20):
        transport.write_register(0, 0)
        assert transport.read_register(0) == value
    assert board.wrong_bits > 20
    assert transport.repeated > 20
    assert transport.dropped > 5


def test_a_line_that_only_disturbs_is_given_up():
    board = tally(bit_errors=0.2)
    with pytest.raises(LinkError) as refusal:
        connect(board)
    assert str(refusal.value) == (
        "the board does not answer: 8 requests at 6,250,000 baud were in vain"
    )


def test_a_line_can_be_tried():
    transport = connect(tally())
    assert try_line(transport) == (
        "4096 bytes written and read back at 6,250,000.0 baud, 0 requests repeated"
    )


def test_a_large_memory_is_tried_at_both_ends(monkeypatch):
    monkeypatch.setattr(try_line_module, "_MOST", 1000)
    transport = connect(tally())
    transport.write_memory(0, np.zeros(8 * WORDS, np.uint8))
    assert try_line(transport).startswith("1000 bytes written and read back")
    used = np.flatnonzero(transport.read_memory(0, 8 * WORDS))
    assert used.min() < 10 and used.max() > 8 * WORDS - 10
    assert not ((used >= 500) & (used < 8 * WORDS - 500)).any()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (0b01, "the board's DRAM is not ready: its start has not ended in 5 s"),
        (0b10, "the board's DRAM cannot be used: its training failed"),
    ],
)
def test_a_memory_that_cannot_be_used_is_a_sentence(monkeypatch, flags, sentence):
    monkeypatch.setattr(link, "_POLL_SECONDS", 0.5)
    memory = Unready(BlockStorage(WORDS, 64), flags)
    board = UartBoard(UartSystem(Tally(), memory, CYCLES, PAYLOAD), clock_hz=CLOCK / 1000)
    with pytest.raises(LinkError) as refusal:
        connect(board, board.clock_hz)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("early", range(0, 1000, 40))
def test_a_request_that_begins_too_early_is_done_once(early):
    # The bridge is still at work when the write's first bytes come, and free before its last.
    board = tally()
    exchange(board, request(0, Operation.SYNC))
    write = request(2, Operation.WRITE_REGISTERS, 0, data=pack("<I", 5))
    exchange(board, request(1, Operation.WAIT, early) + write)
    assert exchange(board, write) == [bytes([2, 0])]
    count = exchange(board, request(3, Operation.READ_REGISTERS, 0, 1))
    assert count == [pack("<BBI", 3, 0, 1)]
