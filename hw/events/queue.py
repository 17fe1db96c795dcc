"""Lists of events that wait in a row, for steps that go in groups."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hw.counting import count
from hw.events.ledger import ListLedger
from hw.events.view import MODE, list_view

__all__ = ["GroupLedger", "ListQueue"]


def _queue_members(index_width: int, banks: int) -> dict:
    return {
        "clear": In(1),
        "begin": In(1),
        "complete": In(1),
        "complete_empty": In(1),
        "complete_last": In(index_width),
        "complete_mode": In(MODE),
        "place": In(range(banks // 2)),
        "move": In(1),
        "done": In(1),
        "room": Out(1),
        "bank": Out(range(banks)),
        "current": Out(list_view(index_width, banks)),
    }


class ListQueue(wiring.Component):
    """Accounts for banks that are filled in turn; a reader looks at any list from the oldest on.

    Latency: ``current`` is not ready in the cycle after ``move`` and ``done``, and shows the list
    that is wanted from the one behind it on. Other outputs change in the cycle after the pulse
    that changes them, and a list is shown two cycles after its ``complete``.

    Parameters
    ----------
    index_width : int
        Bits of an event's index.
    banks : int
        Lists, a power of two.

    Members
    -------
    clear, begin, complete, complete_empty, complete_last, complete_mode : In
        See ``ListLedger``.
    place : In
        The list that is wanted: so many behind the oldest.
    move : In
        Pulse: ``place`` may be another one from the next cycle on.
    done : In
        Pulse: the oldest list has been used.
    room, bank : Out
        A list may be begun; the bank of the list being made.
    current : Out
        The list at ``place``.
    """

    def __init__(self, index_width: int, banks: int):
        self._banks = banks
        self._view = list_view(index_width, banks)
        super().__init__(_queue_members(index_width, banks))

    def elaborate(self, platform):
        """What is known of each list in a memory; how many there are from the oldest on."""
        m = Module()
        known = data.StructLayout(
            {name: self._view[name].shape for name in ("empty", "last", "single", "mode")}
        )
        m.submodules.known = lists = memory.Memory(shape=known, depth=self._banks, init=[])
        write, read = lists.write_port(), lists.read_port()
        oldest, wanted = Signal(range(self._banks)), Signal(range(self._banks))
        begun, left = Signal(range(self._banks + 1)), Signal(range(self._banks + 1))
        m.d.comb += [
            self.room.eq(begun != self._banks),
            wanted.eq(oldest + self.place),
            write.en.eq(self.complete),
            write.addr.eq(self.bank),
            write.data.empty.eq(self.complete_empty),
            write.data.last.eq(self.complete_last),
            write.data.single.eq(self.complete_last == 0),
            write.data.mode.eq(self.complete_mode),
            read.addr.eq(wanted),
            *(self.current[name].eq(read.data[name]) for name in known.members),
            self.current.empty.eq(read.data.empty & self.current.ready),
        ]
        count(m, begun, up=self.begin, down=self.done)
        count(m, left, up=self.complete, down=self.done)
        # A register of its own: it decides whether anything moves.
        m.d.sync += [
            self.bank.eq(self.bank + self.complete),
            oldest.eq(oldest + self.done),
            self.current.bank.eq(wanted),
            self.current.ready.eq((left > self.place) & ~self.move & ~self.done),
        ]
        with m.If(self.clear):
            m.d.sync += [reg.eq(0) for reg in (begun, left, oldest, self.bank, self.current.ready)]
        return m


class GroupLedger(wiring.Component):
    """A ``ListLedger``, and a ``ListQueue`` that stands for it in jobs whose steps go in groups.

    No fetcher follows the lists of such a job.

    Parameters
    ----------
    index_width : int
        Bits of an event's index.
    banks : int
        Lists of the queue.

    Members
    -------
    grouped : In
        The job's steps go in groups; stable from the cycle before ``clear`` on.
    others
        See ``ListLedger`` and ``ListQueue``.
    """

    def __init__(self, index_width: int, banks: int):
        self._index_width, self._banks = index_width, banks
        members = _queue_members(index_width, banks)
        for name in ("grouped", "follow", "fetched"):
            members[name] = In(1)
        super().__init__({**members, "ahead": Out(list_view(index_width, banks))})

    def elaborate(self, platform):
        """The one that the job asks for gets the pulses and answers."""
        m = Module()
        grouped = Signal()
        m.d.sync += grouped.eq(self.grouped)
        m.submodules.pair = pair = ListLedger(self._index_width)
        m.submodules.queue = queue = ListQueue(self._index_width, self._banks)
        for ledger, chosen in ((pair, ~grouped), (queue, grouped)):
            m.d.comb += [
                ledger.clear.eq(self.clear),
                *(
                    getattr(ledger, name).eq(getattr(self, name) & chosen)
                    for name in ("begin", "complete", "done")
                ),
                *(
                    getattr(ledger, name).eq(getattr(self, name))
                    for name in ("complete_empty", "complete_last", "complete_mode")
                ),
            ]
        m.d.comb += [
            pair.follow.eq(self.follow),
            pair.fetched.eq(self.fetched & ~grouped),
            queue.place.eq(self.place),
            queue.move.eq(self.move),
            self.room.eq(Mux(grouped, queue.room, pair.room)),
            self.bank.eq(Mux(grouped, queue.bank, pair.bank)),
        ]
        for name in self.current.shape().members:
            m.d.comb += [
                self.current[name].eq(Mux(grouped, queue.current[name], pair.current[name])),
                self.ahead[name].eq(pair.ahead[name]),
            ]
        return m
