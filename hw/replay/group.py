"""Where in a group of steps the replayer is."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.job import job_layout
from hw.latency import LANES

__all__ = ["GroupWalk"]


class GroupWalk(wiring.Component):
    """Follows a sequence whose steps go in groups.

    In a group the ``x`` parts come first: for each block those of all its steps. Then its steps
    follow, ``h`` parts only. The last group of a sequence may be shorter. In a job without groups
    nothing moves.

    Latency: ``final`` and ``opens`` are right from the second cycle after ``start`` and after a
    pulse on; other outputs from the first one on.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable from two cycles before ``start`` on.
    start : In
        Begin a sequence.
    steps_left : In
        Steps that have not ended.
    part_end : In
        Pulse: an ``x`` part of a group has been issued.
    last_block : In
        It is one of the layer's last block.
    step_done : In
        Pulse: a step has been issued.
    grouped : Out
        The job's steps go in groups.
    ahead : Out
        ``x`` parts of a group are next.
    slot : Out
        Place of the step in its group.
    final : Out
        No step of the group is behind it.
    turn : Out
        Pulse: this ``part_end`` is the group's last.
    opens : Out
        Where a step begins, sums are written that may not have been taken yet.
    settling : Out
        Sums of ``x`` are on their way.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "steps_left": In(32),
                "part_end": In(1),
                "last_block": In(1),
                "step_done": In(1),
                "grouped": Out(1),
                "ahead": Out(1),
                "slot": Out(unsigned(config.slot_width or 1)),
                "final": Out(1),
                "turn": Out(1),
                "opens": Out(1, init=1),
                "settling": Out(1),
            }
        )

    def elaborate(self, platform):
        """Constants without lookahead."""
        m = Module()
        if self._config.lookahead == 1:
            m.d.comb += [self.final.eq(1), self.opens.eq(1)]
            return m
        job, slot, full = self.job, self.slot, Signal()
        grouped, under_way = Signal(), Signal(LANES)
        m.d.comb += [
            grouped.eq(job.steps_ahead != 0),
            full.eq(slot == job.steps_ahead),
            self.turn.eq(self.part_end & self.final & self.last_block),
            self.settling.eq(under_way.any()),
        ]
        m.d.sync += [
            self.grouped.eq(grouped),
            self.final.eq(full | (self.steps_left == slot + 1)),
            # The cell unit took all other sums before the steps behind them had their h.
            self.opens.eq(full & (self.ahead | ~grouped)),
            under_way.eq((under_way << 1) | self.part_end),
        ]
        with m.If(self.part_end):
            m.d.sync += slot.eq(Mux(self.final, 0, slot + 1))
        with m.If(self.turn):
            m.d.sync += self.ahead.eq(0)
        with m.If(self.step_done):
            m.d.sync += [slot.eq(Mux(full, 0, slot + 1)), self.ahead.eq(grouped & full)]
        with m.If(self.start):
            m.d.sync += [slot.eq(0), self.ahead.eq(grouped)]
        return m
