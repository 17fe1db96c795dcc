"""Verilog-2005 of a module."""

from hw.emit.expressions import Expressions, widen
from hw.emit.memories import Kind, Table, instance, kind_of, split_memories
from hw.emit.names import Names
from hw.emit.netlist import Bit, Cell, Module, Port
from hw.emit.operators import MUXES, REGISTERS
from hw.emit.owners import Owner, Ownership
from hw.emit.statements import Block, take
from hw.emit.vectors import comment, constant, wrap

__all__ = ["Writer"]


_RESETS = ("reset", "aresetn", "m_axi_aresetn")
"""Ports that stand behind the clock."""


class Writer:
    """Writes one module after the other.

    Parameters
    ----------
    modules : dict of str to Module
        Modules of the design, trimmed.
    top : str
        The one that others are called after.
    source : bool
        With attributes that say which line of the source declared a signal.
    """

    def __init__(self, modules: dict[str, Module], top: str, *, source: bool = False):
        self.modules = modules
        self.top = top
        self.source = source
        self.kinds: dict[Kind, str] = {}
        self.tables: dict[Table, str] = {}
        self.names: dict[str, Names] = {}

    def module(self, module: Module) -> str:
        """Text of a module; memories that it uses are noted in ``kinds`` and ``tables``.

        The modules of its instances have been written before.
        """
        split_memories(module)
        widen(module)
        return _ModuleText(self, module).text()

    def memory(self, cell: Cell) -> str:
        """The head of an instance of a memory."""
        kind = kind_of(cell)
        if isinstance(kind, Table):
            name = self.tables.setdefault(kind, f"{self.top}_rom_{len(self.tables)}")
        else:
            name = self.kinds.setdefault(kind, kind.name)
        return instance(cell, kind, name)


class _ModuleText:
    def __init__(self, writer: Writer, module: Module):
        self.writer = writer
        self.module = module
        self.names = Names()
        self.owners = Ownership(module, self.names)
        self.texts = Expressions(module, self.owners)
        writer.names[module.name] = self.names

    def text(self) -> str:
        """The whole module."""
        wires, early = self._wires()
        body = [wires, self._clocked(), self._assigns(), self._instances(), self._unused()]
        sections = [
            self._registers(),
            [line for owner in early for line in self._declaration("wire", owner)],
            self.texts.fields(),
            self._initial(),
            *body,
        ]
        lines = [*comment(self.module.doc), f"module {self.module.name} (", *self._ports(), ");"]
        for k, section in enumerate(filter(None, sections)):
            lines += [""] if k else []
            for line in section:
                lines += wrap(f"  {line}") if line else [""]
        return "\n".join([*lines, "endmodule", ""])

    def _ports(self) -> list[str]:
        registers = {owner.name for owner in self.owners.owners if owner.port and owner.register}
        lines = []
        for port in self._ordered_ports():
            kind = "reg " if port.name in registers else "wire"
            high = f"[{len(port.bits) - 1}:0] " if len(port.bits) > 1 else ""
            lines.append(f"  {'input ' if port.inward else 'output'} {kind} {high}{port.name}")
        return [f"{line}," for line in lines[:-1]] + lines[-1:]

    def _ordered_ports(self) -> list[Port]:
        """Clock and reset first, then what has the start of its name in common."""
        groups: dict[str, int] = {}
        top = self.module.name == self.writer.top

        def key(port: Port) -> tuple[bool, bool, int]:
            group = groups.setdefault(port.name.rpartition("_")[0], len(groups)) if top else 0
            return port.name != "aclk", port.name not in _RESETS, group

        return sorted(self.module.ports, key=key)

    def _declaration(self, word: str, owner: Owner, value: str = "") -> list[str]:
        lines = []
        if self.writer.source and owner.source:
            lines.append(f'(* src = "{owner.source}" *)')
        return [*lines, f"{word} {owner.range}{owner.name}{value};"]

    def _registers(self) -> list[str]:
        owners = [owner for owner in self.owners.owners if owner.register and not owner.port]
        return [line for owner in owners for line in self._declaration("reg", owner)]

    def _initial(self) -> list[str]:
        lines = []
        for owner in self.owners.owners:
            if owner.register:
                first = constant([self.module.init.get(bit, "0") for bit in owner.bits])
                lines.append(f"  {owner.name} = {first};")
        return ["initial begin", *lines, "end"] if lines else []

    def _wires(self) -> tuple[list[str], list[Owner]]:
        """Wires with their values, each behind those that it reads, and the others."""
        done: dict[str, bool] = {}
        early = [
            owner
            for owner in self.owners.owners
            if not (owner.port or owner.register or owner.late)
        ]
        lines: list[str] = []
        for root in self.owners.owners:
            stack = [(root, False)] if root.late else []
            while stack:
                owner, ready = stack.pop()
                if ready:
                    late = owner not in early
                    lines += self._wire(owner, late)
                    done[owner.name] = True
                elif owner.name not in done:
                    done[owner.name] = False
                    stack.append((owner, True))
                    for inner in reversed(self._reads(owner.drivers[0])):
                        if done.get(inner.name) is False and inner not in early:
                            early.append(inner)
                        stack.append((inner, False))
        return lines, early

    def _reads(self, cell: Cell) -> list[Owner]:
        """Wires that the text of an operator names."""
        found, cells = {}, [cell]
        while cells:
            current = cells.pop()
            cells += self.texts.inside(current)
            for bits in current.inputs.values():
                for bit in bits:
                    owner = self.owners.of.get(bit, (None, 0))[0]
                    if owner and owner.late:
                        found[owner.name] = owner
        return list(found.values())

    def _wire(self, owner: Owner, late: bool) -> list[str]:
        (cell,) = owner.drivers
        lines = []
        if late and self.writer.source and owner.source:
            # No attribute may stand before a declaration with a value.
            lines, late = self._declaration("wire", owner), False
        head = f"wire {owner.range}{owner.name}" if late else f"assign {owner.name}"
        return lines + self._assignment(head, cell)

    def _assignment(self, head: str, cell: Cell) -> list[str]:
        text = self.texts.cell(cell)[0]
        if cell.kind not in MUXES or len(head) + len(text) < 90:
            return [f"{head} = {text};"]
        choices, rest = self.texts.choices(cell)
        lines = [f"    {condition} ? {value} :" for condition, value in choices]
        return [f"{head} =", *lines, f"    {rest};"]

    def _clocked(self) -> list[str]:
        edges: dict[str, Block] = {}
        for cell in self.module.cells:
            if cell.kind in REGISTERS:
                edge = "posedge" if cell.parameters["CLK_POLARITY"] else "negedge"
                clock = self.texts.vector(cell.inputs["CLK"])[0]
                block = edges.setdefault(f"always @({edge} {clock}) begin", Block(self.texts))
                block.add(take(self.texts, cell.inputs["D"], cell.outputs["Q"]))
        lines = []
        for head, block in edges.items():
            lines += [head, *(f"  {line}" for line in block.lines()), "end"]
        return lines

    def _assigns(self) -> list[str]:
        lines = []
        for owner in self.owners.owners:
            if owner.register or owner.late:
                continue
            for cell in owner.drivers:
                if not cell.is_instance and cell.kind != "$mem_v2":
                    target = self.texts.target(cell.outputs["Y"])
                    lines += self._assignment(f"assign {target}", cell)
        for name, _, bits in self.owners.aliases:
            lines.append(f"assign {name} = {self.texts.vector(bits)[0]};")
        return lines

    def _instances(self) -> list[str]:
        lines = []
        for cell in self.module.cells:
            if cell.is_instance or cell.kind == "$mem_v2":
                lines += self._instance(cell)
        return lines

    def _instance(self, cell: Cell) -> list[str]:
        if cell.is_instance:
            head = cell.kind
            if cell.kind not in self.writer.modules and cell.parameters:
                head += f" #({', '.join(_parameter(cell, name) for name in cell.parameters)})"
        else:
            head = self.writer.memory(cell)
        texts = [f"  .{port}({self.texts.vector(bits)[0]})" for port, bits in cell.inputs.items()]
        texts += [f"  .{port}({self.texts.target(bits)})" for port, bits in cell.outputs.items()]
        name = self.names.new(cell.name)
        # No tool then says that a signal inside hides the instance outside.
        if name in self.writer.names.get(cell.kind, ()):
            name = self.names.new(f"{name}_instance")
        return [f"{head} {name} (", *(f"{text}," for text in texts[:-1]), texts[-1], ");"]

    def _unused(self) -> list[str]:
        """A net of what is declared and not read.

        Verilator knows it by its name, slang by its attribute.
        """
        read: set[Bit] = set()
        for cell in self.module.cells:
            for bits in cell.inputs.values():
                read.update(bits)
        for port in self.module.ports:
            if not port.inward:
                read.update(port.bits)
        parts = []
        for owner in self.owners.owners:
            place = 0
            while place < len(owner.bits):
                end = place
                while end < len(owner.bits) and owner.bits[end] not in read:
                    end += 1
                if end > place:
                    parts.append(owner.part(place, end - 1))
                place = end + 1
        if not parts:
            return []
        name = self.names.new("unused")
        return ["(* unused *)", f"wire {name};", f"assign {name} = &{{1'b0, {', '.join(parts)}}};"]


def _parameter(cell: Cell, name: str) -> str:
    value = cell.parameters[name]
    if isinstance(value, str):
        return f'.{name}("{value}")'
    return f".{name}({cell.widths[name]}'h{value:x})"
