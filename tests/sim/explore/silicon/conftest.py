"""A small cell library and small memories, at two corners."""

from pathlib import Path

import pytest

from sim.explore.multipliers.liberty import read_liberty
from sim.explore.silicon.gates import Gates
from sim.explore.silicon.macros import read_macros

WIRE = 1e-15

_HEAD = """
library ({name}) {{
  time_unit : "1ns";
  capacitive_load_unit (1, pf);
  leakage_power_unit : "1nW";
  nom_voltage : {volts};
  nom_temperature : {degrees};
  lu_table_template (delay) {{
    variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 1.0");
    index_2 ("0.0, 0.1");
  }}
"""

_TIMING = """
      timing () {{
        related_pin : "{pin}"; {sense}
        cell_rise (delay) {{ values ("{d0}, {d1}", "{d0}, {d1}"); }}
        cell_fall (delay) {{ values ("{d0}, {d1}", "{d0}, {d1}"); }}
        rise_transition (delay) {{ values ("0.05, 0.5", "0.05, 0.5"); }}
        fall_transition (delay) {{ values ("0.05, 0.5", "0.05, 0.5"); }}
      }}
      internal_power () {{
        related_pin : "{pin}";
        rise_power (scalar) {{ values ("0.010"); }}
        fall_power (scalar) {{ values ("0.010"); }}
      }}
"""

_GATES = {
    "INV": ("A", "!A", "negative_unate", 2),
    "BUF": ("A", "A", "positive_unate", 3),
    "NAND2": ("AB", "!(A B)", "negative_unate", 3),
    "NOR2": ("AB", "!(A+B)", "negative_unate", 3),
    "XOR2": ("AB", "A^B", "", 6),
    "MUX2": ("ABS", "(A !S) + (B S)", "", 6),
    "AOI21": ("ABC", "!((A B) + C)", "negative_unate", 4),
}

_REGISTER = """
  cell (DFF) {{
    area : 12; cell_leakage_power : 0.5;
    ff (IQ, IQN) {{ next_state : "D"; clocked_on : "CK"; }}
    pin (D) {{ direction : input; capacitance : 0.002;
      timing () {{ timing_type : setup_rising; related_pin : "CK";
        rise_constraint (delay) {{ values ("0.1, 0.1", "0.1, 0.1"); }} }} }}
    pin (CK) {{ direction : input; clock : true; capacitance : 0.002;
      internal_power () {{ rise_power (scalar) {{ values ("0.004"); }}
                           fall_power (scalar) {{ values ("0.006"); }} }} }}
    pin (Q) {{ direction : output; function : "IQ"; {timing} }}
  }}
"""

_GATING = """
  cell (ICG) {{
    area : 8; cell_leakage_power : 0.4;
    clock_gating_integrated_cell : "latch_posedge";
    statetable ("CK E", "held") {{ table : "L L : - : L, L H : - : H, H - : - : N"; }}
    pin (held) {{ direction : internal; internal_node : "held"; }}
    pin (CK) {{ direction : input; clock : true; clock_gate_clock_pin : true;
      capacitance : 0.003; }}
    pin (E) {{ direction : input; clock_gate_enable_pin : true; capacitance : 0.002; }}
    pin (GCK) {{ direction : output; clock_gate_out_pin : true; state_function : "CK * held";
      {timing} }}
  }}
"""

_MEMORY = """
  cell ({name}) {{
    memory () {{ type : ram; address_width : {address}; word_width : {bits}; }}
    area : {area}; cell_leakage_power : 2;
    {ports}
  }}
"""


def _timing(pin, slowness, sense=""):
    sense = f"timing_sense : {sense};" if sense else ""
    return _TIMING.format(pin=pin, sense=sense, d0=0.1 * slowness, d1=1.1 * slowness)


def cells_text(slowness=1, registers=True, gating=True):
    """Liberty of a small library, ``slowness`` times as slow at another corner."""
    volts, degrees = (1.2, 25) if slowness == 1 else (1.08, 125)
    text = _HEAD.format(name=f"small_{slowness}", volts=volts, degrees=degrees)
    for name, (pins, function, sense, area) in _GATES.items():
        inputs = " ".join(f"pin ({p}) {{ direction : input; capacitance : 0.002; }}" for p in pins)
        timing = "".join(_timing(pin, slowness, sense) for pin in pins)
        output = f'pin (Y) {{ direction : output; function : "{function}"; {timing} }}'
        text += (
            f"  cell ({name}) {{ area : {area}; cell_leakage_power : 0.1; {inputs} {output} }}\n"
        )
    if registers:
        text += _REGISTER.format(timing=_timing("CK", slowness))
    if gating:
        text += _GATING.format(timing=_timing("CK", slowness))
    return text + "}\n"


def memory_text(words, bits, ports=1, *, slowness=1, area=None, energy=None, masked=True):
    """Liberty of a memory; energies in pJ."""
    volts, degrees = (1.2, 25) if slowness == 1 else (1.08, 125)
    address, energy = (words - 1).bit_length(), energy or 1.0
    name = f"RAM{ports}_{words}x{bits}"
    texts = []
    for prefix in ("A_", "B_")[:ports]:
        for role in ("MEN", "WEN", "REN"):
            texts.append(f"pin ({prefix}{role}) {{ direction : input; capacitance : 0.003; }}")
        for role in ("ADDR", "DIN", *(["BM"] if masked else [])):
            texts.append(f"bus ({prefix}{role}) {{ direction : input; capacitance : 0.003; }}")
        powers = "".join(
            f'internal_power () {{ when : "{when.replace("@", prefix)}"; '
            f'rise_power (scalar) {{ values ("{value}"); }} }}'
            for when, value in (
                ("!@MEN & !@WEN & !@REN", 0.0),
                ("@MEN & @WEN & !@REN", 2 * energy),
                ("@MEN & !@WEN & @REN", energy),
            )
        )
        texts.append(f"pin ({prefix}CLK) {{ direction : input; capacitance : 0.004; {powers} }}")
        timing = _timing(f"{prefix}CLK", 10 * slowness)
        texts.append(f"bus ({prefix}DOUT) {{ direction : output; {timing} }}")
        texts.append(f"pin ({prefix}TEST) {{ direction : input; capacitance : 0.001; }}")
    text = _HEAD.format(name=f"memory_{name}_{slowness}", volts=volts, degrees=degrees)
    sizes = {"name": name, "address": address, "bits": bits, "ports": "\n".join(texts)}
    return text + _MEMORY.format(area=area or 100 + words * bits * ports, **sizes) + "}\n"


def _write_memories(folder, *sizes, **more):
    folder.mkdir(exist_ok=True)
    for words, bits, ports, *options in sizes:
        given = {**more, **(options[0] if options else {})}
        for slowness in (1, 2):
            text = memory_text(words, bits, ports, slowness=slowness, **given)
            (folder / f"{ports}_{words}x{bits}_{slowness}.lib").write_text(text)
    return folder


@pytest.fixture
def cells(tmp_path) -> Path:
    """The small library's file."""
    path = tmp_path / "small.lib"
    path.write_text(cells_text())
    return path


@pytest.fixture
def slow_cells(tmp_path) -> Path:
    """The same at a slow corner: twice the delay."""
    path = tmp_path / "small_slow.lib"
    path.write_text(cells_text(2))
    return path


@pytest.fixture
def library(cells):
    return read_liberty(cells)


class Netlist:
    """A flat netlist as Yosys writes it, cell by cell; nets are numbered as they are named."""

    def __init__(self):
        self.numbers, self.cells, self.ports = {"0": "0", "1": "1"}, {}, {}

    def net(self, name):
        return self.numbers.setdefault(name, len(self.numbers))

    def port(self, name, direction, *nets):
        bits = [self.net(net) for net in nets or (name,)]
        self.ports[name] = {"direction": direction, "bits": bits}
        return self

    def cell(self, kind, name, **pins):
        nets = {
            pin: [self.net(each) for each in (net if isinstance(net, list) else [net])]
            for pin, net in pins.items()
        }
        self.cells[name] = {"type": kind, "connections": nets}
        return self

    def gates(self, library, macros=()):
        names = {name: [bit] for name, bit in self.numbers.items() if name not in "01"}
        module = {"ports": self.ports, "cells": self.cells, "netnames": names}
        return Gates(module, library, macros)


@pytest.fixture
def netlist():
    return Netlist().port("aclk", "input").port("aresetn", "input")


@pytest.fixture(scope="session")
def write_memories():
    """Writes files of memories of these words, bits and ports into a folder; the folder."""
    return _write_memories


@pytest.fixture(scope="session")
def write_cells():
    """Writes the small library, so many times as slow, into a file; the file."""

    def written(path, slowness):
        path.write_text(cells_text(slowness))
        return path

    return written


@pytest.fixture
def small_memories(tmp_path):
    """Writes files of memories of these words, bits and ports, at both corners; their folder."""
    return lambda *sizes, **more: _write_memories(tmp_path / "memories", *sizes, **more)


@pytest.fixture
def macros(small_memories, library):
    return read_macros(small_memories((16, 4, 2), (16, 8, 1), (64, 4, 2)), library)
