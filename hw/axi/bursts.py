"""Requests for any number of beats, and the AXI bursts that they become."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Splitter", "burst_layout", "check_master", "longest_burst", "request_layout"]

_PAGE_BYTES = 4096


def request_layout(addr_width: int, beats_width: int) -> data.StructLayout:
    """A transfer: ``addr`` (of its first byte, aligned to the bus) and ``beats``, at least 1."""
    return data.StructLayout({"addr": addr_width, "beats": beats_width})


def burst_layout(addr_width: int, burst_beats: int) -> data.StructLayout:
    """A burst: ``addr``, ``beats`` (1 to ``burst_beats``), ``last`` of its request."""
    return data.StructLayout({"addr": addr_width, "beats": range(burst_beats + 1), "last": 1})


def longest_burst(burst_beats: int, buffer: int) -> int:
    """Beats of the longest burst of a client that buffers so many: a power of two."""
    return min(burst_beats, 1 << (buffer.bit_length() - 1))


def check_master(*, addr_width, data_width, buffers, burst_beats, bursts_in_flight, beats_width):
    """Refuse parameters of an AXI master that contradict AXI or each other."""
    if data_width not in (32, 64, 128, 256, 512, 1024):
        raise ValueError(f"data_width must be a power of two of 32 to 1024, not {data_width!r}")
    if not 12 < addr_width <= 64:
        raise ValueError(f"addr_width must be 13 to 64, not {addr_width!r}")
    if burst_beats < 1 or burst_beats & (burst_beats - 1) or burst_beats > 256:
        raise ValueError(f"burst_beats must be a power of two of at most 256, not {burst_beats!r}")
    if burst_beats * data_width // 8 > _PAGE_BYTES:
        raise ValueError(
            f"burst_beats times the bytes of a beat must be at most {_PAGE_BYTES}, "
            f"not {burst_beats * data_width // 8}"
        )
    if not buffers or min(buffers) < 3:
        raise ValueError(f"buffers must hold at least 3 beats for every client, not {buffers!r}")
    if bursts_in_flight < 1:
        raise ValueError(f"bursts_in_flight must be at least 1, not {bursts_in_flight!r}")
    if beats_width < burst_beats.bit_length():
        raise ValueError(
            f"beats_width must hold a burst of {burst_beats} beats, not {beats_width!r} bits"
        )


class Splitter(wiring.Component):
    """Splits a request into bursts that never leave a naturally aligned block of ``burst_beats``.

    So no burst crosses 4 KiB, every burst but the first starts aligned, and the end of a burst
    needs no address adder.

    Throughput: one burst per cycle, across requests if ``ahead``. Else a request is taken the cycle
    after the last burst of the one before left, so requests of one burst leave every second cycle.
    Latency: a request taken in cycle t is a burst on ``o`` in t + 2.

    Parameters
    ----------
    addr_width : int
        Bits of a byte address.
    beat_bytes : int
        Bytes of a beat, a power of two.
    beats_width : int
        Bits of the beats of a request.
    burst_beats : int
        Longest burst, a power of two.
    ahead : bool
        Take one more request while bursts of another leave, and hold it.

    Members
    -------
    i : stream of ``request_layout``
        Address bits below a beat are ignored.
    near : In
        Low only in cycles without a request on ``i``, and known earlier than that: registers that
        would take one rest.
    o : stream of ``burst_layout``
    """

    def __init__(
        self,
        *,
        addr_width: int,
        beat_bytes: int,
        beats_width: int,
        burst_beats: int,
        ahead: bool = False,
    ):
        self.addr_width = addr_width
        self.beat_bytes = beat_bytes
        self.beats_width = beats_width
        self.burst_beats = burst_beats
        self.ahead = ahead
        super().__init__(
            {
                "i": In(stream.Signature(request_layout(addr_width, beats_width))),
                "near": In(1, init=1),
                "o": Out(stream.Signature(burst_layout(addr_width, burst_beats))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        byte_width = self.beat_bytes.bit_length() - 1
        offset_width = self.burst_beats.bit_length() - 1
        # From its block on: where the request begins and where its last beat is, in beats; how many
        # whole blocks long it is, and whether it reaches one further or, since it begins at once
        # and its length is whole, one less far. No long sum is needed for that.
        offset, block = Signal(offset_width), Signal(self.addr_width - byte_width - offset_width)
        end, whole = Signal(offset_width), Signal(self.beats_width - offset_width)
        further, short = Signal(), Signal()
        # What there is to know of ``whole``, in registers: they decide about every other one here.
        none, one = Signal(), Signal()
        final, active, load, free = Signal(), Signal(), Signal(), Signal()
        request, near = self._hold(m, free) if self.ahead else (self.i, self.near)

        m.d.comb += [
            final.eq((none & ~further) | (one & short)),
            load.eq(active & (~self.o.valid | self.o.ready)),
            free.eq(~active | (load & final & self.ahead)),
        ]
        if not self.ahead:
            m.d.comb += self.i.ready.eq(free)

        with m.If(free):
            m.d.sync += active.eq(request.valid)
        with m.Elif(load):
            m.d.sync += active.eq(~final)
        # Taken whether or not it is there: that is known late.
        with m.If(free & near):
            addr, beats = request.payload.addr[byte_width:], request.payload.beats
            last = addr[:offset_width] + beats[:offset_width] - 1
            below_0, carry = last[offset_width + 1], last[offset_width]
            m.d.sync += [
                Cat(offset, block).eq(addr),
                end.eq(last),
                whole.eq(beats[offset_width:]),
                none.eq(beats[offset_width:] == 0),
                one.eq(beats[offset_width:] == 1),
                further.eq(carry & ~below_0),
                short.eq(below_0),
            ]
        with m.Elif(load):
            m.d.sync += [offset.eq(0), block.eq(block + 1), further.eq(0)]
            with m.If(~further):
                m.d.sync += [whole.eq(whole - 1), none.eq(one), one.eq(whole == 2)]
        with m.If(self.o.ready | load):
            m.d.sync += self.o.valid.eq(load)
        with m.If(load):
            last = Mux(final, end, self.burst_beats - 1)
            m.d.sync += [
                self.o.payload.addr.eq(Cat(Const(0, byte_width), offset, block)),
                self.o.payload.beats.eq(last - offset + 1),
                self.o.payload.last.eq(final),
            ]
        return m

    def _hold(self, m, free):
        """The next request: on ``i``, or come before while there was no place; whether near."""
        shape = self.i.payload.shape()
        following = stream.Signature(shape).create()
        there, held = Signal(), Signal(shape)
        # Ready is a register: no path from ``o`` to whoever asks.
        m.d.comb += [
            self.i.ready.eq(~there),
            following.valid.eq(there | self.i.valid),
            following.payload.eq(Mux(there, held, self.i.payload)),
        ]
        with m.If(following.valid):
            m.d.sync += there.eq(~free)
        # Kept whether or not it is there and finds a place: that is known late.
        with m.If(self.near & ~there):
            m.d.sync += held.eq(self.i.payload)
        return following, there | self.near
