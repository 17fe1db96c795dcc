"""The C header, asked by a C compiler."""

import json
import subprocess

import numpy as np
import pytest

from sim.explore.compiling.writing import write_compiled
from sim.model.random_network import random_network

_PROGRAM = """
#include <stdio.h>
#define NET_1_ARRAYS
#include "net_1.h"
#include "net_1.h"
#define ROWS(r) r.address, r.values, r.step_stride, r.sequence_stride
static const struct net_1_rows input = NET_1_INPUT, outputs[] = NET_1_OUTPUTS;
static const uint32_t relocations[NET_1_RELOCATION_COUNT] = NET_1_RELOCATIONS;
static const uint32_t stream[][3] = NET_1_STREAM_WORDS;
int main(void) {
  printf("{\\"memory\\": [%u, %u, %u, %u]", NET_1_BASE, NET_1_BYTES, NET_1_MEMORY_BYTES,
         NET_1_ALIGNMENT);
  printf(", \\"run\\": [%u, %u, %u, %u, %u]", NET_1_DESCRIPTOR, NET_1_OUTPUT_BASE,
         NET_1_OUTPUT_LIMIT, NET_1_STEPS, NET_1_SEQUENCES);
  printf(", \\"input\\": [%u, %u, %u, %u]", ROWS(input));
  printf(", \\"forms\\": [%.17g, %d, %.17g, %d]", NET_1_INPUT_SCALE, NET_1_INPUT_ZERO_POINT,
         NET_1_OUTPUT_SCALE, NET_1_OUTPUT_ZERO_POINT);
  printf(", \\"outputs\\": [[%u, %u, %u, %u], [%u, %u, %u, %u]]", ROWS(outputs[0]),
         ROWS(outputs[1]));
  printf(", \\"cycles\\": %u, \\"relocations\\": [0", NET_1_CYCLES);
  for (unsigned k = 0; k < NET_1_RELOCATION_COUNT; k++) printf(", %u", relocations[k]);
  printf("], \\"machine\\": [%u, %u, %u]", NET_1_LANES, NET_1_BUS_BYTES, NET_1_DESCRIPTOR_COUNT);
  printf(", \\"stream\\": [%u", NET_1_STREAM_COUNT);
  for (unsigned k = 0; k < sizeof stream / sizeof *stream; k++)
    for (unsigned n = 0; n < 3; n++) printf(", %u", stream[k][n]);
  printf("], \\"sums\\": [");
  unsigned long data = 0, given = 0;
  long expected = 0;
  for (unsigned k = 0; k < sizeof net_1_data; k++) data = data * 31 + net_1_data[k];
  for (unsigned k = 0; k < sizeof net_1_input; k++) given += net_1_input[k];
  for (unsigned k = 0; k < sizeof net_1_expected; k++) expected += net_1_expected[k];
  printf("%lu, %lu, %ld]}", data, given, expected);
}
"""


def _rows(rows):
    return [rows[key] for key in ("address", "values", "step_stride", "sequence_stride")]


@pytest.fixture(scope="module")
def told(compiled, tmp_path_factory):
    """What a C program says of the header, what was compiled, and its manifest."""
    folder, made = tmp_path_factory.mktemp("header"), compiled(base=0x8000_0000)
    paths = write_compiled(made, folder, "net_1")
    (folder / "main.c").write_text(_PROGRAM)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    command = ["gcc", *flags, "main.c", "-o", "main"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    out = subprocess.run([folder / "main"], capture_output=True, text=True, check=True).stdout
    return json.loads(out), made, json.loads(paths[-1].read_text())


def test_macros_say_what_the_manifest_says(told):
    said, _, manifest = told
    image, window = manifest["image"], manifest["output_window"]
    keys = ("base", "bytes", "memory_bytes", "alignment")
    assert said["memory"] == [image[key] for key in keys]
    table = manifest["descriptors"]["address"]
    length = [manifest["steps"], manifest["sequences"]]
    assert said["run"] == [table, window["base"], window["limit"], *length]
    assert said["input"] == _rows(manifest["input"])
    assert said["outputs"] == [_rows(each) for each in manifest["outputs"]]
    assert said["relocations"][1:] == [each["offset"] for each in manifest["relocations"]]
    config = manifest["configuration"]
    machine = [config["lanes"], config["bus_width"] // 8, manifest["descriptors"]["count"]]
    assert said["machine"] == machine
    # Networks with backward layers do not go on from run to run.
    assert said["stream"] == [0, 0, 0, 0]
    assert said["cycles"] == manifest["expected_cycles"]["cycles"]
    ports = (manifest["input"], manifest["outputs"][0])
    assert said["forms"] == [each[key] for each in ports for key in ("scale", "zero_point")]


def test_arrays_hold_the_bytes(told):
    said, made, _ = told
    total = 0
    for byte in made.data:
        total = (total * 31 + byte) % 2**64
    given = np.frombuffer(made.image.pack_x(made.x), np.uint8)
    assert said["sums"] == [total, int(given.sum()), int(made.h.sum(dtype=int))]


def test_without_arrays_it_is_numbers_alone(compiled, tmp_path):
    write_compiled(compiled(), tmp_path)
    (tmp_path / "main.c").write_text('#include "image.h"\nint main(void) { return IMAGE_BASE; }\n')
    command = ["gcc", "-E", "main.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "image_data" not in done.stdout and "struct image_rows" in done.stdout


def test_words_of_streams_are_those_of_the_manifest(compiled, tmp_path):
    made = compiled(network=random_network((3, 4, 5)), steps=1, sequences=1, base=0x4000)
    paths = write_compiled(made, tmp_path)
    words = json.loads(paths[-1].read_text())["streaming"]["words"]
    assert len(words) == 2
    rows = [f"{{0x{w['address']:08x}u, {w['first']}u, {w['resumed']}u}}" for w in words]
    text = (tmp_path / "image.h").read_text()
    assert "#define IMAGE_STREAM_COUNT 2u\n" in text
    assert f"#define IMAGE_STREAM_WORDS {{{', '.join(rows)}}}\n" in text
