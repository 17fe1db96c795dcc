"""Makes the events of h as h is computed."""

from amaranth import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import event_layout
from hw.events.ledger import ListLedger
from hw.job import job_layout

__all__ = ["HiddenEvents"]


class HiddenEvents(wiring.Component):
    """Turns hidden units, in their order, into a list of events per step.

    In normal mode every unit is an event. The list of step t is made from the ``h`` of step t - 1,
    the first from the initial state.

    Throughput: one unit per cycle.
    Latency: a unit's event is given to the list in the cycle in which it comes; ``ready`` rises in
    the cycle after the step's last unit.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence with empty lists.
    valid, h : In
        The next unit's hidden state.
    unit : Out
        Index of that unit.
    step_end : Out
        It is the step's last unit.
    w_en, w_bank, w_index, w_event : Out
        To the event list.
    ready, last : Out
        The list in turn is complete; index of its last event.
    done : In
        Pulse: that list has been used.
    """

    def __init__(self, config: Config):
        index = unsigned((config.max_hidden - 1).bit_length() or 1)
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "valid": In(1),
                "h": In(signed(config.act_width)),
                "unit": Out(index),
                "step_end": Out(1),
                "w_en": Out(1),
                "w_bank": Out(1),
                "w_index": Out(index),
                "w_event": Out(event_layout(config)),
                "ready": Out(1),
                "last": Out(index),
                "done": In(1),
            }
        )

    def elaborate(self, platform):
        """A unit counter that is also the list's index."""
        m = Module()
        m.submodules.ledger = ledger = ListLedger(len(self.last))
        m.d.comb += [
            self.step_end.eq(self.unit == (self.job.hidden_size - 1)[: len(self.unit)]),
            self.w_en.eq(self.valid),
            self.w_bank.eq(ledger.bank),
            self.w_index.eq(self.unit),
            self.w_event.column.eq(self.unit),
            self.w_event.value.eq(self.h - self.job.h_zero),
            ledger.clear.eq(self.start),
            ledger.begin.eq(self.valid & (self.unit == 0)),
            ledger.complete.eq(self.valid & self.step_end),
            ledger.complete_last.eq(self.unit),
            ledger.done.eq(self.done),
            self.ready.eq(ledger.ready),
            self.last.eq(ledger.last),
        ]
        with m.If(self.start):
            m.d.sync += self.unit.eq(0)
        with m.Elif(self.valid):
            m.d.sync += self.unit.eq(self.unit + 1)
            with m.If(self.step_end):
                m.d.sync += self.unit.eq(0)
        return m
