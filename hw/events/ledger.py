"""Which of two event lists is being made, and which is in use."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.counting import count
from hw.events.view import MODE, list_view

__all__ = ["ListLedger"]


class ListLedger(wiring.Component):
    """Accounts for two banks that are filled and used in turn, by one reader or by two.

    The replayer uses every list. Where a fetcher follows the lists, it goes through each of them,
    before or after the replayer; a bank is free again when nobody needs it any more.

    Latency: outputs change in the cycle after the pulse that changes them. The mode of a list that
    grows is shown from the cycle after ``complete_mode`` or, if that is later, ``done``.

    Parameters
    ----------
    index_width : int
        Bits of an event's index.

    Members
    -------
    clear : In
        Forget all lists; the next to be made is in bank 0.
    begin : In
        Pulse: a list is begun. Allowed while ``room``.
    complete, complete_empty, complete_last, complete_mode : In
        Pulse: the list that was begun, in this cycle at the latest, is complete: without events or
        with its last event at this index, for a step of this mode. The mode may be there before.
    done : In
        Pulse: the replayer has used ``current``. Allowed while that is ready.
    follow : In
        A fetcher goes through the lists too; stable from ``clear`` on.
    fetched : In
        Pulse: the fetcher has gone through ``ahead``. Allowed while that is ready.
    room : Out
        A list may be begun.
    bank : Out
        Bank of the list being made.
    current : Out
        The oldest list that is not ``done``.
    ahead : Out
        The oldest list that is not ``fetched``; without meaning unless ``follow``.
    """

    def __init__(self, index_width: int):
        super().__init__(
            {
                "clear": In(1),
                "begin": In(1),
                "complete": In(1),
                "complete_empty": In(1),
                "complete_last": In(index_width),
                "complete_mode": In(MODE),
                "done": In(1),
                "follow": In(1),
                "fetched": In(1),
                "room": Out(1),
                "bank": Out(1),
                "current": Out(list_view(index_width)),
                "ahead": Out(list_view(index_width)),
            }
        )

    def elaborate(self, platform):
        """Banks in use; what each reader has not used, and its view of the oldest of that."""
        m = Module()
        begun, freed, fetched, full = Signal(range(3)), Signal(), Signal(), Signal()
        known = {name: self.current[name].shape() for name in ("empty", "last", "single", "mode")}
        completed = Signal(data.StructLayout(known))
        newest = Signal.like(completed)
        m.d.comb += [
            fetched.eq(self.fetched & self.follow),
            completed.empty.eq(self.complete_empty),
            completed.last.eq(self.complete_last),
            completed.single.eq(self.complete_last == 0),
            completed.mode.eq(self.complete_mode),
        ]
        m.d.sync += self.bank.eq(self.bank ^ self.complete)
        with m.If(self.complete):
            m.d.sync += newest.eq(completed)
        count(m, begun, up=self.begin, down=freed)
        # A register of its own: it decides whether anything may come.
        with m.If(self.begin ^ freed):
            m.d.sync += full.eq(self.begin & (begun == 1))
        m.d.comb += self.room.eq(~full)
        not_done = self._track(m, self.current, self.complete, self.done, completed, newest)
        followed = self.complete & self.follow
        not_fetched = self._track(m, self.ahead, followed, fetched, completed, newest)
        # A bank is free when the slower reader is through with it.
        replayer_frees = self.done & (fetched | (not_done > not_fetched))
        fetcher_frees = fetched & (not_fetched > not_done)
        m.d.comb += freed.eq(Mux(self.follow, replayer_frees | fetcher_frees, self.done))
        with m.If(self.clear):
            m.d.sync += [begun.eq(0), full.eq(0), self.bank.eq(0)]
        return m

    def _track(self, m, view, complete, used, completed, newest):
        """Lists that a reader has yet to use, and its view of the first of them."""
        left = Signal(range(3))
        count(m, left, up=complete, down=used)
        with m.If(used):
            m.d.sync += view.bank.eq(~view.bank)
        # What is known of a list that grows is shown before it is complete.
        with m.If(used | ~view.ready):
            shown = data.View(completed.shape(), Mux(left == 2, newest, completed))
            m.d.sync += [view[name].eq(shown[name]) for name in ("last", "single", "mode")]
            # A register of its own: it decides whether anything moves.
            another = complete | (left == 2)
            m.d.sync += [view.ready.eq(another), view.empty.eq(shown.empty & another)]
        with m.If(self.clear):
            m.d.sync += [left.eq(0), view.bank.eq(0), view.ready.eq(0), view.empty.eq(0)]
        return left
