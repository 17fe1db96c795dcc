"""Memory blocks of an FPGA as the machine's memory."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import Axi4LiteSignature, Axi4Signature
from hw.streams.fifo import Fifo

__all__ = ["BlockMemory", "BlockStorage"]

_DECODE_ERROR = 3
"""AXI's answer where nothing is."""


_GROUP = 4
"""Banks that share registers, and words that one choice is between."""


class BlockStorage(wiring.Component):
    """Words in memory blocks, one access a cycle.

    The words lie in banks, so that no path leads through more than one block or from one end of
    the chip to the other and back: a register stands before all banks, one before each few of them,
    one behind each, and one behind each choice between four words on the way out.

    Throughput: an access a cycle.
    Latency: ``latency`` cycles.

    Parameters
    ----------
    words : int
        A power of two.
    width : int
        Bits of a word.
    bank_words : int
        Words of a bank, a power of two; 1024 of 16 bits are a block of an ECP5 with its byte
        enables, so that no choice stands between a block and its register.

    Members
    -------
    enable : In(1)
        Make an access.
    addr : In
        The word.
    strb : In(width // 8)
        Bytes to be written; none in a read.
    write_data, read_data : In, Out
        A word.
    latency : int
        Cycles from ``enable`` to ``read_data``: four, and one for each choice between four.
    """

    def __init__(self, words: int, width: int, bank_words: int = 1024):
        for name, value in (("words", words), ("bank_words", bank_words)):
            if value < 2 or value & (value - 1):
                raise ValueError(f"{name} must be a power of two, not {value!r}")
        self.words = words
        self.width = width
        self.bank_words = min(bank_words, words)
        banks = words // self.bank_words
        self.latency = 4 + banks.bit_length() // 2
        super().__init__(
            {
                "enable": In(1),
                "addr": In(range(words)),
                "strb": In(width // 8),
                "write_data": In(width),
                "read_data": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        inner = self.bank_words.bit_length() - 1
        count = self.words // self.bank_words
        addr, bank = _register(inner, "addr"), _register(range(count), "bank")
        enable, strb = Signal(), _register(self.width // 8, "strb")
        written = _register(self.width, "written")
        m.d.sync += enable.eq(self.enable)
        with m.If(self.enable):
            m.d.sync += [
                Cat(addr, bank).eq(self.addr),
                strb.eq(self.strb),
                written.eq(self.write_data),
            ]

        words = []
        for k in range(count):
            mine = Signal(name=f"mine_{k}")
            m.d.comb += mine.eq(enable & (bank == k))
            if k % _GROUP == 0:
                group = _register(inner, f"addr_{k}"), _register(self.width, f"written_{k}")
                with m.If(enable & (bank // _GROUP == k // _GROUP)):
                    m.d.sync += [group[0].eq(addr), group[1].eq(written)]
            words.append(self._bank(m, k, mine, strb, *group))
        m.d.comb += self.read_data.eq(self._choose(m, words))
        return m

    def _bank(self, m, k, mine, strb, addr, written):
        """Bank ``k``, which holds while others are at work: whether its word is next, the word."""
        m.submodules[f"bank_{k}"] = memory = Memory(
            shape=self.width, depth=self.bank_words, init=[]
        )
        write, read = memory.write_port(granularity=8), memory.read_port()
        here, next_ = Signal(name=f"here_{k}"), Signal(name=f"next_{k}")
        own_strb, output = _register(len(strb), f"strb_{k}"), _register(self.width, f"output_{k}")
        m.d.sync += [here.eq(mine), next_.eq(here), output.eq(read.data)]
        with m.If(mine):
            m.d.sync += own_strb.eq(strb)
        # An access of one address that is enabled at once for both, so that the two ports are one
        # of a block and nothing has to hold what was read.
        m.d.comb += [
            write.addr.eq(addr),
            write.data.eq(written),
            write.en.eq(Mux(here, own_strb, 0)),
            read.addr.eq(addr),
            read.en.eq(here),
        ]
        return next_, output

    def _choose(self, m, words):
        """The word that is next, by choices between four, each with a register behind it."""
        level = 0
        while len(words) > 1:
            chosen = []
            for first in range(0, len(words), _GROUP):
                near = words[first : first + _GROUP]
                name = f"{level}_{first // _GROUP}"
                flags = Cat(flag for flag, _ in near)
                which = _register(range(_GROUP), f"which_{name}")
                any_, word = Signal(name=f"any_{name}"), _register(self.width, f"word_{name}")
                m.d.sync += any_.eq(flags.any())
                # Each choice has its own register, near it, which holds while others are at work.
                with m.If(flags.any()):
                    m.d.sync += which.eq(Cat(flags[1::2].any(), flags[2:].any()))
                m.d.sync += word.eq(Array(word for _, word in near)[which])
                chosen.append((any_, word))
            words, level = chosen, level + 1
        return words[0][1]


def _register(shape, name):
    """Data whose value at reset nobody sees."""
    return Signal(shape, name=name, reset_less=True)


def _behind(addr, limit: int):
    """Whether a byte address lies behind a memory of ``limit`` bytes, a power of two."""
    return addr[limit.bit_length() - 1 :].any()


class _WriteEnd(wiring.Component):
    """The write channels of an AXI4 slave: while ``wanted``, an access of ``addr`` is made."""

    def __init__(self, signature, offset_width, limit):
        self.offset_width = offset_width
        self.limit = limit
        super().__init__(
            {
                "axi": In(signature),
                "wanted": Out(1),
                "addr": Out(32 - offset_width),
                "strb": Out(signature.members["wstrb"].shape),
                "write_data": Out(signature.members["wdata"].shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi, outside, last = self.axi, Signal(), Signal()
        # A beat is written in the cycle after it was taken.
        taken, beat = Signal(), Signal()
        m.d.comb += taken.eq(axi.wvalid & axi.wready)
        m.d.sync += [beat.eq(taken), last.eq(axi.wlast), self.wanted.eq(taken & ~outside)]
        with m.If(taken):
            m.d.sync += [self.strb.eq(axi.wstrb), self.write_data.eq(axi.wdata)]
            m.d.sync += axi.wready.eq(~axi.wlast)
        with m.FSM():
            with m.State("Wait"):
                m.d.comb += axi.awready.eq(1)
                with m.If(axi.awvalid):
                    m.d.sync += [
                        self.addr.eq(axi.awaddr[self.offset_width :]),
                        axi.bid.eq(axi.awid),
                        outside.eq(_behind(axi.awaddr, self.limit)),
                    ]
                    m.d.sync += axi.wready.eq(1)
                    m.next = "Write"
            # Nobody goes before a written beat, so whether one is taken is a register.
            with m.State("Write"), m.If(beat):
                m.d.sync += self.addr.eq(self.addr + 1)
                with m.If(last):
                    m.d.sync += axi.bresp.eq(Mux(outside, _DECODE_ERROR, 0))
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += axi.bvalid.eq(1)
                with m.If(axi.bready):
                    m.next = "Wait"
        return m


class _ReadEnd(wiring.Component):
    """The read channels of an AXI4 slave: ``wanted`` asks for an access of ``addr``.

    What was granted comes back in order, after ``latency`` cycles, on ``read_data``.
    """

    def __init__(self, signature, offset_width, limit, latency):
        self.offset_width = offset_width
        self.limit = limit
        self.latency = latency
        super().__init__(
            {
                "axi": In(signature),
                "wanted": Out(1),
                "granted": In(1),
                "addr": Out(32 - offset_width),
                "read_data": In(signature.members["rdata"].shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi = self.axi
        # Beats under way always find room: each takes its place before it is asked for.
        depth = self.latency + 4
        room, some = Signal(range(depth + 1), init=depth), Signal(init=1)
        tag = data.StructLayout({"id": len(axi.rid), "last": 1, "outside": 1})
        item = data.StructLayout({"tag": tag, "data": len(axi.rdata)})
        m.submodules.fifo = fifo = Fifo(item, depth)

        left, active, outside, last = Signal(8), Signal(), Signal(), Signal()
        id_now = Signal.like(axi.rid)
        burst = self._hold(m, ~active | (self.granted & last))
        m.d.comb += self.wanted.eq(active & some)
        with m.If(self.granted):
            m.d.sync += [
                left.eq(left - 1),
                last.eq(left == 1),
                self.addr.eq(self.addr + 1),
                active.eq(~last),
            ]
        with m.If(burst.valid & burst.ready):
            m.d.sync += [
                active.eq(1),
                left.eq(burst.payload.len),
                last.eq(burst.payload.len == 0),
                self.addr.eq(burst.payload.addr[self.offset_width :]),
                id_now.eq(burst.payload.id),
                outside.eq(_behind(burst.payload.addr, self.limit)),
            ]

        # What belongs to the word that comes out of the storage in this cycle.
        valid, belongs = self.granted, Cat(id_now, last, outside)
        for stage in range(self.latency):
            valid_before, before = valid, belongs
            valid = Signal(name=f"valid_{stage}")
            belongs = Signal(len(before), name=f"belongs_{stage}")
            m.d.sync += [valid.eq(valid_before), belongs.eq(before)]
        taken = Signal()
        m.d.comb += [
            fifo.i.valid.eq(valid),
            fifo.i.payload.data.eq(self.read_data),
            fifo.i.payload.tag.eq(belongs),
            axi.rvalid.eq(fifo.o.valid),
            axi.rdata.eq(fifo.o.payload.data),
            axi.rid.eq(fifo.o.payload.tag.id),
            axi.rlast.eq(fifo.o.payload.tag.last),
            axi.rresp.eq(Mux(fifo.o.payload.tag.outside, _DECODE_ERROR, 0)),
            fifo.o.ready.eq(axi.rready),
            taken.eq(axi.rvalid & axi.rready),
        ]
        with m.If(self.granted ^ taken):
            m.d.sync += [
                room.eq(Mux(taken, room + 1, room - 1)),
                # Not zero any more: it decides about the access of this cycle.
                some.eq(taken | (room != 1)),
            ]
        return m

    def _hold(self, m, free):
        """The next burst: on the bus, or come before while there was no place for it."""
        axi = self.axi
        layout = data.StructLayout({"addr": len(axi.araddr), "len": 8, "id": len(axi.arid)})
        following, there = stream.Signature(layout).create(), Signal()
        given, held = Signal(layout), Signal(layout)
        # Ready is a register: no path leads from an access through the bus to whoever asks.
        m.d.comb += [
            axi.arready.eq(~there),
            given.addr.eq(axi.araddr),
            given.len.eq(axi.arlen),
            given.id.eq(axi.arid),
            following.valid.eq(there | axi.arvalid),
            following.ready.eq(free),
            following.payload.eq(Mux(there, held, given)),
        ]
        with m.If(following.valid):
            m.d.sync += there.eq(~free)
        with m.If(~there):
            m.d.sync += held.eq(given)
        return following


class _LiteEnd(wiring.Component):
    """The AXI4-Lite slave: one word of 32 bits after another, each in its place of a wide word."""

    def __init__(self, width, limit, latency):
        self.width = width
        self.limit = limit
        self.latency = latency
        self.offset_width = (width // 8).bit_length() - 1
        super().__init__(
            {
                "axi": In(Axi4LiteSignature(32)),
                "wanted": Out(1),
                "granted": In(1),
                "addr": Out(32 - self.offset_width),
                "strb": Out(width // 8),
                "write_data": Out(width),
                "read_data": In(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi, addr = self.axi, Signal(32)
        writing, outside = Signal(), Signal()
        timer = Signal(range(self.latency))
        place = addr[2 : self.offset_width]
        response = Mux(outside, _DECODE_ERROR, 0)
        wide = Signal(self.width // 8)
        asked = Mux(axi.arvalid, axi.araddr, axi.awaddr)
        m.d.comb += [
            self.addr.eq(addr[self.offset_width :]),
            self.strb.eq(wide),
        ]
        m.d.comb += self.write_data.eq(axi.wdata.replicate(self.width // 32))
        with m.FSM():
            with m.State("Wait"), m.If((axi.awvalid & axi.wvalid) | axi.arvalid):
                m.d.sync += [
                    writing.eq(~axi.arvalid),
                    addr.eq(asked),
                    wide.eq(Mux(axi.arvalid, 0, axi.wstrb << (asked[2 : self.offset_width] << 2))),
                    outside.eq(_behind(asked, self.limit)),
                ]
                m.next = "Access"
            with m.State("Access"):
                m.d.comb += self.wanted.eq(~outside)
                m.d.sync += timer.eq(self.latency - 1)
                with m.If(outside | self.granted):
                    m.d.comb += [axi.awready.eq(writing), axi.wready.eq(writing)]
                    m.d.comb += axi.arready.eq(~writing)
                    m.next = "Collect"
            with m.State("Collect"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += axi.rdata.eq(self.read_data.word_select(place, 32))
                    m.d.sync += [axi.rresp.eq(response), axi.bresp.eq(response)]
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += [axi.rvalid.eq(~writing), axi.bvalid.eq(writing)]
                with m.If(Mux(writing, axi.bready, axi.rready)):
                    m.next = "Wait"
        return m


class BlockMemory(wiring.Component):
    """Memory blocks behind an AXI4 slave, and behind an AXI4-Lite slave for the host.

    The AXI4 slave takes INCR bursts of whole beats, as the machine makes them. An address behind
    the memory is answered with a decode error. In each cycle one access is made: a written beat
    before the host's before a read beat.

    Throughput: a read beat every cycle, across bursts; a burst of n written beats every n + 3.
    Latency: ``arvalid`` in cycle t, the first ``rvalid`` in t + 3 + the storage's.

    Parameters
    ----------
    storage : BlockStorage
        Where the words are; it begins at address 0.

    Members
    -------
    axi : Axi4Signature
        The machine's port.
    host : Axi4LiteSignature, 32 address bits
        The host's port.
    """

    flag_bits = 0
    """It has nothing to say of itself: it is always there."""

    def __init__(self, storage):
        self.storage = storage
        self.bytes = storage.words * storage.width // 8
        super().__init__(
            {
                "axi": In(Axi4Signature(32, storage.width)),
                "host": In(Axi4LiteSignature(32)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = self.storage
        signature = Axi4Signature(32, storage.width)
        offset_width = (storage.width // 8).bit_length() - 1
        m.submodules.host = host = _LiteEnd(storage.width, self.bytes, storage.latency)
        m.submodules.write = write = _WriteEnd(signature, offset_width, self.bytes)
        m.submodules.read = read = _ReadEnd(signature, offset_width, self.bytes, storage.latency)
        wiring.connect(m, wiring.flipped(self.host), host.axi)
        for name, member in signature.members.items():
            # Each end drives the answers of its own channels.
            end = write if name[0] in "awb" and not name.startswith("ar") else read
            inner, outer = getattr(end.axi, name), getattr(self.axi, name)
            m.d.comb += inner.eq(outer) if member.flow == Out else outer.eq(inner)

        m.d.comb += [
            host.granted.eq(host.wanted & ~write.wanted),
            read.granted.eq(read.wanted & ~write.wanted & ~host.wanted),
            storage.enable.eq(host.wanted | write.wanted | read.wanted),
            storage.addr.eq(Mux(write.wanted, write.addr, Mux(host.wanted, host.addr, read.addr))),
            storage.write_data.eq(Mux(write.wanted, write.write_data, host.write_data)),
            host.read_data.eq(storage.read_data),
            read.read_data.eq(storage.read_data),
        ]
        strb = Mux(host.wanted, host.strb, 0)
        m.d.comb += storage.strb.eq(Mux(write.wanted, write.strb, strb))
        return m
