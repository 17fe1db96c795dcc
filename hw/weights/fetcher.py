"""Asks DRAM for the weights that do not live in the weight memory."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.events.view import h_list_view, x_list_view
from hw.job import job_layout, part_beats
from hw.maps.scanner import read_signature
from hw.modes import Plan
from hw.weights.address import beats_of
from hw.weights.follower import ListFollower
from hw.weights.mapped import MapFollower
from hw.weights.residency import ResidencyWalk
from hw.weights.runs import RunMerger

__all__ = ["WeightFetcher"]


class WeightFetcher(wiring.Component):
    """Requests weights of the streamed blocks of every step, in the order of their use.

    The ``x`` parts of all blocks come first in each step, then the ``h`` parts. A job in which
    every column is an event of every step (``plan`` normal, neither ``skip`` nor ``zero_skip``) is
    asked for in whole parts, as far ahead as the reader and the ring let it, across steps. The
    fetches of any other job follow the lists, neighbours together; a part waits for its list alone.
    In a job with a map they do so past the words that are not stored (``MapFollower``).

    Where steps go in groups, whole ``x`` parts come once in each group, and then for each of its
    steps the ``h`` parts, whole or as their lists ask.

    Throughput: of whole parts, a request per cycle, and a cycle for a resident block. Following, a
    column per cycle, alone or in a run; a cycle for an empty list and for a resident block.
    Latency: whole parts: that of block 0 is asked for, or passed by, in the cycle after ``start``.
    Following: a run is asked for five cycles after its last column's turn, which is at the earliest
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
        The layer; stable from the cycle before ``start`` on, while active.
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
    map_read : Out
        Of the map and of the marks; with gates for maps only.
    request : Out
        One request per part of a streamed block, or per run of columns.
    request_hidden : Out
        The request is for words of ``h``.
    near : Out
        Low only where there is no request, and known earlier than that.
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
                "request_hidden": Out(1),
                "near": Out(1),
                **({"map_read": Out(read_signature(config))} if config.mapped else {}),
            }
        )

    def elaborate(self, platform):
        """Walks blocks, parts and steps; its DRAM address advances with each block."""
        m = Module()
        m.submodules.walk = walk = ResidencyWalk(self._config)
        job = self.job
        streamed, picks = Signal(), Signal()
        # Registers near: the job is stable long before it matters.
        self._beats_of_parts = [
            Signal.like(job.word_beats, name=f"{part}_word_beats") for part in "xh"
        ]
        for near, beats in zip(self._beats_of_parts, part_beats(job, self._config), strict=True):
            m.d.sync += near.eq(beats)
        self._part_beats = [
            Signal.like(self.request.payload.beats, name=f"{part}_beats") for part in "xh"
        ]
        picked, walks = (job.plan != Plan.NORMAL) | job.skip | job.zero_skip, streamed
        if self._config.mapped:
            # The follower of maps then does all of it.
            picked, walks = picked | job.mapped, streamed & ~job.mapped
        m.d.comb += [streamed.eq(job.resident_blocks != job.blocks), picks.eq(picked)]
        m.d.sync += self.follow.eq(streamed & picks)

        steps_left = Signal.like(job.steps)
        addr = Signal(unsigned(self._config.addr_width))
        active, hidden, whole = Signal(), Signal(), Signal()
        passed, ended, step_done = Signal(), Signal(), Signal()
        grouped, stays = self._group(m, step_done)
        # Registers of their own: they decide about much.
        x_turn, h_turn = Signal(), Signal()
        follower = self._follow(m, walk, (x_turn, h_turn), addr)
        taken = self._ask(m, active & whole & ~walk.resident, hidden, whole, addr)
        h_addr = Signal.like(addr)
        m.d.sync += h_addr.eq(job.weights_addr + self._part_beats[0] * self._config.bus_bytes)
        more = steps_left != 1
        begins_with_h, follows = ~hidden | stays, self.follow & (~hidden | more)
        move, restart = self.start | passed | follower.move, self.start | follower.done
        if self._config.mapped:
            mapped = self._follow_map(m, walk)
            move, restart = move | mapped.move, restart | mapped.restart
        m.d.comb += [
            whole.eq(~self.follow | (grouped & ~hidden)),
            passed.eq(active & whole & (walk.resident | taken)),
            ended.eq(follower.done | (passed & walk.last)),
            step_done.eq(ended & hidden),
            walk.job.eq(job),
            walk.move.eq(move),
            walk.restart.eq(restart),
        ]
        with m.If(walk.move):
            m.d.sync += addr.eq(addr + job.block_bytes)
            with m.If(self.start | ended):
                m.d.sync += addr.eq(Mux(~self.start & begins_with_h, h_addr, job.weights_addr))
        with m.If(ended):
            m.d.sync += [
                hidden.eq(begins_with_h),
                h_turn.eq(follows & begins_with_h),
                x_turn.eq(follows & ~begins_with_h & ~grouped),
            ]
        with m.If(step_done):
            m.d.sync += [steps_left.eq(steps_left - 1), active.eq(more)]
        with m.If(self.start):
            m.d.sync += [
                steps_left.eq(job.steps),
                active.eq(walks),
                x_turn.eq(walks & picks & ~grouped),
                h_turn.eq(0),
                hidden.eq(0),
            ]
        return m

    def _group(self, m, step_done):
        """Whether steps go in groups, and another one of its group is behind this one."""
        if self._config.lookahead == 1:
            return 0, 0
        job, stays = self.job, Signal()
        slot = Signal.like(job.steps_ahead)
        m.d.comb += stays.eq(slot != job.steps_ahead)
        with m.If(step_done):
            m.d.sync += slot.eq(Mux(stays, slot + 1, 0))
        with m.If(self.start):
            m.d.sync += slot.eq(0)
        return job.steps_ahead != 0, stays

    def _follow(self, m, walk, turns, addr):
        """The follower between the lists and the walk."""
        x_turn, h_turn = turns
        m.submodules.follower = follower = ListFollower(self._config)
        given = ("x_list", "h_list", "x_column", "h_column")
        shown = ("list_en", "list_bank", "list_index")
        m.d.comb += [
            *(getattr(follower, name).eq(getattr(self, name)) for name in given),
            *(getattr(self, name).eq(getattr(follower, name)) for name in shown),
            follower.x_turn.eq(x_turn),
            follower.h_turn.eq(h_turn),
            follower.x_word_beats.eq(self._beats_of_parts[0]),
            follower.word_beats.eq(self._beats_of_parts[1]),
            follower.resident.eq(walk.resident),
            follower.last.eq(walk.last),
            follower.addr.eq(addr),
            self.list_hidden.eq(h_turn),
        ]
        done = [follower.done & x_turn, follower.done & h_turn]
        if self._config.mapped:
            m.submodules.mapped = mapped = MapFollower(self._config)
            done = [done[0] | mapped.x_done, done[1] | mapped.h_done]
        m.d.comb += [self.x_fetched.eq(done[0]), self.h_fetched.eq(done[1])]
        return follower

    def _follow_map(self, m, walk):
        """The same past what the map leaves out."""
        mapped = m.submodules.mapped
        wiring.connect(m, mapped.read, wiring.flipped(self.map_read))
        m.d.comb += [
            *(getattr(mapped, name).eq(getattr(self, name)) for name in ("x_list", "h_list")),
            mapped.job.eq(self.job),
            mapped.start.eq(self.start),
            mapped.resident.eq(walk.resident),
            mapped.x_word_beats.eq(self._beats_of_parts[0]),
            mapped.word_beats.eq(self._beats_of_parts[1]),
        ]
        return mapped

    def _ask(self, m, asks, hidden, whole, addr):
        """Whole parts, or what the merger makes of columns; whether a whole part was taken."""
        request, follower = self.request, m.submodules.follower
        m.submodules.runs = runs = RunMerger(self._config, request.payload.shape())
        self._connect_columns(m, follower, runs.i)
        m.d.comb += [
            runs.x_word_beats.eq(self._beats_of_parts[0]),
            runs.word_beats.eq(self._beats_of_parts[1]),
        ]
        config = self._config
        columns, beats = Signal(), self._beats(m, hidden)
        # Columns that are on their way go before the parts behind them.
        under_way = runs.busy | ~follower.idle if config.lookahead > 1 else 0
        m.d.comb += [
            columns.eq(~whole | under_way),
            runs.o.ready.eq(request.ready & columns),
            request.valid.eq(Mux(columns, runs.o.valid, asks)),
            self.near.eq(asks | runs.busy),
            request.payload.addr.eq(Mux(columns, runs.o.payload.addr, addr)),
            request.payload.beats.eq(Mux(columns, runs.o.payload.beats, beats)),
            self.request_hidden.eq(Mux(columns, runs.hidden, hidden)),
        ]
        return request.ready & ~columns

    def _connect_columns(self, m, follower, columns):
        """Columns of the lists; or words, of a job with a map."""
        if not self._config.mapped:
            wiring.connect(m, follower.o, columns)
            return
        mapped = m.submodules.mapped
        chosen = self.job.mapped
        m.d.comb += [
            columns.payload.eq(Mux(chosen, mapped.o.payload, follower.o.payload)),
            columns.valid.eq(Mux(chosen, mapped.o.valid, follower.o.valid)),
            mapped.o.ready.eq(columns.ready & chosen),
            follower.o.ready.eq(columns.ready & ~chosen),
        ]

    def _beats(self, m, hidden):
        """Of the part that is wanted of a block."""
        job = self.job
        sizes, widths = (job.input_size, job.hidden_size), part_beats(job, self._config)
        for beats, size, width in zip(self._part_beats, sizes, widths, strict=True):
            m.d.sync += beats.eq(beats_of(size, width))
        return Mux(hidden, self._part_beats[1], self._part_beats[0])
