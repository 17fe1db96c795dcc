"""The one driver: a simulation and every board are started, awaited and read by it."""

from collections.abc import Callable

from boards.transport import Transport
from hw.errors import UserError
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    ID_VALUE,
    MODE_COUNTER_BASE,
    MODE_COUNTERS,
    OPTIONAL,
    OVERRIDE_WORD,
    OVERRIDES,
    REGISTERS,
    Control,
    Error,
)

__all__ = ["DeviceError", "Driver"]

_DONE, _ERROR = 1 << 0, 1 << 1
"""Bits of the interrupt and interrupt_enable registers."""
_BUSY = 1 << 0
"""Bit of the status register."""

_FEATURES = 0, 5
"""Version of the register map from which on a register says which gates there are."""

_REASONS = {
    Error.NONE: "no error",
    Error.BAD_DESCRIPTOR: "a layer descriptor asks for what this machine cannot run",
    Error.READ: "the memory answered a read with an error",
    Error.WRITE: "the memory answered a write with an error",
    Error.BUSY: "it was started while it was running",
    Error.OUTSIDE: "a write would have left the output window",
    Error.TIMEOUT: (
        "the memory owes an answer and does nothing; make it answer, then reset the accelerator by "
        "soft_reset(), or reset both together"
    ),
}


class DeviceError(UserError):
    """The machine is not what it should be, or it stopped; the message is one sentence.

    Members
    -------
    code : Error or None
        The ERROR register, where the machine reported one.
    """

    def __init__(self, message: str, code: Error | None = None):
        super().__init__(message)
        self.code = code


def _reported(code: int) -> DeviceError:
    if code not in _REASONS:
        return DeviceError(f"the accelerator stopped with the unknown error code {code}")
    error = Error(code)
    return DeviceError(f"the accelerator reports {error.name}: {_REASONS[error]}", error)


class Driver:
    """Runs tables of layer descriptors that lie in the machine's memory.

    Parameters
    ----------
    transport : Transport
        The way to the machine.

    Members
    -------
    version : (int, int)
        Major and minor.
    lanes, bus_bytes, max_input, max_hidden, weight_words : int
        What the machine can hold.
    row_scales : bool
        Whether rows of weights may have scales of their own.
    wide : bool
        Whether values of ``x`` and ``h`` have 16 bits.
    maps : bool
        Whether layers may have maps of their columns.
    lacking : tuple of str
        What the machine was made without, of ``hw.registers.OPTIONAL``.

    Raises
    ------
    DeviceError
        No accelerator answers.
    """

    def __init__(self, transport: Transport):
        self.transport = transport
        found = self.read("id")
        if found != ID_VALUE:
            raise DeviceError(
                f"the ID register reads 0x{found:08x}, not 0x{ID_VALUE:08x}: "
                f"no Refrain accelerator is there"
            )
        version, lanes, limits = self.read("version"), self.read("lanes"), self.read("limits")
        self.version = version >> 16, version & 0xFFFF
        self.lanes, self.bus_bytes = lanes & 0xFFFF, lanes >> 16
        self.max_input, self.max_hidden = limits & 0xFFFF, limits >> 16
        self.weight_words = self.read("weight_words")
        # Older machines have no such register, and no such gates that anybody built.
        features = self.read("features") if self.version >= _FEATURES else 0
        self.row_scales, self.wide = bool(features & 1), bool(features & 2)
        self.maps = bool(features & 1 << 6)
        self.lacking = tuple(name for name, (bit, _) in OPTIONAL.items() if features >> bit & 1)

    def read(self, register: str) -> int:
        """A register by its name."""
        return self.transport.read_register(REGISTERS[register].addr)

    def write(self, register: str, value: int):
        """Write a register by its name."""
        self.transport.write_register(REGISTERS[register].addr, value)

    @property
    def busy(self) -> bool:
        """Whether the machine is running."""
        return bool(self.read("status") & _BUSY)

    def start(self, descriptor: int, output_base: int, output_limit: int):
        """Start the machine on a table of descriptors.

        Parameters
        ----------
        descriptor : int
            Byte address of the first.
        output_base, output_limit : int
            First byte that may be written, and first byte behind.

        Raises
        ------
        DeviceError
            The machine is running.
        """
        if self.busy:
            raise DeviceError("the accelerator is running; wait for it or reset it", Error.BUSY)
        self.write("interrupt", _DONE | _ERROR)
        self.write("interrupt_enable", _DONE | _ERROR)
        self.write("descriptor", descriptor)
        self.write("output_base", output_base)
        self.write("output_limit", output_limit)
        self.write("control", 1 << Control.START)

    def wait(self, timeout: int | None = None, progress: Callable[[int], None] | None = None):
        """Wait until the machine is done.

        Parameters
        ----------
        timeout : int or None
            Cycles of the machine's clock. None waits as long as the run takes; the machine's own
            watchdog ends one whose memory does not answer.
        progress : function of int
            Called now and then with the cycles waited so far.

        Raises
        ------
        DeviceError
            The machine reports an error, or the time is over.
        """
        if not self.transport.wait_interrupt(timeout, progress):
            raise DeviceError(
                f"the accelerator was not done after {timeout} cycles; soft_reset() ends the run"
            )
        pending = self.read("interrupt")
        self.write("interrupt", pending)
        if pending & _ERROR:
            raise _reported(self.read("error"))
        if not pending & _DONE:
            raise DeviceError("the accelerator raised its interrupt without a reason")

    def override(self, words: dict[int, int] | None):
        """Let the machine take these descriptor words for those of every layer, from now on.

        Parameters
        ----------
        words : dict of int to int, or None
            Value by word of the descriptor, from ``OVERRIDE_WORD`` on; None takes every layer as
            its descriptor says.

        Raises
        ------
        ValueError
            No register stands for such a word, or the value is not one of 32 bits.
        """
        enable = 0
        for word, value in (words or {}).items():
            index = word - OVERRIDE_WORD
            if index not in range(OVERRIDES):
                last = OVERRIDE_WORD + OVERRIDES - 1
                raise ValueError(
                    f"a descriptor word to override must be {OVERRIDE_WORD} to {last}, not {word}"
                )
            if not 0 <= value < 1 << 32:
                raise ValueError(f"the override of word {word} must fit 32 bits, not {value}")
            enable |= 1 << index
        for word, value in (words or {}).items():
            self.write(f"override_{word - OVERRIDE_WORD}", value)
        self.write("override", enable)

    def counters(self) -> dict[str, int]:
        """Every counter of the whole run by name, as of the end of the last run."""
        return {name: self._counter(COUNTER_BASE + 8 * k) for k, name in enumerate(COUNTERS)}

    def mode_counters(self) -> dict[str, dict[str, int]]:
        """Every counter of each mode by its names, as of the end of the last run.

        The names of modes are those of ``hw.modes.Mode`` in lower case. Of a mode without steps
        nothing else is read, since every read may take its time.

        Raises
        ------
        DeviceError
            The machine was made without them.
        """
        if "mode_counters" in self.lacking:
            raise DeviceError(
                "the accelerator was made without counters for each mode: it counts cycles, bytes "
                "and stalls alone"
            )
        return {mode.name.lower(): self._mode_counters(mode) for mode in Mode}

    def _mode_counters(self, mode: Mode) -> dict[str, int]:
        base = MODE_COUNTER_BASE + 64 * mode
        counts = dict.fromkeys(MODE_COUNTERS, 0)
        counts["steps"] = self._counter(base + 8 * MODE_COUNTERS.index("steps"))
        if counts["steps"]:
            for k, name in enumerate(MODE_COUNTERS):
                if name != "steps":
                    counts[name] = self._counter(base + 8 * k)
        return counts

    def _counter(self, addr: int) -> int:
        low = self.transport.read_register(addr)
        return self.transport.read_register(addr + 4) << 32 | low

    def soft_reset(self, attempts: int = 1000):
        """Stop whatever runs and forget it; bursts that are under way are finished first.

        Parameters
        ----------
        attempts : int
            Reads of the status register to wait for.

        Raises
        ------
        DeviceError
            The machine does not come to rest.
        """
        self.write("control", 1 << Control.SOFT_RESET)
        for _ in range(attempts):
            if not self.busy:
                self.write("interrupt", _DONE | _ERROR)
                return
        raise DeviceError(
            "the accelerator does not come to rest after a soft reset, because the memory owes it "
            "an answer: reset the memory and the accelerator together"
        )
