"""Controllers are made by LiteDRAM, once."""

import dataclasses
import importlib.util
import shutil
import sys

import pytest

from boards.dram import litedram
from boards.dram.ddr3 import ddr3_settings
from boards.dram.litedram import InitStep, make_core
from boards.dram.sdram import sdram_settings
from boards.errors import BoardError

SETTINGS = dataclasses.replace(sdram_settings(60.0), width=64, id_width=2)

CONTROL, COMMAND, ISSUE, ADDRESS, BANK = range(0x200, 0x205)
"""Registers of the controller, in words."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def core(cache):
    return make_core(SETTINGS, cache)


def test_the_controller_has_the_memorys_size_and_the_ports_width(core):
    assert core.bytes == 32 << 20
    text = core.files["dram_core.v"]
    assert "module dram_core (" in text
    assert "output wire   [63:0] user_port_axi_rdata," in text
    assert "input  wire    [1:0] user_port_axi_arid," in text


def test_nothing_is_assigned_twice(core):
    lines = core.files["dram_core.v"].splitlines()
    assigned = [line.split(" = ")[0] for line in lines if line.startswith("assign ")]
    assert len(assigned) > 500
    assert len(set(assigned)) == len(assigned)


def test_nothing_tells_when_and_where_it_was_made(core, tmp_path):
    assert make_core(SETTINGS, tmp_path).files == core.files
    assert str(tmp_path) not in core.files["dram_core.v"]


def test_it_is_made_once(core, cache, monkeypatch):
    monkeypatch.setattr(litedram, "_run", None)
    assert make_core(SETTINGS, cache) == core
    with pytest.raises(TypeError):
        make_core(dataclasses.replace(SETTINGS, clock_mhz=50.0), cache)


def test_an_sdram_is_started_as_its_data_sheet_says(core):
    # A data sheet's order: power and clock stable for 200 us, all banks precharged, two refreshes,
    # the mode register; commands at least tRFC, 70 ns, apart.
    done, held = [], {}
    for step in core.steps:
        held[step.word] = step.value
        if step.word in (CONTROL, ISSUE):
            what = (
                (held.get(COMMAND), held[ADDRESS])
                if step.word == ISSUE
                else ("control", step.value)
            )
            done.append((*what, step.cycles))
    names = [what for what, *_ in done]
    precharge, refresh, mode = 0b1011, 0b1101, 0b1111
    assert names == [
        *("control", "control", precharge, mode, precharge, refresh, refresh, mode, "control")
    ]
    assert done[1] == ("control", 0b1110, done[1][2]) and done[1][2] >= 200 * 60
    assert [address for what, address, _ in done if what == precharge] == [1 << 10] * 2
    # A read comes two cycles after its command, one word at a time.
    assert done[-2][:2] == (mode, 0x020)
    assert all(cycles >= 70e-9 * 60e6 for *_, cycles in done[1:-1])
    assert core.steps[-2:] == (InitStep(CONTROL, 1, 0), InitStep(0, 1, 0))


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BoardError) as refusal:
        make_core(ddr3_settings(100.0), tmp_path)
    assert str(refusal.value) == (
        "riscv64-unknown-elf-gcc is missing, which compiles what trains the memory; on Debian, "
        "apt-get install gcc-riscv64-unknown-elf brings it"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BoardError) as refusal:
        make_core(SETTINGS, tmp_path)
    assert str(refusal.value) == "litedram is missing; pip install 'refrain[dram]' brings it"


def test_what_litex_says_last_is_said(tmp_path):
    with pytest.raises(BoardError) as refusal:
        make_core(dataclasses.replace(SETTINGS, chip="none"), tmp_path)
    assert str(refusal.value) == (
        "LiteDRAM could not make the memory's controller: AttributeError: module "
        "'litedram.modules' has no attribute 'none'"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BoardError) as refusal:
        make_core(SETTINGS, tmp_path / "file")
    assert str(refusal.value) == (
        f"memory controllers cannot be kept in {tmp_path / 'file'}: File exists; the environment "
        "variable XDG_CACHE_HOME names another folder"
    )


def test_litex_stays_in_its_process(core):
    assert not {"litex", "litedram", "migen"} & set(sys.modules)
