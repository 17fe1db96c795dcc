"""Transitions, clock pulses and joules of small netlists, by hand."""

import numpy as np
import pytest

from sim.explore.silicon.energy import KINDS, Energy, leakage
from sim.explore.silicon.parts import PARTS
from sim.explore.silicon.simulating import GateSimulator
from sim.explore.silicon.timing import Timing
from sim.networks.network import NetworkError

FEMTO, SQUARE = 1e-15, 1.2**2
CYCLES = 100
LANES = PARTS.index("lanes")
DATA = [f"r{bit}" for bit in range(64)]


@pytest.fixture
def run(netlist, library, macros):
    """Runs the netlist for some cycles; what was counted in them, and the energy model."""

    def ran():
        netlist.port("m_axi_rdata", "input", *DATA)
        gates = netlist.gates(library, macros)
        timing = Timing(gates, library, {macro.name: macro for macro in macros}, 1 * FEMTO)
        simulator = GateSimulator(timing)
        before = simulator.tally.copy()
        simulator.run(CYCLES)
        return simulator.tally.copy().less(before), Energy(timing, 1 * FEMTO)

    return ran


def _toggler(netlist, clock="aclk"):
    """A register whose output changes at every pulse of its clock."""
    netlist.cell("INV", "machine.core.engine.array.$1", A="q", Y="d")
    netlist.cell("DFF", "machine.core.engine.array.$2", D="d", CK=clock, Q="q")
    return netlist


def test_transitions_and_clock_pulses_are_counted(netlist, run):
    _toggler(netlist)
    tally, _ = run()
    assert tally.transitions[netlist.net("q")] == CYCLES
    assert tally.transitions[netlist.net("d")] == CYCLES
    assert tally.pulses[-1] == CYCLES


def test_energy_is_that_of_loads_cells_and_clock_pins(netlist, run):
    _toggler(netlist)
    tally, energy = run()
    found = energy.count(tally)[LANES]
    # Each net drives a pin of 2 fF and 1 fF of wire; each cell takes 10 fJ inside of a transition.
    each = 0.5 * 3 * FEMTO * SQUARE + 10 * FEMTO
    assert found[KINDS.index("gates")] == pytest.approx(CYCLES * each)
    assert found[KINDS.index("registers")] == pytest.approx(CYCLES * each)
    pulse = 3 * FEMTO * SQUARE + 10 * FEMTO
    assert found[KINDS.index("clock")] == pytest.approx(CYCLES * pulse)


def test_a_gated_register_takes_no_pulse_while_its_enable_is_low(netlist, run):
    _toggler(netlist, clock="gated")
    netlist.cell("ICG", "machine.core.engine.array.$3", CK="aclk", E="0", GCK="gated")
    tally, energy = run()
    assert tally.transitions[netlist.net("q")] == 0
    assert list(tally.pulses) == [0, CYCLES]
    # What is left is the pin of the clock gate.
    clock = energy.count(tally)[LANES, KINDS.index("clock")]
    assert clock == pytest.approx(CYCLES * 4 * FEMTO * SQUARE)


def test_a_gated_register_moves_while_its_enable_is_high(netlist, run):
    _toggler(netlist, clock="gated")
    netlist.cell("ICG", "machine.core.engine.array.$3", CK="aclk", E="1", GCK="gated")
    tally, _ = run()
    assert tally.transitions[netlist.net("q")] == CYCLES
    assert list(tally.pulses) == [CYCLES, CYCLES]


def test_each_register_follows_its_own_clock(netlist, run):
    # Gates in another order than the registers behind them, and one register behind none.
    clocks = {"a": "low", "b": "aclk", "c": "high", "d": "low", "e": "high"}
    for name, clock in clocks.items():
        netlist.cell("INV", f"machine.$i{name}", A=f"q{name}", Y=f"n{name}")
        netlist.cell("DFF", f"machine.$f{name}", D=f"n{name}", CK=clock, Q=f"q{name}")
    netlist.cell("ICG", "machine.$h", CK="aclk", E="1", GCK="high")
    netlist.cell("ICG", "machine.$l", CK="aclk", E="0", GCK="low")
    tally, _ = run()
    moved = {name: int(tally.transitions[netlist.net(f"q{name}")]) for name in clocks}
    assert moved == {"a": 0, "b": CYCLES, "c": CYCLES, "d": 0, "e": CYCLES}
    assert list(tally.pulses) == [CYCLES, 0, CYCLES]


def test_a_gate_with_one_net_at_two_pins_follows_it(netlist, run):
    _toggler(netlist)
    netlist.cell("NAND2", "machine.$9", A="q", B="q", Y="x")
    netlist.cell("AOI21", "machine.$8", A="q", B="x", C="q", Y="y")
    tally, _ = run()
    assert tally.transitions[netlist.net("x")] == CYCLES
    assert tally.needed[netlist.net("y")] == CYCLES


def test_glitches_are_transitions_that_settled_values_do_not_need(netlist, run):
    _toggler(netlist)
    # q and its inverse meet in a gate: equal for as long as three inverters take, which is longer
    # than the gate itself.
    for number in range(3):
        source = "q" if number == 0 else f"n{number}"
        netlist.cell("INV", f"machine.$1{number}", A=source, Y=f"n{number + 1}")
    netlist.cell("XOR2", "machine.$9", A="q", B="n3", Y="x")
    tally, energy = run()
    x = netlist.net("x")
    assert tally.needed[x] == 0 and tally.transitions[x] == 2 * CYCLES
    assert energy.glitches(tally)["glitch_share"] > 0.2


def test_pulses_that_are_shorter_than_a_gate_do_not_pass(netlist, run):
    _toggler(netlist)
    netlist.cell("XOR2", "machine.$9", A="q", B="q", Y="x")
    tally, _ = run()
    assert tally.transitions[netlist.net("x")] == 0


def test_memories_read_what_was_written_and_count_accesses(netlist, run, macros):
    macro = next(each for each in macros if len(each.ports) == 2)
    _toggler(netlist)
    netlist.cell(
        macro.name,
        "machine.core.engine.bank.words",
        **{"A_CLK": "aclk", "A_MEN": "d", "A_WEN": "d", "A_REN": "0"},
        A_ADDR=["0", "0", "0", "0"],
        A_DIN=["1", "0", "1", "0"],
        A_BM=["1", "1", "1", "1"],
        **{"B_CLK": "aclk", "B_MEN": "q", "B_REN": "q", "B_WEN": "0"},
        B_ADDR=["0", "0", "0", "0"],
        B_DOUT=["o0", "o1", "o2", "o3"],
    )
    tally, energy = run()
    reads, writes = CYCLES // 2, CYCLES // 2
    assert list(tally.accesses) == [0, writes, reads, 0, 0]
    assert energy.clashes(tally) == 0
    bank = energy.count(tally)[PARTS.index("weight memory"), KINDS.index("memory")]
    assert bank == pytest.approx(reads * 1e-12 + writes * 2e-12)


def test_leakage_is_added_up_by_part(netlist, library):
    gates = _toggler(netlist).gates(library)
    assert leakage(gates)[LANES] == pytest.approx(0.6e-9)
    assert np.count_nonzero(leakage(gates)) == 1


def test_a_machine_without_its_memories_is_not_simulated(netlist, library):
    netlist.port("m_axi_rdata", "input", *DATA)
    netlist.cell("refrain_ram", "machine.core.engine.bank.words", clock="aclk")
    gates = _toggler(netlist).gates(library)
    with pytest.raises(NetworkError, match="whose memories were left out cannot be simulated"):
        GateSimulator(Timing(gates, library, {}, 1 * FEMTO))
