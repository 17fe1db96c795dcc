"""The C example against the one definition of the registers, and against a C compiler."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import boards.zynq
from boards.zynq.gp import BASE_REGISTER
from boards.zynq.linux import REGISTERS_AT
from hw.registers import COUNTER_BASE, COUNTERS, ID_VALUE, REGISTERS

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


@pytest.mark.parametrize("source", ["refrain.c", "main.c"])
def test_a_strict_compiler_takes_the_example(source, tmp_path):
    if shutil.which("gcc") is None:
        pytest.fail("gcc is missing: apt-get install gcc")
    arrays = "".join(
        f"static const uint8_t {name}[1] = {{0}};\n"
        for name in ("image_data", "image_x", "image_expected")
    )
    numbers = "".join(
        f"#define {name} 0u\n"
        for name in ("image_descriptor", "image_x_addr", "image_output_base", "image_output_limit")
    )
    (tmp_path / "image.h").write_text(f"#include <stdint.h>\n{arrays}{numbers}")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", f"-I{tmp_path}", f"-I{FOLDER}"]
    command = ["gcc", *flags, "-c", str(FOLDER / source), "-o", str(tmp_path / "out.o")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
