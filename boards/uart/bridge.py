"""From a serial line to registers and memory; see ``boards/uart/protocol.py``."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from boards.access import Access
from boards.uart.protocol import PAYLOAD_WORDS, SYNC_WORDS, VERSION, Operation
from boards.uart.request import RequestReceiver
from boards.uart.response import ResponseSender
from hw.axi.signatures import Axi4LiteSignature

__all__ = ["Bridge"]

_READS = (Operation.READ_REGISTERS, Operation.READ_MEMORY)
_WRITES = (Operation.WRITE_REGISTERS, Operation.WRITE_MEMORY)
_ALONE = (Operation.SYNC, Operation.WAIT)
"""Operations without data; their count means nothing."""
_MEMORY = (Operation.READ_MEMORY, Operation.WRITE_MEMORY)


def _is(operation, *those: Operation):
    return operation.matches(*(int(each) for each in those))


class Bridge(wiring.Component):
    """Answers requests on a serial line by accesses of registers and memory.

    Throughput: as much as the line carries; an access takes some cycles, a byte at least 80.

    Parameters
    ----------
    cycles : int
        Clock cycles of a bit, at least 8.
    memory_base, memory_bytes : int
        What ``SYNC`` tells of the memory.
    memory_flags : int
        Bits that the memory has in every status; see ``boards.uart.protocol.Status``.
    payload_words : int
        Most words of data in a frame.

    Members
    -------
    rx : In(1)
        The line from the host; asynchronous.
    tx : Out(1)
        The line to the host.
    interrupt : In(1)
        What ends ``WAIT``, and bit 0 of every status.
    registers : Axi4LiteSignature
        The machine's registers.
    memory : Axi4LiteSignature, 32 address bits
        Its memory.
    memory_flags : In
        What the memory says of itself, where it does.
    """

    def __init__(
        self,
        cycles: int,
        *,
        memory_base: int = 0,
        memory_bytes: int,
        memory_flags: int = 0,
        payload_words: int = PAYLOAD_WORDS,
    ):
        if not 4 <= payload_words <= 1 << 12:
            raise ValueError(f"payload_words must be 4 to 4096, not {payload_words!r}")
        self.cycles = cycles
        self.facts = (VERSION, payload_words, memory_base, memory_bytes)
        self.payload_words = payload_words
        self.flag_bits = memory_flags
        super().__init__(
            {
                **({"memory_flags": In(memory_flags)} if memory_flags else {}),
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "interrupt": In(1),
                "registers": Out(Axi4LiteSignature()),
                "memory": Out(Axi4LiteSignature(32)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words = self.payload_words
        m.submodules.request = request = RequestReceiver(self.cycles, words)
        m.submodules.response = response = ResponseSender(self.cycles, words)
        m.submodules.access = access = Access(32)
        m.submodules.payload = payload = Memory(shape=32, depth=words, init=[])
        write, read = payload.write_port(), payload.read_port()
        # The word at work: its place in the payload, its address, how many follow it.
        index, addr, left = Signal(range(words)), Signal(32), Signal(range(words + 1))
        status = tuple(Signal(name=n) for n in ("high", "failed", "unknown"))
        m.d.comb += [
            request.rx.eq(self.rx),
            self.tx.eq(response.tx),
            write.addr.eq(Mux(request.closed, index, request.index)),
            write.data.eq(Mux(request.closed, access.read_data, request.data)),
            write.en.eq(request.write),
            response.word.eq(read.data),
            response.sequence.eq(request.sequence),
            response.status.eq(Cat(status, self.memory_flags if self.flag_bits else ())),
            access.write.eq(request.operation[0]),
            access.addr.eq(addr),
            access.data.eq(read.data),
        ]
        to_memory = Signal()
        # The operation stands for cycles before its first access.
        m.d.sync += to_memory.eq(_is(request.operation, *_MEMORY))
        self._route(m, access.axi, to_memory)
        with m.FSM():
            self._decide(m, request, response, status, (index, addr, left))
            self._act(m, request, response, access, write, read, status, (index, addr, left))
        return m

    def _act(self, m, request, response, access, write, read, status, word):
        """The states in which a request is fulfilled and answered."""
        index, addr, left = word
        high, failed, _ = status
        with m.State("Describe"):
            m.d.comb += [write.data.eq(Array(self.facts)[index[:2]]), write.en.eq(1)]
            m.d.sync += index.eq(index + 1)
            with m.If(index == SYNC_WORDS - 1):
                m.next = "Respond"
        with m.State("Wait"):
            m.d.sync += addr.eq(addr - 1)
            with m.If(self.interrupt | (addr == 0)):
                m.next = "Respond"
        with m.State("Fetch"):
            m.d.comb += read.addr.eq(index)
            m.next = "Access"
        with m.State("Access"):
            m.d.comb += access.start.eq(1)
            m.next = "Finish"
        with m.State("Finish"), m.If(access.done):
            m.d.comb += write.en.eq(~request.operation[0])
            m.d.sync += [index.eq(index + 1), addr.eq(addr + 4), left.eq(left - 1)]
            with m.If(access.error):
                m.d.sync += failed.eq(1)
            m.next = "Fetch"
            with m.If(left == 1):
                m.next = "Respond"
        with m.State("Respond"):
            m.d.comb += [response.start.eq(1), read.addr.eq(response.index)]
            m.d.sync += high.eq(self.interrupt)
            m.next = "Finish the response"
        with m.State("Finish the response"):
            m.d.comb += read.addr.eq(response.index)
            with m.If(response.done):
                m.next = "Receive"

    def _decide(self, m, request, response, status, word):
        """The states in which a request is awaited and in which it is sorted out."""
        index, addr, left = word
        _, failed, unknown = status
        operation, count = request.operation, request.count
        written, read = _is(operation, *_WRITES), _is(operation, *_READS)
        fits = (count != 0) & (count <= self.payload_words)
        known, again = Signal(), Signal()
        last, recorded = Signal(8), Signal()
        m.d.comb += request.closed.eq(1)
        with m.State("Receive"):
            m.d.comb += request.closed.eq(0)
            with m.If(request.arrived):
                m.next = "Look"
        with m.State("Look"):
            m.d.sync += [
                known.eq(Mux(written | read, fits, _is(operation, *_ALONE))),
                again.eq(written & recorded & (last == request.sequence)),
                index.eq(0),
                addr.eq(request.addr),
                left.eq(count),
            ]
            m.next = "Decide"
        with m.State("Decide"):
            with m.If(known):
                m.d.sync += [last.eq(request.sequence), recorded.eq(1)]
            # What was done before keeps the status that it had.
            with m.If(~again):
                m.d.sync += [failed.eq(0), unknown.eq(~known)]
            m.d.sync += response.words.eq(Mux(known & read, count, 0))
            m.next = "Fetch"
            with m.If(~known | again):
                m.next = "Respond"
            with m.Elif(_is(operation, Operation.WAIT)):
                m.next = "Wait"
            with m.Elif(_is(operation, Operation.SYNC)):
                m.d.sync += [response.words.eq(SYNC_WORDS), recorded.eq(0)]
                m.next = "Describe"

    def _route(self, m, axi, to_memory):
        """Lead accesses to the registers or to the memory."""
        for port, chosen in ((self.registers, ~to_memory), (self.memory, to_memory)):
            for name, member in port.signature.members.items():
                if member.flow == In:
                    continue
                gate = name in ("awvalid", "wvalid", "arvalid", "bready", "rready")
                value = getattr(axi, name)
                m.d.comb += getattr(port, name).eq(value & chosen if gate else value)
        for name, member in axi.signature.members.items():
            if member.flow == In:
                from_port = (getattr(port, name) for port in (self.memory, self.registers))
                m.d.comb += getattr(axi, name).eq(Mux(to_memory, *from_port))
