"""Memory controllers from LiteDRAM: made once per setting, in a process of their own.

LiteX changes global state, prints, and writes into folders, so nothing here imports it but the
process that ``make_core`` starts. What it leaves, and what was made of it, is the generator's.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import asdict, dataclass
from pathlib import Path

from boards.cache import CacheError, default_cache, is_kept, publish
from boards.errors import BoardError

__all__ = ["CoreSettings", "DramCore", "InitStep", "make_core"]

_PACKAGES = {
    "litedram": "litedram",
    "litex": "litex",
    "migen": "migen",
}
_CPU_PACKAGES = {
    "pythondata_cpu_vexriscv": "pythondata-cpu-vexriscv",
    "pythondata_software_picolibc": "pythondata-software-picolibc",
    "pythondata_software_compiler_rt": "pythondata-software-compiler-rt",
    "mesonbuild": "meson",
    "ninja": "ninja",
}
"""Modules that are needed, and the package that brings each."""

_RISCV = "riscv64-unknown-elf-gcc"

_MEMTEST_BYTES = 8192
"""What the processor writes and reads to judge its own training: small enough to be simulated."""

_CONTROL = {"SEL": 1, "CKE": 2, "ODT": 4, "RESET_N": 8}
_COMMAND = {"CS": 1, "WE": 2, "CAS": 4, "RAS": 8}
"""Bits of the core's registers ``dfii_control`` and ``dfii_pi0_command``."""


@dataclass(frozen=True, kw_only=True)
class CoreSettings:
    """What a controller is made for.

    Parameters
    ----------
    name : str
        Name of the module.
    kind : str
        ``sdr``: SDRAM, started by writes to the core's registers; ``ddr3``: with a processor that
        trains it.
    chip : str
        The memory chip, as LiteDRAM calls it.
    device : str
        The FPGA, as LiteX calls it.
    lanes : int
        Bytes of the memory's data bus.
    clock_mhz : float
        Clock of the core and of its port.
    width, id_width : int
        Bits of the port's data and identifiers; 0 where they are still to be chosen.
    simulated : bool
        A model of the memory stands in place of its pins.
    """

    name: str
    kind: str
    chip: str
    device: str
    lanes: int
    clock_mhz: float
    width: int = 0
    id_width: int = 0
    simulated: bool = False


@dataclass(frozen=True)
class InitStep:
    """A write to one of the core's registers, and how long to wait behind it.

    Members
    -------
    word, value : int
        Address in words of 32 bits; what is written.
    cycles : int
        Clock cycles.
    """

    word: int
    value: int
    cycles: int


@dataclass(frozen=True)
class DramCore:
    """A controller that was made.

    Members
    -------
    settings : CoreSettings
        What for.
    files : dict of str to str
        Verilog and contents of memories, by name.
    bytes : int
        Size of the memory.
    steps : tuple of InitStep
        What starts it; none where a processor does.
    """

    settings: CoreSettings
    files: dict[str, str]
    bytes: int
    steps: tuple[InitStep, ...]


def make_core(settings: CoreSettings, cache: Path | None = None) -> DramCore:
    """The controller of ``settings``, from the cache where it was made before.

    Raises
    ------
    BoardError
        A package or the processor's compiler is missing, or LiteX failed.
    """
    needed = {**_PACKAGES, **(_CPU_PACKAGES if settings.kind == "ddr3" else {})}
    for module, package in needed.items():
        if importlib.util.find_spec(module) is None:
            raise BoardError(f"{package} is missing; pip install 'refrain[dram]' brings it")
    versions = [importlib.metadata.version(package) for package in needed.values()]
    key = "\0".join([Path(__file__).read_text(), repr(settings), *versions])
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    target = (cache or default_cache()) / f"dram-{digest}"
    try:
        if not is_kept(target):
            _check_compiler(settings)
            publish(lambda folder: _run(settings, folder), target, "memory controllers")
    except CacheError as error:
        raise BoardError(str(error)) from None
    made = json.loads((target / "core.json").read_text())
    steps = tuple(InitStep(*step) for step in made["steps"])
    return DramCore(settings, made["files"], made["bytes"], steps)


def _check_compiler(settings: CoreSettings):
    if settings.kind == "ddr3" and shutil.which(_RISCV) is None:
        raise BoardError(
            f"{_RISCV} is missing, which compiles what trains the memory; on Debian, apt-get "
            f"install gcc-riscv64-unknown-elf brings it"
        )


def _run(settings: CoreSettings, folder: Path):
    """Let a process of its own fill ``folder``."""
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from {__name__} import main; main()"
    # Its makefiles call this Python, and tools that were installed with it, by name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, json.dumps(asdict(settings)), folder],
            cwd=work,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it gave no reason"]
        raise BoardError(f"LiteDRAM could not make the memory's controller: {lines[-1].strip()}")


def main():
    """What the process does: settings as JSON and a folder are its arguments."""
    settings = CoreSettings(**json.loads(sys.argv[1]))
    core, phy, sources = _generate(settings)
    steps = _steps(phy, core["registers"]) if settings.kind == "sdr" else []
    result = {"files": sources, "bytes": core["bytes"], "steps": steps}
    Path(sys.argv[2], "core.json").write_text(json.dumps(result))


def _configuration(settings: CoreSettings) -> dict:
    """What LiteDRAM's generator reads from a file by itself."""
    from litedram import modules, phy

    common = {
        "device": settings.device,
        "sdram_module": getattr(modules, settings.chip),
        "sdram_module_nb": settings.lanes,
        "sys_clk_freq": settings.clock_mhz * 1e6,
        "input_clk_freq": settings.clock_mhz * 1e6,
        "cmd_buffer_depth": 16,
        "user_ports": {
            "axi": {"type": "axi", "id_width": settings.id_width, "data_width": settings.width}
        },
    }
    if settings.kind == "sdr":
        return {**common, "cpu": None, "memtype": "SDR", "sdram_phy": phy.GENSDRPHY}
    return {
        **common,
        "cpu": "vexriscv",
        "cpu_variant": "minimal",
        # Nobody listens; a FIFO that is always taken from needs no pins.
        "uart": "fifo",
        "memtype": "DDR3",
        "sdram_phy": phy.A7DDRPHY,
        "sdram_rank_nb": 1,
        "speedgrade": -1,
        "cmd_latency": 0,
        "iodelay_clk_freq": 200e6,
        "rtt_nom": "60ohm",
        "rtt_wr": "60ohm",
        "ron": "34ohm",
    }


def _platform(settings: CoreSettings):
    from litex.build.lattice import LatticePlatform
    from litex.build.sim import SimPlatform
    from litex.build.xilinx import XilinxPlatform

    class Model(SimPlatform):
        """Writes Verilog, where LiteX's own would compile it too."""

        def build(self, soc, build_dir, build_name, **_):
            fragment = soc.get_fragment()
            self.finalize(fragment)
            written = self.get_verilog(fragment, name=build_name, regular_comb=False)
            Path(build_dir).mkdir(parents=True, exist_ok=True)
            with chdir(build_dir):
                written.write(f"{build_name}.v")
            return written.ns

    if settings.simulated:
        return Model("", io=[])
    if settings.kind == "sdr":
        return LatticePlatform(settings.device, io=[], toolchain="trellis")
    return XilinxPlatform(settings.device, io=[], toolchain="vivado")


def _generate(settings: CoreSettings):
    """Facts of the core, its PHY's and timings' settings, and its files."""
    from types import ModuleType

    from litedram.phy.model import get_sdram_phy_settings

    # LiteDRAM's generator takes this function from a tool whose imports would need Ethernet.
    tool = ModuleType("litex.tools.litex_sim")
    tool.get_sdram_phy_settings = get_sdram_phy_settings
    sys.modules[tool.__name__] = tool
    from litedram.gen import LiteDRAMCore
    from litex.soc.integration.builder import Builder

    soc = LiteDRAMCore(_platform(settings), _configuration(settings), integrated_rom_size=0xC000)
    for name in ("MEMTEST_DATA_SIZE", "MEMTEST_ADDR_SIZE"):
        soc.add_constant(name, _MEMTEST_BYTES)
    for name in ("BIOS_NO_BOOT", "BIOS_NO_BUILD_TIME"):
        soc.add_config(name)
    builder = Builder(soc, output_dir="out", compile_gateware=False, bios_console="disable")
    builder.build(build_name=settings.name, regular_comb=False)

    registers = json.loads(Path("out", "csr.json").read_text())["csr_registers"]
    facts = {
        "registers": {name: register["addr"] for name, register in registers.items()},
        "bytes": 1 << len(soc.platform.lookup_request("user_port_axi").araddr),
    }
    controller = soc.sdram.controller.settings
    files = {path.name: path.read_text() for path in Path("out", "gateware").glob("*.init")}
    for path, *_ in soc.platform.sources:
        files[Path(path).name] = Path(path).read_text()
    files[f"{settings.name}.v"] = _cleaned(Path("out", "gateware", f"{settings.name}.v"))
    return facts, (controller.phy, controller.timing), files


def _cleaned(path: Path) -> str:
    """The core's Verilog without dates and a tree whose order is chance, and as tools want it.

    LiteX declares pins that go into a cell of an ECP5 inputs, though data leaves through them, and
    writes an assignment to several signals once for each of them: several drivers, to a tool.
    """
    text = path.read_text()
    text = re.sub(r" by LiteX on .*", " by LiteX.", text[text.index("`timescale") :])
    text = re.sub(r"^/\*\nLiteDRAMCore\n.*?\*/\n", "", text, flags=re.M | re.S)
    text = re.sub(r"^( *)input  wire( +\[\d+:0\] sdram_dq,)$", r"\1inout  wire\2", text, flags=re.M)
    return re.sub(r"^(assign .*\n)\1+", r"\1", text, flags=re.M)


def _steps(phy, registers: dict[str, int]) -> Sequence[tuple[int, int, int]]:
    """The writes that start an SDRAM, and the wait behind each."""
    from litedram.init import get_sdram_phy_init_sequence

    def bits(text: str, of: dict[str, int], prefix: str) -> int:
        return sum(of[name.removeprefix(prefix)] for name in text.split("|"))

    def write(name: str, value: int, cycles: int = 0):
        steps.append((registers[name] // 4, value, cycles))

    steps = []
    # Commands come from these writes until the last of them hands the memory to the controller.
    write("sdram_dfii_control", _CONTROL["ODT"] | _CONTROL["RESET_N"])
    for _, address, bank, text, loops in get_sdram_phy_init_sequence(*phy)[0]:
        # LiteX's loops take a processor some cycles; the least wait is longer than tRFC and tRP.
        cycles = 4 * loops + 32
        write("sdram_dfii_pi0_address", address)
        write("sdram_dfii_pi0_baddress", bank)
        if text.startswith("DFII_CONTROL"):
            write("sdram_dfii_control", bits(text, _CONTROL, "DFII_CONTROL_"), cycles)
        else:
            write("sdram_dfii_pi0_command", bits(text, _COMMAND, "DFII_COMMAND_"))
            write("sdram_dfii_pi0_command_issue", 1, cycles)
    write("sdram_dfii_control", _CONTROL["SEL"])
    write("ddrctrl_init_done", 1)
    return steps
