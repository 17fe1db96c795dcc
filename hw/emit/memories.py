"""Memories as modules of their own: one for each kind, for a vendor's or a foundry's to replace."""

from dataclasses import dataclass

from hw.emit.netlist import Cell, Module
from hw.emit.vectors import comment, wrap

__all__ = ["Kind", "Table", "instance", "kind_of", "rom_module", "split_memories", "wrapper"]

_COUNTS = {1: "one read port", 2: "two read ports"}


@dataclass(frozen=True)
class Kind:
    """What memories have in common that are one module with parameters.

    Parameters
    ----------
    reads : int
        Read ports, each with its address.
    style : str
        ``block``, ``distributed``, or nothing: the tool chooses.
    clocked : bool
        Data come a clock edge behind the address, and stay while the port is not enabled.
    parts : bool
        Parts of a word are written on their own.
    """

    reads: int
    style: str
    clocked: bool
    parts: bool

    @property
    def name(self) -> str:
        """Name of the module."""
        ends = [f"{self.reads}r1w", "" if self.clocked else "async", "parts" if self.parts else ""]
        return "_".join(["refrain_ram", *filter(None, [*ends, self.style])])


@dataclass(frozen=True)
class Table:
    """Contents of a memory that is never written."""

    width: int
    words: tuple[int, ...]
    clocked: bool


def _flag(cell: Cell, name: str, port: int) -> int:
    return cell.parameters[name] >> port & 1


def split_memories(module: Module):
    """Give every port of a memory, which Yosys holds side by side, connections of its own.

    Raises
    ------
    RuntimeError
        A memory has ports that no module here has.
    """
    for cell in module.cells:
        if cell.kind == "$mem_v2":
            _split(cell)


def _split(cell: Cell):
    p, inputs, found = cell.parameters, cell.inputs, {}
    width, address = p["WIDTH"], p["ABITS"]
    # Verilog has no value without bits: a single word has an address of one bit.
    only = [] if address else ["0"]
    p["ABITS"] = address + len(only)
    plain = ("RD_TRANSPARENCY_MASK", "RD_COLLISION_X_MASK", "RD_WIDE_CONTINUATION", "OFFSET")
    if any(p[name] for name in plain) or p["WR_PORTS"] > 1 or p["WR_WIDE_CONTINUATION"]:
        raise RuntimeError(f"memory {cell.name} has ports that no plain memory has")
    if p["RD_PORTS"] not in _COUNTS:
        raise RuntimeError(f"memory {cell.name} has {p['RD_PORTS']} read ports")
    clocks = {_flag(cell, "RD_CLK_ENABLE", k) for k in range(p["RD_PORTS"])}
    if len(clocks) > 1:
        raise RuntimeError(f"memory {cell.name} is read with a clock and without")
    if p["WR_PORTS"]:
        enables = inputs["WR_EN"]
        sizes = [size for size in range(width, 0, -1) if width % size == 0]
        # The widest parts that are written as one.
        p["PART"] = next(size for size in sizes if _is_chunked(enables, size))
        found |= {"clock": inputs["WR_CLK"][:1], "w_enable": enables[:: p["PART"]]}
        found |= {"w_address": inputs["WR_ADDR"] + only, "w_data": inputs["WR_DATA"]}
    data = cell.outputs.pop("RD_DATA")
    for k in range(p["RD_PORTS"]):
        name = f"r{k}" if p["RD_PORTS"] > 1 else "r"
        if p["RD_CLK_ENABLE"]:
            found[f"{name}_enable"] = inputs["RD_EN"][k : k + 1]
            found.setdefault("clock", inputs["RD_CLK"][:1])
        found[f"{name}_address"] = inputs["RD_ADDR"][k * address : (k + 1) * address] + only
        cell.outputs[f"{name}_data"] = data[k * width : (k + 1) * width]
    cell.inputs = found


def _is_chunked(bits: list, size: int) -> bool:
    return all(len(set(bits[k : k + size])) == 1 for k in range(0, len(bits), size))


def kind_of(cell: Cell) -> Kind | Table:
    """The kind of a memory, or the contents of one that is never written."""
    p = cell.parameters
    if not p["WR_PORTS"]:
        mask, init = (1 << p["WIDTH"]) - 1, p["INIT"]
        words = tuple(init >> k * p["WIDTH"] & mask for k in range(p["SIZE"]))
        return Table(p["WIDTH"], words, bool(p["RD_CLK_ENABLE"]))
    style = cell.attributes.get("ram_style", "")
    parts = p["PART"] < p["WIDTH"]
    return Kind(p["RD_PORTS"], style, bool(p["RD_CLK_ENABLE"]), parts)


def instance(cell: Cell, kind: Kind | Table, module: str) -> str:
    """The head of an instance: module and parameters."""
    if isinstance(kind, Table):
        return module
    p = cell.parameters
    sizes = {"WIDTH": p["WIDTH"], "DEPTH": p["SIZE"], "ADDRESS": p["ABITS"]}
    if kind.parts:
        sizes["PART"] = p["PART"]
    return f"{module} #({', '.join(f'.{name}({value})' for name, value in sizes.items())})"


def _read_ports(reads: int) -> list[str]:
    return ["r"] if reads == 1 else [f"r{k}" for k in range(reads)]


def _explain(kind: Kind) -> list[str]:
    words = f"A memory of DEPTH words of WIDTH bits with one write port and {_COUNTS[kind.reads]}."
    if kind.parts:
        words += " Bit i of w_enable writes bits i * PART and following of a word."
    if kind.clocked:
        words += (
            " At an edge of the clock at which a read port is enabled it takes the word that was"
            " there before the edge, so it reads the old word where the same edge writes it; while"
            " it is not enabled its data stay."
        )
    else:
        words += " Reading is combinational: the data follow the address without a clock."
    return comment(words)


def wrapper(kind: Kind) -> str:
    """The module of a kind of memory, for simulation and for tools that infer memories."""
    names = _read_ports(kind.reads)
    enable = "[WIDTH/PART-1:0]" if kind.parts else "              "
    lines = [*_explain(kind), f"module {kind.name} #("]
    sizes = ["  parameter WIDTH = 8", "  parameter DEPTH = 16", "  parameter ADDRESS = 4"]
    lines += [",\n".join([*sizes, *(["  parameter PART = 8"] if kind.parts else [])]), ") ("]
    ports = ["input  wire               clock", f"input  wire {enable.ljust(13)} w_enable"]
    ports += ["input  wire [ADDRESS-1:0] w_address", "input  wire [WIDTH-1:0]   w_data"]
    for name in names:
        if kind.clocked:
            ports.append(f"input  wire               {name}_enable")
        ports.append(f"input  wire [ADDRESS-1:0] {name}_address")
        word = "reg " if kind.clocked else "wire"
        ports.append(f"output {word} [WIDTH-1:0]   {name}_data")
    lines += [",\n".join(f"  {port}" for port in ports), ");"]
    lines += _style_lines(kind)
    lines += ["  reg [WIDTH-1:0] words [0:DEPTH-1];", "  integer k;", ""]
    lines += ["  // Nothing depends on what is in a word before it is written."]
    lines += ["  initial begin", "    for (k = 0; k < DEPTH; k = k + 1)"]
    lines += ["      words[k] = {WIDTH{1'b0}};"]
    lines += ["  end", ""]
    lines += _write_lines(kind)
    for name in names:
        if kind.clocked:
            read = f"if ({name}_enable) {name}_data <= words[{name}_address];"
            lines += ["", "  always @(posedge clock)", f"    {read}"]
        else:
            lines += ["", f"  assign {name}_data = words[{name}_address];"]
    return "\n".join([*lines, "endmodule", ""])


def _style_lines(kind: Kind) -> list[str]:
    if not kind.style:
        return []
    attribute = f'  (* ram_style = "{kind.style}", syn_ramstyle = "{kind.style}" *)'
    if kind.style != "distributed":
        return [attribute]
    # Tools for parts such as the iCE40 refuse what they cannot make.
    return [
        "  // Define REFRAIN_NO_LUT_RAM for parts whose LUTs store no words, such as the iCE40.",
        "`ifndef REFRAIN_NO_LUT_RAM",
        attribute,
        "`endif",
    ]


def _write_lines(kind: Kind) -> list[str]:
    if not kind.parts:
        return ["  always @(posedge clock)", "    if (w_enable) words[w_address] <= w_data;"]
    return [
        "  genvar part;",
        "  generate",
        "    for (part = 0; part < WIDTH / PART; part = part + 1) begin : each",
        "      always @(posedge clock)",
        "        if (w_enable[part])",
        "          words[w_address][part * PART +: PART] <= w_data[part * PART +: PART];",
        "    end",
        "  endgenerate",
    ]


def rom_module(name: str, table: Table) -> str:
    """The module of a table of constants."""
    address = max(len(table.words) - 1, 1).bit_length()
    width, depth = table.width, len(table.words)
    ports = ["input  wire clock", "input  wire r_enable"] if table.clocked else []
    ports += [f"input  wire [{address - 1}:0] r_address"]
    word = "reg " if table.clocked else "wire"
    ports += [f"output {word} [{width - 1}:0] r_data"]
    lines = [f"// {depth} constants of {width} bits.", f"module {name} ("]
    lines += [",\n".join(f"  {port}" for port in ports), ");"]
    lines += [f"  reg [{width - 1}:0] words [0:{depth - 1}];", "", "  initial begin"]
    digits = -(-width // 4)
    texts = [f"words[{k}] = {width}'h{value:0{digits}x};" for k, value in enumerate(table.words)]
    for k in range(0, depth, 4):
        lines += wrap(f"    {' '.join(texts[k : k + 4])}")
    if table.clocked:
        lines += ["  end", "", "  always @(posedge clock)"]
        lines += ["    if (r_enable) r_data <= words[r_address];"]
    else:
        lines += ["  end", "", "  assign r_data = words[r_address];"]
    return "\n".join([*lines, "endmodule", ""])
