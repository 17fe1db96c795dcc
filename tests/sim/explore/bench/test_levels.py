"""Levels and fan-out of netlists that are written by hand."""

from sim.explore.bench.levels import MARK, Levels

OUTPUTS = {"O", "Q", "CO", "P", "DOA", "DOB", "DOADO"}


def netlist(cells, names=None, ports=None):
    """A module of Yosys' JSON: cells as ``type, {pin: bits}, {parameter: value}``."""
    found = {}
    for name, (kind, pins, *parameters) in cells.items():
        found[name] = {
            "type": kind,
            "parameters": parameters[0] if parameters else {},
            "port_directions": {pin: "output" if pin in OUTPUTS else "input" for pin in pins},
            "connections": {pin: bits for pin, bits in pins.items()},
        }
    netnames = {
        name: {"bits": bits, "attributes": {MARK: "1"} if name.endswith("!") else {}}
        for name, bits in (names or {}).items()
    }
    return {"cells": found, "netnames": netnames, "ports": ports or {}}


def flip_flop(data, out, enable="1"):
    return "FDRE", {"C": [1], "CE": [enable], "D": [data], "Q": [out], "R": ["0"]}


def lut(out, *given):
    return f"LUT{len(given)}", {"O": [out], **{f"I{k}": [bit] for k, bit in enumerate(given)}}


CHAIN = {
    "from": flip_flop(9, 2),
    "first": lut(3, 2, 9),
    "second": lut(4, 3, 2),
    "wide": ("MUXF7", {"I0": [4], "I1": [3], "S": [2], "O": [5]}),
    "to": flip_flop(5, 6, enable=3),
}


def test_levels_are_counted_from_register_to_register_and_pin():
    found = Levels(netlist(CHAIN, {"machine.core.engine.array.a": [2], "b": [6]}))
    ends = {(end.end, end.pin): end for end in found.ends}
    worst = found.ends[0]
    assert (worst.end, worst.pin, worst.levels, worst.carries) == ("b", "D", 2, 0)
    assert worst.start == "machine.core.engine.array.a"
    assert ends["b", "CE"].levels == 1
    # What comes from outside has passed nothing.
    assert ends["machine.core.engine.array.a", "D"].levels == 0
    assert ends["machine.core.engine.array.a", "D"].part == "lanes"


def test_a_register_has_the_name_that_it_had():
    names = {"short": [6], "machine.core.engine.replayer.at!": [6], "machine.core.b": [6]}
    found = Levels(netlist(CHAIN, names))
    assert found.ends[0].end == "machine.core.engine.replayer.at!"
    assert found.ends[0].part == "replay"
    # Without one, the name nearest the top; names that Yosys made only where there is no other.
    names = {"$abc$1": [6], "machine.core.b": [6], "machine.c": [6], "machine.$signal": [6]}
    assert Levels(netlist(CHAIN, names)).ends[0].end == "machine.c"


def test_carries_stand_beside_levels_and_follow_only_lower_bits():
    carry = {"CI": [2], "CYINIT": ["0"], "S": [3, 4, "0", "0"], "DI": ["0", "0", "0", "0"]}
    cells = {
        "from": flip_flop(9, 2),
        "first": lut(3, 2, 9),
        "late": lut(4, 3, 2),
        "sum": ("CARRY4", {**carry, "O": [20, 21, 22, 23], "CO": [30, 31, 32, 33]}),
        "low": flip_flop(20, 40),
        "next": flip_flop(21, 41),
    }
    found = {end.end: end for end in Levels(netlist(cells, {"low": [40], "next": [41]})).ends}
    assert (found["low"].levels, found["low"].carries) == (1, 1)
    assert (found["next"].levels, found["next"].carries) == (2, 1)


def test_a_memory_of_luts_is_a_level_when_read_and_an_end_when_written():
    pins = {"ADDRA": [3], "ADDRD": [4], "DIA": [2], "WE": [2], "WCLK": [1], "DOA": [7]}
    cells = {
        **{"from": flip_flop(9, 2), "first": lut(3, 2, 9), "second": lut(4, 3, 9)},
        **{"rows.0.0": ("RAM64M", pins), "to": flip_flop(7, 8)},
    }
    found = {(end.end, end.pin): end.levels for end in Levels(netlist(cells, {"to": [8]})).ends}
    assert found["to", "D"] == 2
    assert found["rows", "ADDRD"] == 2
    assert found["rows", "DIA"] == 0
    assert ("rows", "ADDRA") not in found


def test_a_multiplier_with_a_register_ends_paths_and_one_without_passes_them():
    def product(**registers):
        pins = {"A": [3], "CLK": [1], "P": [7]}
        cells = {"from": flip_flop(9, 2), "first": lut(3, 2, 9)}
        cells |= {"mul": ("DSP48E1", pins, registers), "last": lut(8, 7), "to": flip_flop(8, 10)}
        levels = Levels(netlist(cells, {"to": [10]})).ends
        return {(end.end, end.pin): end.levels for end in levels}

    none = {"AREG": "0", "MREG": "0", "PREG": "0"}
    assert product(**none) == {("to", "D"): 2, ("from", "D"): 0}
    assert product(**none | {"MREG": "1"})["mul", "A"] == 1
    assert product(**none | {"MREG": "1"})["to", "D"] == 1
    assert product(**none | {"PREG": "1"})["mul", "A"] == 1
    assert product(**none | {"AREG": "1"})["to", "D"] == 1


def test_nets_are_counted_with_what_drives_them():
    found = Levels(
        netlist(CHAIN, {"a": [2], "b": [6]}, {"in": {"direction": "input", "bits": [9]}})
    )
    widest, second, *_ = found.nets
    assert (widest.pins, widest.net, widest.registered) == (3, "a", True)
    assert (second.pins, second.net, second.registered) == (3, "logic of b", False)
    # A clock and an input of the whole are no nets of the machine.
    assert len(found.nets) == 4


def test_parts_have_their_worst():
    names = {"machine.core.engine.array.a": [2], "machine.core.engine.replayer.at": [6]}
    rows = {row["part"]: row for row in Levels(netlist(CHAIN, names)).parts()}
    assert rows["replay"] == {"part": "replay", "ends": 2, "levels": 2, "logic_fan_out": 3}
    assert rows["lanes"]["levels"] == 0


def test_a_loop_through_logic_is_cut():
    cells = {"one": lut(3, 4, 2), "two": lut(4, 3, 2), "to": flip_flop(4, 6)}
    assert Levels(netlist(cells, {"to": [6]})).ends[0].levels in (1, 2)
