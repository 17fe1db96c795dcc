"""What the masters promise on the bus and to their clients, for every input and any slave."""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.bursts import Splitter
from hw.axi.lite import LiteSlave
from hw.axi.reader import ReadMaster, _Client
from hw.axi.signatures import AxiReadSignature, AxiWriteSignature, connect_halves
from hw.axi.writer import WriteMaster
from hw.sequencer.stopper import Stopper

SMALL = {
    "addr_width": 13,
    "data_width": 32,
    "buffers": (4, 4),
    "burst_beats": 4,
    "bursts_in_flight": 2,
    "beats_width": 4,
}


def in_page(addr, length):
    """Whether a burst of 32-bit beats stays in its page of 4 KiB."""
    return addr[:12] + 4 * length + 3 < 4096


def steady(m, *values):
    """Assume that inputs never change."""
    now = Cat(Value.cast(value) for value in values)
    before, first = Signal(len(now)), Signal(init=1)
    m.d.sync += [before.eq(now), first.eq(0)]
    with m.If(~first):
        m.d.comb += Assume(now == before)


def sensible_requests(prover, m, dut):
    """Assume clients that keep the stream rules and ask for at least one beat."""
    for request in dut.request:
        prover.stable(m, request.valid, request.ready, request.payload, check=Assume)
        m.d.comb += Assume(request.payload.beats != 0)
    if isinstance(dut, ReadMaster | WriteMaster):
        for near, request in zip(dut.near, dut.request, strict=True):
            nears(m, near, request.valid)


def nears(m, near, valid):
    """Assume that what says that a request may be there says so whenever one is."""
    m.d.comb += Assume(near | ~valid)


def answering_slave(m, axi):
    """Assume a slave that returns the beats of the addresses it took, in order.

    Returns the bursts that it owes, and the address of the first.
    """
    lengths = [Signal(8, name=f"length_{k}") for k in range(2)]
    firsts = [Signal(13, name=f"first_{k}") for k in range(2)]
    count, served = Signal(2), Signal(8)
    took = axi.arvalid & axi.arready
    ended = axi.rvalid & axi.rlast
    m.d.comb += Assume(~axi.rvalid | (count != 0))
    m.d.comb += Assume(~axi.rvalid | (axi.rlast == (served == lengths[0])))
    m.d.sync += count.eq(count + took - ended)
    with m.If(axi.rvalid):
        m.d.sync += served.eq(served + 1)
    with m.If(ended):
        m.d.sync += [served.eq(0), lengths[0].eq(lengths[1]), firsts[0].eq(firsts[1])]
    with m.If(took):
        for k in range(2):
            with m.If(count - ended == k):
                m.d.sync += [lengths[k].eq(axi.arlen), firsts[k].eq(axi.araddr)]
    m.d.comb += Assert((count != 2) | ~took | ended)
    return count, firsts[0]


def test_reads_keep_the_rules_of_axi_and_of_streams(prover):
    def properties(m, dut):
        axi = dut.axi
        sensible_requests(prover, m, dut)
        count, _ = answering_slave(m, axi)
        address = Cat(axi.araddr, axi.arlen, axi.arsize, axi.arburst)
        prover.stable(m, axi.arvalid, axi.arready, address)
        with m.If(axi.arvalid):
            m.d.comb += Assert((axi.arlen < 4) & in_page(axi.araddr, axi.arlen))
            m.d.comb += Assert((axi.araddr[:2] == 0) & (axi.arsize == 2) & (axi.arburst == 1))
        m.d.comb += [Assert(axi.rready), Assert(dut.idle == ((count == 0) & ~axi.arvalid))]
        for port in dut.data:
            prover.stable(m, port.valid, port.ready, port.payload.last, unless=dut.flush)
        halted = Signal()
        waited = Signal()
        m.d.sync += [halted.eq(dut.halt), waited.eq(axi.arvalid)]
        with m.If(halted & ~waited):
            m.d.comb += Assert(~axi.arvalid)

    prover.run(ReadMaster(**SMALL), properties, 9)


def test_a_buffer_has_room_for_all_that_was_asked_for(prover):
    def properties(m, dut):
        owed = Signal(4)
        issued = dut.burst.valid & dut.burst.ready
        with m.If(issued):
            m.d.sync += owed.eq(owed + dut.burst.payload.beats - dut.i.valid)
        with m.Elif(dut.i.valid):
            m.d.sync += owed.eq(owed - 1)
        m.d.comb += Assume(~dut.i.valid | (owed != 0))
        m.d.comb += Assume(dut.request.payload.beats != 0)
        nears(m, dut.near, dut.request.valid)
        m.d.comb += Assert(~dut.i.valid | dut.i.ready)
        prover.stable(m, dut.burst.valid, dut.burst.ready, dut.burst.payload)

    splitter = {"addr_width": 13, "beat_bytes": 4, "beats_width": 4, "burst_beats": 4}
    prover.run(_Client(splitter, 1, 5), properties, 10)


def test_bursts_cover_their_request(prover):
    def properties(m, dut):
        request, burst = dut.i.payload, dut.o.payload
        # The request whose bursts leave, and one that was taken behind it.
        addr, left = Signal(13), Signal(4)
        next_addr, next_left = Signal(13), Signal(4)
        m.d.comb += Assume((request.beats != 0) & (request.addr[:2] == 0))
        nears(m, dut.near, dut.i.valid)
        taken, gone, just_taken = dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready, Signal()
        left_after = left - Mux(gone, burst.beats, 0)
        m.d.sync += just_taken.eq(taken)
        with m.If(left_after != 0):
            m.d.sync += [addr.eq(addr + Mux(gone, 4 * burst.beats, 0)), left.eq(left_after)]
            with m.If(taken):
                m.d.comb += Assert(next_left == 0)
                m.d.sync += [next_addr.eq(request.addr), next_left.eq(request.beats)]
        with m.Elif(next_left != 0):
            m.d.comb += Assert(~taken)
            m.d.sync += [addr.eq(next_addr), left.eq(next_left), next_left.eq(0)]
        with m.Else():
            m.d.sync += [addr.eq(request.addr), left.eq(Mux(taken, request.beats, 0))]
        with m.If(dut.o.valid):
            m.d.comb += Assert((burst.addr == addr) & in_page(burst.addr, burst.beats - 1))
            m.d.comb += Assert((burst.beats != 0) & (burst.beats <= left) & (burst.beats <= 4))
            m.d.comb += Assert(burst.last == (burst.beats == left))
        # Only the cycle behind a request that found nothing before it shows no burst.
        m.d.comb += Assert(dut.o.valid | (left == 0) | just_taken)
        prover.stable(m, dut.o.valid, dut.o.ready, burst)

    splitter = Splitter(addr_width=13, beat_bytes=4, beats_width=4, burst_beats=4)
    prover.run(splitter, properties, 10)


def test_a_request_that_is_taken_ahead_stays_what_it_was(prover):
    """Requests of one burst: they leave as they came, at most three are inside."""

    def properties(m, dut):
        request, burst = dut.i.payload, dut.o.payload
        prover.stable(m, dut.i.valid, dut.i.ready, request, check=Assume)
        nears(m, dut.near, dut.i.valid)
        prover.stable(m, dut.o.valid, dut.o.ready, burst)
        taken, gone = dut.i.valid & dut.i.ready, dut.o.valid & dut.o.ready
        # Numbered requests must leave in their order.
        came, left = Signal(4), Signal(4)
        m.d.sync += [came.eq(came + taken), left.eq(left + gone)]
        m.d.comb += [Assume(request.addr == came << 4), Assume(request.beats == 1 + came[:2])]
        m.d.comb += [Assert((came - left)[:4] <= 3), Assert(~dut.o.valid | (came != left))]
        with m.If(dut.o.valid):
            m.d.comb += Assert((burst.addr == left << 4) & (burst.beats == 1 + left[:2]))
            m.d.comb += Assert(burst.last)

    splitter = {"addr_width": 13, "beat_bytes": 4, "beats_width": 4, "burst_beats": 4}
    prover.run(Splitter(**splitter, ahead=True), properties, 10)


def whole_window(m, dut):
    """Say that every address offered lies in the window, whatever that is."""
    steady(m, dut.base, dut.limit)
    axi = dut.axi
    with m.If(axi.awvalid):
        m.d.comb += Assert(axi.awaddr >= dut.base)
        m.d.comb += Assert(axi.awaddr + 4 * axi.awlen + 3 < dut.limit)


def test_writes_keep_the_rules_of_axi_and_stay_in_the_window(prover):
    def properties(m, dut):
        axi = dut.axi
        sensible_requests(prover, m, dut)
        whole_window(m, dut)
        address = Cat(axi.awaddr, axi.awlen, axi.awsize, axi.awburst)
        prover.stable(m, axi.awvalid, axi.awready, address)
        prover.stable(m, axi.wvalid, axi.wready, Cat(axi.wlast, axi.wstrb))

        # Beats of the burst on the bus that went, and bursts that await a response.
        sent, open_bursts, began = Signal(8), Signal(3), Signal()
        beat = axi.wvalid & axi.wready
        was = Signal()
        m.d.sync += was.eq(axi.awvalid)
        m.d.comb += began.eq(axi.awvalid & ~was)
        with m.If(beat):
            m.d.sync += sent.eq(sent + 1)
            with m.If(axi.wlast):
                m.d.sync += sent.eq(0)
        with m.If(axi.wvalid):
            m.d.comb += Assert(axi.wlast == (sent == axi.awlen))
        with m.If(axi.awvalid):
            m.d.comb += Assert((axi.awlen < 4) & in_page(axi.awaddr, axi.awlen))
            m.d.comb += Assert((axi.awaddr[:2] == 0) & (axi.awsize == 2) & (axi.awburst == 1))

        ended = Signal(3)
        m.d.sync += ended.eq(ended + (beat & axi.wlast) - axi.bvalid)
        m.d.sync += open_bursts.eq(open_bursts + began - axi.bvalid)
        m.d.comb += Assume(~axi.bvalid | ((ended != 0) & ~axi.awvalid))
        m.d.comb += [Assert(axi.bready), Assert(open_bursts <= 2)]
        m.d.comb += Assert(~dut.idle | ~(axi.awvalid | axi.wvalid | (open_bursts != 0)))

    prover.run(WriteMaster(**{**SMALL, "buffers": (4,)}), properties, 10)


@pytest.mark.parametrize("channel", ["r", "b"])
def test_lite_answers_stand_and_there_is_one_for_each_access(prover, channel):
    def properties(m, dut):
        axi, bus = dut.axi, dut.bus
        for name, payload in (
            ("ar", axi.araddr),
            ("aw", axi.awaddr),
            ("w", Cat(axi.wdata, axi.wstrb)),
        ):
            valid, ready = getattr(axi, f"{name}valid"), getattr(axi, f"{name}ready")
            prover.stable(m, valid, ready, payload, check=Assume)
        valid, ready = getattr(axi, f"{channel}valid"), getattr(axi, f"{channel}ready")
        payload = Cat(axi.rdata, axi.rresp) if channel == "r" else axi.bresp
        prover.stable(m, valid, ready, payload)
        access = bus.read if channel == "r" else bus.write
        asked = axi.arvalid & axi.arready if channel == "r" else axi.awvalid & axi.awready
        owed = Signal(2)
        m.d.sync += owed.eq(owed + access - (valid & ready))
        m.d.comb += [Assert(access == asked), Assert(owed <= 1), Assert(~valid | (owed == 1))]
        m.d.comb += Assert((axi.wvalid & axi.wready) == (axi.awvalid & axi.awready))

    prover.run(LiteSlave(4, 8), properties, 12)


class Stopped(wiring.Component):
    """A master of one client and the stopper, as a reset of the machine alone acts on them."""

    def __init__(self, master, signature):
        self.master = master
        kept = ("request", "data", "base", "limit")
        members = {n: part for n, part in master.signature.members.items() if n in kept}
        super().__init__(
            {**members, "reset": In(1), "axi": Out(signature), "halt": Out(1), "flush": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.master, m.submodules.stopper = master, stopper = self.master, Stopper()
        connect_halves(m, self.axi, master.axi)
        for name, member in self.signature.members.items():
            if name in ("request", "data"):
                inner, outer = getattr(master, name)[0], getattr(self, name)[0]
                pair = (inner, wiring.flipped(outer))
                wiring.connect(m, *(pair if member.flow == Out else reversed(pair)))
            elif name in ("base", "limit"):
                m.d.comb += getattr(master, name).eq(getattr(self, name))
        m.d.comb += [
            stopper.stop.eq(self.reset),
            stopper.bus_idle.eq(master.idle),
            *(part.eq(stopper.halt) for part in (master.halt, self.halt)),
            *(part.eq(stopper.flush) for part in (master.flush, self.flush)),
        ]
        return m


def test_what_was_read_before_a_reset_reaches_nobody_behind_it(prover):
    """Addresses of before the reset, and what memory holds there, differ from those behind it."""

    def properties(m, dut):
        axi, behind = dut.axi, Signal()
        with m.If(dut.reset):
            m.d.sync += behind.eq(1)
        m.d.comb += Assume(~(dut.reset & behind))
        sensible_requests(prover, m, dut)
        request = dut.request[0].payload
        m.d.comb += Assume(request.addr == behind << 6)
        _, first = answering_slave(m, axi)
        with m.If(axi.rvalid):
            m.d.comb += Assume(axi.rdata[0] == first[6])
        answer = dut.data[0]
        # While the stopper halts, whoever would take an answer is about to be reset.
        with m.If(answer.valid & ~dut.halt):
            m.d.comb += Assert(answer.payload.data[0] == behind)
        prover.stable(m, axi.arvalid, axi.arready, Cat(axi.araddr, axi.arlen))

    master = ReadMaster(**{**SMALL, "buffers": (4,), "beats_width": 3})
    prover.run(Stopped(master, AxiReadSignature(13, 32)), properties, 13)


def test_a_reset_cuts_no_write_and_waits_for_every_response(prover):
    def properties(m, dut):
        axi = dut.axi
        sensible_requests(prover, m, dut)
        for valid, ready, payload in (
            (axi.awvalid, axi.awready, Cat(axi.awaddr, axi.awlen)),
            (axi.wvalid, axi.wready, Cat(axi.wdata, axi.wstrb, axi.wlast)),
        ):
            prover.stable(m, valid, ready, payload)
        # Addresses, whole bursts of data, and responses, since the beginning.
        asked, sent, answered = (Signal(4, name=name) for name in ("asked", "sent", "answered"))
        m.d.sync += [
            asked.eq(asked + (axi.awvalid & axi.awready)),
            sent.eq(sent + (axi.wvalid & axi.wready & axi.wlast)),
            answered.eq(answered + axi.bvalid),
        ]
        m.d.comb += Assume(~axi.bvalid | ((answered != sent) & (answered != asked)))
        with m.If(dut.flush):
            m.d.comb += Assert(~axi.awvalid & ~axi.wvalid)
            m.d.comb += Assert((asked == sent) & (asked == answered))

    master = WriteMaster(**{**SMALL, "buffers": (4,)})
    prover.run(Stopped(master, AxiWriteSignature(13, 32)), properties, 11)
