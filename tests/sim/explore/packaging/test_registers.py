"""The register map of the package against the one definition, and against the gates."""

import importlib.metadata
import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest
from systemrdl.node import FieldNode, RegfileNode, RegNode
from systemrdl.rdltypes import AccessType, OnWriteType

from hw.config import CONFIGS
from hw.errors import UserError
from hw.modes import Mode
from hw.registers import (
    COUNTER_BASE,
    COUNTERS,
    MODE_COUNTER_BASE,
    MODE_COUNTER_STRIDE,
    MODE_COUNTERS,
    REGISTERS,
    Error,
    bits_of,
    reset_values,
)
from sim.explore.packaging import registers
from sim.rtl.backend import make_simulator
from sim.rtl.simulator import SimulationError

TINY = CONFIGS["tiny"]
ACCESS = {
    "ro": (AccessType.r, None),
    "rw": (AccessType.rw, None),
    "wo": (AccessType.w, None),
    "w1c": (AccessType.rw, OnWriteType.woclr),
}


def counters():
    """Addresses of the halves of each counter, by the path of a register in the map."""
    places = {name: COUNTER_BASE + 8 * k for k, name in enumerate(COUNTERS)}
    for mode in Mode:
        base = MODE_COUNTER_BASE + MODE_COUNTER_STRIDE * mode
        places |= {f"{mode.name.lower()}.{n}": base + 8 * k for k, n in enumerate(MODE_COUNTERS)}
    return {
        f"{name}_{half}": place + 4 * k
        for name, place in places.items()
        for k, half in enumerate(("low", "high"))
    }


@pytest.fixture(scope="module")
def top(package):
    """The map that the package's SystemRDL holds."""
    return registers.compile_rdl(package / "registers" / "refrain.rdl")


@pytest.fixture(scope="module")
def found(top):
    """Registers of the map by their path."""
    nodes = [node for node in top.descendants() if isinstance(node, RegNode)]
    return {node.get_rel_path(top): node for node in nodes}


def test_every_register_is_where_it_is_defined(found):
    places = {name: register.addr for name, register in REGISTERS.items()} | counters()
    assert {name: node.absolute_address for name, node in found.items()} == places


def test_every_field_is_as_it_is_defined(found):
    values_of = reset_values(TINY)
    for name, register in REGISTERS.items():
        fields = list(found[name].children())
        assert all(isinstance(field, FieldNode) for field in fields)
        values = {
            field.inst_name: (field.lsb, field.width, field.get_property("desc"))
            for field in fields
        }
        assert values == {bits.name: (bits.lsb, bits.width, bits.doc) for bits in bits_of(name)}
        for field in fields:
            how = field.get_property("sw"), field.get_property("onwrite")
            assert how == ACCESS[register.access], name
            reset = values_of.get(name, 0) >> field.lsb & (1 << field.width) - 1
            assert field.get_property("reset") == reset, name


def test_fields_do_not_overlap_and_fit():
    for name in REGISTERS:
        ends = [(bits.lsb, bits.lsb + bits.width) for bits in bits_of(name)]
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))
        assert ends[-1][1] <= 32


def test_error_codes_are_an_enumeration(found):
    (code,) = found["error"].fields()
    members = {member.name: member.value for member in code.get_property("encode")}
    assert members == {each.name.lower(): each.value for each in Error}


def test_counters_of_each_mode_are_a_part_of_the_map(top):
    parts = [node.inst_name for node in top.children() if isinstance(node, RegfileNode)]
    assert parts == [mode.name.lower() for mode in Mode]


def test_the_c_header_has_every_address(package, found, run, tmp_path):
    lines = [
        f'  printf("%s %u\\n", "{name}", (unsigned)offsetof(refrain_t, {name}));' for name in found
    ]
    source = ["#include <stddef.h>", "#include <stdio.h>", '#include "refrain_registers.h"']
    source += ["int main(void) {", *lines, "  return 0;", "}"]
    (tmp_path / "main.c").write_text("\n".join(source) + "\n")
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{package / 'registers'}")
    run("gcc", *flags, "main.c", "-o", "main", folder=tmp_path)
    said = dict(line.split() for line in run(tmp_path / "main", folder=tmp_path).splitlines())
    assert {name: int(place) for name, place in said.items()} == {
        name: node.absolute_address for name, node in found.items()
    }


def test_the_c_header_has_every_field(package):
    text = (package / "registers" / "refrain_registers.h").read_text()
    for name in REGISTERS:
        for bits in bits_of(name):
            mask = ((1 << bits.width) - 1) << bits.lsb
            word = f"REFRAIN__{name.upper()}__{bits.name.upper()}_bm"
            assert re.search(rf"#define {word} 0x0*{mask:x}$", text, re.M), word


@pytest.mark.parametrize("form", ["refrain.md", "refrain.xml", "html/data/ral-data-0.json"])
def test_every_form_names_every_register(package, form):
    text = (package / "registers" / form).read_text()
    assert not [name for name in REGISTERS if name not in text]


@pytest.fixture(scope="module")
def machine():
    """The gates of ``tiny`` behind their bus."""
    return make_simulator(TINY, None, lambda said: None, size=1 << 16)


def test_gates_answer_as_the_map_says(found, machine):
    for name, node in found.items():
        place = node.absolute_address
        reset = sum((field.get_property("reset") or 0) << field.lsb for field in node.fields())
        assert machine.read_register(place) == reset, name
        writable = [field for field in node.fields() if field.is_sw_writable]
        if not writable:
            with pytest.raises(SimulationError, match="AXI error 2"):
                machine.write_register(place, 0)
            continue
        if name == "control":
            continue
        mask = sum((1 << field.width) - 1 << field.lsb for field in writable)
        clears = node.fields()[0].get_property("onwrite") == OnWriteType.woclr
        for value in (0xFFFF_FFFF, 0xA5A5_5A5A, 0):
            machine.write_register(place, value)
            kept = 0 if clears else value & mask
            if "override_" in name:
                # Bits without a meaning are kept, too.
                kept = value
            assert machine.read_register(place) == kept, name
    assert not machine.violations, machine.first_violation


def test_commands_of_the_map_reach_the_gates(found, machine):
    place = {name: node.absolute_address for name, node in found.items()}
    bit = {(name, f.inst_name): 1 << f.lsb for name, node in found.items() for f in node.fields()}
    machine.write_register(place["interrupt_enable"], bit["interrupt_enable", "error"])
    machine.write_register(place["descriptor"], 0)
    machine.write_register(place["control"], bit["control", "start"])
    assert machine.wait_interrupt(10_000)
    assert machine.read_register(place["status"]) == bit["status", "error"]
    assert machine.read_register(place["error"]) == Error.BAD_DESCRIPTOR
    machine.write_register(place["interrupt"], bit["interrupt", "error"])
    assert not machine.interrupt
    machine.write_register(place["control"], bit["control", "soft_reset"])
    assert machine.read_register(place["status"]) == 0


def test_another_process_makes_the_same_bytes(facts, tmp_path):
    text = (
        "import hashlib; from hw.config import CONFIGS; from sim.explore.packaging.facts import "
        "Facts; from sim.explore.packaging.registers import register_files; "
        f"facts = Facts(config=CONFIGS['tiny'], command={facts.command!r}, verilog={{}}); "
        "print(hashlib.sha256(repr(register_files(facts)).encode()).hexdigest())"
    )
    hashes = set()
    for seed in "12":
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            [sys.executable, "-c", text], env=environment, capture_output=True, check=True
        )
        hashes.add(done.stdout)
    assert len(hashes) == 1


def test_a_missing_tool_is_named_before_the_work(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "peakrdl-html":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(UserError) as caught:
        registers.check_tools()
    assert str(caught.value) == (
        "refrain package needs peakrdl-html, which is not installed: pip install 'refrain[package]'"
    )
