"""The machine without its registers: sequencer, engine and bus masters."""

from amaranth import Cat, Module, Mux, ResetInserter, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.axi.bursts import request_layout
from hw.axi.reader import ReadMaster
from hw.axi.signatures import Axi4Signature, connect_halves
from hw.axi.watchdog import Watchdog
from hw.axi.writer import WriteMaster
from hw.config import Config
from hw.control.override import override_layout
from hw.engine import Engine, work_layout
from hw.job import part_beats
from hw.latency import ROW_BURSTS, WEIGHT_BURSTS
from hw.registers import Error
from hw.sequencer.decoder import DescriptorDecoder
from hw.sequencer.sequencer import Sequencer
from hw.sequencer.stopper import Stopper
from hw.weights.address import beats_of

__all__ = ["BEATS_WIDTH", "Core", "activity_layout"]

BEATS_WIDTH = 20
"""Bits of the beats of a request: a block of 8192 columns of 64 bytes, in beats of 8 bytes."""


def activity_layout(config: Config) -> data.StructLayout:
    """What happened in a cycle, for the counters; see ``COUNTERS`` in ``hw/registers.py``."""
    return data.StructLayout(
        {
            "busy": 1,
            **work_layout(config).members,
            "dense_macs": unsigned(32),
            "dense_bytes": unsigned(32),
            "beats": range(config.max_input * config.word_beats + 1),
            "read": 1,
            "written": 1,
            "stall_load": 1,
            "stall_input": 1,
            "stall_hidden": 1,
            "stall_weights": 1,
            "stall_cell": 1,
            "stall_drain": 1,
        }
    )


class Core(wiring.Component):
    """Runs a table of layer descriptors from DRAM to DRAM.

    Every cycle in which ``busy`` is set issues an operation or has exactly one stall.

    Parameters
    ----------
    config : Config
        The machine.

    Members
    -------
    start, descriptor : In
        Begin with the descriptor at this address. Ignored while busy.
    override : In
        Words that stand for those of every descriptor.
    output_base, output_limit : In
        Window of addresses that may be written.
    watchdog : In
        Cycles that the memory may owe an answer and do nothing; 0 for ever.
    soft_reset : In
        Pulse: give up whatever is running.
    give_up : In
        Level: the same, for a host that need not be told.
    m_axi : Out
        DRAM.
    busy, done : Out
        Running; pulse at the end of a run without error.
    failed, error : Out
        Pulse: a run has been given up, and why. ``Error.NONE`` is a soft reset.
    activity : Out
        For the counters.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "start": In(1),
                "descriptor": In(config.addr_width),
                "override": In(override_layout()),
                "output_base": In(config.addr_width),
                "output_limit": In(config.addr_width),
                "watchdog": In(32),
                "soft_reset": In(1),
                "give_up": In(1),
                "m_axi": Out(Axi4Signature(config.addr_width, config.bus_width)),
                "busy": Out(1),
                "done": Out(1),
                "failed": Out(1),
                "error": Out(Error),
                "activity": Out(activity_layout(config)),
            }
        )

    def elaborate(self, platform):
        """Parts, wires between them, what the outside sees."""
        m = Module()
        config = self._config
        request = request_layout(config.addr_width, BEATS_WIDTH)
        m.submodules.stopper = stopper = Stopper()
        sequencer, decoder = Sequencer(config, request), DescriptorDecoder(config)
        written = request_layout(config.addr_width, _written_width(config))
        engine = Engine(config, request, written)
        for name, part in (("sequencer", sequencer), ("decoder", decoder), ("engine", engine)):
            m.submodules[name] = ResetInserter(stopper.flush)(part)
        reader, writer = self._masters(m, stopper)
        self._connect_reads(m, reader, sequencer, engine)
        self._connect_writes(m, writer, sequencer, engine)
        self._connect_control(m, sequencer, decoder, engine)
        expired = self._watch(m, reader, writer)
        self._stop_on_errors(m, stopper, sequencer, reader, writer, expired)
        self._report(m, sequencer, engine, reader, writer)
        m.d.comb += [
            sequencer.start.eq(self.start & ~self.busy),
            sequencer.descriptor.eq(self.descriptor),
            self.busy.eq(sequencer.busy | stopper.halt),
            self.done.eq(sequencer.done & ~stopper.halt),
        ]
        return m

    def _masters(self, m, stopper):
        config = self._config
        row = ROW_BURSTS * config.burst_beats
        common = {
            "addr_width": config.addr_width,
            "data_width": config.bus_width,
            "burst_beats": config.burst_beats,
            "bursts_in_flight": config.bursts_in_flight,
        }
        # Of the reads, control goes first: nothing runs without it. Weights go last: they are
        # asked for far ahead, and would keep a row of x waiting.
        weights = config.burst_beats * min(config.bursts_in_flight, WEIGHT_BURSTS)
        # Their columns may be a beat each, so they need every cycle for a request.
        m.submodules.reader = reader = ReadMaster(
            buffers=(row, row, weights), ahead=(2,), beats_width=BEATS_WIDTH, **common
        )
        # A state is written once, slower than a burst leaves, and waits for nothing but that.
        buffers = (row, max(config.burst_beats, 3)) if config.states else (row,)
        m.submodules.writer = writer = WriteMaster(
            buffers=buffers, beats_width=_written_width(config), **common
        )
        connect_halves(m, self.m_axi, reader.axi, writer.axi)
        m.d.comb += [
            writer.base.eq(self.output_base),
            writer.limit.eq(self.output_limit),
            stopper.bus_idle.eq(reader.idle & writer.idle),
        ]
        for master in (reader, writer):
            m.d.comb += [master.halt.eq(stopper.halt), master.flush.eq(stopper.flush)]
        return reader, writer

    def _connect_reads(self, m, reader, sequencer, engine):
        clients = (
            (sequencer.request, sequencer.beats),
            (engine.x_request, engine.x_beats),
            (engine.weight_request, engine.weight_beats),
        )
        for client, (request, beats) in enumerate(clients):
            wiring.connect(m, request, reader.request[client])
            near = engine.weight_near if client == 2 else request.valid
            answer = reader.data[client]
            m.d.comb += [
                reader.near[client].eq(near),
                beats.valid.eq(answer.valid),
                beats.payload.eq(answer.payload.data),
                answer.ready.eq(beats.ready),
            ]
        m.d.comb += engine.weight_last.eq(reader.data[2].payload.last)

    def _connect_writes(self, m, writer, sequencer, engine):
        wiring.connect(m, engine.h_request, writer.request[0])
        wiring.connect(m, engine.h_beats, writer.data[0])
        m.d.comb += [
            writer.near[0].eq(engine.h_request.valid),
            sequencer.writes_drained.eq(writer.drained),
        ]
        if self._config.states:
            wiring.connect(m, engine.state_request, writer.request[1])
            wiring.connect(m, engine.state_beats, writer.data[1])
            m.d.comb += writer.near[1].eq(engine.state_request.valid)

    def _connect_control(self, m, sequencer, decoder, engine):
        control = engine.control
        wiring.connect(m, sequencer.weights, control.weights)
        m.d.comb += [
            decoder.w_en.eq(sequencer.descriptor_en),
            decoder.w_word.eq(sequencer.descriptor_word),
            decoder.w_data.eq(sequencer.descriptor_data),
            decoder.override.eq(self.override),
            sequencer.job.eq(decoder.job),
            sequencer.flags.eq(decoder.flags),
            sequencer.valid.eq(decoder.valid),
            sequencer.word_loaded.eq(control.word_loaded),
            sequencer.engine_active.eq(control.active),
            control.job.eq(decoder.job),
            control.settings.eq(decoder.settings),
            *(getattr(control, name).eq(getattr(sequencer, name)) for name in _CONTROL),
        ]
        if self._config.row_scales:
            m.d.comb += control.bias_part.eq(sequencer.bias_part)
        if self._config.mapped:
            m.d.comb += [
                control.map_en.eq(sequencer.map_en),
                control.map_addr.eq(sequencer.map_addr),
                control.map_data.eq(sequencer.bias_data),
            ]

    def _watch(self, m, reader, writer):
        """Whether the memory has done nothing for too long."""
        m.submodules.watchdog = watchdog = Watchdog()
        bus = self.m_axi
        channels = [
            getattr(bus, f"{name}valid") & getattr(bus, f"{name}ready")
            for name in ("ar", "r", "aw", "w", "b")
        ]
        m.d.comb += [
            watchdog.limit.eq(self.watchdog),
            watchdog.owed.eq(~reader.idle | ~writer.idle),
            watchdog.moved.eq(Cat(channels).any()),
        ]
        return watchdog.expired

    def _stop_on_errors(self, m, stopper, sequencer, reader, writer, expired):
        """The first cause in this order names the error; a stop under way hides later ones."""
        causes = (
            (self.soft_reset, Error.NONE),
            (reader.error, Error.READ),
            (writer.error, Error.WRITE),
            (writer.outside, Error.OUTSIDE),
            (sequencer.refused, Error.BAD_DESCRIPTOR),
            (expired, Error.TIMEOUT),
        )
        any_cause = Cat(cause for cause, _ in causes).any()
        m.d.comb += [
            stopper.stop.eq(any_cause | self.give_up),
            self.failed.eq(any_cause & ~stopper.halt),
        ]
        for cause, code in reversed(causes):
            with m.If(cause):
                m.d.comb += self.error.eq(code)

    def _report(self, m, sequencer, engine, reader, writer):
        activity, stall, job = self.activity, engine.stall, engine.control.job
        waiting = sequencer.busy & ~engine.issuing
        work, part = engine.work, Signal.like(activity.beats)
        # Of a whole part: the job is stable long before one is used.
        m.d.sync += part.eq(beats_of(job.input_size, part_beats(job, self._config)[0]))
        m.d.comb += [
            activity.busy.eq(self.busy),
            *(activity[name].eq(engine.work[name]) for name in engine.work.shape().members),
            activity.dense_macs.eq(job.dense_macs),
            activity.dense_bytes.eq(job.dense_bytes),
            activity.beats.eq(Mux(work.part, part, Mux(work.word, work.word_beats, 0))),
            activity.read.eq(reader.beats),
            activity.written.eq(writer.beats),
            activity.stall_load.eq(waiting & ~sequencer.finishing),
            activity.stall_drain.eq(waiting & sequencer.finishing),
            *(activity[f"stall_{name}"].eq(stall[name]) for name in stall.shape().members),
        ]


def _written_width(config: Config) -> int:
    """Bits of the beats of a request to write: a state has four bytes of each hidden unit."""
    beats = -(-4 * config.max_hidden // config.bus_bytes)
    return max(beats, config.burst_beats).bit_length()


_CONTROL = (
    "begin",
    "x_offset",
    "h_offset",
    "state_offset",
    "bias_en",
    "bias_unit",
    "bias_data",
    "load",
    "state_valid",
    "state_h",
    "state_c",
)
"""Wires of an engine's control that the sequencer drives itself; with scales of rows also
``bias_part``."""
