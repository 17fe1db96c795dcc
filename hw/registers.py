"""The register map: one definition for the gates, the driver and the documentation.

All registers are 32 bits wide, at byte addresses on an AXI4-Lite port of 12 address bits. Counters
are 64 bits, low word first; they count from the last start and stand still when the machine is
idle. An access to any other address, and a write to a read-only register, is answered with SLVERR.
A soft reset clears status, error and interrupt bits and leaves the other registers as written.
"""

from dataclasses import dataclass
from enum import IntEnum

from hw.descriptor import FIELDS

__all__ = [
    "COUNTERS",
    "COUNTER_BASE",
    "COUNTER_DOCS",
    "ID_VALUE",
    "MODE_COUNTERS",
    "MODE_COUNTER_BASE",
    "MODE_COUNTER_DOCS",
    "MODE_COUNTER_STRIDE",
    "OPTIONAL",
    "OVERRIDES",
    "OVERRIDE_WORD",
    "REGISTERS",
    "VERSION_VALUE",
    "WATCHDOG_CYCLES",
    "Bits",
    "Control",
    "Error",
    "Register",
    "bits_of",
    "constant_values",
    "reset_values",
]

ID_VALUE = 0x4E524652
"""``RFRN`` in memory order."""

VERSION_VALUE = 0 << 16 | 5
"""Major and minor version of this register map."""

WATCHDOG_CYCLES = 1 << 20
"""What the WATCHDOG register holds after a reset: 10 ms at 100 MHz."""


class Error(IntEnum):
    """Why the machine stopped: the code in the ERROR register."""

    NONE = 0
    BAD_DESCRIPTOR = 1
    READ = 2
    WRITE = 3
    BUSY = 4
    OUTSIDE = 5
    TIMEOUT = 6

    @property
    def doc(self) -> str:
        """What happened."""
        return _ERROR_DOCS[self]


_ERROR_DOCS = {
    Error.NONE: "nothing",
    Error.BAD_DESCRIPTOR: "magic, sizes or residency that this machine cannot run",
    Error.READ: "an error response on the AXI read channel",
    Error.WRITE: "an error response on the AXI write channel",
    Error.BUSY: "a start while running; the run goes on",
    Error.OUTSIDE: "a write would have left the output window; it was not made",
    Error.TIMEOUT: "the memory owed an answer and did nothing for as long as `watchdog` says",
}


class Control(IntEnum):
    """Bits of the CONTROL register; they clear themselves."""

    START = 0
    SOFT_RESET = 1


@dataclass(frozen=True)
class Register:
    """One register; ``access`` is ``ro``, ``rw``, ``wo`` or ``w1c`` (write one to clear)."""

    name: str
    addr: int
    access: str
    doc: str


@dataclass(frozen=True)
class Bits:
    """Bits ``lsb`` to ``lsb + width - 1`` of a register, and what they say."""

    name: str
    lsb: int
    width: int
    doc: str


REGISTERS = {
    register.name: register
    for register in (
        Register("id", 0x00, "ro", "0x4E524652"),
        Register("version", 0x04, "ro", "major << 16 | minor"),
        Register("lanes", 0x08, "ro", "lanes | bus_bytes << 16"),
        Register("limits", 0x0C, "ro", "max_input | max_hidden << 16"),
        Register("weight_words", 0x10, "ro", "resident column words"),
        Register("control", 0x14, "wo", "bit 0 start, bit 1 soft reset"),
        Register("status", 0x18, "ro", "bit 0 busy, bit 1 done, bit 2 error"),
        Register("error", 0x1C, "ro", "code of the first error since the last start or reset"),
        Register("interrupt", 0x20, "w1c", "bit 0 done, bit 1 error; any set bit that is enabled"),
        Register("interrupt_enable", 0x24, "rw", "bit 0 done, bit 1 error"),
        Register("descriptor", 0x28, "rw", "address of the first layer descriptor"),
        Register("output_base", 0x2C, "rw", "first byte that may be written"),
        Register("output_limit", 0x30, "rw", "first byte behind what may be written"),
        Register("override", 0x34, "rw", "bit k: override_k stands for descriptor word 33 + k"),
        Register("override_0", 0x38, "rw", "plan, flags, thresholds: descriptor word 33"),
        Register("override_1", 0x3C, "rw", "distances: descriptor word 34"),
        Register("override_2", 0x40, "rw", "longest runs: descriptor word 35"),
        Register(
            "watchdog",
            0x44,
            "rw",
            "cycles that the memory may owe an answer and do nothing, before the run ends; 0 for "
            f"ever; {WATCHDOG_CYCLES} after a reset",
        ),
        Register(
            "features",
            0x48,
            "ro",
            "what not every machine has: bit 0 row_scales, bit 1 wide, bit 6 maps; and what a "
            "machine was made without: bit 2 scores, bit 3 mode counters, bit 4 states, bit 5 "
            "resume",
        ),
    )
}
"""Every register but the counters, by name."""

OVERRIDES = 3
OVERRIDE_WORD = FIELDS["plan"].word
"""Of a descriptor, so many words from this one on can be replaced by registers, in every layer."""

OPTIONAL = {
    "scores": (2, "no mode is chosen by a score, and no step skipped"),
    "mode_counters": (3, "nothing is counted for each mode; its counters read 0"),
    "states": (4, "sequences begin with no state from memory and write none to it"),
    "resume": (5, "no run goes on from the one before"),
}
"""What a machine may be made without, as its ``Config`` calls it: the bit of the register
``features`` that is set there, and what that says. Older machines have all of it, and read 0."""

_EVENTS = {
    "done": "the run ended well",
    "error": "the run ended by an error, or a start was refused",
}
_BITS = {
    "version": (
        Bits("minor", 0, 16, "raised when the map has something new"),
        Bits("major", 16, 16, "raised when a driver for the map of before would go wrong"),
    ),
    "lanes": (
        Bits("lanes", 0, 16, "gate rows that are multiplied side by side"),
        Bits("bus_bytes", 16, 16, "bytes of a beat on the AXI4 port"),
    ),
    "limits": (
        Bits("max_input", 0, 16, "largest number of inputs of a layer"),
        Bits("max_hidden", 16, 16, "largest number of hidden units of a layer"),
    ),
    "control": (
        Bits("start", Control.START, 1, "begin a run; clears itself"),
        Bits("soft_reset", Control.SOFT_RESET, 1, "stop and forget the run; clears itself"),
    ),
    "status": (
        Bits("busy", 0, 1, "a run goes on, or the machine comes to rest"),
        Bits("done", 1, 1, "the last run ended well"),
        Bits("error", 2, 1, "there was an error since the last start or reset"),
    ),
    "error": (Bits("code", 0, 8, "0 for none"),),
    "interrupt": tuple(Bits(name, k, 1, doc) for k, (name, doc) in enumerate(_EVENTS.items())),
    "interrupt_enable": tuple(
        Bits(name, k, 1, f"raise the interrupt when {doc}")
        for k, (name, doc) in enumerate(_EVENTS.items())
    ),
    "features": (
        Bits("row_scales", 0, 1, "rows of weights may have scales of their own"),
        Bits("wide", 1, 1, "values of x and h have 16 bits and take two bytes"),
        *(Bits(f"no_{name}", bit, 1, doc) for name, (bit, doc) in OPTIONAL.items()),
        Bits("maps", 6, 1, "layers may have maps of their columns"),
    ),
    "override": tuple(
        Bits(f"word_{k}", k, 1, f"override_{k} stands for descriptor word {OVERRIDE_WORD + k}")
        for k in range(OVERRIDES)
    ),
}


def bits_of(name: str) -> tuple[Bits, ...]:
    """Parts of a register, from bit 0 up; one of 32 bits, ``value``, where it has no parts."""
    word = {f"override_{k}": OVERRIDE_WORD + k for k in range(OVERRIDES)}.get(name)
    if word is not None:
        fields = (each for each in FIELDS.values() if each.word == word)
        return tuple(Bits(each.name, each.lsb, each.width, each.doc) for each in fields)
    return _BITS.get(name) or (Bits("value", 0, 32, REGISTERS[name].doc),)


def constant_values(config) -> dict[str, int]:
    """What the registers read that say what the machine of a ``Config`` is."""
    return {
        "id": ID_VALUE,
        "version": VERSION_VALUE,
        "lanes": config.lanes | config.bus_bytes << 16,
        "limits": config.max_input | config.max_hidden << 16,
        "weight_words": config.weight_words,
        "features": int(config.row_scales)
        | int(config.act_width > 8) << 1
        | int(config.mapped) << 6
        | sum(1 << bit for name, (bit, _) in OPTIONAL.items() if not getattr(config, name)),
    }


def reset_values(config) -> dict[str, int]:
    """What the registers read after a reset, where that is not zero."""
    return {**constant_values(config), "watchdog": WATCHDOG_CYCLES}


COUNTER_BASE = 0x100
COUNTER_DOCS = {
    "cycles": "cycles from start to done",
    "read_bytes": "beats on the AXI read channel times bytes per beat",
    "write_bytes": "beats on the AXI write channel times bytes per beat",
    "stall_load": "cycles the lanes waited for descriptors, params, resident weights, state",
    "stall_input": "cycles the lanes waited for x",
    "stall_hidden": "cycles the lanes waited for the hidden state of the step before",
    "stall_weights": "cycles the lanes waited for streamed weights",
    "stall_cell": "cycles the lanes waited for the cell unit to free an accumulator",
    "stall_drain": "cycles the lanes waited for the last cell work and writes to end",
}
"""What each counter counts, by name, in the order of their addresses."""
COUNTERS = tuple(COUNTER_DOCS)
"""Counter ``k`` is 64 bits at ``COUNTER_BASE + 8 * k``."""

MODE_COUNTER_BASE = 0x200
MODE_COUNTER_DOCS = {
    "steps": "time steps of all layers, directions and sequences",
    "events_x": "events of x, counted once a step",
    "events_h": "events of h, counted once a step",
    "macs_done": "MACs of real gate rows (padding rows of the last block not counted)",
    "macs_avoided": "MACs of a dense step that no event asked for",
    "weight_bytes": "bytes of streamed weights that were multiplied",
    "weight_bytes_avoided": "bytes of streamed weights of a dense step that were not fetched",
}
"""What each counter of a mode counts, by name, in the order of their addresses."""
MODE_COUNTERS = tuple(MODE_COUNTER_DOCS)
MODE_COUNTER_STRIDE = 64
"""Counter ``k`` of mode ``m`` is 64 bits at ``MODE_COUNTER_BASE + 64 * m + 8 * k``."""
