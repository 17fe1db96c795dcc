"""Where in a group of steps the replayer is."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.job import job_layout

__all__ = ["GroupWalk"]


class GroupWalk(wiring.Component):
    """Follows a sequence whose steps go in groups.

    In a group the ``x`` parts of all its steps come first, for each block those of one step after
    the other. Then its steps follow, ``h`` parts only. The last group of a sequence may be shorter.
    In a job without groups every step is a group of its own.

    Latency: ``final`` and ``full`` are right from the second cycle after ``start`` and after a
    pulse on; ``slot`` from the first one on.

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
        Pulse: an ``x`` part has been issued.
    step_done : In
        Pulse: a step has been issued.
    grouped : Out
        The job's steps go in groups.
    slot : Out
        Place of the step in its group.
    final : Out
        No step of the group is behind it.
    full : Out
        It is the last place of a whole group.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "steps_left": In(32),
                "part_end": In(1),
                "step_done": In(1),
                "grouped": Out(1),
                "slot": Out(unsigned(config.slot_width or 1)),
                "final": Out(1),
                "full": Out(1),
            }
        )

    def elaborate(self, platform):
        """Constants without lookahead."""
        m = Module()
        if self._config.lookahead == 1:
            m.d.comb += [self.final.eq(1), self.full.eq(1)]
            return m
        job, slot, full = self.job, self.slot, Signal()
        m.d.comb += full.eq(slot == job.steps_ahead)
        m.d.sync += [
            self.grouped.eq(job.steps_ahead != 0),
            self.full.eq(full),
            self.final.eq(full | (self.steps_left == slot + 1)),
        ]
        with m.If(self.part_end):
            m.d.sync += slot.eq(Mux(self.final, 0, slot + 1))
        with m.If(self.step_done):
            m.d.sync += slot.eq(Mux(full, 0, slot + 1))
        with m.If(self.start):
            m.d.sync += slot.eq(0)
        return m
