"""Which blocks live in the weight memory, and where."""

from amaranth import Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.job import job_layout

__all__ = ["ResidencyWalk"]


class ResidencyWalk(wiring.Component):
    """Walks the blocks of a layer in order.

    Block ``b`` is resident where ``(b + 1) * resident_blocks // blocks`` exceeds ``b *
    resident_blocks // blocks``: evenly spread, so that streamed blocks arrive while resident ones
    compute. The remainder of that division is carried from block to block.

    Throughput: one block per cycle.
    Latency: outputs describe another block in the cycle after ``move``.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while it is walked.
    move : In
        Go to the next block, from the last one to block 0.
    restart : In
        With ``move``: go to block 0 from any block.
    block : Out
        Index of the current block.
    last : Out
        The current block is the layer's last.
    resident : Out
        The current block lives in the weight memory.
    x_base, h_base : Out
        Word address of its first column of ``x`` and of ``h`` if it does.
    """

    def __init__(self, config: Config):
        # A base beyond the memory must be seen, not wrapped: one bit for each of the three terms.
        address = unsigned(
            (config.weight_words + config.max_input + config.max_hidden).bit_length()
        )
        super().__init__(
            {
                "job": In(job_layout(config)),
                "move": In(1),
                "restart": In(1),
                "block": Out(unsigned((config.max_blocks - 1).bit_length() or 1)),
                "last": Out(1),
                "resident": Out(1),
                "x_base": Out(address),
                "h_base": Out(address),
            }
        )

    def elaborate(self, platform):
        """A remainder, two bases, a block counter; every output is a register."""
        m = Module()
        job = self.job
        # The remainder and resident_blocks; the next block's is told from this one's.
        share = Signal(unsigned(len(job.blocks) + 1))
        span = Signal(unsigned(len(self.x_base)))
        grown, shrunk, limit, shrunk_limit = [Signal(signed(len(share) + 2)) for _ in range(4)]
        m.d.sync += [
            span.eq(job.input_size + job.hidden_size),
            grown.eq(job.resident_blocks),
            shrunk.eq(job.resident_blocks - job.blocks),
            limit.eq(job.blocks - job.resident_blocks),
            shrunk_limit.eq((job.blocks << 1) - job.resident_blocks),
        ]
        with m.If(self.move):
            m.d.sync += [
                share.eq(share + Mux(self.resident, shrunk, grown)),
                self.resident.eq(share >= Mux(self.resident, shrunk_limit, limit)),
                self.block.eq(self.block + 1),
                self.last.eq(self.block + 2 == job.blocks),
            ]
            with m.If(self.resident):
                m.d.sync += [
                    self.x_base.eq(self.x_base + span),
                    self.h_base.eq(self.h_base + span),
                ]
            with m.If(self.restart | self.last):
                m.d.sync += [
                    share.eq(job.resident_blocks),
                    self.resident.eq(job.resident_blocks == job.blocks),
                    self.block.eq(0),
                    self.last.eq(job.blocks == 1),
                    self.x_base.eq(job.resident_base),
                    self.h_base.eq(job.resident_base + job.input_size),
                ]
        return m
