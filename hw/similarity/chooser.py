"""Chooses the mode of each step."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.descriptor import KEPT_DIRECTIONS
from hw.events.rows import max_row_beats
from hw.events.view import MODE
from hw.job import job_layout
from hw.modes import Middle, Mode, Plan
from hw.similarity.distance import RowDistance, distance_latency, reference_layout
from hw.similarity.near import NearTest
from hw.streams.fifo import Fifo

__all__ = ["ModeChooser", "choice_latency", "row_buffer_depth"]


def row_buffer_depth(config: Config) -> int:
    """Beats of the two longest rows: one waits for its events while the next is scored."""
    return 2 * max_row_beats(config)


def choice_latency(config: Config) -> int:
    """Cycles from the last beat of a row to its mode on ``x_modes``, where a score is needed."""
    return distance_latency(config) + NearTest.LATENCY + 3


class ModeChooser(wiring.Component):
    """Lets rows of ``x`` pass and chooses the mode of each step, as ``docs/modes.md`` defines it.

    A job with skips or a scored plan compares each row while it passes; its row of the next step
    passes when the mode is chosen. In any other job modes do not wait for rows, and nothing is
    compared. What the next step's mode depends on is kept by the job's ``keeper`` when a sequence
    ends; a job that goes on from another begins with that, and its first step is like any other.

    Throughput: one beat per cycle; a mode per cycle without scores, else one row in
    ``choice_latency(config)`` cycles beside its beats.
    Latency: a beat passes in 2 cycles; without scores, or for a step that is normal in any case,
    the mode is there 3 cycles after ``start`` or after the choice before.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job : In
        The layer; stable while active.
    start : In
        Begin a sequence.
    beats : In
        Rows of ``x``.
    rows : Out
        The same. At least two rows are held if they are not taken.
    x_modes : Out
        Modes of steps 0, 1, ...
    h_modes : Out
        Modes of steps 1, 2, ..., of step 0 too if the job goes on from another; then skip for the
        list behind the last step: that of h is not known to be an event before its step's mode is.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "job": In(job_layout(config)),
                "start": In(1),
                "beats": In(stream.Signature(config.bus_width)),
                "rows": Out(stream.Signature(config.bus_width)),
                "x_modes": Out(stream.Signature(MODE)),
                "h_modes": Out(stream.Signature(MODE)),
            }
        )

    def elaborate(self, platform):
        """Rows pass; sums, tests, the choice, the queues of modes."""
        m = Module()
        m.submodules.distance = distance = RowDistance(self._config)
        m.submodules.buffer = buffer = Fifo(self._config.bus_width, row_buffer_depth(self._config))
        # Modes of x are asked for before those of h, by as many steps as x has lists, and one.
        waiting = self._config.x_lists + 2
        m.submodules.x_queue = x_queue = Fifo(MODE, waiting)
        m.submodules.h_queue = h_queue = Fifo(MODE, waiting)
        wiring.connect(m, buffer.o, wiring.flipped(self.rows))
        wiring.connect(m, x_queue.o, wiring.flipped(self.x_modes))
        wiring.connect(m, h_queue.o, wiring.flipped(self.h_modes))
        scored, may_pass = Signal(), Signal()
        # Stable long before a sequence starts; in a register, as it begins long paths.
        m.d.sync += scored.eq(self.job.skip | (self.job.plan == Plan.SCORED))
        m.d.comb += [
            may_pass.eq(~scored | distance.open),
            buffer.i.payload.eq(self.beats.payload),
            buffer.i.valid.eq(self.beats.valid & may_pass),
            self.beats.ready.eq(buffer.i.ready & may_pass),
            distance.job.eq(self.job),
            distance.start.eq(self.start),
            distance.codes.eq(self.beats.payload),
            distance.valid.eq(self.beats.valid & self.beats.ready & scored),
        ]
        told = self._choose(m, distance, scored, x_queue.i.ready & h_queue.i.ready)
        m.d.comb += [
            x_queue.i.valid.eq(told.valid & ~told.behind),
            x_queue.i.payload.eq(told.mode),
            h_queue.i.valid.eq(told.valid & (~told.opening | self.job.resume)),
            h_queue.i.payload.eq(told.mode),
        ]
        return m

    def _choose(self, m, distance, scored, room):
        """One step after the other: know its row, choose, tell both queues in the same cycle."""
        told = Signal(data.StructLayout({"valid": 1, "mode": MODE, "opening": 1, "behind": 1}))
        chosen, advance, test = Signal(MODE), Signal(), Signal()
        skipped = told.mode == Mode.SKIP
        kept = self._keep(m, distance, told)
        step = self._count(m, advance, skipped, kept)
        scores = self._score(m, distance, test, step.run)
        plain = Mux(self.job.plan == Plan.MIDDLE, _middle(self.job), Mode.NORMAL)
        # A register for each state, as they begin long paths.
        begins, passes, waits, tests, tells, ends = [
            Signal(name=name)
            for name in ("begins", "row_passes", "awaits_row", "tests", "tells", "tells_behind")
        ]
        known, finds, told_now = Signal(), Signal(), Signal()
        m.d.comb += [
            known.eq(step.due | ~scored),
            told.opening.eq(step.opening),
            told.behind.eq(ends),
            told.valid.eq(room & ((begins & known) | tells | ends)),
            told.mode.eq(Mux(tells, chosen, Mux(step.due, Mode.NORMAL, plain))),
            # The mode of this step has been told, and its row has passed.
            told_now.eq(room & ((begins & ~scored) | tells)),
            advance.eq(told_now | (passes & distance.ready)),
            finds.eq(tests & scores.ready),
            test.eq(waits & distance.ready),
            distance.next.eq(advance & scored),
            distance.keep.eq(self.job.previous | ~skipped),
        ]
        with m.If(ends):
            m.d.comb += told.mode.eq(Mode.SKIP)
        with m.If(finds):
            m.d.sync += chosen.eq(scores.mode)
        final = step.left == 1
        m.d.sync += [
            begins.eq(self.start | (advance & ~final) | (begins & known & ~room)),
            passes.eq((begins & step.due & scored & room) | (passes & ~distance.ready)),
            waits.eq((begins & ~known) | (waits & ~distance.ready)),
            tests.eq(test | (tests & ~scores.ready)),
            tells.eq(finds | (tells & ~room)),
            ends.eq((advance & final) | (ends & ~room)),
        ]
        return told

    def _keep(self, m, distance, told):
        """What is kept of the sequence before, by each keeper: it is read before a sequence starts.

        When the mode of the list behind the last step is told, all is as the next step wants it.
        """
        layout = data.StructLayout(
            {"reference": reference_layout(self._config), **self._kept_counts()}
        )
        if not self._config.resume:
            return Signal(layout, name="kept"), Signal(layout, name="found")
        m.submodules.keepers = keepers = memory.Memory(shape=layout, depth=KEPT_DIRECTIONS, init=[])
        write, read = keepers.write_port(), keepers.read_port()
        m.d.comb += [
            write.addr.eq(self.job.keeper),
            write.en.eq(told.valid & told.behind),
            write.data.reference.eq(distance.reference),
            read.addr.eq(self.job.keeper),
            distance.begin.eq(read.data.reference),
        ]
        return write.data, read.data

    def _kept_counts(self):
        return {
            "since": self.job.normal_every.shape(),  # steps since one that had to be normal
            "run": self.job.max_skips.shape(),  # steps right before this one that were skipped
            "due": 1,  # it has to be normal
        }

    def _count(self, m, advance, skipped, kept):
        """The step, and what its mode depends on beside its row."""
        job, (keep, found) = self.job, kept
        step = Signal(
            data.StructLayout(
                {
                    "left": job.steps.shape(),  # steps from this one on
                    "opening": 1,  # it is the first
                    **self._kept_counts(),
                }
            )
        )
        m.d.comb += [keep[name].eq(step[name]) for name in self._kept_counts()]
        # By registers, without a sum: the job stands long before a sequence starts.
        before, counts = Signal.like(step.since), Signal()
        m.d.sync += [before.eq(job.normal_every - 1), counts.eq(job.normal_every != 0)]
        due = counts & (step.since == before)
        with m.If(advance):
            m.d.sync += [
                step.left.eq(step.left - 1),
                step.since.eq(Mux(due, 0, step.since + 1)),
                step.run.eq(Mux(skipped, step.run + 1, 0)),
                step.opening.eq(0),
                step.due.eq(due),
            ]
        # A first step that has none before it is not skipped, so no run goes on behind it.
        with m.If(self.start):
            m.d.sync += [
                step.left.eq(job.steps),
                step.since.eq(Mux(job.resume, found.since, 0)),
                step.run.eq(found.run),
                step.opening.eq(1),
                step.due.eq(~job.resume | found.due),
            ]
        return step

    def _score(self, m, distance, test, run):
        """The mode that the row's score asks for."""
        job = self.job
        scores = Signal(data.StructLayout({"ready": 1, "mode": MODE}))
        width = len(distance.norm)
        m.submodules.skip_test = skip = NearTest(width)
        m.submodules.middle_test = middle = NearTest(width)
        for near, limit in ((skip, job.skip_distance), (middle, job.middle_distance)):
            m.d.comb += [
                near.start.eq(test),
                near.limit.eq(limit),
                near.distance.eq(distance.distance),
                near.norm.eq(distance.norm),
            ]
        # The run stands while the row passes.
        may_skip = Signal()
        m.d.sync += may_skip.eq(job.skip & ((job.max_skips == 0) | (run < job.max_skips)))
        is_middle = (job.plan == Plan.MIDDLE) | ((job.plan == Plan.SCORED) & middle.near)
        m.d.comb += [scores.ready.eq(skip.ready), scores.mode.eq(Mode.NORMAL)]
        with m.If(may_skip & skip.near):
            m.d.comb += scores.mode.eq(Mode.SKIP)
        with m.Elif(is_middle):
            m.d.comb += scores.mode.eq(_middle(job))
        return scores


def _middle(job):
    return Mux(job.middle == Middle.REDUCED, Mode.REDUCED, Mode.DELTA)
