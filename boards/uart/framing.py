"""Frames on a line of bytes: flags, stuffing and the CRC; see ``boards/uart/protocol.py``."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from boards.uart.protocol import CRC_BYTES, ESCAPE, FLAG, FLIP

__all__ = ["FrameReceiver", "FrameSender", "byte_layout"]


def byte_layout() -> data.StructLayout:
    """A byte of a frame, and whether it is the last before the CRC."""
    return data.StructLayout({"data": 8, "last": 1})


class FrameReceiver(wiring.Component):
    """Finds frames in received bytes.

    Latency: a byte taken in cycle t, ``valid`` or ``end`` in t + 1.

    Members
    -------
    data : In(8)
        A received byte.
    valid : In(1)
        There is one, in this cycle.
    content : Out(8)
        A byte of a frame, its CRC included.
    take : Out(1)
        There is one, in this cycle.
    end : Out(1)
        A frame has ended before this cycle; the next byte begins another.
    good : Out(1)
        With ``end``: the CRC was right.
    """

    def __init__(self):
        super().__init__(
            {
                "data": In(8),
                "valid": In(1),
                "content": Out(8),
                "take": Out(1),
                "end": Out(1),
                "good": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        escaped = Signal()
        m.d.sync += [self.take.eq(0), self.end.eq(0)]
        with m.If(self.valid):
            m.d.sync += escaped.eq(self.data == ESCAPE)
            with m.If(self.data == FLAG):
                m.d.sync += self.end.eq(1)
            with m.Elif(self.data != ESCAPE):
                m.d.sync += [
                    self.take.eq(1),
                    self.content.eq(Mux(escaped, self.data ^ FLIP, self.data)),
                ]
        m.d.comb += [
            crc.data.eq(self.content),
            crc.valid.eq(self.take),
            # Bytes are ten bits apart, so the check of a frame is over before the next begins.
            crc.start.eq(self.end),
            self.good.eq(crc.match_detected),
        ]
        return m


class FrameSender(wiring.Component):
    """Sends frames: a flag, the stuffed bytes and their CRC, a flag.

    Throughput: a byte a cycle, and one more for each that is stuffed; 8 for the flags and the CRC.

    Members
    -------
    i : stream of ``byte_layout``
        Content of the frame.
    o : stream of 8 bits
        What goes on the line.
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(byte_layout())), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        check = Signal(32)
        left = Signal(range(CRC_BYTES))
        content, sent = Signal(8), Signal()
        escaped, stuff = Signal(), Signal()
        # The CRC takes a byte in the cycle after it left.
        m.d.sync += [
            crc.data.eq(self.i.payload.data),
            crc.valid.eq(self.i.valid & self.i.ready),
        ]
        m.d.comb += [
            stuff.eq(((content == FLAG) | (content == ESCAPE)) & ~escaped),
            self.o.payload.eq(Mux(stuff, ESCAPE, Mux(escaped, content ^ FLIP, content))),
            # The byte itself leaves in this cycle, not the escape before it.
            sent.eq(self.o.ready & ~stuff),
        ]
        with m.FSM():
            with m.State("Begin"), m.If(self.i.valid):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(FLAG), crc.start.eq(1)]
                with m.If(self.o.ready):
                    m.next = "Send content"
            with m.State("Send content"):
                m.d.comb += [
                    content.eq(self.i.payload.data),
                    self.o.valid.eq(self.i.valid),
                    self.i.ready.eq(sent),
                ]
                with m.If(self.i.valid & sent & self.i.payload.last):
                    m.next = "Finish the CRC"
            with m.State("Finish the CRC"):
                m.next = "Load the CRC"
            with m.State("Load the CRC"):
                m.d.sync += [check.eq(crc.crc), left.eq(CRC_BYTES - 1)]
                m.next = "Send the CRC"
            with m.State("Send the CRC"):
                m.d.comb += [content.eq(check[:8]), self.o.valid.eq(1)]
                with m.If(sent):
                    m.d.sync += [check.eq(check >> 8), left.eq(left - 1)]
                    with m.If(left == 0):
                        m.next = "End"
            with m.State("End"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(FLAG)]
                with m.If(self.o.ready):
                    m.next = "Begin"
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaped.eq(stuff)
        return m
