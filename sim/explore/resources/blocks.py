"""Cells of a synthesised machine by block, from the names that are left in a flat netlist."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from sim.explore.bench.families import FAMILIES, Family
from sim.explore.resources.structure import block_of

__all__ = ["cells_by_block"]

_ROUNDS = 100
"""More LUTs one behind the other than any path has."""


def cells_by_block(module: Mapping, family: str) -> dict[str, dict[str, int]]:
    """LUTs and flip-flops of each block of a flat netlist in Yosys's JSON.

    A cell belongs where its name or that of its output says. Most LUTs have no such name: they
    belong where most of what reads them does.
    """
    names = _named_nets(module)
    owners: dict[str, str] = {}
    outputs: dict[str, list[int]] = defaultdict(list)
    readers: dict[int, list[str]] = defaultdict(list)
    cells = {name: each for name, each in module["cells"].items() if each["type"][0] != "$"}
    for name, cell in cells.items():
        paths = [name] if name[0] != "$" and "." in name else []
        for pin, nets in cell["connections"].items():
            for net in nets:
                if cell["port_directions"][pin] != "output":
                    readers[net].append(name)
                    continue
                outputs[name].append(net)
                paths += [names[net]] if net in names else []
        if paths:
            owners[name] = block_of(paths[0].split(".")[:-1])
    _follow_readers(cells, outputs, readers, owners)
    found: dict[str, dict[str, int]] = defaultdict(lambda: {"lut": 0, "ff": 0})
    for name, cell in cells.items():
        kind, count = _counted(cell["type"], FAMILIES[family])
        if kind is not None:
            found[owners.get(name, "top")][kind] += count
    return dict(found)


def _named_nets(module: Mapping) -> dict[int, str]:
    """The name that stands deepest in the hierarchy of each net that has one."""
    names: dict[int, str] = {}
    for name, wire in module["netnames"].items():
        if name[0] == "$" or "." not in name:
            continue
        for net in wire["bits"]:
            if net not in names or name.count(".") > names[net].count("."):
                names[net] = name
    return names


def _follow_readers(cells, outputs, readers, owners: dict[str, str]):
    """Give cells without a name to those that read them."""
    for _ in range(_ROUNDS):
        new = {}
        for name in cells:
            if name in owners:
                continue
            votes = Counter(
                owners[reader]
                for net in outputs[name]
                for reader in readers[net]
                if reader in owners
            )
            if votes:
                new[name] = votes.most_common(1)[0][0]
        if not new:
            return
        owners.update(new)


def _counted(kind: str, family: Family) -> tuple[str | None, int]:
    if kind in family.luts:
        return "lut", family.luts[kind]
    return ("ff", 1) if kind in family.flip_flops else (None, 0)
