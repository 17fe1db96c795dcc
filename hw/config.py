"""What can be chosen when an accelerator is generated."""

from dataclasses import dataclass, field, fields
from math import ceil

from hw.errors import UserError
from hw.multipliers.exact import Exact
from hw.multipliers.family import Multiplier

__all__ = ["CONFIGS", "RING_GUARD", "Config", "ConfigError"]

RING_GUARD = 4
"""Words of the ring of streamed words that stay free: one that was handed out is read, and must
not be written over, up to this many cycles later."""


class ConfigError(UserError, ValueError):
    """A configuration that contradicts itself; the message names both sides."""


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


@dataclass(frozen=True, kw_only=True)
class Config:
    """One accelerator. Every width in the gates is derived from these values.

    Parameters
    ----------
    name : str
        What the configuration is called on the command line.
    lanes : int
        Multiply-accumulate lanes; each holds one gate row of a block of ``lanes // 4`` units.
    bus_width : int
        Bits of the AXI4 data bus to DRAM, 64 to 512.
    max_input, max_hidden : int
        Largest ``I`` and ``H`` of one LSTM direction.
    weight_words : int
        Column words (one weight for every lane) that the resident weight memory holds.
    stream_words : int
        Column words buffered between DRAM and the lanes for blocks that are not resident; 4 of
        them stay free.
    cell_lanes : int
        Gate rows that the cell unit takes per cycle: 4 finishes one hidden unit every cycle.
    burst_beats : int
        Longest AXI4 burst, in beats.
    bursts_in_flight : int
        Read bursts that may be outstanding at once.
    lookahead : int
        Steps whose x part a fetch of streamed weights may serve, a power of two of at most 16; 1
        for no such gates.
    clock_mhz : float
        Clock at which real-time figures are stated. It changes no gate.
    multiplier : Multiplier
        What a lane multiplies with, and the form in which weights are stored. The default is an
        operator, for the DSP blocks of an FPGA.
    act_width : int
        Bits of a code of ``x`` and of ``h``, 4 to 8. In memory each is a byte, sign-extended.
    row_scales : bool
        Gate rows may have multipliers and shifts of their own, else each gate has one.
    """

    name: str
    lanes: int
    bus_width: int
    max_input: int
    max_hidden: int
    weight_words: int
    stream_words: int = 512
    cell_lanes: int = 4
    burst_beats: int = 32
    bursts_in_flight: int = 16
    lookahead: int = 1
    clock_mhz: float = 100.0
    multiplier: Multiplier = field(default_factory=Exact)
    act_width: int = 8
    row_scales: bool = False

    addr_width = 32
    cell_width = 16

    def __post_init__(self):
        for item in fields(self):
            value = getattr(self, item.name)
            if item.type is int and (not isinstance(value, int) or value < 1):
                raise ConfigError(f"{item.name} must be a positive integer, not {value!r}")
        if self.lanes % 4 or not _is_power_of_two(self.lanes):
            raise ConfigError(f"lanes must be a power of two of at least 4, not {self.lanes}")
        if self.bus_width not in (64, 128, 256, 512):
            raise ConfigError(f"bus_width must be 64, 128, 256 or 512, not {self.bus_width}")
        if self.column_bytes < self.bus_bytes:
            raise ConfigError(
                f"bus_width must be at most the {8 * self.column_bytes} bits that {self.lanes} "
                f"lanes use per cycle, not {self.bus_width}"
            )
        if self.column_bytes % self.bus_bytes:
            raise ConfigError(
                f"bus_width must divide the {8 * self.column_bytes} bits that {self.lanes} lanes "
                f"use per cycle, not {self.bus_width}"
            )
        if not 4 <= self.act_width <= 8:
            raise ConfigError(f"act_width must be from 4 to 8, not {self.act_width}")
        if self.stream_words <= RING_GUARD:
            raise ConfigError(
                f"stream_words must be at least {RING_GUARD + 1}, not {self.stream_words}"
            )
        if self.cell_lanes not in (1, 2, 4):
            raise ConfigError(f"cell_lanes must be 1, 2 or 4, not {self.cell_lanes}")
        if not _is_power_of_two(self.burst_beats) or self.burst_beats > 256:
            raise ConfigError(
                f"burst_beats must be a power of two of at most 256, not {self.burst_beats}"
            )
        if self.burst_beats * self.bus_bytes > 4096:
            raise ConfigError(
                f"burst_beats times bus_width must be at most 4096 bytes, not "
                f"{self.burst_beats * self.bus_bytes}"
            )
        if not _is_power_of_two(self.lookahead) or self.lookahead > 16:
            raise ConfigError(
                f"lookahead must be a power of two of at most 16, not {self.lookahead}"
            )
        if max(self.max_input, self.max_hidden) > 4096:
            raise ConfigError(
                f"max_input and max_hidden must be at most 4096, not "
                f"{max(self.max_input, self.max_hidden)}"
            )

    @property
    def bus_bytes(self) -> int:
        """Bytes of one beat."""
        return self.bus_width // 8

    @property
    def units_per_block(self) -> int:
        """Hidden units whose four gates fill the lanes."""
        return self.lanes // 4

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
    def max_blocks(self) -> int:
        """Blocks of the largest hidden size."""
        return self.blocks(self.max_hidden)

    @property
    def row_beats(self) -> int:
        """Beats of rows of ``x`` that are kept: the longest row, up to a power of two.

        A row of two segments may end both in a part of a beat.
        """
        return 1 << ceil(self.max_input / self.bus_bytes).bit_length()

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
