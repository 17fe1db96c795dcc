"""What the engines are told about the layer that runs: a decoded descriptor."""

from amaranth import Const, signed, unsigned
from amaranth.hdl import ShapeLike, Value
from amaranth.lib import data

from hw.config import Config
from hw.descriptor import FIELDS, KEPT_DIRECTIONS

__all__ = ["ALIGNED", "MAPPED", "MAPPED_ALIGNED", "job_layout", "part_beats", "zero_bits"]

_MODES = (
    "plan",
    "middle",
    "skip",
    "freeze",
    "previous",
    "zero_skip",
    "x_threshold",
    "h_threshold",
    "skip_distance",
    "middle_distance",
    "max_skips",
    "normal_every",
    "dense_macs",
    "dense_bytes",
    "delta_level",
    "reduced_level",
)

ALIGNED = (
    "x_addr",
    "x_tail_addr",
    "x_step_stride",
    "x_sequence_stride",
    "h_addr",
    "h_step_stride",
    "h_sequence_stride",
    "params_addr",
    "weights_addr",
    "state_in_addr",
    "state_out_addr",
    "state_sequence_stride",
)
"""Byte addresses and byte strides: multiples of the bus width."""


MAPPED = (
    "mapped",
    "map_addr",
    "map_base",
    "map_words",
    "resident_x_words",
    "resident_h_words",
    "x_stream_addr",
    "h_stream_addr",
)
"""What a job says of its map, for configurations with gates for maps."""

MAPPED_ALIGNED = ("map_addr", "x_stream_addr", "h_stream_addr")
"""Of these, byte addresses that are multiples of the bus width."""


def _shape(name: str) -> ShapeLike:
    field = FIELDS[name]
    return signed(field.width) if field.signed else unsigned(field.width)


def zero_bits(zero: Value, width: int) -> Value:
    """A job's zero point as a code of ``width`` bits; codes of more than it has are symmetric."""
    known = zero.as_unsigned()
    return known[:width] if width <= len(known) else Const(0, width)


def job_layout(config: Config) -> data.StructLayout:
    """Layout of a layer's job.

    Members
    -------
    input_size, hidden_size : events per dense step.
    x_head_size : columns of ``x`` in the first segment of a row.
    blocks : blocks of the layer.
    tail_units : hidden units of the last block, 1 to ``units_per_block``.
    resident_blocks : how many of the blocks live in the weight memory.
    resident_base : word address of the first of them.
    steps, sequences : length of the run.
    x_zero, h_zero : zero points.
    load_state, store_state : whether a sequence starts from and ends in DRAM.
    plan to normal_every : how modes are chosen (``docs/modes.md``).
    steps_ahead : steps of a group behind its first; 0 for a job without groups.
    fresh_x : sums of x start from zero in delta steps too.
    dense_macs, dense_bytes : of a step in which every column is an event.
    delta_level, reduced_level : levels of the multiplier in steps of these modes.
    word_beats : beats of a column word, of ``h`` if those of ``x`` have another number.
    x_word_beats : beats of a column word of ``x``; for configurations with several planes alone.
    row_scales : rows have multipliers of their own; for configurations with gates for that alone.
    resume : the sequence goes on from what the last one of this direction left in the machine.
    block_base, row_base : block, and beat of a row of ``x``, from which on that is.
    keeper : number of what its choice of modes left.
    mapped : words of zeros are not stored; with gates for maps only, as what follows.
    map_base, map_words : where the layer's map is in the memory of maps, and its length.
    resident_x_words, resident_h_words : stored words of the resident blocks.
    others : byte addresses, byte strides and byte counts, as in the descriptor.
    """
    inputs = unsigned(config.max_input.bit_length())
    hiddens = unsigned(config.max_hidden.bit_length())
    blocks = unsigned(config.max_blocks.bit_length())
    return data.StructLayout(
        {
            "input_size": inputs,
            "x_head_size": inputs,
            "hidden_size": hiddens,
            "blocks": blocks,
            "tail_units": Const(config.units_per_block).shape(),
            "resident_blocks": blocks,
            "resident_base": unsigned(config.weight_words.bit_length()),
            "steps": _shape("steps"),
            "sequences": _shape("sequences"),
            "x_zero": _shape("x_zero"),
            "h_zero": _shape("h_zero"),
            "load_state": 1,
            "store_state": 1,
            "resume": 1,
            **({"row_scales": 1} if config.row_scales else {}),
            **(_map_layout(config) if config.mapped else {}),
            "block_base": unsigned((config.max_blocks - 1).bit_length() or 1),
            "row_base": unsigned((config.row_beats - 1).bit_length()),
            "keeper": range(KEPT_DIRECTIONS),
            "word_beats": unsigned(config.word_beats.bit_length()),
            **(
                {"x_word_beats": unsigned(config.word_beats.bit_length())}
                if config.part_widths
                else {}
            ),
            "steps_ahead": unsigned(config.slot_width or 1),
            "fresh_x": 1,
            **{name: _shape(name) for name in (*ALIGNED, "block_bytes", *_MODES)},
            **dict.fromkeys(("x_threshold", "h_threshold"), unsigned(config.threshold_width)),
        }
    )


def _map_layout(config: Config) -> dict[str, ShapeLike]:
    words, stored = (
        unsigned(most.bit_length()) for most in (config.map_words, config.weight_words)
    )
    return {name: _shape(name) for name in MAPPED} | {
        "map_base": words,
        "map_words": words,
        "resident_x_words": stored,
        "resident_h_words": stored,
    }


def part_beats(job: data.View, config: Config) -> tuple[Value, Value]:
    """Beats of a column word of ``x`` and of ``h``; the same signal where they cannot differ."""
    return job.x_word_beats if config.part_widths else job.word_beats, job.word_beats
