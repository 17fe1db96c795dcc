"""Event lists: made once a step, replayed by every block."""

from amaranth import Cat, Module, Mux, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import event_layout

__all__ = ["EventList"]


class EventList(wiring.Component):
    """Banks of events: some are replayed while others are made.

    A second read port is for whoever looks at lists ahead of the replay.

    Throughput: one event written and one read by each port per cycle.
    Latency: an event is at ``r_event`` one cycle after ``r_en``, and holds until the next read;
    it can be read in the cycle after it was written. The second port does the same.

    Parameters
    ----------
    config : Config
        Gives the event's widths.
    depth : int
        Events of one bank.
    banks : int
        Banks, a power of two.

    Members
    -------
    w_en, w_bank, w_index, w_event : In
        Write port.
    by_column : In
        An event is kept at its column instead of its index; with gates for maps only.
    r_en, r_bank, r_index : In
        Read request.
    r_event : Out
        What the last request asked for.
    r2_en, r2_bank, r2_index, r2_event : In, In, In, Out
        The second read port.
    """

    def __init__(self, config: Config, *, depth: int, banks: int = 2):
        self._layout, self._mapped = event_layout(config), config.mapped
        self.depth = depth
        self.banks = banks
        index = unsigned((depth - 1).bit_length() or 1)
        super().__init__(
            {
                "w_en": In(1),
                "w_bank": In(range(banks)),
                "w_index": In(index),
                "w_event": In(self._layout),
                "r_en": In(1),
                "r_bank": In(range(banks)),
                "r_index": In(index),
                "r_event": Out(self._layout),
                "r2_en": In(1),
                "r2_bank": In(range(banks)),
                "r2_index": In(index),
                "r2_event": Out(self._layout),
                **({"by_column": In(1)} if config.mapped else {}),
            }
        )

    def elaborate(self, platform):
        """One memory; the bank is the top of its address."""
        m = Module()
        m.submodules.events = events = memory.Memory(
            shape=self._layout, depth=self.banks << len(self.w_index), init=[]
        )
        write = events.write_port()
        read, ahead = events.read_port(), events.read_port()
        index = self.w_index
        if self._mapped:
            index = Mux(self.by_column, self.w_event.column, index)[: len(index)]
        m.d.comb += [
            write.en.eq(self.w_en),
            write.addr.eq(Cat(index, self.w_bank)),
            write.data.eq(self.w_event),
            read.en.eq(self.r_en),
            read.addr.eq(Cat(self.r_index, self.r_bank)),
            self.r_event.eq(read.data),
            ahead.en.eq(self.r2_en),
            ahead.addr.eq(Cat(self.r2_index, self.r2_bank)),
            self.r2_event.eq(ahead.data),
        ]
        return m
