"""The AXI4 read master that the clients of the machine share."""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.axi.bursts import Splitter, burst_layout, check_master, longest_burst, request_layout
from hw.axi.signatures import AxiReadSignature
from hw.streams.fifo import Fifo
from hw.streams.hold import Skid

__all__ = ["ReadMaster", "read_item"]


def read_item(data_width: int) -> data.StructLayout:
    """A beat that was read: ``data``, and ``last`` of its request."""
    return data.StructLayout({"data": data_width, "last": 1})


class _Client(wiring.Component):
    """One client: splits its requests, and offers a burst when its buffer has room for all of it.

    Room is reserved when the burst leaves, so ``i`` need not wait for anything.
    """

    def __init__(self, splitter: dict, data_width: int, buffer: int):
        self.splitter = splitter
        self.buffer = buffer
        item = stream.Signature(read_item(data_width))
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
                "i": In(item),
                "o": Out(item),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = Splitter(**self.splitter)
        # Whether a burst may go depends on every client, so it does not reach into the splitter.
        m.submodules.bursts = bursts = Skid(splitter.o.payload.shape())
        wiring.connect(m, splitter.o, bursts.i)
        m.submodules.fifo = fifo = Fifo(self.i.payload.shape(), self.buffer)
        wiring.connect(m, wiring.flipped(self.request), splitter.i)
        m.d.comb += splitter.near.eq(self.near)
        wiring.connect(m, wiring.flipped(self.i), fifo.i)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        room = Signal(range(self.buffer + 1), init=self.buffer)
        beats = bursts.o.payload.beats
        issued, taken = Signal(), Signal()
        # Signed: negative where the burst does not fit. ``issued`` and ``taken`` come late, so all
        # that they choose from is ready before them; and whether there is room for any burst, or
        # for the one that has stood for a cycle, is found a cycle ahead.
        left = Signal(signed(len(room) + 1))
        longest = self.splitter["burst_beats"]
        fits = Signal(init=self.buffer >= longest)
        m.d.sync += [
            fits.eq(Mux(issued, left >= longest, Mux(bursts.o.valid, left >= 0, room >= longest)))
        ]
        m.d.comb += [
            self.burst.payload.eq(bursts.o.payload),
            left.eq(room - beats),
            self.burst.valid.eq(bursts.o.valid & fits),
            # Without asking whether there is one: where there is none, nothing is taken.
            bursts.o.ready.eq(self.burst.ready & fits),
            issued.eq(self.burst.valid & self.burst.ready),
            taken.eq(self.o.valid & self.o.ready),
        ]

        with m.If(issued | taken):
            kept = Mux(taken, room + 1, room)
            m.d.sync += room.eq(Mux(issued, Mux(taken, room - beats + 1, left), kept))
        return m


class ReadMaster(wiring.Component):
    """Reads memory for several clients over one AXI4 port.

    A request is split into INCR bursts of full beats that never leave a naturally aligned block of
    ``burst_beats`` (so never cross 4 KiB). A burst is asked for once its client's buffer has room
    for all of it, so ``rready`` is always 1. All bursts carry identifier 0; data returns in order.
    Of several clients with a burst, the lowest index goes first; a client without room blocks
    nobody. A client may queue requests while the data of earlier ones is on its way.

    To stop and start afresh: raise ``halt``, wait for ``idle``, pulse ``flush``, lower
    ``halt``. ``flush`` forgets requests and buffered data; it is heeded only while ``idle``.

    Throughput: one beat per cycle; one burst per cycle; one request per two cycles and client, one
    per cycle of a client that is taken ahead.
    Latency: request taken in cycle t, ``arvalid`` in t + 4; beat on the bus in t, ``data[k].valid``
    in t + 2; ``beats`` and ``error`` in t + 1.

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
        Bursts that may wait for data at once.
    beats_width : int
        Bits of the beats of a request.
    ahead : tuple of int
        Clients whose next request is taken and held while bursts of another leave.

    Members
    -------
    axi : AxiReadSignature
        The bus.
    request : array of stream of struct ``addr``, ``beats``
        Address of the first byte, aligned to a beat; number of beats, at least 1.
    near : array of 1 bit
        Low only where there is no request, and known earlier: registers that would take one rest.
    data : array of stream of struct ``data``, ``last``
        Beats in request order; ``last`` marks the last beat of a request.
    halt : 1 bit
        No burst is begun and no request is taken.
    flush : 1 bit
        Back to the state after reset.
    idle : 1 bit
        No address is offered and no data is awaited.
    beats, error : 1 bit
        Pulses: a beat came; a beat came with an error response.
    """

    def __init__(
        self,
        *,
        addr_width: int,
        data_width: int,
        buffers: tuple[int, ...],
        burst_beats: int,
        bursts_in_flight: int,
        beats_width: int = 20,
        ahead: tuple[int, ...] = (),
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
        self.ahead = tuple(ahead)
        clients = len(self.buffers)
        request = stream.Signature(request_layout(addr_width, beats_width))
        super().__init__(
            {
                "axi": Out(AxiReadSignature(addr_width, data_width)),
                "request": In(request).array(clients),
                "near": In(1, init=1).array(clients),
                "data": Out(stream.Signature(read_item(data_width))).array(clients),
                "halt": In(1),
                "flush": In(1),
                "idle": Out(1),
                "beats": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        clients = [self._client(m, k) for k in range(len(self.buffers))]
        tag = data.StructLayout({"client": range(len(clients)), "last": 1})
        m.submodules.tags = tags = SyncFIFO(width=tag.size, depth=self.bursts_in_flight)

        self._issue(m, clients, tags, data.View(tag, tags.w_data))
        self._receive(m, clients, tags, data.View(tag, tags.r_data))

        # A tag stands from the offer of an address to the last beat that answers it.
        m.d.comb += self.idle.eq(tags.level == 0)
        return ResetInserter(self.flush & self.idle)(m)

    def _client(self, m, k):
        """Client ``k`` between its ports and the bus."""
        splitter = {
            "addr_width": self.addr_width,
            "beat_bytes": self.data_width // 8,
            "beats_width": self.beats_width,
            "burst_beats": longest_burst(self.burst_beats, self.buffers[k]),
            "ahead": k in self.ahead,
        }
        m.submodules[f"client_{k}"] = client = _Client(splitter, self.data_width, self.buffers[k])
        wiring.connect(m, client.o, wiring.flipped(self.data[k]))
        m.d.comb += [
            client.near.eq(self.near[k]),
            client.request.payload.eq(self.request[k].payload),
            client.request.valid.eq(self.request[k].valid & ~self.halt),
            self.request[k].ready.eq(client.request.ready & ~self.halt),
        ]
        return client

    def _issue(self, m, clients, tags, tag):
        """Load the address register with the burst of the first client that offers one."""
        axi = self.axi
        may_load, load = Signal(), Signal()
        addr, beats = Signal(self.addr_width), Signal(range(self.burst_beats + 1))
        offers = Cat(client.burst.valid for client in clients)

        m.d.comb += [
            axi.arsize.eq((self.data_width // 8).bit_length() - 1),
            axi.arburst.eq(1),  # INCR
            axi.arcache.eq(0b0011),  # normal memory, bufferable
            may_load.eq((~axi.arvalid | axi.arready) & tags.w_rdy & ~self.halt),
            load.eq(may_load & offers.any()),
            tags.w_en.eq(load),
        ]
        # The lowest index is assigned last and wins.
        for k, client in reversed(list(enumerate(clients))):
            burst = client.burst
            m.d.comb += burst.ready.eq(may_load & ~offers[:k].any())
            with m.If(burst.valid):
                m.d.comb += [addr.eq(burst.payload.addr), beats.eq(burst.payload.beats)]
                m.d.comb += [tag.client.eq(k), tag.last.eq(burst.payload.last)]

        with m.If(load):
            m.d.sync += [axi.araddr.eq(addr), axi.arlen.eq(beats - 1), axi.arvalid.eq(1)]
        with m.Elif(axi.arready):
            m.d.sync += axi.arvalid.eq(0)

    def _receive(self, m, clients, tags, tag):
        """Hand each beat to the client of the oldest burst."""
        axi = self.axi
        m.d.comb += [axi.rready.eq(1), tags.r_en.eq(axi.rvalid & axi.rlast)]
        m.d.sync += [self.beats.eq(axi.rvalid), self.error.eq(axi.rvalid & axi.rresp[1])]
        for k, client in enumerate(clients):
            m.d.comb += [
                client.i.payload.data.eq(axi.rdata),
                client.i.payload.last.eq(axi.rlast & tag.last),
                client.i.valid.eq(axi.rvalid & tags.r_rdy & (tag.client == k)),
            ]
