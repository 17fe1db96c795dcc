"""The registers that the host sees."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.axi.lite import RegisterBusSignature
from hw.control.override import override_layout
from hw.control.step_counters import MODE_COUNTER_WORDS
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    MODE_COUNTER_BASE,
    MODE_COUNTERS,
    REGISTERS,
    WATCHDOG_CYCLES,
    Control,
    Error,
    constant_values,
)
from hw.select import pick

__all__ = ["RegisterFile"]

_WIDTH = 32
_CODE_WIDTH = max(Error).bit_length()
_PLAIN = ("descriptor", "output_base", "output_limit", "watchdog")
"""Registers that are ports of the same name."""


class RegisterFile(wiring.Component):
    """The register map of ``hw.registers``, and what a run means to the host.

    Writing START pulses ``start`` if the machine is at rest, else it is Error.BUSY and the run goes
    on. A run lasts until ``done``, ``error`` or a soft reset; the machine is busy during a run and
    while ``active`` is up. Of several errors the first keeps its code until the next start or soft
    reset; each sets its interrupt bit. ``done`` and ``error`` outside a run are ignored. A soft
    reset clears status, error and interrupt bits; it leaves what was written.

    An access to an address without a register, and a write to one that is read-only, is an error
    on ``bus``. Write-only registers read as zero.

    An access to a counter waits until that is summed; every other one is answered in a cycle.

    Latency: write in cycle t, ``start``, ``soft_reset`` and values in t + 1; ``running`` the cycle
    after ``start``; ``interrupt`` the cycle after ``done`` or ``error``.

    Parameters
    ----------
    config : Config
        What the constant registers say.

    Members
    -------
    bus : flipped RegisterBusSignature
        Accesses of the host.
    start, soft_reset : 1 bit
        Pulses: begin a run; stop and clean up.
    descriptor, output_base, output_limit : unsigned(32)
        As written.
    override : struct
        As written, the same.
    watchdog : unsigned(32)
        As written; ``WATCHDOG_CYCLES`` after a reset.
    active : 1 bit
        The machine is not ready for a start (it is stopping, say).
    done, error : 1 bit
        Pulses: the run ended well; it ended by the error ``code``.
    code : unsigned
        An ``Error``.
    running : 1 bit
        From the cycle after ``start`` to that of ``done`` or ``error``.
    counter_en, counter_word : 1 bit, unsigned
        Pulse: read half a counter; it is the word at ``COUNTER_BASE + 4 * counter_word``.
    counter_done, counter_data : 1 bit, unsigned(32)
        Pulse: it is there, from this cycle on; the access waits until then.
    mode_en, mode_word : 1 bit, unsigned
        Read half a counter of a mode; it is the word at ``MODE_COUNTER_BASE + 4 * mode_word``.
    mode_data : unsigned(32)
        What it is, a cycle later.
    interrupt : 1 bit
        A pending interrupt bit is enabled.
    """

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "bus": In(RegisterBusSignature()),
                "start": Out(1),
                "soft_reset": Out(1),
                "descriptor": Out(_WIDTH),
                "output_base": Out(_WIDTH),
                "output_limit": Out(_WIDTH),
                "override": Out(override_layout()),
                "watchdog": Out(_WIDTH, init=WATCHDOG_CYCLES),
                "active": In(1),
                "done": In(1),
                "error": In(1),
                "code": In(_CODE_WIDTH),
                "running": Out(1),
                "counter_en": Out(1),
                "counter_word": Out(range(2 * len(COUNTERS))),
                "counter_done": In(1),
                "counter_data": In(_WIDTH),
                "mode_en": Out(1),
                "mode_word": Out(range(MODE_COUNTER_WORDS)),
                "mode_data": In(_WIDTH),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        status = Signal(3)
        code = Signal(_CODE_WIDTH)
        pending, enabled = Signal(2), Signal(2)

        # Which register the access of the next cycle is to.
        self._chosen = chosen = Signal(len(REGISTERS))
        self._of_counters = Signal(2)
        found = [self.bus.addr[2:] == item.addr // 4 for item in REGISTERS.values()]
        m.d.sync += [
            chosen.eq(Cat(found)),
            self._of_counters.eq(Cat(self._of_counter(), self._of_mode_counter())),
        ]
        self._follow_run(m, status, code, pending)
        self._write_values(m, {**self._values(), "interrupt_enable": enabled})
        self._read(m, status=status, error=code, interrupt=pending, interrupt_enable=enabled)
        m.d.comb += self.interrupt.eq((pending & enabled).any())
        return m

    def _values(self):
        """Registers that only hold what the host wrote."""
        override = self.override
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "override": override.enable,
            **{f"override_{k}": override.words[k] for k in range(override.words.shape().length)},
        }

    def _writes(self, name):
        """Whether this cycle writes the register ``name``."""
        return self.bus.write & self._chosen[list(REGISTERS).index(name)]

    def _follow_run(self, m, status, code, pending):
        """Begin and end runs; keep the first error and the interrupt bits."""
        commands = Mux(self._writes("control") & self.bus.strb[0], self.bus.data[:2], 0)
        cleared = Mux(self._writes("interrupt") & self.bus.strb[0], self.bus.data[:2], 0)
        busy, begin, refuse, stop = Signal(), Signal(), Signal(), Signal()
        succeed, fail = Signal(), Signal()
        done = Signal()

        m.d.comb += [
            busy.eq(self.start | self.running | self.active),
            stop.eq(commands.bit_select(Control.SOFT_RESET, 1)),
            begin.eq(commands.bit_select(Control.START, 1) & ~stop & ~busy),
            refuse.eq(commands.bit_select(Control.START, 1) & ~stop & busy),
            fail.eq(self.running & self.error),
            succeed.eq(self.running & self.done & ~self.error),
            status.eq(Cat(busy, done, code != Error.NONE)),
        ]

        m.d.sync += [
            self.start.eq(begin),
            self.soft_reset.eq(stop),
            pending.eq(pending & ~cleared | Cat(succeed, fail | refuse)),
        ]
        with m.If(self.start | succeed | fail):
            m.d.sync += self.running.eq(self.start)
        with m.If(succeed):
            m.d.sync += done.eq(1)
        with m.If((fail | refuse) & (code == Error.NONE)):
            m.d.sync += code.eq(Mux(fail, self.code, Error.BUSY))
        with m.If(begin | stop):
            m.d.sync += [done.eq(0), code.eq(Error.NONE)]
        with m.If(stop):
            m.d.sync += [self.running.eq(0), self.start.eq(0), pending.eq(0)]

    def _write_values(self, m, values):
        """Write the bytes of plain registers whose strobe is up."""
        strobes = self.bus.strb
        for name, value in values.items():
            with m.If(self._writes(name)):
                for byte in range(_WIDTH // 8):
                    bits = slice(8 * byte, 8 * byte + 8)
                    if len(value[bits]):
                        with m.If(strobes[byte]):
                            m.d.sync += value[bits].eq(self.bus.data[bits])

    def _constants(self):
        """Values of the registers that say what the machine is; commands read as zero."""
        values = {**constant_values(self.config), "control": 0}
        return {name: Const(value, _WIDTH) for name, value in values.items()}

    def _read(self, m, **states):
        """Answer the access of the cycle before."""
        bus = self.bus
        values = {**self._constants(), **self._values(), **states}
        # Counters and registers are chosen apart, and between them a cycle later.
        register = Signal(_WIDTH)
        of_counter, of_mode = Signal(), Signal()
        others = Mux(of_mode, self.mode_data, register)
        m.d.comb += bus.read_data.eq(Mux(of_counter, self.counter_data, others))
        written = Cat(Const(item.access != "ro", 1) for item in REGISTERS.values())
        known = Mux(bus.write, (self._chosen & written).any(), self._known())
        m.d.sync += bus.error.eq((bus.read | bus.write) & ~known)
        self._ask_for_counter(m)
        with m.If(bus.read | bus.write):
            m.d.sync += of_counter.eq(self._of_counters[0])
            self._choose_mode_counter(m, of_mode)
            words = Cat((values[name] | Const(0, _WIDTH))[:_WIDTH] for name in REGISTERS)
            m.d.sync += register.eq(pick(words, self._chosen, _WIDTH))

    def _known(self):
        """Whether the access is to anything that can be read."""
        return self._chosen.any() | self._of_counters.any()

    def _of_counter(self):
        """Whether the address is that of a counter."""
        words = 2 * len(COUNTERS)
        index = self.bus.addr[2:]
        return (index >= COUNTER_BASE // 4) & (index < COUNTER_BASE // 4 + words)

    def _ask_for_counter(self, m):
        """Let an access wait until its counter is there."""
        word, bus = self.counter_word, self.bus
        assert COUNTER_BASE // 4 % (1 << len(word)) == 0
        m.d.comb += [
            self.counter_en.eq(bus.read & self._of_counters[0]),
            word.eq(bus.addr[2:]),
        ]
        with m.If(self.counter_en | self.counter_done):
            m.d.sync += bus.wait.eq(self.counter_en)

    def _of_mode_counter(self):
        """Whether the address is that of a counter of a mode."""
        word = len(self.mode_word)
        assert MODE_COUNTER_BASE // 4 % MODE_COUNTER_WORDS == 0
        inside = self.bus.addr[2 + word :] == MODE_COUNTER_BASE // 4 >> word
        return inside & (self.bus.addr[3:6] < len(MODE_COUNTERS))

    def _choose_mode_counter(self, m, of_mode):
        m.d.comb += [
            self.mode_en.eq(self.bus.read & self._of_counters[1]),
            self.mode_word.eq(self.bus.addr[2:]),
        ]
        m.d.sync += of_mode.eq(self._of_counters[1])
