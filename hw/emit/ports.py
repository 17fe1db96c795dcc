"""Names of ports that Verilog takes, and that say what they are."""

from hw.emit.names import Names
from hw.emit.netlist import Bit, Module
from hw.emit.owners import is_made_up, rank

__all__ = ["rename_ports"]


def rename_ports(modules: dict[str, Module], top: str):
    """Give the ports of all modules but the top plain names, there and where they are connected.

    A port without a name of its own is called as a signal of its module that it leads, or by its
    direction.
    """
    renamed: dict[str, dict[str, str]] = {}
    for name, module in modules.items():
        if name != top:
            renamed[name] = _renamed(module)
            for port in module.ports:
                port.name = renamed[name][port.name]
    for module in modules.values():
        for cell in module.cells:
            if cell.kind in renamed:
                names = renamed[cell.kind]
                for side in (cell.inputs, cell.outputs):
                    connected = {names[port]: bits for port, bits in side.items()}
                    side.clear()
                    side.update(connected)


def _renamed(module: Module) -> dict[str, str]:
    names = Names()
    wanted: dict[tuple[Bit, ...], str] = {}
    for net in sorted(module.nets, key=rank):
        if net.public and not is_made_up(net.name):
            wanted.setdefault(tuple(net.bits), net.name)
    plain = [port for port in module.ports if not is_made_up(port.name)]
    others = [port for port in module.ports if is_made_up(port.name)]
    found = {port.name: names.new(port.name) for port in plain}
    for port in others:
        direction = "in" if port.inward else "out"
        found[port.name] = names.new(wanted.get(tuple(port.bits), direction))
    return found
