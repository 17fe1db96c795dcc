import pytest

from boards.uart.serial import Receiver, Transmitter, cycles_per_bit


class Line:
    """Gives a receiver a line, bit by bit; notes what it takes."""

    def __init__(self, dut, levels, cycles):
        self.dut, self.levels, self.length = dut, levels, cycles
        self.bytes, self.cycle = [], 0

    @property
    def done(self):
        """Whether the levels are over, and two bits more."""
        return self.cycle > (len(self.levels) + 2) * self.length

    def drive(self, ctx, cycle):
        """Set the level of this cycle."""
        place = int(cycle / self.length)
        ctx.set(self.dut.rx, self.levels[place] if place < len(self.levels) else 1)

    def sample(self, ctx, cycle):
        """Note a byte."""
        self.cycle = cycle
        if ctx.get(self.dut.valid):
            self.bytes.append((cycle, ctx.get(self.dut.data)))


def levels(data, stop=1):
    return [1, *(bit for byte in data for bit in [0, *(byte >> k & 1 for k in range(8)), stop])]


@pytest.mark.parametrize("cycles", [8, 9, 16])
@pytest.mark.parametrize("off", [1.0, 0.98, 1.02])
def test_bytes_are_received_though_clocks_differ(bench, cycles, off):
    data = [0x00, 0xFF, 0x55, 0xA7, 0x01, 0x80]
    dut = Receiver(cycles)
    b = bench(dut)
    line = b.add(Line(dut, levels(data), cycles * off))
    b.run()
    assert [byte for _, byte in line.bytes] == data


def test_a_byte_is_there_three_cycles_behind_the_middle_of_its_stop_bit(bench):
    dut = Receiver(8)
    b = bench(dut)
    line = b.add(Line(dut, levels([0x5A]), 8))
    b.run()
    assert line.bytes == [(8 + 9 * 8 + 4 + 3, 0x5A)]


def test_a_byte_without_a_stop_bit_is_dropped(bench):
    dut = Receiver(8)
    b = bench(dut)
    line = b.add(Line(dut, [*levels([0x12], stop=0), *levels([0x34])], 8))
    b.run()
    assert [byte for _, byte in line.bytes] == [0x34]


def test_a_glitch_is_no_start_bit(bench):
    dut = Receiver(16)
    b = bench(dut)
    line = b.add(Line(dut, [1, *[0] * 5, *[1] * 40, 1] * 3, 1))
    b.run()
    assert line.bytes == []


class Listener:
    """Notes the level of a transmitter's line."""

    done = True

    def __init__(self, dut):
        self.dut, self.levels = dut, []

    def drive(self, ctx, cycle):
        """Nothing."""

    def sample(self, ctx, cycle):
        """Note the level."""
        self.levels.append(ctx.get(self.dut.tx))


def test_a_byte_is_sent_every_ten_bits(bench):
    data, cycles = [0xA5, 0x00, 0xFE], 8
    dut = Transmitter(cycles)
    b = bench(dut)
    listener = b.add(Listener(dut))
    feeder = b.feed(dut.i, data)
    b.run(extra=10 * cycles + 1)
    first = feeder.cycles[0]
    assert feeder.cycles == [first, first + 80, first + 160]
    wanted = [level for level in levels(data)[1:] for _ in range(cycles)]
    assert listener.levels[first + 1 : first + 1 + len(wanted)] == wanted


@pytest.mark.parametrize(("clock", "baud", "cycles"), [(100e6, 2e6, 50), (24e6, 1e6, 24)])
def test_a_bit_has_a_whole_number_of_cycles(clock, baud, cycles):
    assert cycles_per_bit(clock, baud) == cycles


def test_a_rate_that_is_off_is_refused():
    with pytest.raises(ValueError) as refusal:
        cycles_per_bit(12e6, 921_600 * 4)
    assert str(refusal.value) == (
        "3686400 baud cannot be made from 12 MHz: a bit would have 3.26 cycles"
    )
