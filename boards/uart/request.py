"""Requests out of a serial line, whole and with a right CRC."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.uart.framing import FrameReceiver
from boards.uart.protocol import CRC_BYTES, HEADER_BYTES
from boards.uart.serial import Receiver

__all__ = ["RequestReceiver"]


class RequestReceiver(wiring.Component):
    """Takes requests from a line; hands their data on word by word as it comes.

    What is handed on counts only once ``arrived`` has been up. Frames that are longer, shorter or
    damaged, and those of which a byte came while ``closed``, never arrive.

    Latency: the last flag's stop bit sampled in cycle t, ``arrived`` in t + 2.

    Parameters
    ----------
    cycles : int
        Clock cycles of a bit.
    payload_words : int
        Most words of data.

    Members
    -------
    rx : In(1)
        The line.
    closed : In(1)
        Take nothing, and leave the fields as they are.
    arrived : Out(1)
        Up for one cycle behind a request.
    sequence, operation, count, addr : Out
        Its header, from then on until the first byte that comes while not ``closed``.
    index, data, write : Out
        A word of data, up for one cycle.
    """

    def __init__(self, cycles: int, payload_words: int):
        self.cycles = cycles
        self.payload_words = payload_words
        super().__init__(
            {
                "rx": In(1, init=1),
                "closed": In(1),
                "arrived": Out(1),
                "sequence": Out(8),
                "operation": Out(8),
                "count": Out(16),
                "addr": Out(32),
                "index": Out(range(payload_words)),
                "data": Out(32),
                "write": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = Receiver(self.cycles)
        m.submodules.frames = frames = FrameReceiver()
        m.d.comb += [
            receiver.rx.eq(self.rx),
            frames.data.eq(receiver.data),
            frames.valid.eq(receiver.valid),
        ]

        # Where in the frame the next byte stands; it stops behind what can be taken.
        longest = HEADER_BYTES + 4 * self.payload_words + CRC_BYTES
        place, spoilt, take = Signal(range(longest + 2)), Signal(), Signal()
        m.d.comb += take.eq(frames.take & ~self.closed)
        with m.If(frames.end):
            m.d.sync += [place.eq(0), spoilt.eq(0)]
        with m.Elif(frames.take):
            m.d.sync += [place.eq(place + (place <= longest)), spoilt.eq(spoilt | self.closed)]

        # The CRC behind the longest data is no data.
        early = Signal(24)
        header, in_header, in_data = Signal(8 * HEADER_BYTES), Signal(), Signal()
        m.d.comb += [
            Cat(self.sequence, self.operation, self.count, self.addr).eq(header),
            in_header.eq(place < HEADER_BYTES),
            in_data.eq(~in_header & (place < HEADER_BYTES + 4 * self.payload_words)),
            self.index.eq((place >> 2) - HEADER_BYTES // 4),
            self.data.eq(Cat(early, frames.content)),
            self.write.eq(take & in_data & place[:2].all()),
        ]
        with m.If(take):
            m.d.sync += early.eq(self.data >> 8)
            with m.If(in_header):
                m.d.sync += header.eq(Cat(header[8:], frames.content))

        words = Signal(17)
        m.d.comb += words.eq(Mux(self.operation[0], self.count, 0))
        expected = (HEADER_BYTES + CRC_BYTES) // 4 + words
        right = frames.good & (place[:2] == 0) & (place[2:] == expected)
        m.d.sync += self.arrived.eq(frames.end & right & ~spoilt & ~self.closed)
        return m
