"""Delays and transitions of small netlists that can be followed by hand."""

import numpy as np
import pytest

from sim.explore.multipliers.energy import (
    WIRE_FARAD,
    Switching,
    cell_function,
    settle,
    timing,
    without_pulses,
)
from sim.explore.multipliers.liberty import read_liberty
from sim.explore.multipliers.netlist import Netlist

EDGE = {"a": {"direction": "input", "bits": [2]}, "y": {"direction": "output", "bits": [5]}}


def cell(kind, **pins):
    return {"type": kind, "connections": {pin: [net] for pin, net in pins.items()}}


def netlist_of(library, ports, **cells):
    return Netlist(
        {"ports": ports, "cells": cells},
        is_output=lambda kind, pin: pin in library.cells[kind].outputs,
        is_state=lambda kind: bool(library.cells[kind].clock),
    )


@pytest.fixture
def library(liberty):
    return read_liberty(liberty)


def one(bit):
    return np.array([0x80 if bit else 0], np.uint8)


def changes(library, netlist, before, after):
    """What a change of input ``a`` does."""
    counted = Switching(netlist, library, timing(netlist, library))
    known = [netlist.evaluate({2: one(bit)}, cell_function(library)) for bit in (before, after)]
    counted.add(*known, 1)
    return counted


def test_a_chain_moves_once_and_its_delays_add_up(library):
    netlist = netlist_of(
        library,
        EDGE,
        one=cell("INV", A=2, Y=3),
        two=cell("INV", A=3, Y=4),
        three=cell("INV", A=4, Y=5),
    )
    times = timing(netlist, library)
    # Loads of 2 fF and a wire each give 30 ps at the edge of the table; the last has none: 10 ps.
    assert times.loads[3] == pytest.approx(2e-15 + WIRE_FARAD)
    assert times.arrivals[3] == pytest.approx(30e-12, abs=3e-12)
    assert times.longest == pytest.approx(74e-12, abs=6e-12)
    counted = changes(library, netlist, 0, 1)
    assert (counted.transitions, counted.needed) == (3, 3)


def test_energy_is_that_of_loads_and_cells(library):
    netlist = netlist_of(library, EDGE, one=cell("INV", A=2, Y=3), two=cell("INV", A=3, Y=5))
    counted = changes(library, netlist, 1, 0)
    inside = 2 * (1.0 + 3.0) / 2 * 1e-15
    load = 0.5 * (2e-15 + WIRE_FARAD) * 1.5**2
    assert counted.combinational == pytest.approx(inside + load)


def glitching(length):
    """``y = !(a & !a)`` with the inverse through ``length`` more pairs of inverters."""
    cells = {"first": cell("INV", A=2, Y=10)}
    for number in range(2 * length):
        cells[f"later_{number}"] = cell("INV", A=10 + number, Y=11 + number)
    cells["last"] = cell("NAND", A=2, B=10 + 2 * length, Y=5)
    return cells


def test_a_glitch_counts_although_the_output_ends_as_it_was(library):
    netlist = netlist_of(library, EDGE, **glitching(2))
    rising, falling = (changes(library, netlist, *edge) for edge in ((0, 1), (1, 0)))
    assert rising.transitions - rising.needed == 2
    assert falling.transitions == falling.needed == 5


def waveform(text):
    """Moments of a net as its simulation keeps them."""
    return np.array([[0x80 if bit == "1" else 0] for bit in text], np.uint8)


@pytest.mark.parametrize(
    "given, length, left",
    [
        ("000110001110000", 3, "000000001110000"),
        ("111001110001111", 3, "111111110001111"),
        ("000000000000001", 3, "000000000000001"),
        ("000101011110000", 2, "000000011110000"),
        ("010101010101010", 1, "010101010101010"),
    ],
)
def test_pulses_shorter_than_a_gate_is_slow_are_swallowed(given, length, left):
    assert (without_pulses(waveform(given), length) == waveform(left)).all()


def test_registers_settle_cycle_by_cycle_and_cost_their_clock(library):
    ports = {
        "a": {"direction": "input", "bits": [2]},
        "clock": {"direction": "input", "bits": [3]},
        "y": {"direction": "output", "bits": [5]},
    }
    netlist = netlist_of(library, ports, one=cell("DFF", D=2, CK=3, Q=4), two=cell("INV", A=4, Y=5))
    cycles = [{2: one(bit), 3: one(0)} for bit in (1, 0, 0)]
    settled = settle(netlist, library, cycles)
    assert [int(values[4][0] >> 7) for values in settled] == [0, 1, 0]
    assert [int(values[5][0] >> 7) for values in settled] == [1, 0, 1]
    counted = Switching(netlist, library, timing(netlist, library))
    counted.add(settled[1], settled[2], 1)
    clock = 4e-15 * 1.5**2
    moved = (1.0 + 3.0) / 2 * 1e-15 + 0.5 * (2e-15 + WIRE_FARAD) * 1.5**2
    assert counted.registers == pytest.approx(clock + moved)
