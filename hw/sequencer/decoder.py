"""Holds a layer descriptor and says what it means."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cell.settings import settings_layout
from hw.config import Config
from hw.control.override import override_layout
from hw.descriptor import FIELDS, HIGH_FIELDS, KEPT_DIRECTIONS, MAGIC
from hw.job import ALIGNED, MAPPED, MAPPED_ALIGNED, job_layout, part_beats
from hw.modes import Plan
from hw.registers import OVERRIDE_WORD
from hw.weights.address import beats_of

__all__ = ["WORDS", "WORD_BYTES", "DescriptorDecoder", "flags_layout"]

WORD_BYTES = 16
"""A descriptor arrives in words of this many bytes."""

WORDS = 16

_GROUP = 4
"""Checks that share a register."""


def flags_layout() -> data.StructLayout:
    """Flags that steer the sequencer and nobody else."""
    return data.StructLayout({"last": 1, "load_params": 1, "load_weights": 1})


class DescriptorDecoder(wiring.Component):
    """Keeps the words of one descriptor and decodes them.

    Latency: ``job``, ``settings`` and ``flags`` are right two cycles after the last word that they
    take, ``valid`` four.

    Parameters
    ----------
    config : Config
        Gives the limits.

    Members
    -------
    w_en, w_word, w_data : In
        Word ``w_word`` of the descriptor.
    override : In
        What stands for descriptor words in every layer, as each is written.
    job, settings, flags : Out
        The layer, the cell unit's constants, the sequencer's flags.
    valid : Out
        This machine can run it, as far as a descriptor shows by itself.
    """

    def __init__(self, config: Config):
        self._config = config
        self._has_high_fields = config.threshold_width > FIELDS["x_threshold"].width
        super().__init__(
            {
                "w_en": In(1),
                "w_word": In(range(WORDS)),
                "w_data": In(8 * WORD_BYTES),
                "override": In(override_layout()),
                "job": Out(job_layout(config)),
                "settings": Out(settings_layout()),
                "flags": Out(flags_layout()),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        """Registers for the words that have fields; wires; checks in a register."""
        m = Module()
        # What only machines with maps read is kept by those alone.
        known = [item for item in FIELDS.values() if self._config.mapped or item.name not in MAPPED]
        words = max(item.word for item in known) // 4 + 1
        raw = Signal(data.ArrayLayout(8 * WORD_BYTES, words))
        for word in range(words):
            with m.If(self.w_en & (self.w_word == word)):
                m.d.sync += raw[word].eq(self._overridden(word))

        def field(name):
            item = FIELDS[name]
            bits = raw.as_value().word_select(item.word, 32)[item.lsb : item.lsb + item.width]
            return bits.as_signed() if item.signed else bits

        self._assign(m, field)
        m.d.sync += self.valid.eq(self._checks(m, field))
        return m

    def _overridden(self, word):
        """What is stored of ``w_data`` as ``word``: words of 32 bits, some of them replaced."""
        parts = [self.w_data.word_select(k, 32) for k in range(WORD_BYTES // 4)]
        for k in range(len(self.override.enable)):
            at, part = divmod(OVERRIDE_WORD + k, WORD_BYTES // 4)
            if at == word:
                enable = self.override.enable[k]
                parts[part] = Mux(enable, self.override.words[k], parts[part])
        if self._has_high_fields:
            # A register stands for thresholds as a whole, and has their lower bits alone.
            at, part = divmod(FIELDS["x_threshold_high"].word, WORD_BYTES // 4)
            if at == word:
                low = parts[part][: FIELDS["x_threshold_high"].lsb]
                overridden = self.override.enable[FIELDS["x_threshold"].word - OVERRIDE_WORD]
                parts[part] = Mux(overridden, low, parts[part])
        return Cat(parts)

    def _assign(self, m, field):
        job, settings = self.job, self.settings
        hidden = field("hidden_size")
        config = self._config
        per_block = config.units_per_block
        absent = {field for fields in _absent(config).values() for field in fields}
        for name in job.shape().members:
            # What a machine was made without is refused below, and zero for all gates behind.
            if name in FIELDS and name not in absent:
                m.d.comb += job[name].eq(field(name))
        if self._has_high_fields:
            for name, high in HIGH_FIELDS.items():
                m.d.comb += job[name].eq(Cat(field(name), field(high)))
        blocks = Signal.like(job.blocks)
        tail = Signal.like(job.tail_units)
        m.d.sync += [
            blocks.eq((hidden + per_block - 1) // per_block),
            tail.eq((hidden - 1) % per_block + 1),
        ]
        m.d.comb += [job.blocks.eq(blocks), job.tail_units.eq(tail)]
        if config.part_widths:
            own = field("x_word_beats")
            m.d.comb += job.x_word_beats.eq(Mux(own == 0, field("word_beats"), own))
        self._add_block_beats(m, field)
        if config.lookahead > 1:
            self._look_ahead(m, field)
        m.d.comb += [self.flags[name].eq(field(name)) for name in self.flags.shape().members]
        for name in settings.shape().members:
            if name in FIELDS:
                m.d.comb += settings[name].eq(field(name))
            else:
                m.d.comb += [settings[name][gate].eq(field(f"{name}_{gate}")) for gate in range(4)]

    def _add_block_beats(self, m, field):
        """Beats of a block, two cycles late."""
        shape = field("block_bytes").shape()
        self._block_beats = Signal(shape)
        sizes = (field("input_size"), field("hidden_size"))
        if not self._config.part_widths:
            columns = Signal((sizes[0] + sizes[1]).shape())
            m.d.sync += [
                columns.eq(sizes[0] + sizes[1]),
                self._block_beats.eq(beats_of(columns, self.job.word_beats)),
            ]
            return
        parts = [Signal(shape, name=f"{name}_beats") for name in ("x", "h")]
        beats = part_beats(self.job, self._config)
        for part, size, each in zip(parts, sizes, beats, strict=True):
            m.d.sync += part.eq(beats_of(size, each))
        m.d.sync += self._block_beats.eq(parts[0] + parts[1])

    def _look_ahead(self, m, field):
        """Groups of steps save fetches, so they are for layers that have streamed blocks."""
        job, lookahead = self.job, field("lookahead")
        ahead, wanted = Signal.like(job.steps_ahead), lookahead > 1
        streamed = field("resident_blocks") != job.blocks
        m.d.sync += ahead.eq(Mux(wanted & streamed, lookahead - 1, 0))
        m.d.comb += [job.steps_ahead.eq(ahead), job.fresh_x.eq(wanted)]

    def _checks(self, m, field):
        """Whether all is right. What does not wait for sums is found a cycle before, in groups."""
        config = self._config
        inputs, hidden = field("input_size"), field("hidden_size")
        # What the machine has no bits for must be seen, not cut.
        settings = self.settings
        held = [field("resident_base") <= config.weight_words]
        if not config.row_scales:
            held.append(~field("row_scales"))
        held += [field(name) == 0 for names in _absent(config).values() for name in names]
        if not config.scores:
            held.append(field("plan") != Plan.SCORED)
        for name in settings.shape().members:
            if name in FIELDS:
                held.append(settings[name] == field(name))
            else:
                held += [settings[name][gate] == field(f"{name}_{gate}") for gate in range(4)]
        late = [field("block_bytes") == self._block_beats << (config.bus_bytes - 1).bit_length()]
        # The modes of a group must be known ahead of its inputs, whose weights the ring must hold.
        if config.lookahead > 1:
            ahead = self.job.steps_ahead != 0
            scored = field("skip") | (field("plan") == Plan.SCORED)
            held.append(~(self.job.fresh_x & scored))
            late.append(~(ahead & (inputs > config.held_words)))
        names = (*ALIGNED, *MAPPED_ALIGNED) if config.mapped else ALIGNED
        aligned = [field(name)[: (config.bus_bytes - 1).bit_length()] == 0 for name in names]
        magic = Cat(field("magic"), field("mapped")) == MAGIC
        if config.mapped:
            magic, late[0] = field("magic") == MAGIC, field("mapped") | late[0]
            held += self._check_map(field)
        early = [
            magic,
            inputs != 0,
            inputs <= config.max_input,
            hidden != 0,
            hidden <= config.max_hidden,
            field("x_head_size") != 0,
            field("x_head_size") <= inputs,
            field("steps") != 0,
            field("sequences") != 0,
            field("word_beats") != 0,
            field("word_beats") <= config.word_beats,
            field("word_beats")[: (config.plane_beats - 1).bit_length()] == 0,
            field("x_word_beats") <= (config.word_beats if config.part_widths else 0),
            field("x_word_beats")[: (config.plane_beats - 1).bit_length()] == 0,
            field("resident_blocks") <= self.job.blocks,
            field("block_base") + self.job.blocks <= config.max_blocks,
            field("row_base") < config.row_beats,
            field("keeper") < KEPT_DIRECTIONS,
            ~(field("resume") & field("load_state")),
            field("plan") <= max(Plan),
            field("lookahead") <= config.lookahead,
            field("delta_level") < len(config.multiplier.levels),
            field("reduced_level") < len(config.multiplier.levels),
            *(_fits(field(name), config.act_width) for name in ("x_zero", "h_zero")),
            *held,
            *aligned,
        ]
        groups = [early[k : k + _GROUP] for k in range(0, len(early), _GROUP)]
        found = Signal(len(groups))
        m.d.sync += found.eq(Cat(Cat(group).all() for group in groups))
        return Cat(found, late).all()

    def _check_map(self, field):
        """The memories hold the map, and the words that it leaves of resident blocks."""
        stored = field("resident_base") + field("resident_x_words") + field("resident_h_words")
        mapped = field("map_base") + field("map_words") <= self._config.map_words
        return [~field("mapped") | (mapped & (stored <= self._config.weight_words))]


def _absent(config: Config) -> dict[str, tuple[str, ...]]:
    """Fields that must be zero, by what the machine was made without."""
    return {name: fields for name, fields in _OPTIONAL_FIELDS.items() if not getattr(config, name)}


_OPTIONAL_FIELDS = {
    "scores": ("skip",),
    "states": ("load_state", "store_state"),
    "resume": ("resume", "block_base", "row_base", "keeper"),
}


def _fits(code, width):
    """A zero point is a code of ``width`` bits, or 0 where codes are wider than zero points."""
    if width > len(code):
        return ~code.any()
    above = code[width - 1 :]
    return above.all() | ~above.any()
