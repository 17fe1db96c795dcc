"""Replays a step's events for every block of a layer."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.counting import count
from hw.events.view import growing_view, h_list_view, x_list_view
from hw.job import job_layout
from hw.latency import LANES
from hw.maps.picker import hit_layout
from hw.maps.scanner import ListScanner, read_signature
from hw.modes import Mode
from hw.replay.group import GroupWalk
from hw.replay.operation import operation_layout
from hw.weights.address import weight_address_width
from hw.weights.residency import ResidencyWalk

__all__ = ["STALLS", "Replayer"]

STALLS = data.StructLayout({"input": 1, "hidden": 1, "weights": 1, "cell": 1})
"""Why nothing was issued or passed in this cycle; at most one is set."""


class Replayer(wiring.Component):
    """Issues a sequence: for each step the ``x`` events of every block, then the ``h`` events.

    So the ``x`` parts of all blocks are there to cover the way of the last ``h`` through lanes and
    cell unit into the next list. Events of both are issued for the first block while their list
    still grows, all but the newest; those of ``x`` only where steps do not go in groups. A list
    without events takes no cycle if it is of ``x``, and its sums stay; without events of ``h`` each
    block is passed. Steps of a job with lookahead go in groups: ``GroupWalk`` says in which order.

    Throughput: one operation, or one passed block, per cycle, also across parts, blocks and steps;
    behind an ``x`` part of a group a cycle is lost.
    Latency: the first operation is issued in the cycle after ``start`` at the earliest; each goes
    in the cycle in which what it waits for is there. A block is passed seven cycles after the last
    ``x`` operation at the earliest: then its sums are there.

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
    x_list, h_list : In
        The lists of the current step.
    x_growing, h_growing : In
        The lists being made: those of the current step where ``x_list`` or ``h_list`` is not ready.
    x_place, x_move : Out
        Which list of ``x`` that is, where steps go in groups: see ``ListQueue``.
    streamed_ready, streamed_addr : In
        A streamed word is in the weight memory, and where.
    part_ready, part_take : In, Out
        The words of a whole ``x`` part are there; pulse: they are not used any more.
    block_taken : In
        Pulse: the cell unit has read a block's sums; of the last step, where steps go in groups.
    op_valid, op : Out
        The operation of this cycle.
    op_units : Out
        Hidden units of its block, for counting.
    passed : Out
        Pulse: the next block is done without an operation.
    frozen : Out
        The step whose blocks were done or passed last holds its state. It changes with the first of
        them.
    step_done : Out
        Pulse with the last operation or passed block of a step: its lists are free.
    active : Out
        A sequence is under way.
    stall : Out
        Why nothing is issued or passed while active.
    map_read : Out
        Of the map and of the marks; with gates for maps only.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "x_list": In(x_list_view(config)),
                "h_list": In(h_list_view(config)),
                "x_growing": In(growing_view(x_list_view(config)["last"].width)),
                "h_growing": In(growing_view(h_list_view(config)["last"].width)),
                "x_place": Out(unsigned(config.slot_width or 1)),
                "x_move": Out(1),
                "part_ready": In(1),
                "part_take": Out(1),
                "streamed_ready": In(1),
                "streamed_addr": In(unsigned(weight_address_width(config))),
                "block_taken": In(1),
                "op_valid": Out(1),
                "op": Out(operation_layout(config)),
                "op_units": Out(unsigned(config.units_per_block.bit_length())),
                "passed": Out(1),
                "frozen": Out(1),
                "step_done": Out(1),
                "active": Out(1),
                "stall": Out(STALLS),
                **({"map_read": Out(read_signature(config))} if config.mapped else {}),
            }
        )

    def elaborate(self, platform):
        """Position, readiness, advance."""
        m = Module()
        m.submodules.walk = walk = ResidencyWalk(self._config)
        m.submodules.group = group = GroupWalk(self._config)
        # ``first``: the index is 0; ``final``: it is not, and that of the part's last event;
        # ``early``, of x and of h: the list grows, but the event is there and another behind it.
        flags = {"hidden": 1, "first": 1, "final": 1, "early": 2}
        position = data.StructLayout({"index": self.op.index.shape(), **flags})
        at = Signal(position)
        steps_left, counts = Signal.like(self.job.steps), Signal()
        part_end, turn = Signal(), Signal()
        x_end, advance = self._issue(m, walk, group, at)
        self._group(m, walk, group, steps_left - counts, x_end)
        m.d.comb += [
            part_end.eq(x_end & group.final),
            turn.eq(part_end & walk.last),
            walk.job.eq(self.job),
            self.step_done.eq(advance & walk.last),
            walk.move.eq(self.start | advance | part_end),
            walk.restart.eq(self.start),
        ]
        self._count(m, at, group)
        with m.If(advance):
            m.d.sync += self.frozen.eq((self.x_list.mode == Mode.SKIP) & self.job.freeze)
        with m.If(turn):
            m.d.sync += at.hidden.eq(1)
        with m.If(self.step_done):
            m.d.sync += [
                at.hidden.eq(group.grouped & ~group.full),
                self.active.eq(Mux(counts, steps_left != 2, steps_left != 1)),
            ]
        # A cycle late, as a step's end is known late and there are many bits.
        m.d.sync += counts.eq(self.step_done)
        with m.If(counts):
            m.d.sync += steps_left.eq(steps_left - 1)
        with m.If(self.start):
            m.d.sync += [
                at.eq(position.const({"first": 1})),
                steps_left.eq(self.job.steps),
                counts.eq(0),
                self.active.eq(1),
            ]
        return m

    def _count(self, m, at, group):
        """The next event of the part, and what is known of it."""
        op, growing = self.op, (self.x_growing, self.h_growing)
        # The index behind it is a register, as a sum would stand in front of the comparisons.
        behind = Signal.like(at.index, init=1)
        # Compared with each length, as it is known late which of them counts.
        lasts, newest = ([], []), ([], [])
        for view, grown in zip((self.x_list, self.h_list), growing, strict=True):
            for k, index in enumerate((at.index, behind)):
                newest[k].append(index == grown.newest)
                lasts[k].append(Mux(view.ready, index == view.last, newest[k][-1]))
        # An event that goes early is not the newest, so those behind it are not beyond that.
        early = [~Cat(newest[k]) for k in range(2)]
        first_early = Cat(grown.newest != 0 for grown in growing)
        # Where steps go in groups, the list of x that grows may be another one than is wanted.
        grows = Cat(growing[0].some & ~group.grouped, growing[1].some)
        with m.If(self.op_valid):
            m.d.sync += [
                at.index.eq(Mux(op.last, 0, behind)),
                behind.eq(Mux(op.last, 1, behind + 1)),
                at.first.eq(op.last),
                at.final.eq(~op.last & Mux(op.hidden, lasts[1][1], lasts[1][0])),
                at.early.eq(grows & Mux(op.last, first_early, early[1])),
            ]
        with m.Else():
            final = Mux(op.hidden, lasts[0][1], lasts[0][0])
            m.d.sync += [at.final.eq(~at.first & final), at.early.eq(grows & early[0])]
        with m.If(self.start):
            m.d.sync += behind.eq(1)

    def _group(self, m, walk, group, steps_left, x_end):
        ahead = group.grouped & ~self.op.hidden
        m.d.comb += [
            group.job.eq(self.job),
            group.start.eq(self.start),
            group.steps_left.eq(steps_left),
            group.part_end.eq(x_end),
            group.step_done.eq(self.step_done),
            self.x_place.eq(Mux(ahead, group.slot, 0)),
            self.x_move.eq(x_end),
            self.part_take.eq(x_end & group.grouped & group.final & ~walk.resident),
        ]

    def _issue(self, m, walk, group, at):
        """The operation; whether an ``x`` part ends with it, and whether the block does.

        Each part is judged by itself, and only then both together: this decides about much.
        """
        op, x, h, job = self.op, self.x_list, self.h_list, self.job
        x_end, advance = Signal(), Signal()
        # Without events of x, a step begins with those of h.
        no_x = x.empty
        hidden = at.hidden | no_x
        x_there, h_there = x.ready | at.early[0], x.ready & (h.ready | at.early[1])
        # A part's length is compared ahead.
        last_x, last_h = (view.ready & (at.final | (at.first & view.single)) for view in (x, h))
        part_ready = Mux(group.grouped, self.part_ready, self.streamed_ready)
        x_word, h_word = (walk.resident | ready for ready in (part_ready, self.streamed_ready))
        opens = at.first & group.full & (~at.hidden | no_x)
        full = self._track_full(m, opens)
        x_blocked, h_blocked = (at.first & group.full & full & also for also in (1, no_x))
        x_goes, h_goes = Signal(), Signal()
        if self._config.mapped:
            hit = self._scan(m)
            x_there, h_there = (each & (hit.valid | ~job.mapped) for each in (x_there, h_there))
            last_x, last_h = (Mux(job.mapped, hit.last, last) for last in (last_x, last_h))
            x_word, h_word = (word | hit.null for word in (x_word, h_word))
        mode = Mux(hidden & job.fresh_x, h.mode, x.mode)
        settling = self._settle(m, x_end)
        passes = x.ready & hidden & h.empty
        m.d.comb += [
            x_goes.eq(self.active & x_there & ~at.hidden & ~no_x & x_word & ~x_blocked),
            h_goes.eq(self.active & h_there & hidden & ~h.empty & h_word & ~h_blocked),
            x_end.eq(x_goes & last_x),
            self.passed.eq(self.active & passes & ~settling),
            advance.eq(self.passed | (h_goes & last_h)),
            self.op_valid.eq(x_goes | h_goes),
            op.hidden.eq(hidden),
            op.bank.eq(Mux(hidden, h.bank, x.bank)),
            op.index.eq(at.index),
            op.weight_base.eq(self._weight_base(walk, hidden)),
            op.streamed.eq(~walk.resident & ~(group.grouped & ~hidden)),
            op.fresh.eq((mode != Mode.DELTA) & (mode != Mode.SKIP)),
            op.slot.eq(group.slot),
            op.first.eq(at.first),
            op.last.eq(Mux(hidden, last_h, last_x)),
            op.block.eq(walk.block),
            op.block_end.eq(op.last & hidden),
            op.level.eq(self._level(mode)),
            self.op_units.eq(Mux(walk.last, job.tail_units, self._config.units_per_block)),
        ]
        there = Mux(hidden, h_there, x_there)
        if self._config.mapped:
            self._place(m, walk, hit)
            there = there | passes
        waits = Mux(passes, settling, opens & full)
        self._explain(m, hidden, there, waits, passes | Mux(hidden, h_word, x_word))
        return x_end, advance

    def _scan(self, m):
        """The hit that the scanner found next, in jobs with a map: null in none but these."""
        m.submodules.scanner = scanner = ListScanner(self._config, ahead=False)
        wiring.connect(m, scanner.read, wiring.flipped(self.map_read))
        given = ("job", "start", "x_list", "h_list", "step_done")
        found = data.StructLayout({"valid": 1, **hit_layout(self._config).members})
        hit = Signal(found)
        m.d.comb += [
            *(getattr(scanner, name).eq(getattr(self, name)) for name in given),
            scanner.base.eq(self.job.resident_base),
            *(hit[name].eq(scanner.o.payload[name]) for name in scanner.o.payload.shape().members),
            hit.valid.eq(scanner.o.valid),
            hit.null.eq(scanner.o.payload.null & self.job.mapped),
            scanner.o.ready.eq(self.op_valid & self.job.mapped),
        ]
        return hit

    def _place(self, m, walk, hit):
        """What is another in a job with a map: event and word are told by the hit."""
        op = self.op
        m.d.comb += [op.placed.eq(self.job.mapped), op.null.eq(hit.null)]
        with m.If(self.job.mapped):
            m.d.comb += [
                op.index.eq(hit.column),
                op.weight_base.eq(Mux(walk.resident, hit.place, self.streamed_addr)),
                op.streamed.eq(~walk.resident & ~hit.null),
            ]

    def _weight_base(self, walk, hidden):
        """Where the words of the part are, or the next streamed word is."""
        return Mux(walk.resident, Mux(hidden, walk.h_base, walk.x_base), self.streamed_addr)

    def _level(self, mode):
        """Level of the multiplier in a step of this mode."""
        job = self.job
        middle = Mux(mode == Mode.DELTA, job.delta_level, job.reduced_level)
        return Mux((mode == Mode.DELTA) | (mode == Mode.REDUCED), middle, 0)

    def _settle(self, m, x_end):
        """Sums of x are on their way: a block that is passed needs them."""
        under_way = Signal(LANES - 1)
        m.d.sync += under_way.eq((under_way << 1) | x_end)
        return under_way.any()

    def _explain(self, m, hidden, there, waits, word_ready):
        """The stall of a cycle in which nothing moves; what moves does not come into it, as it is
        known late.
        """
        lacks = self.active & ~waits & ~there
        m.d.comb += [
            self.stall.cell.eq(self.active & waits),
            self.stall.hidden.eq(lacks & hidden),
            self.stall.input.eq(lacks & ~hidden),
            self.stall.weights.eq(self.active & ~waits & there & ~word_ready),
        ]

    def _track_full(self, m, opens):
        """As many blocks as the layer has hold sums not yet taken: none may be opened."""
        held = Signal.like(self.job.blocks)
        opened, full = Signal(), Signal()
        m.d.comb += opened.eq((self.op_valid | self.passed) & opens)
        count(m, held, up=opened, down=self.block_taken)
        with m.If(opened ^ self.block_taken):
            m.d.sync += full.eq(opened & (held + 1 == self.job.blocks))
        with m.If(self.start):
            m.d.sync += [held.eq(0), full.eq(0)]
        return full
