"""Memory blocks of an FPGA as the machine's memory."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
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


class _WriteEnd(wiring.Component):
    """The write channels of an AXI4 slave: ``wanted`` asks for an access of ``addr``."""

    def __init__(self, signature, offset_width, limit):
        self.offset_width = offset_width
        self.limit = limit
        super().__init__(
            {
                "axi": In(signature),
                "wanted": Out(1),
                "granted": In(1),
                "addr": Out(32 - offset_width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi, outside = self.axi, Signal()
        with m.FSM():
            with m.State("Wait"):
                m.d.comb += axi.awready.eq(1)
                with m.If(axi.awvalid):
                    m.d.sync += [
                        self.addr.eq(axi.awaddr[self.offset_width :]),
                        axi.bid.eq(axi.awid),
                        outside.eq(axi.awaddr >= self.limit),
                    ]
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += [
                    self.wanted.eq(axi.wvalid & ~outside),
                    axi.wready.eq(self.granted | outside),
                ]
                with m.If(axi.wvalid & axi.wready):
                    m.d.sync += self.addr.eq(self.addr + 1)
                    with m.If(axi.wlast):
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
        room = Signal(range(depth + 1), init=depth)
        tag = data.StructLayout({"id": len(axi.rid), "last": 1, "outside": 1})
        item = data.StructLayout({"tag": tag, "data": len(axi.rdata)})
        m.submodules.fifo = fifo = Fifo(item, depth)

        left, active, outside, last = Signal(8), Signal(), Signal(), Signal()
        id_now = Signal.like(axi.rid)
        m.d.comb += [
            self.wanted.eq(active & (room != 0)),
            last.eq(left == 0),
            axi.arready.eq(~active | (self.granted & last)),
        ]
        with m.If(self.granted):
            m.d.sync += [left.eq(left - 1), self.addr.eq(self.addr + 1), active.eq(~last)]
        with m.If(axi.arvalid & axi.arready):
            m.d.sync += [
                active.eq(1),
                left.eq(axi.arlen),
                self.addr.eq(axi.araddr[self.offset_width :]),
                id_now.eq(axi.arid),
                outside.eq(axi.araddr >= self.limit),
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
        m.d.sync += room.eq(room - self.granted + taken)
        return m


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
        axi, addr, strb = self.axi, Signal(32), Signal(4)
        writing, outside = Signal(), Signal()
        timer = Signal(range(self.latency))
        place = addr[2 : self.offset_width]
        response = Mux(outside, _DECODE_ERROR, 0)
        m.d.comb += [
            self.addr.eq(addr[self.offset_width :]),
            self.strb.eq(Mux(writing, strb << (place << 2), 0)),
            outside.eq(addr >= self.limit),
        ]
        m.d.comb += self.write_data.eq(axi.wdata.replicate(self.width // 32))
        with m.FSM():
            with m.State("Wait"), m.If((axi.awvalid & axi.wvalid) | axi.arvalid):
                m.d.sync += [
                    writing.eq(~axi.arvalid),
                    addr.eq(Mux(axi.arvalid, axi.araddr, axi.awaddr)),
                    strb.eq(axi.wstrb),
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
    the memory is answered with a decode error. In each cycle one access is made: the host's before
    a written beat before a read one.

    Throughput: a read beat every cycle, across bursts; a burst of n written beats every n + 2.
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
            host.granted.eq(host.wanted),
            write.granted.eq(write.wanted & ~host.wanted),
            read.granted.eq(read.wanted & ~write.wanted & ~host.wanted),
            storage.enable.eq(host.wanted | write.wanted | read.wanted),
            storage.addr.eq(Mux(host.wanted, host.addr, Mux(write.wanted, write.addr, read.addr))),
            storage.write_data.eq(Mux(host.wanted, host.write_data, self.axi.wdata)),
            host.read_data.eq(storage.read_data),
            read.read_data.eq(storage.read_data),
        ]
        strb = Mux(write.wanted, self.axi.wstrb, 0)
        m.d.comb += storage.strb.eq(Mux(host.wanted, host.strb, strb))
        return m
