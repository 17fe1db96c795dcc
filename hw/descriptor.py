"""The layer descriptor: the one definition that the sequencer reads and the packer writes.

A descriptor is 64 little-endian 32-bit words in DRAM, aligned to 64 bytes. Words that no field
names are zero. A table of descriptors is contiguous; the one with ``last`` set ends it. Each
descriptor is one LSTM direction over all its sequences.

Memory that a descriptor points at:

- *x*: one row of ``input_size`` int8 codes per step, at ``x_addr + sequence * x_sequence_stride +
  step * x_step_stride``. Strides are signed, so a backward direction starts at the last row with a
  negative step stride. A row may lie in two segments (the outputs of two directions): its first
  ``x_head_size`` codes at ``x_addr``, the rest at the same offset from ``x_tail_addr``.
- *h*: one row of ``hidden_size`` codes per step, addressed the same way.
- *params*: 16 bytes per unit: four int32 biases in gate order.
- *weights*: for each block, for each column (``x`` first, then ``h``), one column word of
  ``lanes`` weights; lane ``4 * unit + gate``. A weight's bits are its sign, then the others from
  the lowest up, in the multiplier's form. A word is cut into planes: the first bits of all weights
  (lane 0 in the lowest bits), the next ones of all, and so on, as many for each lane as a beat
  holds, or one. A layer's words have ``word_beats`` beats and lack the last planes, if no weight
  needs them.
- *state*: 4 bytes per unit: ``c`` (int16), ``h`` (int8), zero.

All addresses and strides are multiples of the bus width; params, weights and descriptors are
aligned to 64 bytes.
"""

from dataclasses import dataclass

__all__ = [
    "DESCRIPTOR_BYTES",
    "DESCRIPTOR_WORDS",
    "FIELDS",
    "KEPT_DIRECTIONS",
    "MAGIC",
    "Field",
    "pack",
    "unpack",
]

DESCRIPTOR_WORDS = 64
DESCRIPTOR_BYTES = 4 * DESCRIPTOR_WORDS
MAGIC = 0x5246
"""``RF``: the first half word of every descriptor."""
KEPT_DIRECTIONS = 8
"""Directions whose states the machine can keep from run to run."""


@dataclass(frozen=True)
class Field:
    """Bits ``lsb`` to ``lsb + width - 1`` of a 32-bit word."""

    name: str
    word: int
    lsb: int
    width: int
    signed: bool = False


FIELDS = {
    field.name: field
    for field in (
        Field("magic", 0, 0, 16),
        Field("last", 0, 16, 1),
        Field("load_params", 0, 17, 1),
        Field("load_weights", 0, 18, 1),
        Field("load_state", 0, 19, 1),
        Field("store_state", 0, 20, 1),
        # Each sequence goes on from what the last one of this direction left in the machine, see
        # docs/modes.md; nothing is loaded. Refused where a reset or an error came between.
        Field("resume", 0, 21, 1),
        Field("input_size", 1, 0, 16),
        Field("hidden_size", 1, 16, 16),
        Field("steps", 2, 0, 32),
        Field("sequences", 3, 0, 32),
        Field("x_addr", 4, 0, 32),
        Field("x_tail_addr", 5, 0, 32),
        Field("x_head_size", 6, 0, 16),
        Field("x_step_stride", 7, 0, 32, signed=True),
        Field("x_sequence_stride", 8, 0, 32, signed=True),
        Field("h_addr", 9, 0, 32),
        Field("h_step_stride", 10, 0, 32, signed=True),
        Field("h_sequence_stride", 11, 0, 32, signed=True),
        Field("params_addr", 12, 0, 32),
        Field("weights_addr", 13, 0, 32),
        # Bytes of one block of weights: input_size + hidden_size times those of a column word.
        Field("block_bytes", 14, 0, 32),
        # Of the layer's blocks, this many live in the weight memory from word resident_base on;
        # block b is one of them where (b + 1) * resident // blocks > b * resident // blocks,
        # which spreads them evenly between the streamed ones.
        Field("resident_blocks", 15, 0, 16),
        Field("resident_base", 16, 0, 32),
        Field("state_in_addr", 17, 0, 32),
        Field("state_out_addr", 18, 0, 32),
        Field("state_sequence_stride", 19, 0, 32, signed=True),
        # Requantisation: 31-bit multipliers and TFLite's shifts (positive is left).
        *(Field(f"x_multiplier_{gate}", 20 + gate, 0, 32) for gate in range(4)),
        *(Field(f"h_multiplier_{gate}", 24 + gate, 0, 32) for gate in range(4)),
        *(Field(f"x_shift_{gate}", 28, 8 * gate, 8, signed=True) for gate in range(4)),
        *(Field(f"h_shift_{gate}", 29, 8 * gate, 8, signed=True) for gate in range(4)),
        Field("output_multiplier", 30, 0, 32),
        Field("output_shift", 31, 0, 8, signed=True),
        # i * g is shifted right by this to become c codes: 30 + c_power.
        Field("product_shift", 31, 8, 8),
        # tanh takes c * 3 shifted left by this: 12 + c_power (right where negative).
        Field("tanh_shift", 31, 16, 8, signed=True),
        Field("x_zero", 32, 0, 8, signed=True),
        Field("h_zero", 32, 8, 8, signed=True),
        # c is clamped to plus or minus this; 0 for no clamp.
        Field("cell_clip", 32, 16, 16),
        # Modes: see docs/modes.md. Words 33 to 35 can be overridden by registers.
        Field("plan", 33, 0, 2),
        Field("middle", 33, 2, 1),
        Field("skip", 33, 3, 1),  # steps may be skipped
        Field("freeze", 33, 4, 1),  # a skipped step holds h and c, else only the sums
        Field("previous", 33, 5, 1),  # the score compares with the input before, skipped or not
        Field("zero_skip", 33, 6, 1),  # fresh sums leave out columns at their zero point
        # Steps whose x part one fetch of streamed weights serves; 0 and 1 for no lookahead.
        Field("lookahead", 33, 8, 5),
        # An operand becomes an event when it differs from its reference by more than this.
        Field("x_threshold", 33, 16, 8),
        Field("h_threshold", 33, 24, 8),
        # Largest distances, in parts of DISTANCE_ONE, at which x is near enough.
        Field("skip_distance", 34, 0, 16),
        Field("middle_distance", 34, 16, 16),
        Field("max_skips", 35, 0, 16),  # longest run of skipped steps; 0 for any
        Field("normal_every", 35, 16, 16),  # every so many steps is normal; 0 for the first only
        # Of a step in which every column is an event, for counting what was avoided:
        Field("dense_macs", 36, 0, 32),
        Field("dense_bytes", 37, 0, 32),  # of streamed weights, in words with all their beats
        # Levels of the multiplier, see hw/multipliers; normal and skipped steps take level 0.
        Field("delta_level", 38, 0, 4),
        Field("reduced_level", 38, 4, 4),
        Field("word_beats", 38, 8, 8),  # of a column word: whole planes
        # Where this direction's biases, states, sums and references are in the machine: from this
        # block on, and rows of x from this beat on. Directions that share none of them keep theirs
        # from run to run. What their modes depend on has a place by number.
        Field("block_base", 39, 0, 12),
        Field("row_base", 39, 16, 12),
        Field("keeper", 39, 28, 4),
    )
}
"""Every field, by name."""


def pack(**values: int) -> bytes:
    """A descriptor of the given field values; the magic is filled in, other fields are zero.

    Raises
    ------
    ValueError
        A value does not fit its field.
    """
    words = [0] * DESCRIPTOR_WORDS
    for name, value in {"magic": MAGIC, **values}.items():
        field = FIELDS[name]
        low = -(1 << (field.width - 1)) if field.signed else 0
        if not low <= value < low + (1 << field.width):
            raise ValueError(f"{name} must fit {field.width} bits, not {value}")
        words[field.word] |= (value & ((1 << field.width) - 1)) << field.lsb
    return b"".join(word.to_bytes(4, "little") for word in words)


def unpack(data: bytes) -> dict[str, int]:
    """Field values of a packed descriptor."""
    values = {}
    for field in FIELDS.values():
        word = int.from_bytes(data[4 * field.word : 4 * field.word + 4], "little")
        value = (word >> field.lsb) & ((1 << field.width) - 1)
        if field.signed and value >> (field.width - 1):
            value -= 1 << field.width
        values[field.name] = value
    return values
