"""Compiled files alone are enough to run a network on the gates: bytes, a manifest, registers."""

import json

import numpy as np
import pytest

from hw.config import CONFIGS
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import write_compiled
from sim.image.modes import LayerModes, Modes
from sim.model.random_network import random_network
from sim.rtl.backend import RtlBackend

TINY = CONFIGS["tiny"]
CYCLES = 3_000_000
"""More than any run here takes."""
DONE, START, ENABLE = 1, 1, 3


@pytest.fixture(scope="module")
def simulator():
    """The compiled gates with a memory; nothing of its driver is used."""
    return RtlBackend(TINY).simulator


@pytest.fixture
def compiled(tmp_path):
    """Compiles into files; gives their folder and the manifest as it is there."""

    def make(network, **wanted):
        paths = write_compiled(compile_integer(network, Wanted(config=TINY, **wanted)), tmp_path)
        return tmp_path, json.loads(paths[-1].read_text())

    return make


def load(simulator, folder, manifest, shift=0):
    """Write the image, with what must be added to addresses, and the input of the test vector."""
    image = bytearray((folder / manifest["image"]["files"]["bin"]).read_bytes())
    for each in manifest["relocations"] if shift else ():
        word = slice(each["offset"], each["offset"] + 4)
        image[word] = (int.from_bytes(image[word], "little") + shift).to_bytes(4, "little")
    simulator.write_memory(manifest["image"]["base"] + shift, bytes(image))
    vector = manifest["test_vector"]["input"]
    simulator.write_memory(vector["address"] + shift, (folder / vector["bin"]).read_bytes())


def start(simulator, manifest, shift=0):
    """Run it through registers."""
    registers, window = manifest["registers"], manifest["output_window"]
    simulator.guard((window["base"] + shift, window["limit"] + shift))
    for name, value in (
        ("interrupt", ENABLE),
        ("interrupt_enable", ENABLE),
        ("descriptor", manifest["descriptors"]["address"] + shift),
        ("output_base", window["base"] + shift),
        ("output_limit", window["limit"] + shift),
        ("control", START),
    ):
        simulator.write_register(registers[name], value)
    assert simulator.wait_interrupt(CYCLES)
    assert simulator.read_register(registers["interrupt"]) == DONE
    assert simulator.first_violation == ""


def outputs(simulator, manifest, shift=0):
    """int8 ``[sequences, steps, values]`` that lie in memory."""
    parts = []
    for rows in manifest["outputs"]:
        data = simulator.read_memory(rows["address"] + shift, rows["bytes"]).view(np.int8)
        by_sequence = data.reshape(manifest["sequences"], rows["sequence_stride"])
        by_step = by_sequence.reshape(manifest["sequences"], -1, rows["step_stride"])
        parts.append(by_step[:, : manifest["steps"], : rows["values"]])
    return np.concatenate(parts, axis=2)


def expected(folder, manifest):
    """What the model gave, of both files."""
    vector = manifest["test_vector"]["expected"]
    h = np.load(folder / vector["npy"])
    assert h.tobytes() == (folder / vector["bin"]).read_bytes() and list(h.shape) == vector["shape"]
    return h


@pytest.mark.parametrize("base, shift", [(0, 0), (0x10_0000, 0), (0, 0x4_0040), (0x4000, 0x80)])
def test_a_loader_needs_the_files_alone(simulator, compiled, base, shift):
    network = random_network((5, 6, 7), seed=base + shift, bidirectional=True, initial=True)
    folder, manifest = compiled(network, steps=4, sequences=2, base=base)
    load(simulator, folder, manifest, shift)
    start(simulator, manifest, shift)
    assert (outputs(simulator, manifest, shift) == expected(folder, manifest)).all()


def test_words_for_streaming_let_runs_go_on_from_each_other(simulator, compiled):
    network = random_network((5, 6, 7), seed=3, initial=True)
    folder, whole = compiled(network, steps=12, sequences=1)
    x, h = np.load(folder / "input.npy"), expected(folder, whole)
    folder, manifest = compiled(network, steps=4, sequences=1, x=x[:, :4])
    load(simulator, folder, manifest)
    rows, seen = manifest["input"], []
    for run in range(3):
        part = np.zeros((4, rows["step_stride"]), np.int8)
        part[:, : rows["values"]] = x[0, 4 * run : 4 * run + 4]
        simulator.write_memory(rows["address"], part)
        for word in manifest["streaming"]["words"]:
            value = word["resumed" if run else "first"]
            simulator.write_memory(word["address"], value.to_bytes(4, "little"))
        start(simulator, manifest)
        seen.append(outputs(simulator, manifest))
    assert (np.concatenate(seen, axis=1) == h).all()


def test_override_registers_are_where_the_manifest_says(simulator, compiled):
    network = random_network((5, 6), seed=5)
    coarse = Modes.of(LayerModes(mode="delta", x_threshold=20, h_threshold=9))
    folder, other = compiled(network, steps=12, modes=coarse)
    h, words = expected(folder, other), other["layers"][0]["mode_words"]
    folder, manifest = compiled(network, steps=12)
    assert (h != expected(folder, manifest)).any()
    load(simulator, folder, manifest)
    registers = {each["word"]: each for each in manifest["overrides"]["words"]}
    for each in words:
        simulator.write_register(registers[each["word"]]["register"], each["value"])
    bits = sum(1 << each["enable_bit"] for each in registers.values())
    simulator.write_register(manifest["overrides"]["enable"], bits)
    start(simulator, manifest)
    simulator.write_register(manifest["overrides"]["enable"], 0)
    assert (outputs(simulator, manifest) == h).all()
