"""Removes what no output of a design depends on, bit by bit and through all its modules."""

from collections import defaultdict
from collections.abc import Iterator

from hw.emit.netlist import Bit, Cell, Module, Port
from hw.emit.operators import BITWISE, CARRYING, MUXES, REGISTERS

__all__ = ["trim"]


class _Liveness:
    """Which bits of which module anything depends on.

    A module that is used several times is as live as all its uses together.
    """

    def __init__(self, modules: dict[str, Module]):
        self.modules = dict(modules)
        self.live: dict[str, set[Bit]] = {name: set() for name in modules}
        self.users: dict[str, list[tuple[str, Cell]]] = defaultdict(list)
        self.used: set[tuple[str, str]] = set()
        self.drivers: dict[str, dict[Bit, tuple[Cell, str, int]]] = {}
        self.ports = {name: {p.name: p for p in m.ports} for name, m in modules.items()}
        self.inputs = {
            name: {bit: (port.name, k) for port in module.ports if port.inward
                   for k, bit in enumerate(port.bits)}
            for name, module in modules.items()
        }  # fmt: skip
        for name, module in modules.items():
            drivers = self.drivers[name] = {}
            for cell in module.cells:
                for port, bits in cell.outputs.items():
                    drivers.update((bit, (cell, port, k)) for k, bit in enumerate(bits))
        self.waiting: list[tuple[str, Bit]] = []

    def run(self, top: str):
        """Follow everything from the outputs of the top and from foreign modules."""
        for port in self.modules[top].ports:
            if not port.inward:
                self._need(top, port.bits)
        for name, module in self.modules.items():
            for cell in module.cells:
                if cell.is_instance and cell.kind not in self.modules:
                    for bits in cell.inputs.values():
                        self._need(name, bits)
        self._flow()
        while self._fill_ports(top):
            self._flow()

    def _fill_ports(self, top: str) -> bool:
        """A port has no holes: what stands between two needed bits is needed too."""
        for name, module in self.modules.items():
            if name == top or not self.users[name]:
                continue
            for port in module.ports:
                kept = port.bits[self.kept(name, port)]
                self._need(name, kept)
                for parent, cell in self.users[name] if port.inward else ():
                    self._need(parent, cell.inputs[port.name][self.kept(name, port)])
        return bool(self.waiting)

    def kept(self, name: str, port: Port) -> slice:
        """From the lowest to the highest bit of a port that is needed."""
        if port.inward:
            places = [k for k, bit in enumerate(port.bits) if bit in self.live[name]]
        else:
            places = [
                k
                for parent, cell in self.users[name]
                for k, bit in enumerate(cell.outputs[port.name])
                if bit in self.live[parent]
            ]
        return slice(min(places), max(places) + 1) if places else slice(0, 0)

    def _flow(self):
        while self.waiting:
            name, bit = self.waiting.pop()
            if bit in self.inputs[name]:
                port, place = self.inputs[name][bit]
                for parent, cell in self.users[name]:
                    self._need(parent, cell.inputs[port][place : place + 1])
            elif bit in self.drivers[name]:
                self._follow(name, *self.drivers[name][bit])

    def _need(self, name: str, bits: list[Bit]):
        live = self.live[name]
        for bit in bits:
            if isinstance(bit, int) and bit not in live:
                live.add(bit)
                self.waiting.append((name, bit))

    def _follow(self, name: str, cell: Cell, port: str, place: int):
        if not cell.is_instance:
            for bits in _sources(cell, place):
                self._need(name, bits)
        elif cell.kind in self.modules:
            if (name, cell.name) not in self.used:
                self.used.add((name, cell.name))
                self.users[cell.kind].append((name, cell))
                for bit in self.live[cell.kind] & self.inputs[cell.kind].keys():
                    inner, k = self.inputs[cell.kind][bit]
                    self._need(name, cell.inputs[inner][k : k + 1])
            # Two ports may lead the same bit, and an input may lead straight to an output.
            self._need(cell.kind, self.ports[cell.kind][port].bits[place : place + 1])


def _sources(cell: Cell, place: int) -> Iterator[list[Bit]]:
    """Bits that bit ``place`` of the output depends on."""
    inputs = cell.inputs
    if cell.kind in BITWISE:
        for bits in inputs.values():
            # Beyond its end an operand is its sign, or nothing.
            yield bits[place : place + 1] or bits[-1:]
    elif cell.kind in CARRYING:
        for bits in inputs.values():
            yield bits[: place + 1]
    elif cell.kind in MUXES:
        width = len(inputs["A"])
        yield inputs["S"]
        yield inputs["A"][place : place + 1]
        yield inputs["B"][place::width]
    elif cell.kind in REGISTERS:
        yield inputs["CLK"]
        yield inputs["D"][place : place + 1]
    else:
        yield from inputs.values()


def _extended(cell: Cell, port: str, place: int) -> Bit:
    bits = cell.inputs[port]
    if place < len(bits):
        return bits[place]
    return bits[-1] if cell.parameters[f"{port}_SIGNED"] else "0"


def _narrow(cell: Cell, live: set[Bit]):
    """Cut output bits off that nothing needs, where the operator allows it."""
    port = "Q" if cell.kind in REGISTERS else "Y"
    out = cell.outputs[port]
    kept = [place for place, bit in enumerate(out) if bit in live]
    if cell.kind in BITWISE:
        for name in cell.inputs:
            cell.inputs[name] = [_extended(cell, name, place) for place in kept]
    elif cell.kind in CARRYING:
        kept = list(range(kept[-1] + 1))
        for name in cell.inputs:
            cell.inputs[name] = cell.inputs[name][: len(kept)]
    elif cell.kind in MUXES:
        width, choices = len(out), len(cell.inputs["S"])
        for name, count in (("A", 1), ("B", choices)):
            bits = cell.inputs[name]
            cell.inputs[name] = [bits[k * width + p] for k in range(count) for p in kept]
    elif cell.kind in REGISTERS:
        cell.inputs["D"] = [cell.inputs["D"][place] for place in kept]
    else:
        return
    cell.outputs[port] = [out[place] for place in kept]


def trim(modules: dict[str, Module], top: str):
    """Cut cells, parts of cells, instances, modules and ports that nothing depends on.

    A port of a module that is not the top keeps the bits from the lowest to the highest that is
    needed; its instances' connections shrink likewise.
    """
    liveness = _Liveness(modules)
    liveness.run(top)
    for name in [name for name in modules if name != top and not liveness.users[name]]:
        del modules[name]
    kept = {
        (name, port.name): liveness.kept(name, port)
        for name, module in modules.items()
        for port in module.ports
        if name != top
    }
    for name, module in modules.items():
        module.cells = [cell for cell in module.cells if _is_used(cell, name, liveness)]
        for cell in module.cells:
            if cell.kind in modules:
                for side in (cell.inputs, cell.outputs):
                    cut = {port: bits[kept[cell.kind, port]] for port, bits in side.items()}
                    side.clear()
                    side.update((port, bits) for port, bits in cut.items() if bits)
            elif not cell.is_instance and cell.kind != "$mem_v2":
                _narrow(cell, liveness.live[name])
        if name != top:
            for port in module.ports:
                port.bits = port.bits[kept[name, port.name]]
            module.ports = [port for port in module.ports if port.bits]


def _is_used(cell: Cell, name: str, liveness: _Liveness) -> bool:
    if cell.is_instance:
        return cell.kind not in liveness.modules or (name, cell.name) in liveness.used
    return any(bit in liveness.live[name] for bits in cell.outputs.values() for bit in bits)
