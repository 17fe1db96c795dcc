"""Replays a step's events for every block of a layer."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.events.operation import operation_layout
from hw.job import job_layout
from hw.weights.address import weight_address_width
from hw.weights.residency import ResidencyWalk

__all__ = ["STALLS", "Replayer"]

STALLS = data.StructLayout({"input": 1, "hidden": 1, "weights": 1, "cell": 1})
"""Why no operation was issued in this cycle; at most one is set."""


class Replayer(wiring.Component):
    """Issues a sequence: for each step, for each block, ``x`` events, then ``h`` events.

    Throughput: one operation per cycle, also across parts, blocks and steps.
    Latency: the first operation is issued in the cycle after ``start`` at the earliest; each goes
    in the cycle in which what it waits for is there.

    Operations wait, and everything behind them, for: the list of their part (`input`, `hidden`), a
    streamed word (`weights`), or, at the start of a block, for the cell unit to have taken the sums
    that the same block left one step earlier (`cell`).

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence. Allowed while not active.
    x_ready, h_ready : In
        The current step's list is complete.
    x_last, h_last : In
        Index of its last event; valid while ready.
    streamed_ready, streamed_addr : In
        A streamed word is in the weight memory, and where.
    block_taken : In
        Pulse: the cell unit has read a block's sums.
    op_valid, op : Out
        The operation of this cycle.
    op_units : Out
        Hidden units of its block, for counting.
    step_done : Out
        Pulse with the last operation of a step: its lists are free.
    active : Out
        A sequence is under way.
    stall : Out
        Why nothing is issued while active.
    """

    def __init__(self, config: Config):
        self._config = config
        index = operation_layout(config)["index"].shape
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "x_ready": In(1),
                "x_last": In(index),
                "h_ready": In(1),
                "h_last": In(index),
                "streamed_ready": In(1),
                "streamed_addr": In(unsigned(weight_address_width(config))),
                "block_taken": In(1),
                "op_valid": Out(1),
                "op": Out(operation_layout(config)),
                "op_units": Out(unsigned(config.units_per_block.bit_length())),
                "step_done": Out(1),
                "active": Out(1),
                "stall": Out(STALLS),
            }
        )

    def elaborate(self, platform):
        """Position, readiness, advance."""
        m = Module()
        m.submodules.walk = walk = ResidencyWalk(self._config)
        position = data.StructLayout(
            {"bank": 1, "hidden": 1, "index": self.op.index.shape(), "opening": 1}
        )
        at = Signal(position)
        steps_left = Signal.like(self.job.steps)
        self._issue(m, walk, at, self._track_room(m, at.opening))
        op = self.op
        m.d.comb += [
            walk.job.eq(self.job),
            self.step_done.eq(self.op_valid & op.block_end & walk.last),
            walk.restart.eq(self.start | self.step_done),
            walk.next.eq(self.op_valid & op.block_end),
        ]
        with m.If(self.op_valid):
            m.d.sync += [
                at.index.eq(Mux(op.last, 0, at.index + 1)),
                at.hidden.eq(at.hidden ^ op.last),
                at.opening.eq(op.block_end),
            ]
        with m.If(self.step_done):
            m.d.sync += [
                at.bank.eq(~at.bank),
                steps_left.eq(steps_left - 1),
                self.active.eq(steps_left != 1),
            ]
        with m.If(self.start):
            m.d.sync += [
                at.eq(position.const({"opening": 1})),
                steps_left.eq(self.job.steps),
                self.active.eq(1),
            ]
        return m

    def _issue(self, m, walk, at, room):
        op = self.op
        list_ready = Mux(at.hidden, self.h_ready, self.x_ready)
        blocked = at.opening & ~room
        word_ready = walk.resident | self.streamed_ready
        resident_base = Mux(at.hidden, walk.h_base, walk.x_base)
        last = Mux(at.hidden, at.index == self.h_last, at.index == self.x_last)
        m.d.comb += [
            self.op_valid.eq(self.active & list_ready & word_ready & ~blocked),
            op.hidden.eq(at.hidden),
            op.bank.eq(at.bank),
            op.index.eq(at.index),
            op.weight_base.eq(Mux(walk.resident, resident_base, self.streamed_addr)),
            op.streamed.eq(~walk.resident),
            op.first.eq(at.index == 0),
            op.last.eq(last),
            op.block.eq(walk.block),
            op.block_end.eq(at.hidden & last),
            self.op_units.eq(Mux(walk.last, self.job.tail_units, self._config.units_per_block)),
        ]
        with m.If(self.active & blocked):
            m.d.comb += self.stall.cell.eq(1)
        with m.Elif(self.active & ~list_ready):
            m.d.comb += [self.stall.hidden.eq(at.hidden), self.stall.input.eq(~at.hidden)]
        with m.Elif(self.active & ~word_ready):
            m.d.comb += self.stall.weights.eq(1)

    def _track_room(self, m, opening):
        """A block may start when fewer blocks than the layer has hold sums not yet taken."""
        held = Signal.like(self.job.blocks)
        opened, full = Signal(), Signal()
        m.d.comb += opened.eq(self.op_valid & opening)
        count(m, held, up=opened, down=self.block_taken)
        with m.If(opened ^ self.block_taken):
            m.d.sync += full.eq(opened & (held + 1 == self.job.blocks))
        with m.If(self.start):
            m.d.sync += [held.eq(0), full.eq(0)]
        return ~full
