"""The register map as SystemRDL, made from the one definition in ``hw.registers``."""

from collections.abc import Iterator

from hw.config import Config
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTER_DOCS,
    MODE_COUNTER_BASE,
    MODE_COUNTER_DOCS,
    MODE_COUNTER_STRIDE,
    REGISTERS,
    Bits,
    Error,
    Register,
    bits_of,
    reset_values,
)

__all__ = ["MAP", "rdl_text"]

MAP = "refrain"
"""Name of the map: the same for every configuration, so that one driver takes all."""

_ACCESS = {
    "ro": "sw = r; hw = w;",
    "rw": "sw = rw; hw = r;",
    "wo": "sw = w; hw = r;",
    "w1c": "sw = rw; onwrite = woclr; hw = w;",
}
_HALVES = ("low", "high")


def rdl_text(config: Config, head: str) -> str:
    """SystemRDL 2.0 of the registers of a configuration.

    Constants are the reset values of their fields. A counter is two registers of 32 bits, as the
    bus is that wide.

    Parameters
    ----------
    config : Config
        The machine.
    head : str
        Lines of a comment at the start.
    """
    lines = [f"// {line}".rstrip() for line in head.splitlines()]
    lines += ["", f"enum {MAP}_error {{"]
    lines += [f'  {each.name.lower()} = {int(each)} {{desc = "{each.doc}";}};' for each in Error]
    lines += ["};", "", f"addrmap {MAP} {{"]
    lines += [f'  name = "refrain_{config.name}";']
    lines += ['  desc = "Registers and counters of an LSTM accelerator.";']
    lines += ["  default regwidth = 32;", "  default accesswidth = 32;", ""]
    values = reset_values(config)
    for register in REGISTERS.values():
        lines += _register(register, values.get(register.name, 0))
    lines += _counters(COUNTER_DOCS, COUNTER_BASE, "  ")
    for mode in Mode:
        name, base = mode.name.lower(), MODE_COUNTER_BASE + MODE_COUNTER_STRIDE * mode
        lines += ["  regfile {", f'    desc = "Counters of {name} mode.";']
        lines += _counters(MODE_COUNTER_DOCS, 0, "    ")
        lines += [f"  }} {name} @ 0x{base:x};"]
    return "\n".join([*lines, "};", ""])


def _register(register: Register, value: int) -> Iterator[str]:
    """A register, whose fields come from ``value`` after a reset."""
    yield "  reg {"
    yield f'    desc = "{register.doc}";'
    for bits in bits_of(register.name):
        reset = value >> bits.lsb & (1 << bits.width) - 1
        yield _field(bits, _ACCESS[register.access], f"{bits.width}'h{reset:x}", register.name)
    yield f"  }} {register.name} @ 0x{register.addr:x};"


def _field(bits: Bits, access: str, reset: str, register: str) -> str:
    kind = f" encode = {MAP}_error;" if register == "error" else ""
    kind += " singlepulse;" if register == "control" else ""
    place = f"[{bits.lsb + bits.width - 1}:{bits.lsb}]"
    return f'    field {{{access}{kind} desc = "{bits.doc}";}} {bits.name}{place} = {reset};'


def _counters(docs: dict[str, str], base: int, indent: str) -> Iterator[str]:
    """Both halves of each counter."""
    for k, (name, doc) in enumerate(docs.items()):
        for high, half in enumerate(_HALVES):
            yield f"{indent}reg {{"
            yield f'{indent}  desc = "{half.capitalize()} word: {doc}";'
            yield f"{indent}  field {{sw = r; hw = w;}} count[31:0] = 32'h0;"
            yield f"{indent}}} {name}_{half} @ 0x{base + 8 * k + 4 * high:x};"
