"""The AXI4 write master that the clients of the machine share."""

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.axi.bursts import Splitter, burst_layout, check_master, longest_burst, request_layout
from hw.axi.signatures import AxiWriteSignature
from hw.streams.fifo import Fifo

__all__ = ["WriteMaster", "write_item"]


def write_item(data_width: int) -> data.StructLayout:
    """A beat to write: ``data``, and ``strb`` with a bit for every byte to be written."""
    return data.StructLayout({"data": data_width, "strb": data_width // 8})


class _Client(wiring.Component):
    """One client: splits its requests; ``complete`` says that all data of ``burst`` is buffered.

    It is a register, as it decides about much; it falls when the burst is taken.
    """

    def __init__(self, splitter: dict, data_width: int, buffer: int):
        self.splitter = splitter
        self.buffer = buffer
        item = stream.Signature(write_item(data_width))
        burst = burst_layout(splitter["addr_width"], splitter["burst_beats"])
        super().__init__(
            {
                "request": In(
                    stream.Signature(
                        request_layout(splitter["addr_width"], splitter["beats_width"])
                    )
                ),
                "near": In(1),
                "burst": Out(stream.Signature(burst)),
                "complete": Out(1),
                "i": In(item),
                "o": Out(item),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = Splitter(**self.splitter)
        m.submodules.fifo = fifo = Fifo(self.i.payload.shape(), self.buffer)
        wiring.connect(m, wiring.flipped(self.request), splitter.i)
        m.d.comb += splitter.near.eq(self.near)
        wiring.connect(m, splitter.o, wiring.flipped(self.burst))
        wiring.connect(m, wiring.flipped(self.i), fifo.i)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        m.d.comb += [
            # The splitter holds nothing when it would take a request and offers no burst.
            self.empty.eq(~splitter.o.valid & splitter.i.ready & (fifo.level == 0)),
        ]
        burst = splitter.o.payload
        # The last beat of the burst before may leave in this cycle.
        leaves = self.o.valid & self.o.ready
        held = Mux(leaves, fifo.level > burst.beats, fifo.level >= burst.beats)
        m.d.sync += self.complete.eq(splitter.o.valid & ~self.burst.ready & held)
        return m


class WriteMaster(wiring.Component):
    """Writes memory for several clients over one AXI4 port, inside a window of addresses.

    A request is split into INCR bursts of full beats that never leave a naturally aligned block of
    ``burst_beats`` (so never cross 4 KiB). A burst begins once all its data is buffered, so the bus
    never waits for a client; address and first data are offered in the same cycle. Of several
    clients with a complete burst, the lowest index goes first. A burst that is not wholly inside
    [``base``, ``limit``) is not made; its data is dropped. All bursts carry identifier 0.

    To stop and start afresh: raise ``halt``, wait for ``idle``, pulse ``flush``, lower
    ``halt``. ``flush`` forgets requests and buffered data; it is heeded only while ``idle``.

    Throughput: a burst of n beats every n + 2 cycles.
    Latency: the last data of a burst taken in cycle t, or its request in t - 1, ``awvalid`` and
    ``wvalid`` in t + 4, or ``outside`` in t + 4; a beat or response on the bus in t, ``beats`` or
    ``error`` in t + 1.

    Parameters
    ----------
    addr_width, data_width : int
        Bits of a byte address and of a beat.
    buffers : tuple of int
        Beats that each client's buffer holds. A buffer shorter than ``burst_beats`` limits its
        client's bursts to the largest power of two that fits.
    burst_beats : int
        Longest burst, a power of two.
    bursts_in_flight : int
        Bursts that may wait for a response at once.
    beats_width : int
        Bits of the beats of a request.

    Members
    -------
    axi : AxiWriteSignature
        The bus.
    request : array of stream of struct ``addr``, ``beats``
        Address of the first byte, aligned to a beat; number of beats, at least 1.
    near : array of 1 bit
        Low only where there is no request, and known earlier: registers that would take one rest.
    data : array of stream of struct ``data``, ``strb``
        Beats in request order; they may come before their request.
    base, limit : unsigned(addr_width)
        First byte that may be written; first byte behind.
    halt : 1 bit
        No burst is begun and no request is taken; one that is on the bus is finished.
    flush : 1 bit
        Back to the state after reset.
    idle : 1 bit
        Nothing is on the bus and no response is awaited.
    drained : 1 bit
        ``idle``, and no client has a request or data left.
    beats, error, outside : 1 bit
        Pulses: a beat went; an error response came; a burst outside the window was dropped.
    """

    def __init__(
        self,
        *,
        addr_width: int,
        data_width: int,
        buffers: tuple[int, ...],
        burst_beats: int,
        bursts_in_flight: int = 8,
        beats_width: int = 20,
    ):
        check_master(
            addr_width=addr_width,
            data_width=data_width,
            buffers=buffers,
            burst_beats=burst_beats,
            bursts_in_flight=bursts_in_flight,
            beats_width=beats_width,
        )
        self.addr_width = addr_width
        self.data_width = data_width
        self.buffers = tuple(buffers)
        self.burst_beats = burst_beats
        self.bursts_in_flight = bursts_in_flight
        self.beats_width = beats_width
        clients = len(self.buffers)
        request = stream.Signature(request_layout(addr_width, beats_width))
        super().__init__(
            {
                "axi": Out(AxiWriteSignature(addr_width, data_width)),
                "request": In(request).array(clients),
                "near": In(1, init=1).array(clients),
                "data": In(stream.Signature(write_item(data_width))).array(clients),
                "base": In(addr_width),
                "limit": In(addr_width),
                "halt": In(1),
                "flush": In(1),
                "idle": Out(1),
                "drained": Out(1),
                "beats": Out(1),
                "error": Out(1),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        clients = [self._client(m, k) for k in range(len(self.buffers))]
        # The burst at work and what is left of it.
        client = Signal(range(len(clients)))
        addr = Signal(self.addr_width)
        left = Signal(range(self.burst_beats + 1))
        begin, pop, resting, free = Signal(), Signal(), Signal(), Signal()

        with m.FSM() as fsm:
            with m.State("Choose"), m.If(free & ~self.halt):
                self._choose(m, clients, client, addr, left)
            with m.State("Check window"):
                m.d.comb += begin.eq(self._inside(addr, left))
                m.next = "Send"
                with m.If(~begin):
                    m.next = "Drop"
            with m.State("Send"):
                m.d.comb += pop.eq(self.axi.wready)
                with m.If((~self.axi.awvalid | self.axi.awready) & (left <= pop)):
                    m.next = "Choose"
            with m.State("Drop"):
                m.d.comb += pop.eq(1)
                with m.If(left == 1):
                    m.next = "Choose"

        m.d.comb += resting.eq(fsm.ongoing("Choose"))
        self._drive_address(m, addr, left, begin)
        self._move_data(m, clients, client, left, begin, pop)
        self._await_responses(m, begin, free, resting)
        m.d.sync += self.outside.eq(fsm.ongoing("Check window") & ~begin)
        m.d.comb += self.drained.eq(self.idle & Cat(c.empty for c in clients).all())
        return ResetInserter(self.flush & self.idle)(m)

    def _client(self, m, k):
        """Client ``k`` between its ports and the bus."""
        splitter = {
            "addr_width": self.addr_width,
            "beat_bytes": self.data_width // 8,
            "beats_width": self.beats_width,
            "burst_beats": longest_burst(self.burst_beats, self.buffers[k]),
        }
        m.submodules[f"client_{k}"] = client = _Client(splitter, self.data_width, self.buffers[k])
        wiring.connect(m, wiring.flipped(self.data[k]), client.i)
        m.d.comb += [
            client.near.eq(self.near[k]),
            client.request.payload.eq(self.request[k].payload),
            client.request.valid.eq(self.request[k].valid & ~self.halt),
            self.request[k].ready.eq(client.request.ready & ~self.halt),
        ]
        return client

    def _inside(self, addr, beats):
        """Whether a burst lies in the window. It stays in its block, so no carry leaves that."""
        byte_width = (self.data_width // 8).bit_length() - 1
        block_width = byte_width + self.burst_beats.bit_length() - 1
        final = (addr[byte_width:block_width] + beats - 1)[: block_width - byte_width]
        final_byte = Cat(Const(-1, byte_width), final, addr[block_width:])
        return (addr >= self.base) & (final_byte < self.limit)

    def _choose(self, m, clients, client, addr, left):
        """Take the burst of the first client that has a complete one."""
        offers = Cat(c.complete for c in clients)
        # The lowest index is assigned last and wins.
        for k, c in reversed(list(enumerate(clients))):
            m.d.comb += c.burst.ready.eq(c.complete & ~offers[:k].any())
            with m.If(c.complete):
                m.d.sync += [client.eq(k), addr.eq(c.burst.payload.addr)]
                m.d.sync += left.eq(c.burst.payload.beats)
                m.next = "Check window"

    def _drive_address(self, m, addr, left, begin):
        """Offer the address from the first cycle of "Send" until it is taken."""
        axi = self.axi
        m.d.comb += [
            axi.awsize.eq((self.data_width // 8).bit_length() - 1),
            axi.awburst.eq(1),  # INCR
            axi.awcache.eq(0b0011),  # normal memory, bufferable
        ]
        with m.If(begin):
            m.d.sync += [axi.awvalid.eq(1), axi.awaddr.eq(addr), axi.awlen.eq(left - 1)]
        with m.Elif(axi.awready):
            m.d.sync += axi.awvalid.eq(0)

    def _move_data(self, m, clients, client, left, begin, pop):
        """Show the data of the chosen client; ``pop`` takes a beat while any is left."""
        axi = self.axi
        taken = Signal()
        # Registers, as a slave decides by them: data is offered, and it is the last.
        with m.If(begin | taken):
            m.d.sync += [
                axi.wvalid.eq(begin | (axi.wvalid & ~axi.wlast)),
                axi.wlast.eq(Mux(begin, left == 1, left == 2)),
            ]
        m.d.comb += taken.eq(pop & (left != 0))
        with m.Switch(client):
            for k, c in enumerate(clients):
                with m.Case(k):
                    m.d.comb += [
                        axi.wdata.eq(c.o.payload.data),
                        axi.wstrb.eq(c.o.payload.strb),
                        c.o.ready.eq(taken),
                    ]
        with m.If(taken):
            m.d.sync += left.eq(left - 1)
        m.d.sync += self.beats.eq(axi.wvalid & axi.wready)

    def _await_responses(self, m, begin, free, resting):
        """Count the bursts whose response is still to come."""
        axi = self.axi
        awaited, full = Signal(range(self.bursts_in_flight + 1)), Signal()
        m.d.comb += [
            axi.bready.eq(1),
            self.idle.eq(resting & (awaited == 0)),
        ]
        with m.If(begin != axi.bvalid):
            m.d.sync += [
                awaited.eq(Mux(begin, awaited + 1, awaited - 1)),
                full.eq(begin & (awaited == self.bursts_in_flight - 1)),
            ]
        m.d.comb += free.eq(~full)
        m.d.sync += self.error.eq(axi.bvalid & axi.bresp[1])
