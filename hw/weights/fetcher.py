"""Asks DRAM for the blocks that do not live in the weight memory."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.job import job_layout
from hw.weights.residency import ResidencyWalk

__all__ = ["WeightFetcher"]


class WeightFetcher(wiring.Component):
    """Requests the streamed blocks of every step of a sequence, in the order of their use.

    It runs as far ahead as the reader and the ring let it, across steps.

    Throughput: a request per cycle; a resident block costs one cycle.
    Latency: block 0 is asked for, or passed by, in the cycle after ``start``.

    Parameters
    ----------
    config : Config
        Gives the widths.
    request : data.StructLayout
        The reader's request: ``addr`` and ``beats``.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    request : Out
        One request per streamed block.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "request": Out(stream.Signature(request)),
            }
        )

    def elaborate(self, platform):
        """Walks blocks; its DRAM address advances with each."""
        m = Module()
        m.submodules.walk = walk = ResidencyWalk(self._config)
        job = self.job
        active = Signal()
        steps_left = Signal.like(job.steps)
        addr = Signal(unsigned(self._config.addr_width))
        advance = Signal()
        m.d.comb += [
            walk.job.eq(job),
            self.request.valid.eq(active & ~walk.resident),
            self.request.payload.addr.eq(addr),
            self.request.payload.beats.eq(job.block_bytes // self._config.bus_bytes),
            advance.eq(active & (walk.resident | self.request.ready)),
            walk.next.eq(advance),
            walk.restart.eq(self.start | (advance & walk.last)),
        ]
        with m.If(advance):
            m.d.sync += addr.eq(addr + job.block_bytes)
            with m.If(walk.last):
                m.d.sync += [
                    addr.eq(job.weights_addr),
                    steps_left.eq(steps_left - 1),
                    active.eq(steps_left != 1),
                ]
        with m.If(self.start):
            m.d.sync += [
                addr.eq(job.weights_addr),
                steps_left.eq(job.steps),
                active.eq(job.resident_blocks != job.blocks),
            ]
        return m
