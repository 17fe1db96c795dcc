"""Asks DRAM for the weights that do not live in the weight memory."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.events.view import h_list_view, x_list_view
from hw.job import job_layout
from hw.modes import Plan
from hw.weights.follower import ListFollower
from hw.weights.residency import ResidencyWalk
from hw.weights.runs import RunMerger

__all__ = ["WeightFetcher"]


class WeightFetcher(wiring.Component):
    """Requests weights of the streamed blocks of every step, in the order of their use.

    A job in which every column is an event of every step (``plan`` normal, neither ``skip`` nor
    ``zero_skip``) is asked for in whole blocks, as far ahead as the reader and the ring let it,
    across steps. The fetches of any other job follow the lists: for each block the columns of
    ``x``, then those of ``h``, neighbours together. A part waits for its list alone.

    Where steps go in groups, the whole ``x`` parts of all blocks come first in each group, and
    then for each of its steps the ``h`` parts, whole or as their lists ask.

    Throughput: of whole blocks, a request per cycle, and a cycle for a resident block. Following, a
    column per cycle, alone or in a run; a cycle for an empty list and for a resident block, two for
    the layer's last; two cycles for a step without events.
    Latency: whole blocks: block 0 is asked for, or passed by, in the cycle after ``start``.
    Following: a run is asked for four cycles after its last column's turn, which is at the earliest
    in the cycle after ``start`` and that in which its list is ready.

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
    follow : Out
        This job's fetches follow its lists; from the cycle after ``job`` on.
    x_list, h_list : In
        Views of the lists in their turn, which wait for this fetcher.
    x_fetched, h_fetched : Out
        Pulses: it has gone through the list in its turn. Each list of a job that follows has one.
    list_en, list_hidden, list_bank, list_index : Out
        Read this event of the list of ``h`` (else of ``x``).
    x_column, h_column : In
        Column of that event, a cycle later.
    request : Out
        One request per streamed block, or per run of columns.
    """

    def __init__(self, config: Config, request: data.StructLayout):
        self._config = config
        column = unsigned(column_width(config))
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "follow": Out(1),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "x_fetched": Out(1),
                "h_fetched": Out(1),
                "list_en": Out(1),
                "list_hidden": Out(1),
                "list_bank": Out(range(config.x_lists)),
                "list_index": Out(column),
                "x_column": In(column),
                "h_column": In(column),
                "request": Out(stream.Signature(request)),
            }
        )

    def elaborate(self, platform):
        """Walks blocks and steps; its DRAM address advances with each block."""
        m = Module()
        m.submodules.walk = walk = ResidencyWalk(self._config)
        job = self.job
        streamed, picks = Signal(), Signal()
        m.d.comb += [
            streamed.eq(job.resident_blocks != job.blocks),
            picks.eq((job.plan != Plan.NORMAL) | job.skip | job.zero_skip),
        ]
        m.d.sync += self.follow.eq(streamed & picks)

        # Whole blocks, or those that follow lists, are to be asked for: at most one is set.
        whole, following = Signal(), Signal()
        steps_left = Signal.like(job.steps)
        addr = Signal(unsigned(self._config.addr_width))
        ahead, turn = Signal(), Signal()
        passed, step_done = Signal(), Signal()
        follower = self._follow(m, walk, following & ~ahead, addr)
        parts = whole | ahead
        taken = self._ask(m, parts & ~walk.resident, ahead, addr)
        m.d.comb += [
            passed.eq(follower.next | (parts & (walk.resident | taken))),
            step_done.eq(follower.step_done | (whole & ~ahead & passed & walk.last)),
            turn.eq(ahead & passed & walk.last),
            walk.job.eq(job),
            walk.next.eq(passed),
            walk.restart.eq(self.start | step_done | turn),
        ]
        with m.If(passed):
            m.d.sync += addr.eq(addr + job.block_bytes)
        with m.If(step_done):
            m.d.sync += steps_left.eq(steps_left - 1)
            with m.If(steps_left == 1):
                m.d.sync += [whole.eq(0), following.eq(0)]
        with m.If(self.start):
            m.d.sync += [
                steps_left.eq(job.steps),
                whole.eq(streamed & ~picks),
                following.eq(streamed & picks),
            ]
        with m.If(walk.restart):
            m.d.sync += addr.eq(job.weights_addr)
        if self._config.lookahead > 1:
            self._group(m, ahead, turn, step_done, steps_left != 1, addr)
        return m

    def _group(self, m, ahead, turn, step_done, more, addr):
        """Whether x parts come next, for a group of steps."""
        job = self.job
        slot, last, grouped = Signal.like(job.steps_ahead), Signal(), job.steps_ahead != 0
        h_addr, x_bytes = Signal.like(addr), job.input_size * self._config.column_bytes
        m.d.comb += last.eq(slot == job.steps_ahead)
        m.d.sync += h_addr.eq(job.weights_addr + Mux(self.follow, 0, x_bytes))
        with m.If(turn | (step_done & ~last)):
            m.d.sync += addr.eq(h_addr)
        with m.If(turn):
            m.d.sync += ahead.eq(0)
        with m.If(step_done):
            m.d.sync += [slot.eq(Mux(last, 0, slot + 1)), ahead.eq(grouped & last & more)]
        with m.If(self.start):
            m.d.sync += [slot.eq(0), ahead.eq(grouped)]

    def _follow(self, m, walk, following, addr):
        """The follower between the lists and the walk."""
        m.submodules.follower = follower = ListFollower(self._config)
        given = ("job", "x_list", "h_list", "x_column", "h_column")
        shown = ("list_en", "list_hidden", "list_bank", "list_index")
        m.d.comb += [
            *(getattr(follower, name).eq(getattr(self, name)) for name in given),
            *(getattr(self, name).eq(getattr(follower, name)) for name in shown),
            follower.active.eq(following),
            follower.resident.eq(walk.resident),
            follower.last.eq(walk.last),
            follower.addr.eq(addr),
            self.x_fetched.eq(follower.step_done),
            self.h_fetched.eq(follower.step_done),
        ]
        # The lists of x of a group are nothing to follow.
        with m.If(self.job.steps_ahead != 0):
            m.d.comb += [follower.x_list.ready.eq(1), follower.x_list.empty.eq(1)]
        return follower

    def _ask(self, m, asks, ahead, addr):
        """Whole blocks or parts, or what the merger makes of columns; whether one was taken."""
        request, follower = self.request, m.submodules.follower
        m.submodules.runs = runs = RunMerger(self._config, request.payload.shape())
        wiring.connect(m, follower.o, runs.i)
        config = self._config
        columns, beats = Signal(), self._beats(m, ahead)
        # Columns that are on their way go before the parts behind them.
        under_way = runs.busy | ~follower.idle if config.lookahead > 1 else 0
        m.d.comb += [
            columns.eq(self.follow & (~ahead | under_way)),
            runs.o.ready.eq(request.ready & columns),
            request.valid.eq(Mux(columns, runs.o.valid, asks)),
            request.payload.addr.eq(Mux(columns, runs.o.payload.addr, addr)),
            request.payload.beats.eq(Mux(columns, runs.o.payload.beats, beats)),
        ]
        return request.ready & ~columns

    def _beats(self, m, ahead):
        """Of a block, or of the part that is wanted of it."""
        config, job = self._config, self.job
        block_beats = job.block_bytes // config.bus_bytes
        if config.lookahead == 1:
            return block_beats
        parts = [Signal.like(self.request.payload.beats, name=name) for name in ("x", "h")]
        for beats, size in zip(parts, (job.input_size, job.hidden_size), strict=True):
            m.d.sync += beats.eq(size * (config.column_bytes // config.bus_bytes))
        x_beats, h_beats = parts
        return Mux(job.steps_ahead != 0, Mux(ahead, x_beats, h_beats), block_beats)
