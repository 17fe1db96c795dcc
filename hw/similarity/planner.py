"""Tells the modes of a plan, in machines that choose none by a score."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.descriptor import KEPT_DIRECTIONS
from hw.events.view import MODE
from hw.job import job_layout
from hw.modes import Middle, Mode, Plan
from hw.similarity.chooser import row_buffer_depth
from hw.streams.fifo import Fifo

__all__ = ["PlanChooser"]


class PlanChooser(wiring.Component):
    """What ``ModeChooser`` does for jobs without skips and scores, and no gate for those.

    A step is normal where ``normal_every`` says so and in the first place, and else in the mode of
    the plan. Modes do not wait for rows. How many steps ago one had to be normal is kept by the
    job's ``keeper`` when a sequence ends, in machines that have ``resume``.

    Throughput: one beat, and one mode, per cycle.
    Latency: a beat passes in 2 cycles; the mode is there 3 cycles after ``start`` or after the
    choice before.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    job, start, beats, rows, x_modes, h_modes : as of ``ModeChooser``.
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
        """Rows pass; the count of steps; the queues of modes."""
        m = Module()
        m.submodules.buffer = buffer = Fifo(self._config.bus_width, row_buffer_depth(self._config))
        # Modes of x are asked for before those of h, by as many steps as x has lists, and one.
        waiting = self._config.x_lists + 2
        m.submodules.x_queue = x_queue = Fifo(MODE, waiting)
        m.submodules.h_queue = h_queue = Fifo(MODE, waiting)
        wiring.connect(m, wiring.flipped(self.beats), buffer.i)
        wiring.connect(m, buffer.o, wiring.flipped(self.rows))
        wiring.connect(m, x_queue.o, wiring.flipped(self.x_modes))
        wiring.connect(m, h_queue.o, wiring.flipped(self.h_modes))
        told, opening, behind = self._tell(m, x_queue.i.ready & h_queue.i.ready)
        m.d.comb += [
            x_queue.i.valid.eq(told & ~behind),
            h_queue.i.valid.eq(told & (~opening | self.job.resume)),
            h_queue.i.payload.eq(Mux(behind, Mode.SKIP, x_queue.i.payload)),
            x_queue.i.payload.eq(self._mode),
        ]
        return m

    def _tell(self, m, room):
        """A mode in each cycle in which both queues have room; whether it is the first, or behind
        the last.
        """
        job, active = self.job, Signal()
        step = Signal(
            data.StructLayout(
                {
                    "left": job.steps.shape(),  # steps from this one on
                    "opening": 1,
                    "behind": 1,
                    **self._kept_counts(),
                }
            )
        )
        told, ends = Signal(), Signal()
        found = self._keep(m, step, told & step.behind)
        middle = Mux(job.middle == Middle.REDUCED, Mode.REDUCED, Mode.DELTA)
        plain = Mux(job.plan == Plan.MIDDLE, middle, Mode.NORMAL)
        self._mode = Mux(step.due, Mode.NORMAL, plain)
        # By registers, without a sum: the job stands long before a sequence starts.
        before, counts = Signal.like(step.since), Signal()
        m.d.sync += [before.eq(job.normal_every - 1), counts.eq(job.normal_every != 0)]
        due = counts & (step.since == before)
        m.d.comb += [told.eq(active & room), ends.eq(told & step.behind)]
        with m.If(ends):
            m.d.sync += active.eq(0)
        with m.Elif(told):
            m.d.sync += [
                step.left.eq(step.left - 1),
                step.since.eq(Mux(due, 0, step.since + 1)),
                step.opening.eq(0),
                step.behind.eq(step.left == 1),
                step.due.eq(due),
            ]
        with m.If(self.start):
            m.d.sync += [
                active.eq(1),
                step.left.eq(job.steps),
                step.since.eq(Mux(job.resume, found.since, 0)),
                step.opening.eq(1),
                step.behind.eq(0),
                step.due.eq(~job.resume | found.due),
            ]
        return told, step.opening, step.behind

    def _kept_counts(self):
        return {
            "since": self.job.normal_every.shape(),  # steps since one that had to be normal
            "due": 1,  # the next one has to be normal
        }

    def _keep(self, m, step, write_en):
        """What each keeper has of the sequence before: it is read before a sequence starts."""
        layout = data.StructLayout(self._kept_counts())
        if not self._config.resume:
            return Signal(layout, name="found")
        m.submodules.keepers = keepers = memory.Memory(shape=layout, depth=KEPT_DIRECTIONS, init=[])
        write, read = keepers.write_port(), keepers.read_port()
        m.d.comb += [
            write.addr.eq(self.job.keeper),
            write.en.eq(write_en),
            *(write.data[name].eq(step[name]) for name in self._kept_counts()),
            read.addr.eq(self.job.keeper),
        ]
        return read.data
