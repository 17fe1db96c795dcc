"""One layer at work: events, lanes, cell unit and what connects them."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.axi.writer import write_item
from hw.cell.feeder import CellFeeder
from hw.cell.settings import settings_layout
from hw.cell.store import PARTS, UnitStore, unit_layout, unit_shape
from hw.cell.unit import CellUnit
from hw.config import Config
from hw.events.hidden import HiddenEvents
from hw.events.input import InputEvents, InputRequester
from hw.events.list import EventList
from hw.job import job_layout, part_beats
from hw.mac.accumulators import AccumulatorBank
from hw.mac.array import MacArray
from hw.mac.operands import OperandFetch
from hw.maps.layout import MAP_WORD_BYTES, map_address
from hw.maps.reads import MapReads
from hw.modes import Mode
from hw.output.packer import OutputPacker
from hw.replay.replayer import STALLS, Replayer
from hw.similarity.chooser import ModeChooser
from hw.similarity.planner import PlanChooser
from hw.streams.fifo import Fifo
from hw.weights.bank import WeightBank
from hw.weights.fetcher import WeightFetcher
from hw.weights.parts import PartTracker

__all__ = ["UNITS_IN_FLIGHT", "Engine", "control_signature", "work_layout"]

UNITS_IN_FLIGHT = 64
"""Hidden units between the accumulators and the writer: the cell unit's latency and some room."""


def control_signature(config: Config) -> wiring.Signature:
    """How the sequencer drives an engine.

    Members
    -------
    job, settings : the layer.
    begin, x_offset, h_offset, state_offset : a sequence starts, at these byte offsets.
    bias_en, bias_unit, bias_data : biases of a unit; with scales of rows one of its words,
    bias_part : which one.
    load, weights : beats of resident blocks are coming; beats.
    word_loaded : pulse: a column word has gone to the resident part.
    state_valid, state_h, state_c : initial state, unit by unit.
    active : a sequence is under way.
    map_en, map_addr, map_data : a map word, as it lies in DRAM; with gates for maps only.
    """
    addr = unsigned(config.addr_width)
    return wiring.Signature(
        {
            "job": Out(job_layout(config)),
            "settings": Out(settings_layout()),
            "begin": Out(1),
            "x_offset": Out(addr),
            "h_offset": Out(addr),
            "state_offset": Out(addr),
            "bias_en": Out(1),
            "bias_unit": Out(unit_shape(config)),
            "bias_data": Out(128),
            **({"bias_part": Out(range(len(PARTS)))} if config.row_scales else {}),
            "load": Out(1),
            "weights": Out(stream.Signature(config.bus_width)),
            "word_loaded": In(1),
            "state_valid": Out(1),
            "state_h": Out(unit_layout(config)["h"].shape),
            "state_c": Out(unit_layout(config)["c"].shape),
            "active": In(1),
            **(_map_ports(config) if config.mapped else {}),
        }
    )


def _map_ports(config: Config) -> dict[str, wiring.Member]:
    address = Out(map_address(config))
    return {"map_en": Out(1), "map_addr": address, "map_data": Out(8 * MAP_WORD_BYTES)}


def work_layout(config: Config) -> data.StructLayout:
    """What an engine does in a cycle, for counting.

    Members
    -------
    rows : real gate rows that an event is multiplied with.
    word, word_beats : a streamed column word of so many beats is used.
    part : those of a whole ``x`` part have been used, by all steps of a group.
    slot : place in its group of the step that is worked for.
    step : the step ends: all its events have been issued.
    mode, events_x, events_h : of the step that ends.
    """
    return data.StructLayout(
        {
            "rows": unsigned(config.lanes.bit_length()),
            "word": 1,
            "word_beats": unsigned(config.word_beats.bit_length()),
            "part": 1,
            "slot": unsigned(config.slot_width or 1),
            "step": 1,
            "mode": Mode,
            "events_x": unsigned(config.max_input.bit_length()),
            "events_h": unsigned(config.max_hidden.bit_length()),
        }
    )


class Engine(wiring.Component):
    """Runs one sequence of one layer at a time; wires only.

    Parameters
    ----------
    config : Config
        The machine.
    request, written : data.StructLayout
        Requests of the bus masters, of reads and of writes: ``addr`` and ``beats``.

    Members
    -------
    control : In
        From the sequencer.
    x_request, x_beats, weight_request, weight_beats : Out, In
        Reads.
    weight_near : Out
        Low only where no weights are asked for, and known earlier than that.
    weight_last : In
        The beat of weights is the last of its request.
    h_request, h_beats, state_request, state_beats : Out
        Writes.
    work : Out
        What is done in this cycle.
    issuing : Out
        Steps are left to be issued.
    stall : Out
        Why the lanes wait.
    """

    def __init__(self, config: Config, request: data.StructLayout, written: data.StructLayout):
        self._config = config
        self._request = request
        self._written = written
        beats = stream.Signature(config.bus_width)
        requests = stream.Signature(request)
        asks, items = stream.Signature(written), stream.Signature(write_item(config.bus_width))
        super().__init__(
            {
                "control": In(control_signature(config)),
                "x_request": Out(requests),
                "x_beats": In(beats),
                "weight_request": Out(requests),
                "weight_beats": In(beats),
                "weight_near": Out(1),
                "weight_last": In(1),
                "h_request": Out(asks),
                "h_beats": Out(items),
                "state_request": Out(asks),
                "state_beats": Out(items),
                "work": Out(work_layout(config)),
                "issuing": Out(1),
                "stall": Out(STALLS),
            }
        )

    def elaborate(self, platform):
        """Events, operands, lanes, cell, output."""
        m = Module()
        config, control = self._config, self.control
        m.submodules.chooser = chooser = (ModeChooser if config.scores else PlanChooser)(config)
        m.submodules.x_events = x = InputEvents(config)
        m.submodules.h_events = h = HiddenEvents(config)
        m.submodules.replayer = replayer = Replayer(config)
        m.submodules.packer = packer = OutputPacker(config, self._written)
        for part in (chooser, x, h, replayer, packer):
            m.d.comb += [part.job.eq(control.job), part.start.eq(control.begin)]
        self._load_input(m, chooser, x, h)
        m.submodules.x_list = x_list = EventList(
            config, depth=config.max_input, banks=config.x_lists
        )
        m.submodules.h_list = h_list = EventList(config, depth=config.max_hidden)
        for maker, events in ((x, x_list), (h, h_list)):
            m.d.comb += [getattr(events, port).eq(getattr(maker, port)) for port in _LIST_WRITE]
            m.d.comb += maker.done.eq(replayer.step_done)
        m.d.comb += [
            replayer.x_list.eq(x.current),
            replayer.h_list.eq(h.current),
            replayer.x_growing.eq(x.growing),
            replayer.h_growing.eq(h.growing),
        ]
        m.d.comb += [x.place.eq(replayer.x_place), x.move.eq(replayer.x_move)]
        fetcher = self._fetch(m, (x, h), (x_list, h_list))
        if config.mapped:
            self._map(m, (x_list, h_list), (replayer, fetcher))
        bank = self._weights(m, fetcher, replayer)
        lanes = self._lanes(m, replayer, x_list, h_list, bank)
        self._cell(m, replayer, *lanes, h, packer)
        self._write(m, packer)
        self._report(m, replayer, packer)
        return m

    def _load_input(self, m, chooser, x, h):
        """Rows of x pass by the mode chooser on their way to their events."""
        m.submodules.requester = requester = InputRequester(self._config, self._request)
        wiring.connect(m, requester.request, wiring.flipped(self.x_request))
        wiring.connect(m, wiring.flipped(self.x_beats), chooser.beats)
        wiring.connect(m, chooser.rows, x.rows)
        wiring.connect(m, chooser.x_modes, x.modes)
        wiring.connect(m, chooser.h_modes, h.modes)
        m.d.comb += [
            requester.job.eq(self.control.job),
            requester.start.eq(self.control.begin),
            requester.offset.eq(self.control.x_offset),
        ]

    def _fetch(self, m, makers, lists):
        """The fetcher reads the lists ahead of the replayer."""
        control = self.control
        m.submodules.fetcher = fetcher = WeightFetcher(self._config, self._request)
        room = self._track_parts(m, fetcher)
        m.d.comb += [
            self.weight_request.payload.eq(fetcher.request.payload),
            self.weight_request.valid.eq(fetcher.request.valid & room),
            self.weight_near.eq(fetcher.near),
            fetcher.request.ready.eq(self.weight_request.ready & room),
        ]
        m.d.comb += [fetcher.job.eq(control.job), fetcher.start.eq(control.begin)]
        ports = (
            (fetcher.x_list, fetcher.x_fetched, fetcher.x_column),
            (fetcher.h_list, fetcher.h_fetched, fetcher.h_column),
        )
        for hidden, (maker, events, (view, fetched, column)) in enumerate(
            zip(makers, lists, ports, strict=True)
        ):
            m.d.comb += [
                view.eq(maker.ahead),
                maker.follow.eq(fetcher.follow),
                maker.fetched.eq(fetched),
                events.r2_en.eq(fetcher.list_en & (fetcher.list_hidden == hidden)),
                events.r2_bank.eq(fetcher.list_bank),
                events.r2_index.eq(fetcher.list_index),
                column.eq(events.r2_event.column),
            ]
        return fetcher

    def _map(self, m, lists, readers):
        """The map and the marks of both lists, read by replayer and fetcher."""
        control = self.control
        m.submodules.map = reads = MapReads(self._config)
        for port, reader in zip((reads.r0, reads.r1), readers, strict=True):
            wiring.connect(m, reader.map_read, port)
        m.d.comb += [
            reads.w_en.eq(control.map_en),
            reads.w_addr.eq(control.map_addr),
            reads.w_data.eq(control.map_data),
        ]
        for name, events in zip("xh", lists, strict=True):
            m.d.comb += [
                events.by_column.eq(control.job.mapped),
                getattr(reads, f"{name}_en").eq(events.w_en),
                getattr(reads, f"{name}_bank").eq(events.w_bank),
                getattr(reads, f"{name}_first").eq(events.w_index == 0),
                getattr(reads, f"{name}_column").eq(events.w_event.column),
            ]

    def _track_parts(self, m, fetcher):
        """Of which part the words that come are, where that matters; room for another request."""
        if not self._config.part_widths:
            return 1
        m.submodules.parts = parts = PartTracker(self._config)
        job, taken = self.control.job, self.weight_beats.valid & self.weight_beats.ready
        m.d.comb += [
            parts.asked.eq(self.weight_request.valid & self.weight_request.ready),
            parts.asked_hidden.eq(fetcher.request_hidden),
            parts.load.eq(self.control.load),
            parts.x_words.eq(job.input_size),
            parts.h_words.eq(job.hidden_size),
            parts.answered.eq(taken & self.weight_last),
        ]
        if self._config.mapped:
            with m.If(job.mapped):
                m.d.comb += [
                    parts.x_words.eq(job.resident_x_words),
                    parts.h_words.eq(job.resident_h_words),
                ]
        return parts.room

    def _weights(self, m, fetcher, replayer):
        """Column words from the loader or from the fetcher, through one memory."""
        control = self.control
        m.submodules.bank = bank = WeightBank(self._config)
        load, source = control.load, Signal()
        # A register near the bits that it chooses: no beat comes in the cycle behind a change.
        m.d.sync += source.eq(load)
        m.d.comb += [
            bank.i.payload.eq(Mux(source, control.weights.payload, self.weight_beats.payload)),
            bank.i.valid.eq(Mux(load, control.weights.valid, self.weight_beats.valid)),
            control.weights.ready.eq(bank.i.ready & load),
            self.weight_beats.ready.eq(bank.i.ready & ~load),
            bank.word_beats.eq(control.job.word_beats),
            bank.load.eq(load),
            bank.load_addr.eq(control.job.resident_base),
            control.word_loaded.eq(load & bank.word_done),
            bank.streamed_take.eq(replayer.op_valid & replayer.op.streamed),
            bank.part_words.eq(control.job.input_size),
            bank.part_take.eq(replayer.part_take),
            replayer.part_ready.eq(bank.part_ready),
            replayer.streamed_ready.eq(bank.streamed_ready),
            replayer.streamed_addr.eq(bank.streamed_addr),
        ]
        if self._config.part_widths:
            parts = m.submodules.parts
            m.d.comb += [
                bank.x_word_beats.eq(control.job.x_word_beats),
                bank.hidden.eq(parts.hidden),
                parts.word_done.eq(bank.word_done),
            ]
        return bank

    def _lanes(self, m, replayer, x_list, h_list, bank):
        """Each operation's event and weights, multiplied and summed."""
        config = self._config
        m.submodules.operands = operands = OperandFetch(config)
        m.submodules.array = array = MacArray(config)
        for events, hidden in ((x_list, 0), (h_list, 1)):
            m.d.comb += [
                events.r_en.eq(operands.list_en & (replayer.op.hidden == hidden)),
                events.r_bank.eq(replayer.op.bank),
                events.r_index.eq(replayer.op.index),
            ]
        m.d.comb += [
            operands.block_base.eq(self.control.job.block_base),
            operands.i_valid.eq(replayer.op_valid),
            operands.i_op.eq(replayer.op),
            operands.x_event.eq(x_list.r_event),
            operands.h_event.eq(h_list.r_event),
            bank.r_en.eq(operands.weight_en),
            bank.r_addr.eq(operands.weight_addr),
            *([bank.r_hidden.eq(operands.weight_hidden)] if config.part_widths else []),
            array.i_valid.eq(operands.o_valid),
            array.operand.eq(operands.operand),
            array.weights.eq(bank.r_data),
            array.beats.eq(bank.beats),
            array.control.eq(operands.control),
        ]
        return operands, array

    def _cell(self, m, replayer, operands, array, h, packer):
        """Sums to hidden units; hidden units to events, to the unit store and to the packer."""
        config, control = self._config, self.control
        m.submodules.sums = sums = AccumulatorBank(config)
        m.submodules.store = store = UnitStore(config)
        m.submodules.feeder = feeder = CellFeeder(config, in_flight=UNITS_IN_FLIGHT)
        m.submodules.cell = cell = CellUnit(
            config.acc_width,
            config.cell_lanes,
            act_width=config.act_width,
            row_scales=config.row_scales,
            row_cycles=config.row_cycles,
        )
        m.submodules.units = units = Fifo(unit_layout(config), UNITS_IN_FLIGHT)
        wiring.connect(m, units.o, packer.units)
        self._feed_cell(m, feeder, cell, store, h)
        self._take_units(m, feeder, cell, store, h, units)
        m.d.comb += [
            sums.w_en.eq(array.o_sums),
            sums.w_slot.eq(array.o_control.slot),
            sums.w_block.eq(array.o_control.block),
            sums.w_totals.eq(array.totals),
            sums.base_en.eq(operands.base_en),
            sums.base_block.eq(operands.control.block),
            array.base.eq(sums.base),
            sums.r_en.eq(feeder.block_taken),
            sums.r_slot.eq(feeder.slot),
            sums.r_block.eq(feeder.block + control.job.block_base),
            feeder.job.eq(control.job),
            feeder.start.eq(control.begin),
            # A step passes its blocks when those of the step before are long through.
            feeder.block_done.eq((array.o_valid & array.o_control.block_end) | replayer.passed),
            feeder.known.eq(h.known),
            # Nothing is frozen where no step is skipped.
            feeder.frozen.eq(replayer.frozen if config.scores else 0),
            feeder.acc_x.eq(sums.acc_x),
            feeder.acc_h.eq(sums.acc_h),
            feeder.unit_left.eq(units.o.valid & units.o.ready),
            replayer.block_taken.eq(feeder.block_taken & feeder.slot_end),
        ]

    def _feed_cell(self, m, feeder, cell, store, h):
        """A register behind the store's memories, so that their delay is not the cell unit's."""
        rows = Signal.like(cell.i)
        parts = PARTS if self._config.row_scales else PARTS[:1]
        m.d.sync += cell.i_valid.eq(feeder.o_valid)
        with m.If(feeder.o_valid):
            m.d.sync += [
                rows.phase.eq(feeder.o_phase),
                rows.acc_x.eq(feeder.o_acc_x),
                rows.acc_h.eq(feeder.o_acc_h),
                *(rows[part].eq(self._of_turn(m, feeder, store, part)) for part in parts),
                rows.c.eq(store.state.c),
            ]
        if self._config.row_scales:
            m.d.comb += cell.by_row.eq(self.control.job.row_scales)
            m.d.comb += store.bias_part.eq(self.control.bias_part)
        m.d.comb += [
            store.r_en.eq(feeder.state_en | h.recall),
            store.rows_en.eq(feeder.rows_en),
            store.r_unit.eq(Mux(h.recall, h.recall_place, feeder.unit)),
            store.bias_en.eq(self.control.bias_en),
            store.bias_unit.eq(self.control.bias_unit),
            store.bias_data.eq(self.control.bias_data),
            cell.settings.eq(self.control.settings),
            cell.i.eq(rows),
        ]

    def _of_turn(self, m, feeder, store, part):
        """Words of the rows whose turn it is.

        The first rows' come from the memory, those behind them from where they wait: a choice
        between all of them would be too slow there.
        """
        words, width = getattr(store, part).as_value(), 32 * self._config.cell_lanes
        if len(words) == width:
            return words
        name = "waiting" if part == PARTS[0] else f"waiting_{part}"
        waiting = Signal(len(words) - width, name=name)
        opening = feeder.o_phase == 0
        with m.If(feeder.o_valid):
            m.d.sync += waiting.eq(Mux(opening, words[width:], waiting >> width))
        return Mux(opening, words[:width], waiting[:width])

    def _take_units(self, m, feeder, cell, store, h, units):
        """New states from the cell unit, kept ones from the store, initial ones from DRAM."""
        control = self.control
        held_valid, initial_valid, recalled, new = Signal(), Signal(), Signal(), Signal()
        other, unit = Signal(unit_layout(self._config)), units.i.payload
        m.d.sync += [
            recalled.eq(h.recall),
            held_valid.eq(feeder.o_held),
            initial_valid.eq(control.state_valid | recalled),
            new.eq(control.state_valid),
        ]
        with m.If(feeder.o_held | recalled):
            m.d.sync += other.eq(store.state)
        with m.Elif(control.state_valid):
            m.d.sync += [other.h.eq(control.state_h), other.c.eq(control.state_c)]
        m.d.comb += [
            unit.h.eq(Mux(cell.o_valid, cell.o.h, other.h)),
            unit.c.eq(Mux(cell.o_valid, cell.o.c, other.c)),
            units.i.valid.eq(cell.o_valid | held_valid),
            h.valid.eq(cell.o_valid | held_valid | initial_valid),
            h.h.eq(unit.h),
            store.state_en.eq(cell.o_valid | held_valid | new),
            store.state_unit.eq(h.place),
            store.state_data.eq(unit),
        ]

    def _write(self, m, packer):
        states = ("state_request", "state_beats") if self._config.states else ()
        for name in ("h_request", "h_beats", *states):
            wiring.connect(m, getattr(packer, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            packer.h_offset.eq(self.control.h_offset),
            packer.state_offset.eq(self.control.state_offset),
        ]

    def _report(self, m, replayer, packer):
        work, x, h = self.work, replayer.x_list, replayer.h_list
        x_beats, h_beats = part_beats(self.control.job, self._config)
        works = replayer.op_valid
        if self._config.mapped:
            works &= ~replayer.op.null
        units = replayer.op_units & works.replicate(len(replayer.op_units))
        m.d.comb += [
            work.rows.eq(units << 2),
            work.word.eq(replayer.op_valid & replayer.op.streamed),
            work.word_beats.eq(Mux(replayer.op.hidden, h_beats, x_beats)),
            work.part.eq(replayer.part_take),
            work.slot.eq(replayer.op.slot),
            work.step.eq(replayer.step_done),
            work.mode.eq(Mux(self.control.job.fresh_x, h.mode, x.mode)),
            work.events_x.eq(Mux(x.empty, 0, x.last + 1)),
            work.events_h.eq(Mux(h.empty, 0, h.last + 1)),
            self.issuing.eq(replayer.active),
            self.stall.eq(replayer.stall),
            self.control.active.eq(replayer.active | packer.active),
        ]


_LIST_WRITE = ("w_en", "w_bank", "w_index", "w_event")
"""Ports that an event maker and an event list share."""
