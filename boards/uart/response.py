"""Responses onto a serial line."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from boards.uart.framing import FrameSender, byte_layout
from boards.uart.serial import Transmitter
from hw.streams.hold import Hold

__all__ = ["ResponseSender"]


class ResponseSender(wiring.Component):
    """Sends responses on a line.

    Throughput: a byte every 10 bits.
    Latency: ``start`` in cycle t, the first flag's start bit in t + 4.

    Parameters
    ----------
    cycles : int
        Clock cycles of a bit.
    payload_words : int
        Most words of data.

    Members
    -------
    start : In(1)
        Send one; up for one cycle, only after the one before is ``done``.
    sequence, status, words : In
        Its header, and how many words of data follow; steady until ``done``.
    index : Out
        Which word is needed.
    word : In(32)
        That word, from the second cycle on in which ``index`` names it.
    done : Out(1)
        Up for one cycle when the last word has left for the line.
    tx : Out(1)
        The line.
    """

    def __init__(self, cycles: int, payload_words: int):
        self.cycles = cycles
        super().__init__(
            {
                "start": In(1),
                "sequence": In(8),
                "status": In(8),
                "words": In(range(payload_words + 1)),
                "index": Out(range(payload_words)),
                "word": In(32),
                "done": Out(1),
                "tx": Out(1, init=1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = frames = FrameSender()
        m.submodules.transmitter = transmitter = Transmitter(self.cycles)
        # Each of the three decides about its own bytes only.
        m.submodules.byte = held = Hold(byte_layout())
        m.submodules.sent = sent = Hold(8)
        wiring.connect(m, held.o, frames.i)
        wiring.connect(m, frames.o, sent.i)
        wiring.connect(m, sent.o, transmitter.i)
        left, word, place = Signal.like(self.words), Signal(32), Signal(2)
        byte = held.i
        m.d.comb += self.tx.eq(transmitter.tx)
        with m.FSM():
            with m.State("Wait"), m.If(self.start):
                m.d.sync += [left.eq(self.words), self.index.eq(0)]
                m.next = "Send the sequence number"
            with m.State("Send the sequence number"):
                m.d.comb += [byte.valid.eq(1), byte.payload.data.eq(self.sequence)]
                with m.If(byte.ready):
                    m.next = "Send the status"
            with m.State("Send the status"):
                m.d.comb += [byte.valid.eq(1), byte.payload.data.eq(self.status)]
                m.d.comb += byte.payload.last.eq(left == 0)
                with m.If(byte.ready):
                    m.next = "Load a word"
            with m.State("Load a word"):
                m.d.sync += [word.eq(self.word), place.eq(0)]
                m.d.sync += [left.eq(left - 1), self.index.eq(self.index + 1)]
                m.next = "Send a word"
                with m.If(left == 0):
                    m.next = "Finish"
            with m.State("Finish"), m.If(~held.o.valid & ~sent.o.valid):
                m.d.comb += self.done.eq(1)
                m.next = "Wait"
            with m.State("Send a word"):
                m.d.comb += [byte.valid.eq(1), byte.payload.data.eq(word[:8])]
                m.d.comb += byte.payload.last.eq((left == 0) & place.all())
                with m.If(byte.ready):
                    m.d.sync += [word.eq(word >> 8), place.eq(place + 1)]
                    with m.If(place.all()):
                        m.next = "Load a word"
        return m
