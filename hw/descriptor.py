"""The layer descriptor: the one definition that the sequencer reads and the packer writes.

A descriptor is 64 little-endian 32-bit words in DRAM, aligned to 64 bytes. Words that no field
names are zero. A table of descriptors is contiguous; the one with ``last`` set ends it. Each
descriptor is one LSTM direction over all its sequences.

Memory that a descriptor points at:

- *x*: one row of ``input_size`` codes per step, int8, or int16 if the machine's activations have 16
  bits, at ``x_addr + sequence * x_sequence_stride +
  step * x_step_stride``. Strides are signed, so a backward direction starts at the last row with a
  negative step stride. A row may lie in two segments (the outputs of two directions): its first
  ``x_head_size`` codes at ``x_addr``, the rest at the same offset from ``x_tail_addr``.
- *h*: one row of ``hidden_size`` codes per step, addressed the same way.
- *params*: 16 bytes per unit: four int32 biases in gate order. With ``row_scales`` 48 bytes: behind
  the biases four words for the sums of ``x`` and four for those of ``h``, in gate order. Bits 31 to
  6 of a word are the upper 26 bits of a 31-bit multiplier, whose others are zero, and bits 5 to 0
  are its shift, signed.
- *weights*: for each block, for each column (``x`` first, then ``h``), one column word of
  ``lanes`` weights; lane ``4 * unit + gate``. A weight's bits are its sign, then the others from
  the lowest up, in the multiplier's form. A word is cut into planes: the first bits of all weights
  (lane 0 in the lowest bits), the next ones of all, and so on, as many for each lane as a beat
  holds, or one. A layer's words have ``word_beats`` beats, those of ``x`` ``x_word_beats`` if that
  is not 0, and lack the last planes, if no weight of the part needs them.
- *map*, of layers that have one (``mapped``): for each block ``ceil(input_size / 64)`` map words
  of 16 bytes for the columns of ``x``, then ``ceil(hidden_size / 64)`` for those of ``h``. Bytes 0
  to 7 have a bit for each column, set where its word is stored: words that are all zero are not,
  but the last word of each part always is. Bytes 8 to 11 say how many words are stored ahead of the
  first of these columns: of a streamed block, in streamed blocks of the same part; of a resident
  one, in the weight memory from ``resident_base`` on. The other bytes are zero. Stored words follow
  each other: at ``weights_addr`` those of ``x`` of all resident blocks, then those of ``h``; at
  ``x_stream_addr`` those of ``x`` of the streamed blocks, at ``h_stream_addr`` those of ``h``.
- *state*: 4 bytes per unit: ``c`` (int16), ``h`` (int8), zero; or ``c`` and ``h`` (both int16).

All addresses and strides are multiples of the bus width; params, weights and descriptors are
aligned to 64 bytes.
"""

from dataclasses import dataclass

__all__ = [
    "DESCRIPTOR_BYTES",
    "DESCRIPTOR_WORDS",
    "FIELDS",
    "HIGH_FIELDS",
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
    """Bits ``lsb`` to ``lsb + width - 1`` of a 32-bit word, and what they say."""

    name: str
    word: int
    lsb: int
    width: int
    doc: str
    signed: bool = False


FIELDS = {
    field.name: field
    for field in (
        Field("magic", 0, 0, 15, "0x5246, `RF`"),
        # Where a machine without gates for it finds that the magic is another one.
        Field(
            "mapped",
            0,
            15,
            1,
            "the layer has a map of its columns, and words of zeros are not stored; refused by "
            "machines without gates for that",
        ),
        Field("last", 0, 16, 1, "this descriptor ends the table"),
        Field("load_params", 0, 17, 1, "read the parameters from params_addr"),
        Field("load_weights", 0, 18, 1, "read the resident blocks from weights_addr"),
        Field(
            "load_state",
            0,
            19,
            1,
            "each sequence begins with the state at state_in_addr; else with zero",
        ),
        Field("store_state", 0, 20, 1, "write the state behind each sequence to state_out_addr"),
        Field(
            "resume",
            0,
            21,
            1,
            "each sequence goes on from what the last one of this direction left in the "
            "machine, and nothing is loaded; refused where a reset or an error came between",
        ),
        Field(
            "row_scales",
            0,
            22,
            1,
            "params hold a multiplier and a shift of each row, which stand for those of the gates "
            "here; refused by machines without gates for that",
        ),
        Field("input_size", 1, 0, 16, "I, codes in a row of x"),
        Field("hidden_size", 1, 16, 16, "H, hidden units"),
        Field("steps", 2, 0, 32, "steps of each sequence"),
        Field("sequences", 3, 0, 32, "sequences, one after the other"),
        Field("x_addr", 4, 0, 32, "first row of x"),
        Field("x_tail_addr", 5, 0, 32, "the second segment of the first row of x, if it has one"),
        Field("x_head_size", 6, 0, 16, "codes of a row that lie in the first segment"),
        Field("x_step_stride", 7, 0, 32, "bytes from a row of x to the next step's", signed=True),
        Field(
            "x_sequence_stride",
            8,
            0,
            32,
            "bytes from a row of x to the next sequence's",
            signed=True,
        ),
        Field("h_addr", 9, 0, 32, "first row of h"),
        Field("h_step_stride", 10, 0, 32, "bytes from a row of h to the next step's", signed=True),
        Field(
            "h_sequence_stride",
            11,
            0,
            32,
            "bytes from a row of h to the next sequence's",
            signed=True,
        ),
        Field("params_addr", 12, 0, 32, "parameters of units"),
        Field("weights_addr", 13, 0, 32, "weights"),
        Field(
            "block_bytes",
            14,
            0,
            32,
            "bytes of one block of weights: input_size + hidden_size times those of a column word; "
            "0 in layers with a map",
        ),
        Field(
            "resident_blocks",
            15,
            0,
            16,
            "so many of the layer's blocks live in the weight memory: block b is one of them "
            "where (b + 1) * resident // blocks > b * resident // blocks, which spreads them "
            "evenly between the streamed ones",
        ),
        Field("resident_base", 16, 0, 32, "first word of the resident blocks in the weight memory"),
        Field("state_in_addr", 17, 0, 32, "state that the first sequence begins with"),
        Field("state_out_addr", 18, 0, 32, "where the state behind the first sequence goes"),
        Field(
            "state_sequence_stride",
            19,
            0,
            32,
            "bytes from a state to the next sequence's",
            signed=True,
        ),
        # A field for each gate, in the order of gates.
        *(
            Field(
                f"x_multiplier_{gate}",
                20 + gate,
                0,
                32,
                "requantisation of the sums of x, a 31-bit multiplier",
            )
            for gate in range(4)
        ),
        *(
            Field(
                f"h_multiplier_{gate}",
                24 + gate,
                0,
                32,
                "requantisation of the sums of h, a 31-bit multiplier",
            )
            for gate in range(4)
        ),
        *(
            Field(
                f"x_shift_{gate}",
                28,
                8 * gate,
                8,
                "shift behind it, as in TFLite: positive is left",
                signed=True,
            )
            for gate in range(4)
        ),
        *(
            Field(
                f"h_shift_{gate}",
                29,
                8 * gate,
                8,
                "shift behind it, as in TFLite: positive is left",
                signed=True,
            )
            for gate in range(4)
        ),
        Field("output_multiplier", 30, 0, 32, "requantisation of h, a 31-bit multiplier"),
        Field(
            "output_shift",
            31,
            0,
            8,
            "shift behind it, as in TFLite: positive is left",
            signed=True,
        ),
        Field(
            "product_shift",
            31,
            8,
            8,
            "i * g is shifted right by this to become c codes: 30 + c_power",
        ),
        Field(
            "tanh_shift",
            31,
            16,
            8,
            "tanh takes c * 3 shifted left by this: 12 + c_power (right where negative)",
            signed=True,
        ),
        Field("x_zero", 32, 0, 8, "zero point of x", signed=True),
        Field("h_zero", 32, 8, 8, "zero point of h", signed=True),
        Field("cell_clip", 32, 16, 16, "c is clamped to plus or minus this; 0 for no clamp"),
        # Modes: see docs/modes.md. Words 33 to 35 can be overridden by registers.
        Field(
            "plan",
            33,
            0,
            2,
            "what a step does that is not skipped: 0 normal, 1 middle mode, 2 by the score",
        ),
        Field("middle", 33, 2, 1, "the middle mode: 0 delta, 1 reduced"),
        Field("skip", 33, 3, 1, "steps may be skipped"),
        Field("freeze", 33, 4, 1, "a skipped step holds h and c, else only the sums"),
        Field("previous", 33, 5, 1, "the score compares with the input before, skipped or not"),
        Field("zero_skip", 33, 6, 1, "fresh sums leave out columns at their zero point"),
        Field(
            "lookahead",
            33,
            8,
            5,
            "steps whose x part one fetch of streamed weights serves; 0 and 1 for no lookahead",
        ),
        Field(
            "x_threshold",
            33,
            16,
            8,
            "a value of x becomes an event when it differs from its reference by more than this",
        ),
        Field(
            "h_threshold",
            33,
            24,
            8,
            "a value of h becomes an event when it differs from its reference by more than this",
        ),
        Field(
            "skip_distance",
            34,
            0,
            16,
            "largest distance, in 1/65536, at which a step is skipped",
        ),
        Field(
            "middle_distance",
            34,
            16,
            16,
            "largest distance, in 1/65536, at which a step takes the middle mode",
        ),
        Field("max_skips", 35, 0, 16, "longest run of skipped steps; 0 for any"),
        Field("normal_every", 35, 16, 16, "every so many steps is normal; 0 for the first only"),
        Field(
            "dense_macs",
            36,
            0,
            32,
            "MACs of a step in which every column is an event, for counting what was avoided",
        ),
        Field(
            "dense_bytes",
            37,
            0,
            32,
            "bytes of streamed weights of such a step, in words with all their beats",
        ),
        # Levels of the multiplier: see hw/multipliers.
        Field(
            "delta_level",
            38,
            0,
            4,
            "level of the multiplier in delta steps; normal and skipped steps take level 0",
        ),
        Field("reduced_level", 38, 4, 4, "level of the multiplier in reduced steps"),
        Field(
            "word_beats",
            38,
            8,
            8,
            "beats of a column word: whole planes; of one of h where x_word_beats is not 0",
        ),
        Field(
            "x_threshold_high",
            38,
            16,
            8,
            "upper byte of the threshold of x, of machines whose activations have 16 bits",
        ),
        Field(
            "h_threshold_high",
            38,
            24,
            8,
            "upper byte of the threshold of h, of machines whose activations have 16 bits",
        ),
        # Directions that share none of these keep their states from run to run.
        Field(
            "block_base",
            39,
            0,
            12,
            "where this direction's biases, states and sums are in the machine: from this block on",
        ),
        Field("row_base", 39, 16, 12, "where its references of x are: from this beat on"),
        Field("keeper", 39, 28, 4, "where what its modes depend on is kept from run to run"),
        Field(
            "x_word_beats",
            40,
            0,
            8,
            "beats of a column word of x: whole planes; 0 for those of h, word_beats",
        ),
        # Maps of columns: see docs/descriptor.md. All are zero in layers without one.
        Field("map_addr", 41, 0, 32, "the map, 16 bytes for each map word"),
        Field("map_base", 42, 0, 24, "first map word of the layer in the machine's memory of maps"),
        Field("map_words", 43, 0, 24, "map words of the layer"),
        Field("resident_x_words", 44, 0, 24, "stored words of x of all resident blocks"),
        Field("resident_h_words", 45, 0, 24, "stored words of h of all resident blocks"),
        Field("x_stream_addr", 46, 0, 32, "stored words of x of the streamed blocks"),
        Field("h_stream_addr", 47, 0, 32, "stored words of h of the streamed blocks"),
    )
}
"""Every field, by name."""

HIGH_FIELDS = {"x_threshold": "x_threshold_high", "h_threshold": "h_threshold_high"}
"""Fields whose upper bits have a field of their own, and that field."""


def pack(**values: int) -> bytes:
    """A descriptor of the given field values; the magic is filled in, other fields are zero.

    What is too large for a field with upper bits elsewhere is divided between both.

    Raises
    ------
    ValueError
        A value does not fit its field.
    """
    words = [0] * DESCRIPTOR_WORDS
    for name, high in HIGH_FIELDS.items():
        if high not in values and name in values:
            width = FIELDS[name].width
            values |= {name: values[name] % (1 << width), high: values[name] >> width}
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
