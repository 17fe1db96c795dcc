"""Arrivals are those that the tables give by hand."""

import pytest

from sim.explore.multipliers.liberty import read_liberty
from sim.explore.silicon.timing import Timing
from sim.networks.network import NetworkError

FEMTO = 1e-15


def _delay(farads):
    """Of a cell of the small library."""
    return 0.1e-9 + 1.0e-9 * farads / 0.1e-12


def _chain(netlist):
    """A register, two inverters, a register."""
    netlist.cell("DFF", "machine.steps.$1", D="back", CK="aclk", Q="q")
    netlist.cell("INV", "machine.core.engine.array.$2", A="q", Y="n")
    netlist.cell("INV", "machine.core.engine.array.$3", A="n", Y="d")
    netlist.cell("DFF", "machine.core.engine.array.$4", D="d", CK="aclk", Q="back")
    return netlist


def test_the_longest_path_counts_delays_and_setup(netlist, library):
    gates = _chain(netlist).gates(library)
    timing = Timing(gates, library, {}, 1 * FEMTO)
    path = timing.longest()
    # Each net drives one pin of 2 fF, and 1 fF of wire.
    wanted = 3 * _delay(3 * FEMTO) + 0.1e-9
    assert path.seconds == pytest.approx(wanted)
    assert (path.start, path.end) == ("register q", "register back")
    assert list(path.parts) == ["registers and counters", "lanes"]
    assert path.parts["lanes"] == pytest.approx(2 * _delay(3 * FEMTO))


def test_the_slow_corner_has_its_own_delays(netlist, library, slow_cells):
    gates = _chain(netlist).gates(library)
    fast = Timing(gates, library, {}, 1 * FEMTO).longest().seconds
    slow = Timing(gates, read_liberty(slow_cells), {}, 1 * FEMTO).longest().seconds
    assert slow - 0.1e-9 == pytest.approx(2 * (fast - 0.1e-9))


def test_wires_load_every_pin(netlist, library):
    gates = _chain(netlist).gates(library)
    timing = Timing(gates, library, {}, 5 * FEMTO)
    assert timing.loads[netlist.net("q")] == pytest.approx(7 * FEMTO)


def test_memories_begin_and_end_paths(netlist, library, macros):
    macro = next(each for each in macros if len(each.ports) == 2)
    netlist.cell(
        macro.name,
        "machine.core.engine.bank.words",
        A_CLK="aclk",
        A_MEN="on",
        B_CLK="aclk",
        B_MEN="on",
        B_DOUT=["o0", "o1", "o2", "o3"],
    )
    netlist.cell("INV", "machine.$1", A="o0", Y="on")
    timing = Timing(netlist.gates(library, macros), library, {macro.name: macro}, 1 * FEMTO)
    path = timing.longest()
    assert path.start == "memory machine.core.engine.bank.words" == path.end
    # The memory takes a nanosecond; the inverter drives two enables.
    late = 1e-9 + 10e-9 * 3 * FEMTO / 0.1e-12 + _delay(8 * FEMTO)
    assert path.seconds == pytest.approx(late)


def test_gates_that_form_a_loop_are_refused(netlist, library):
    netlist.cell("INV", "machine.$1", A="a", Y="b").cell("INV", "machine.$2", A="b", Y="a")
    with pytest.raises(NetworkError, match="the mapped gates form a loop"):
        netlist.gates(library)
