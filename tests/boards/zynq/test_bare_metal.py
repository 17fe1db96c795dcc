"""The C example against the one definition of the registers, and against a C compiler."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import boards.zynq
from boards.zynq.gp import BASE_REGISTER
from boards.zynq.linux import REGISTERS_AT
from hw.config import CONFIGS
from hw.registers import COUNTER_BASE, COUNTERS, ID_VALUE, REGISTERS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import write_compiled
from sim.model.random_network import random_network

FOLDER = Path(boards.zynq.__file__).parent / "bare_metal"
SOURCE = (FOLDER / "refrain.c").read_text()


def test_registers_are_where_the_machine_has_them():
    found = dict(re.findall(r"^  ([A-Z_]+) = (0x[0-9A-F]+)", SOURCE, re.M))
    names = {"ERROR_CODE": "error"}
    for name, addr in found.items():
        if name not in ("CYCLES", "BASE"):
            assert int(addr, 16) == REGISTERS[names.get(name, name.lower())].addr, name
    assert int(found["CYCLES"], 16) == COUNTER_BASE + 8 * COUNTERS.index("cycles")
    assert int(found["BASE"], 16) == BASE_REGISTER
    assert f"#define ID_VALUE 0x{ID_VALUE:08X}u" in SOURCE
    assert f"#define REFRAIN_REGISTERS 0x{REGISTERS_AT:08x}u" in (FOLDER / "refrain.h").read_text()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder with ``image.h`` of two layers in both directions, and what was compiled."""
    network = random_network((5, 6, 7), seed=1, bidirectional=True)
    made = compile_integer(network, Wanted(config=CONFIGS["tiny"], steps=3, sequences=2))
    folder = tmp_path_factory.mktemp("image")
    write_compiled(made, folder)
    return folder, made


def _gcc(*arguments):
    if shutil.which("gcc") is None:
        pytest.fail("gcc is missing: apt-get install gcc")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", f"-I{FOLDER}"]
    done = subprocess.run(["gcc", *flags, *map(str, arguments)], capture_output=True, text=True)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("source", ["refrain.c", "main.c"])
def test_a_strict_compiler_takes_the_example(source, compiled, tmp_path):
    _gcc(f"-I{compiled[0]}", "-c", FOLDER / source, "-o", tmp_path / "out.o")


_MACHINE = """
#include <string.h>
#define IMAGE_ARRAYS
#include "image.h"
#include "refrain.h"
static uint8_t *memory;
static const struct image_rows outputs[IMAGE_OUTPUT_COUNT] = IMAGE_OUTPUTS;
int refrain_init(void *buffer, unsigned divisor0, unsigned divisor1) {
  memory = buffer;
  return divisor0 * divisor1 == 10 ? REFRAIN_OK : REFRAIN_ABSENT;
}
int refrain_run(uint32_t descriptor, uint32_t base, uint32_t limit, uint32_t polls) {
  (void)descriptor, (void)polls;
  if (memcmp(memory, image_data, IMAGE_BYTES)) return REFRAIN_FAILED;
  memset(memory + base, 0x55, limit - base);
  memcpy(memory + outputs[0].address, WRITTEN[0], sizeof WRITTEN[0]);
  memcpy(memory + outputs[1].address, WRITTEN[1], sizeof WRITTEN[1]);
  return REFRAIN_OK;
}
"""
"""Stands for the machine: writes rows of the last layer, and noise wherever else it may."""


@pytest.mark.parametrize("wrong", [None, 0, 1])
def test_the_example_compares_every_output_of_the_last_layer_and_nothing_else(
    wrong, compiled, tmp_path
):
    folder, made = compiled
    columns = np.split(made.h, [made.image.outputs[0].h.codes], axis=2)
    packed = [
        bytearray(each.h.pack(part)) for each, part in zip(made.image.outputs, columns, strict=True)
    ]
    if wrong is not None:
        last = made.image.outputs[wrong].h
        packed[wrong][(last.steps * last.sequences - 1) * last.stride + last.codes - 1] ^= 1
    rows = ", ".join("{" + ", ".join(map(str, each)) + "}" for each in packed)
    declared = f"static const uint8_t WRITTEN[2][{len(packed[0])}] = {{{rows}}};\n"
    (tmp_path / "machine.c").write_text(f"#include <stdint.h>\n{declared}{_MACHINE}")
    sources = (FOLDER / "main.c", tmp_path / "machine.c")
    # Each of the two uses some of the arrays.
    _gcc(f"-I{folder}", "-Wno-unused-const-variable", *sources, "-o", tmp_path / "example")
    status = subprocess.run([tmp_path / "example"], check=False).returncode
    assert status == (wrong is not None)


_PROCESSOR = """
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "refrain.h"
static volatile uint32_t *at(uintptr_t addr) { return (volatile uint32_t *)addr; }
static void map(uintptr_t addr, size_t size) {
  void *got = mmap((void *)addr, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (got != (void *)addr) exit(9);
}
int main(int argc, char **argv) {
  (void)argc;
  map(REFRAIN_REGISTERS, 0x2000);
  map(0xF8000000u, 0x9000);
  *at(0xF8000900u) = atoi(argv[1]) ? 0xF : 0;  /* level shifters */
  *at(REFRAIN_REGISTERS) = 0x4E524652u;
  *at(REFRAIN_REGISTERS + 0x18) = atoi(argv[2]);  /* status */
  int status = refrain_init((void *)0x10000000u, 10, 1);
  printf("%d %u %u\\n", status, (unsigned)*at(REFRAIN_REGISTERS + 0x14),
         (unsigned)*at(0xF8000170u));
  return 0;
}
"""
"""Memory where the processor's registers and the machine's are; says what init did to them."""


@pytest.mark.parametrize(
    ("up", "busy", "did"),
    [
        # Returns; the last write to control; dividers of the clock.
        (0, 1, [0, 0, 0x100A00]),
        (1, 0, [0, 2, 0x100A00]),
        (1, 1, [-4, 2, 0]),
    ],
)
def test_a_machine_that_is_up_comes_to_rest_before_its_clock_and_reset(up, busy, did, tmp_path):
    (tmp_path / "processor.c").write_text(_PROCESSOR)
    sources = (tmp_path / "processor.c", FOLDER / "refrain.c")
    _gcc("-Wno-int-to-pointer-cast", *sources, "-o", tmp_path / "example")
    command = [tmp_path / "example", str(up), str(busy)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert list(map(int, said.split())) == did


def test_the_page_compiles_the_example_with_the_command():
    page = (Path(__file__).parents[3] / "docs" / "boards" / "zynq.md").read_text()
    assert "refrain compile net.tflite --board arty-z7-20 -o build/net" in page
    assert "sim.image" not in page
