"""Between two masters and a memory that may not be there yet."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.signatures import AxiReadSignature, AxiWriteSignature

__all__ = ["ReadGate", "WriteGate"]

_SLAVE_ERROR, _DECODE_ERROR = 2, 3
"""AXI's answers of a memory that cannot be used, and where nothing is."""

_MOST = 63
"""Read bursts that may be under way."""


def _pick(m, offers, moved):
    """Which of two offers is looked at: one that stands stays, else they take turns."""
    pick, held, standing, turn = (Signal(name=n) for n in ("pick", "held", "standing", "turn"))
    m.d.comb += pick.eq(Mux(standing, held, Mux(Array(offers)[turn], turn, ~turn)))
    m.d.sync += [held.eq(pick), standing.eq(Cat(offers).any() & ~moved)]
    with m.If(moved):
        m.d.sync += turn.eq(~pick)
    return pick


def _error(m, usable, addr, limit: int):
    """How a burst that begins at ``addr`` is refused; 0 where it is not."""
    error = Signal(2)
    outside = addr[limit.bit_length() - 1 :].any()
    m.d.comb += error.eq(Mux(usable, Mux(outside, _DECODE_ERROR, 0), _SLAVE_ERROR))
    return error


def _offer(m, prefix: str, masters, pick, o):
    """Lead the address that is picked to ``o``; its identifier is behind the master's number."""
    for name, member in o.signature.members.items():
        if name.startswith(prefix) and member.flow == Out and not name.endswith("valid"):
            chosen = Array(getattr(master, name) for master in masters)[pick]
            value = Cat(chosen, pick) if name.endswith("id") else chosen
            m.d.comb += getattr(o, name).eq(value)


class ReadGate(wiring.Component):
    """Leads the read bursts of two masters to one memory, in turns.

    While the memory is not ``usable``, and behind its end, a burst is answered here: with a slave
    error, with a decode error. It waits until those before it are over, so answers stay in order.

    Throughput: a burst, and a beat, a cycle.
    Latency: none; a refused burst begins one cycle after its address was taken.

    Parameters
    ----------
    width : int
        Bits of the data.
    limit : int
        Bytes of the memory, a power of two.

    Members
    -------
    masters : two of AxiReadSignature
        Who reads; identifiers of one bit.
    o : AxiReadSignature
        The memory; identifiers of two bits.
    usable : In(1)
        The memory can be read; once it can, it can for ever.
    """

    def __init__(self, width: int, limit: int):
        self.limit = limit
        super().__init__(
            {
                "masters": In(AxiReadSignature(32, width)).array(2),
                "o": Out(AxiReadSignature(32, width, 2)),
                "usable": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        o, masters = self.o, [self.masters[k] for k in range(2)]
        under_way, passed, refused = Signal(range(_MOST + 1)), Signal(), Signal()
        offers = [master.arvalid for master in masters]
        pick = _pick(m, offers, passed | refused)
        error = _error(m, self.usable, o.araddr, self.limit)
        _offer(m, "ar", masters, pick, o)
        ended = Signal()
        m.d.comb += [
            passed.eq(o.arvalid & o.arready),
            ended.eq(o.rvalid & o.rready & o.rlast),
        ]
        m.d.sync += under_way.eq(under_way + passed - ended)
        for k, master in enumerate(masters):
            m.d.comb += master.arready.eq((passed | refused) & (pick == k))

        whose, left, answer = Signal(), Signal(8), Signal(2)
        own = Signal.like(masters[0].rid)
        with m.FSM():
            with m.State("Pass"):
                asked = Cat(offers).any()
                m.d.comb += [
                    o.arvalid.eq(asked & (error == 0) & (under_way != _MOST)),
                    refused.eq(asked & (error != 0) & (under_way == 0)),
                ]
                m.d.sync += [whose.eq(pick), left.eq(o.arlen), answer.eq(error), own.eq(o.arid)]
                self._beats(m, o, o.rid[1], o.rvalid)
                with m.If(refused):
                    m.next = "Refuse"
            with m.State("Refuse"):
                last, taken = left == 0, Array(master.rready for master in masters)[whose]
                for k, master in enumerate(masters):
                    m.d.comb += [master.rvalid.eq(whose == k), master.rlast.eq(last)]
                    m.d.comb += [master.rresp.eq(answer), master.rid.eq(own)]
                with m.If(taken):
                    m.d.sync += left.eq(left - 1)
                    with m.If(last):
                        m.next = "Pass"
        return m

    def _beats(self, m, o, whose, valid):
        """Lead beats that the memory gives to the master that asked for them."""
        for k in range(2):
            master = self.masters[k]
            for name in ("rdata", "rresp", "rlast", "rid"):
                m.d.comb += getattr(master, name).eq(getattr(o, name))
            m.d.comb += master.rvalid.eq(valid & (whose == k))
        m.d.comb += o.rready.eq(Mux(whose, self.masters[1].rready, self.masters[0].rready))


class WriteGate(wiring.Component):
    """Leads the written bursts of two masters to one memory, one after the other.

    While the memory is not ``usable``, and behind its end, a burst is taken and answered here: with
    a slave error, with a decode error; nothing is written.

    Throughput: a burst of n beats every n + 1 cycles and the memory's time to answer.

    Parameters
    ----------
    width, limit
        See ``ReadGate``.

    Members
    -------
    masters : two of AxiWriteSignature
        Who writes; identifiers of one bit.
    o : AxiWriteSignature
        The memory; identifiers of two bits.
    usable : In(1)
        The memory can be written; once it can, it can for ever.
    """

    def __init__(self, width: int, limit: int):
        self.limit = limit
        super().__init__(
            {
                "masters": In(AxiWriteSignature(32, width)).array(2),
                "o": Out(AxiWriteSignature(32, width, 2)),
                "usable": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        o, masters = self.o, [self.masters[k] for k in range(2)]
        passed, refused = Signal(), Signal()
        offers = [master.awvalid for master in masters]
        pick = _pick(m, offers, passed | refused)
        error = _error(m, self.usable, o.awaddr, self.limit)
        _offer(m, "aw", masters, pick, o)
        whose, answer, own = Signal(), Signal(2), Signal.like(masters[0].bid)
        m.d.comb += passed.eq(o.awvalid & o.awready)
        for k, master in enumerate(masters):
            m.d.comb += [master.awready.eq((passed | refused) & (pick == k)), master.bid.eq(own)]

        with m.FSM():
            with m.State("Choose"):
                asked = Cat(offers).any()
                m.d.comb += [o.awvalid.eq(asked & (error == 0)), refused.eq(asked & (error != 0))]
                m.d.sync += [whose.eq(pick), answer.eq(error), own.eq(o.awid)]
                with m.If(passed):
                    m.next = "Write"
                with m.Elif(refused):
                    m.next = "Drop"
            self._burst(m, masters, whose)
            with m.State("Answer"):
                for k, master in enumerate(masters):
                    m.d.comb += [
                        master.bvalid.eq(o.bvalid & (whose == k)),
                        master.bresp.eq(o.bresp),
                    ]
                m.d.comb += o.bready.eq(Array(master.bready for master in masters)[whose])
                with m.If(o.bvalid & o.bready):
                    m.next = "Choose"
            with m.State("Refuse"):
                for k, master in enumerate(masters):
                    m.d.comb += [master.bvalid.eq(whose == k), master.bresp.eq(answer)]
                with m.If(Array(master.bready for master in masters)[whose]):
                    m.next = "Choose"
        return m

    def _burst(self, m, masters, whose):
        """The states in which a burst is written, and in which one goes nowhere."""
        o, ready, last = self.o, Signal(), Signal()
        valid = Array(master.wvalid for master in masters)[whose]
        m.d.comb += last.eq(valid & ready & o.wlast)
        for name in ("wdata", "wstrb", "wlast"):
            value = Array(getattr(master, name) for master in masters)[whose]
            m.d.comb += getattr(o, name).eq(value)
        for k, master in enumerate(masters):
            m.d.comb += master.wready.eq(ready & (whose == k))
        with m.State("Write"):
            m.d.comb += [o.wvalid.eq(valid), ready.eq(o.wready)]
            with m.If(last):
                m.next = "Answer"
        with m.State("Drop"):
            m.d.comb += ready.eq(1)
            with m.If(last):
                m.next = "Refuse"
