"""Modules of the design's memories: macros in banks, registers, or black boxes."""

import re

from sim.explore.silicon.memories import Bank, Plan

__all__ = ["memory_module"]


def memory_module(plan: Plan, behaviour: str) -> str:
    """Verilog of a memory's module.

    Parameters
    ----------
    plan : Plan
        How it is made.
    behaviour : str
        Verilog of its kind with parameters, as it is exported.
    """
    memory = plan.memory
    if not plan.banks:
        return _behaviour(plan, behaviour)
    reads = [""] if memory.reads == 1 else [str(k) for k in range(memory.reads)]
    lines = [f"module {memory.module} ("]
    ports = ["input clock", f"input [{memory.width // memory.part - 1}:0] w_enable"]
    ports += [f"input [{memory.address - 1}:0] w_address", f"input [{memory.width - 1}:0] w_data"]
    for read in reads:
        ports += [f"input r{read}_enable", f"input [{memory.address - 1}:0] r{read}_address"]
        ports += [f"output [{memory.width - 1}:0] r{read}_data"]
    lines += [",\n".join(f"  {port}" for port in ports), ");"]
    for read in reads:
        lines += _copy(plan, f"r{read}")
    return "\n".join([*lines, "endmodule", ""])


def _behaviour(plan: Plan, text: str) -> str:
    """The exported module with its sizes, or as a black box."""
    memory = plan.memory
    sizes = {"WIDTH": memory.width, "DEPTH": memory.depth, "ADDRESS": memory.address}
    for name, value in (*sizes.items(), ("PART", memory.part)):
        text = re.sub(rf"parameter {name} = \d+", f"parameter {name} = {value}", text)
    text = text.replace(f"module {memory.kind} ", f"module {memory.module} ")
    text = re.sub(r"\(\* ram_style[^*]*\*\)\s*", "", text)
    if plan.registers:
        return text
    head = text[: text.index(");\n", text.index(") (\n")) + 3].replace("output reg ", "output ")
    return f"(* blackbox *)\n{head[head.index('module ') :]}endmodule\n"


def _copy(plan: Plan, port: str) -> list[str]:
    """All banks for one read port: they are written together, and one of them is read."""
    memory, lines, data, selects = plan.memory, [], [], []
    for place, bank in enumerate(plan.banks):
        for number in range(bank.along):
            name = f"{port}_{place}_{number}"
            written, read = (
                _selected(plan, bank, number, f"{kind}_address") for kind in ("w", port)
            )
            lines.append(f"  wire {name}_write = {_written(plan)} & {written};")
            lines.append(f"  wire {name}_read = {port}_enable & {read};")
            lines.append(f"  wire [{memory.width - 1}:0] {name}_data;")
            low = 0
            for column, macro in enumerate(bank.columns):
                lines += _macro(plan, bank, port, name, column, low)
                low += macro.bits
            data.append(f"{name}_data")
            selects.append(f"{name}_read")
    if len(data) == 1:
        return [*lines, f"  assign {port}_data = {data[0]};"]
    # Which bank was read last: its data stay until the next read.
    lines.append(f"  reg [{len(data) - 1}:0] {port}_chosen;")
    joined = ", ".join(reversed(selects))
    lines.append(f"  always @(posedge clock) if ({port}_enable) {port}_chosen <= {{{joined}}};")
    chosen = [f"({{{memory.width}{{{port}_chosen[{k}]}}}} & {each})" for k, each in enumerate(data)]
    return [*lines, f"  assign {port}_data = {' | '.join(chosen)};"]


def _written(plan: Plan) -> str:
    """Whether any bit of a word is written."""
    return "(|w_enable)" if plan.memory.part < plan.memory.width else "w_enable"


def _selected(plan: Plan, bank: Bank, number: int, address: str) -> str:
    """Whether an address is in a macro of a bank."""
    memory = plan.memory
    low = bank.address
    alone = len(plan.banks) == 1 and bank.along == 1
    if alone or low >= memory.address:
        return "1'b1"
    if len(plan.banks) == 1 or bank.first == 0:
        high = memory.address - low
        return f"({address}[{memory.address - 1}:{low}] == {high}'d{number})"
    first = bank.first + number * bank.words
    above = f"({address} >= {memory.address}'d{first})"
    if number == bank.along - 1:
        return above
    return f"({above} & ({address} < {memory.address}'d{first + bank.words}))"


def _macro(plan: Plan, bank: Bank, port: str, name: str, column: int, low: int) -> list[str]:
    """An instance of a macro, which holds the bits of words from ``low`` on."""
    memory, macro = plan.memory, bank.columns[column]
    own = min(macro.bits, memory.width - low)
    spare = macro.bits - own
    fill = f"{spare}'d0, " if spare else ""
    write = f"{name}_write"
    mask = [f"w_enable[{(low + bit) // memory.part}]" for bit in reversed(range(own))]
    pins = {
        "CLK": "clock",
        # A macro pays for each transition of its data, so nothing reaches those not written to.
        "DIN": f"{{{fill}w_data[{low + own - 1}:{low}] & {{{own}{{{write}}}}}}}",
        "MEN": write,
        "WEN": write,
        "REN": "1'b0",
        "ADDR": _address(plan, bank, "w_address"),
    }
    if macro.masked:
        every = f"{{{own}{{1'b1}}}}" if memory.part == memory.width else ", ".join(mask)
        pins["BM"] = f"{{{fill}{every}}}"
    first, second = macro.ports[0], macro.ports[-1]
    read = f"{name}_read"
    out = f"{name}_data[{low + own - 1}:{low}]"
    connected = dict(macro.low)
    if len(macro.ports) == 1:
        addresses = (_address(plan, bank, "w_address"), _address(plan, bank, f"{port}_address"))
        pins |= {
            "MEN": f"{write} | {read}",
            "REN": read,
            "ADDR": f"{write} ? {addresses[0]} : {addresses[1]}",
        }
        texts = [f".{first}{pin}({value})" for pin, value in pins.items()]
    else:
        others = {
            "CLK": "clock",
            "DIN": f"{macro.bits}'d0",
            "MEN": read,
            "WEN": "1'b0",
            "REN": read,
            "ADDR": _address(plan, bank, f"{port}_address"),
        }
        others |= {"BM": f"{macro.bits}'d0"} if macro.masked else {}
        texts = [f".{first}{pin}({value})" for pin, value in pins.items()]
        texts += [f".{second}{pin}({value})" for pin, value in others.items()]
    rest = f"{name}_{column}_rest"
    wires = [f"  wire [{spare - 1}:0] {rest};"] if spare else []
    texts.append(f".{second}DOUT({{{rest}, {out}}})" if spare else f".{second}DOUT({out})")
    texts += [f".{pin}({width}'d0)" for pin, width in connected.items()]
    return [*wires, f"  {macro.name} {name}_{column} ({', '.join(texts)});"]


def _address(plan: Plan, bank: Bank, signal: str) -> str:
    """An address inside a macro: from the bank's first word on."""
    memory, low = plan.memory, bank.address
    if low > memory.address:
        return f"{{{low - memory.address}'d0, {signal}}}"
    if bank.first % bank.words:
        # The bank does not begin where an address' low bits are zero.
        return f"({signal} - {memory.address}'d{bank.first})"
    return signal if low == memory.address else f"{signal}[{low - 1}:0]"
