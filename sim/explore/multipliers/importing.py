"""Multipliers by name, or from files: tables of products, and Verilog run on all operands."""

import json
import tempfile
from pathlib import Path

import numpy as np

from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.family import Multiplier
from hw.multipliers.imported import Entries, TableMultiplier, VerilogMultiplier
from sim.explore.files import read_array
from sim.explore.multipliers.netlist import GENERIC, Netlist, run_yosys
from sim.networks.network import NetworkError
from sim.networks.paths import cannot_read

__all__ = ["import_table", "import_verilog", "open_multiplier"]


def open_multiplier(text: str, weight_width: int) -> Multiplier:
    """A named multiplier, or one imported from a ``.npy`` or ``.v`` file.

    Raises
    ------
    NetworkError
        There is none of that name, or the file holds no multiplier.
    """
    try:
        if text.endswith(".npy"):
            return import_table(Path(text), weight_width)
        if text.endswith((".v", ".sv")):
            return import_verilog(Path(text), weight_width)
        return find_multiplier(text, weight_width)
    except ValueError as error:
        raise NetworkError(str(error)) from None


def import_table(path: Path, weight_width: int = 8) -> TableMultiplier:
    """The multiplier of a ``.npy`` file, integers ``[256, 256]`` or ``[512, 256]``.

    Raises
    ------
    NetworkError
        The file is no such table.
    """
    table = read_array(path)
    try:
        return TableMultiplier(
            weight_width=weight_width, entries=Entries.of(table), origin=str(path)
        )
    except ValueError as error:
        raise NetworkError(f"{path}: {error}") from None


def import_verilog(path: Path, weight_width: int = 8) -> VerilogMultiplier:
    """The multiplier of a Verilog file, and the table of its products, by running all operands.

    Raises
    ------
    NetworkError
        The file cannot be read, or its top module's ports are not those of a multiplier.
    ToolError
        Yosys is missing, or refuses the Verilog.
    """
    try:
        source = path.read_text()
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except UnicodeDecodeError:
        raise NetworkError(f"{path} is not text") from None
    name, netlist = _elaborate(source)
    widths = {port: len(nets) for port, nets in netlist.ports.items()}
    if set(widths) != {"a", "b", "p"} or set(netlist.inputs) != {"a", "b"}:
        raise NetworkError(
            f"{path}: module {name} must have the inputs a and b and the output p, not "
            f"{', '.join(widths)}"
        )
    if widths["a"] not in (8, 9) or widths["b"] != weight_width:
        raise NetworkError(
            f"{path}: a must have 8 or 9 bits and b {weight_width}, not {widths['a']} and "
            f"{widths['b']}"
        )
    table = _products(netlist, weight_width)
    try:
        entries = Entries.of(table)
    except ValueError as error:
        raise NetworkError(f"{path}: {error}") from None
    return VerilogMultiplier(
        weight_width=weight_width,
        entries=entries,
        source=source,
        module=name,
        port_width=widths["p"],
        origin=str(path),
    )


def _elaborate(source: str) -> tuple[str, Netlist]:
    with tempfile.TemporaryDirectory() as folder:
        script = f"read_verilog -sv top.v; hierarchy -auto-top; {GENERIC}; write_json top.json"
        run_yosys({"top.v": source}, script, folder)
        modules = json.loads(Path(folder, "top.json").read_text())["modules"]
    # Flattened, what is left beside the top module is unused.
    tops = [name for name, module in modules.items() if "top" in module["attributes"]]
    return tops[0], Netlist(modules[tops[0]])


def _products(netlist: Netlist, weight_width: int) -> np.ndarray:
    """All products, int32; weights that ``b`` has no bits for stand as 0."""
    values = np.arange(1 << len(netlist.ports["a"]))
    half = 1 << weight_width - 1
    weights = np.arange(2 * half)
    one, other = (grid.ravel() for grid in np.meshgrid(values, weights, indexing="ij"))
    found = netlist.simulate({"a": one, "b": other})["p"]
    sign = 1 << len(netlist.ports["p"]) - 1
    signed = ((found ^ sign) - sign).reshape(len(values), -1)
    table = np.zeros((len(values), 256), np.int64)
    order = np.argsort((weights ^ half) - half)
    table[:, 128 - half : 128 + half] = signed[:, order]
    rows = np.argsort((values ^ len(values) // 2) - len(values) // 2)
    return table[rows].astype(np.int32)
