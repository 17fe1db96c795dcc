"""What can be chosen when an accelerator is generated."""

from dataclasses import dataclass, field
from math import ceil

from hw.config_checks import (
    MOST_BURSTS,
    MOST_LANES,
    MOST_MAP_WORDS,
    MOST_STREAM_WORDS,
    MOST_WEIGHT_WORDS,
    NAMES,
    RING_GUARD,
    ConfigError,
    check_config,
)
from hw.multipliers.exact import Exact
from hw.multipliers.family import Multiplier
from hw.settings import Setting, about, parameters_text, settings_of

__all__ = ["CONFIGS", "RING_GUARD", "SETTINGS", "Config", "ConfigError"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """One accelerator. Every width in the gates is derived from these values."""

    name: str = field(
        metadata=about(
            "What the configuration is called, in reports and in the names of modules and files.",
            allowed=NAMES,
            cost="It changes no gate.",
        )
    )
    lanes: int = field(
        metadata=about(
            "Multiply-accumulate lanes; each holds one gate row of a block of lanes / 4 units.",
            unit="lanes",
            allowed=f"a power of two from 4 to {MOST_LANES}",
            cost="A multiplier and accumulators each; twice as many take half the cycles of a "
            "column and twice the bytes of a column word.",
        )
    )
    bus_width: int = field(
        metadata=about(
            "Width of the AXI4 data bus to DRAM.",
            unit="bits",
            allowed="64, 128, 256 or 512, and a divisor of lanes times weight_bits",
            cost="A wider bus streams weights faster and has wider buffers and multiplexers.",
        )
    )
    max_input: int = field(
        metadata=about(
            "Largest number of inputs, I, of one LSTM direction.",
            unit="values",
            allowed="an integer from 1 to 4096",
            cost="Buffers of rows and events, and bits of addresses and accumulators.",
        )
    )
    max_hidden: int = field(
        metadata=about(
            "Largest number of hidden units, H, of one LSTM direction.",
            unit="units",
            allowed="an integer from 1 to 4096",
            cost="Memories of h, c and sums that are kept, and bits of addresses and accumulators.",
        )
    )
    weight_words: int = field(
        metadata=about(
            "Column words, of one weight for every lane, that the resident weight memory holds.",
            unit="column words",
            allowed=f"an integer from 1 to {MOST_WEIGHT_WORDS}",
            cost="SRAM of lanes times weight_bits bits each; what does not fit is read from DRAM "
            "in every step.",
        )
    )
    stream_words: int = field(
        default=512,
        metadata=about(
            "Column words buffered between DRAM and the lanes for blocks that are not resident; "
            f"{RING_GUARD} of them stay free.",
            unit="column words",
            allowed=f"an integer from {RING_GUARD + 1} to {MOST_STREAM_WORDS}",
            cost="SRAM of lanes times weight_bits bits each; a short buffer lets the lanes wait "
            "for memory.",
        ),
    )
    cell_lanes: int = field(
        default=4,
        metadata=about(
            "Gate rows that the cell unit takes per cycle.",
            unit="rows",
            allowed="1, 2 or 4",
            cost="Multipliers and tables of the cell unit; 4 finishes one hidden unit every "
            "cycle, 1 every four.",
        ),
    )
    row_cycles: int = field(
        default=1,
        metadata=about(
            "Cycles of a gate row; with 2, sums of x and of h share their multipliers in turn.",
            unit="cycles",
            allowed="1 or 2",
            cost="Multipliers of the cell unit: 2 saves eight where cell_lanes is 1, and doubles "
            "the cycles of a hidden unit.",
        ),
    )
    burst_beats: int = field(
        default=32,
        metadata=about(
            "Longest AXI4 burst.",
            unit="beats",
            allowed="a power of two of at most 256, and at most 4096 bytes of bus_width",
            cost="Longer bursts use DRAM better and need larger buffers.",
        ),
    )
    bursts_in_flight: int = field(
        default=16,
        metadata=about(
            "Bursts that may be outstanding at once, of reads and of writes each.",
            unit="bursts",
            allowed=f"an integer from 1 to {MOST_BURSTS}",
            cost="More hide a slow memory's latency and need larger buffers.",
        ),
    )
    lookahead: int = field(
        default=1,
        metadata=about(
            "Steps whose x part one fetch of streamed weights may serve; 1 for no such gates.",
            unit="steps",
            allowed="a power of two of at most 16",
            cost="Accumulators, rows of x and lists of events for each step; less DRAM traffic "
            "for layers that are streamed.",
        ),
    )
    map_words: int = field(
        default=0,
        metadata=about(
            "Map words, each for 64 columns of a block, that say which columns have weights; "
            "columns whose weights are all zero are then neither stored nor fetched nor "
            "multiplied. 0 for no such gates.",
            unit="map words",
            allowed=f"an integer from 0 to {MOST_MAP_WORDS}, and lookahead 1 unless it is 0",
            cost="Two memories of some 80 bits a word, and two scanners of lists; a layer whose "
            "map does not fit is stored with its zeros.",
        ),
    )
    clock_mhz: float = field(
        default=100.0,
        metadata=about(
            "Clock at which times are stated.",
            unit="MHz",
            allowed="a positive number",
            cost="It changes no gate.",
        ),
    )
    multiplier: Multiplier = field(
        default_factory=Exact,
        metadata=about(
            "What a lane multiplies with, and the form in which weights are stored. The default "
            "is an operator, for the DSP blocks of an FPGA.",
            allowed="a name or NAME:NUMBERS of 'refrain multipliers', or a .npy or .v file",
            cost="What 'refrain multiplier NAME --cells' says, in every lane.",
        ),
    )
    act_width: int = field(
        default=8,
        metadata=about(
            "Bits of a value of x and of h. In memory each is a byte, sign-extended, or two bytes "
            "where it has 16 bits.",
            name="activation_bits",
            unit="bits",
            allowed="an integer from 4 to 8, or 16",
            cost="Width of events, multipliers and accumulators; 16 takes exact multipliers.",
        ),
    )
    row_scales: bool = field(
        default=False,
        metadata=about(
            "Whether gate rows may have multipliers and shifts of their own; else each gate has "
            "one of each.",
            allowed="true or false",
            cost="Shifters of the cell unit and longer parameters; weights of few bits lose less.",
        ),
    )
    scores: bool = field(
        default=True,
        metadata=about(
            "Whether modes may be chosen by how near x is to its reference: skipped steps and mode "
            "auto. Without it normal, delta and reduced mode remain, and normal_every.",
            allowed="true or false",
            cost="Distance of rows, two tests of it, and a memory of two rows; see the table.",
        ),
    )
    mode_counters: bool = field(
        default=True,
        metadata=about(
            "Whether steps, events, MACs and weight bytes are counted for each mode. Without it "
            "these registers read 0, and results have the counts of the model.",
            allowed="true or false",
            cost="A memory of counters and sums of 32 bits; see the table.",
        ),
    )
    states: bool = field(
        default=True,
        metadata=about(
            "Whether sequences may begin with a state from memory and write their last one to it. "
            "Without it they begin with zero, or go on where the run before ended.",
            allowed="true or false",
            cost="Second client of the write master with its buffer, and a packer; see the table.",
        ),
    )
    resume: bool = field(
        default=True,
        metadata=about(
            "Whether a run may go on from the one before, for streams. Without it every run begins "
            "its sequences anew.",
            allowed="true or false",
            cost="Notes of units that moved and memories of what modes depend on; see the table.",
        ),
    )

    addr_width = 32
    cell_width = 16

    def __post_init__(self):
        check_config(self)

    @property
    def bus_bytes(self) -> int:
        """Bytes of one beat."""
        return self.bus_width // 8

    @property
    def code_width(self) -> int:
        """Bits that a value of ``x`` or ``h`` takes in memory."""
        return 8 if self.act_width <= 8 else 16

    @property
    def code_bytes(self) -> int:
        """Bytes that a value of ``x`` or ``h`` takes in memory."""
        return self.code_width // 8

    @property
    def beat_codes(self) -> int:
        """Values of ``x`` or ``h`` in a beat."""
        return self.bus_width // self.code_width

    @property
    def threshold_width(self) -> int:
        """Bits of a threshold of ``x`` or ``h``: as many as a value takes in memory."""
        return self.code_width

    @property
    def units_per_block(self) -> int:
        """Hidden units whose four gates fill the lanes."""
        return self.lanes // 4

    @property
    def unit_cycles(self) -> int:
        """Cycles for which the cell unit takes the gate rows of one hidden unit."""
        return 4 // self.cell_lanes * self.row_cycles

    @property
    def column_bytes(self) -> int:
        """Bytes of one column word: a weight for every lane."""
        return self.lanes * self.multiplier.weight_width // 8

    @property
    def word_beats(self) -> int:
        """Beats of a column word in which every weight has all its bits."""
        return self.column_bytes // self.bus_bytes

    @property
    def plane_bits(self) -> int:
        """Bits of each weight in a plane, the least that words can be narrower by."""
        return max(self.bus_width // self.lanes, 1)

    @property
    def plane_beats(self) -> int:
        """Beats of a plane: some bits of the weights of all lanes."""
        return max(self.lanes // self.bus_width, 1)

    @property
    def part_widths(self) -> bool:
        """Whether words of ``x`` and of ``h`` may differ in length: one has several planes."""
        return self.word_beats > self.plane_beats

    @property
    def held_words(self) -> int:
        """Column words of streamed blocks that can be held at once."""
        return self.stream_words - RING_GUARD

    @property
    def slot_width(self) -> int:
        """Bits of a step's place in its group; 0 where there are no groups."""
        return (self.lookahead - 1).bit_length()

    @property
    def x_lists(self) -> int:
        """Lists of events of x: those of the steps that go on, and as many that are made."""
        return 2 * self.lookahead

    @property
    def mapped(self) -> bool:
        """Whether there are gates for maps of columns."""
        return self.map_words > 0

    @property
    def max_blocks(self) -> int:
        """Blocks of the largest hidden size."""
        return self.blocks(self.max_hidden)

    @property
    def row_beats(self) -> int:
        """Beats of rows of ``x`` that are kept: the longest row, up to a power of two.

        A row of two segments may end both in a part of a beat.
        """
        return 1 << ceil(self.max_input / self.beat_codes).bit_length()

    @property
    def value_width(self) -> int:
        """Bits of an event's signed value: a difference of two activations."""
        return self.act_width + 1

    @property
    def acc_width(self) -> int:
        """Bits of an accumulator that no sum of events can overflow."""
        longest = max(self.max_input, self.max_hidden)
        largest = longest * self.multiplier.product_limit(self.value_width)
        return largest.bit_length() + 1

    def blocks(self, hidden_size: int) -> int:
        """Blocks that a layer of ``hidden_size`` units takes."""
        return ceil(hidden_size / self.units_per_block)


_WEIGHT_BITS = Setting(
    name="weight_bits",
    field="multiplier",
    kind=int,
    meaning="Bits of a weight, sign included, that the multiplier takes.",
    unit="bits",
    allowed="an integer from 4 to 8",
    cost="Weight memories, bytes read from DRAM, multipliers and accumulators.",
    default=8,
)

SETTINGS = settings_of(Config, {"multiplier": _WEIGHT_BITS}, {"multiplier": "exact"})
"""What files and the command line can set, by name, in the order in which files hold it."""


Config.__doc__ = f"{Config.__doc__}{parameters_text(Config)}"


CONFIGS = {
    config.name: config
    for config in (
        Config(
            name="tiny",
            lanes=8,
            bus_width=64,
            max_input=256,
            max_hidden=256,
            weight_words=2048,
            stream_words=256,
            cell_lanes=1,
            row_cycles=2,
            clock_mhz=50.0,
        ),
        # For FPGAs whose block memories are the bus memory too: layers of up to 128 units, and no
        # more column words than fit blocks of 2048 words side by side.
        Config(
            name="speech",
            lanes=32,
            bus_width=64,
            max_input=128,
            max_hidden=128,
            weight_words=1536,
            cell_lanes=1,
            clock_mhz=100.0,
        ),
        Config(
            name="small",
            lanes=32,
            bus_width=64,
            max_input=256,
            max_hidden=256,
            weight_words=2048,
            cell_lanes=1,
            clock_mhz=80.0,
        ),
        Config(
            name="edge",
            lanes=64,
            bus_width=128,
            max_input=1024,
            max_hidden=1024,
            weight_words=4096,
            clock_mhz=150.0,
        ),
        Config(
            name="chip",
            lanes=128,
            bus_width=256,
            max_input=2048,
            max_hidden=2048,
            weight_words=4096,
            clock_mhz=250.0,
            # No DSP blocks there: the array is written out, which takes less energy.
            multiplier=Exact(tree=True),
        ),
    )
}
"""The named configurations, smallest first."""
