"""The C driver on the compiled gates, through the registers and the memory that they have."""

import ctypes
import functools
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.registers import OPTIONAL, REGISTERS, Error
from sim.explore.compiling.made import Wanted, compile_integer
from sim.explore.compiling.writing import write_compiled
from sim.explore.packaging.writing import write_package
from sim.image.modes import LayerModes, Modes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.rtl.backend import make_simulator
from sim.rtl.memory_model import MemoryModel

TINY = CONFIGS["tiny"]
SIZE = 1 << 20
FOREVER = (1 << 32) - 1
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
STEPS, SEQUENCES = 5, 2
DELTA = Modes.of(LayerModes(mode="delta"))


@functools.cache
def network(bits=8):
    """Two layers, so that rows lie between the layers, too."""
    return random_network((9, 12, 7), seed=4, activation_bits=bits)


def status_codes(package):
    """Statuses of the driver by name."""
    text = (package / "driver" / "refrain.h").read_text()
    return {name: int(code) for name, code in re.findall(r"^  REFRAIN_(\w+) = (-?\d+)", text, re.M)}


@pytest.fixture(scope="module", params=[8, pytest.param(16, marks=pytest.mark.slow)])
def config(request):
    """A machine with activations of so many bits."""
    if request.param == 8:
        return TINY
    return replace(TINY, name="tiny16", act_width=request.param)


@pytest.fixture(scope="module")
def package(request, config, tmp_path_factory):
    """The folder of its package; tests leave it as it is."""
    if config == TINY:
        return request.getfixturevalue("tiny_package")
    folder = tmp_path_factory.mktemp("package") / "refrain_tiny16"
    write_package(config, folder, command="refrain package tiny16.toml")
    return folder


@pytest.fixture(scope="module")
def code(package):
    """Status by name."""
    return status_codes(package)


@pytest.fixture(scope="module")
def images(config, tmp_path_factory):
    """The folder with the headers of a batch in normal mode and of one step in delta mode."""
    folder = tmp_path_factory.mktemp("images")
    wanted = {"config": config, "sequences": SEQUENCES, "steps": STEPS, "modes": DELTA}
    write_compiled(compile_integer(network(config.act_width), Wanted(**wanted)), folder, "net")
    single = {**wanted, "sequences": 1, "steps": 1}
    write_compiled(compile_integer(network(config.act_width), Wanted(**single)), folder, "one")
    return folder


@pytest.fixture(scope="module")
def library(package, images, tmp_path_factory, run, request):
    """The driver, the example and the bench, compiled for this computer."""
    folder = tmp_path_factory.mktemp("driver")
    driver, parts = package / "driver", package / "images"
    sources = (driver / "refrain.c", driver / "example.c", request.path.parent / "driver_bench.c")
    places = (driver, package / "registers", images, parts / "batch", parts / "stream")
    options = ("-shared", "-fPIC", "-O1", "-DEXAMPLE_WITHOUT_MAIN")
    # Each image has arrays that one of the users does not look at.
    options = (*options, "-Wno-unused-const-variable", *(f"-I{place}" for place in places))
    run("gcc", *STRICT, *options, *sources, "-o", "driver.so", folder=folder)
    found = ctypes.CDLL(str(folder / "driver.so"))
    found.bench_text.restype = ctypes.c_char_p
    found.bench_cycles.restype = found.bench_delta_steps.restype = ctypes.c_uint64
    return found


@pytest.fixture(scope="module")
def simulator(config):
    """The gates, compiled once."""
    return make_simulator(config, None, lambda said: None, size=SIZE)


READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)
IDLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Bench:
    """The library bound to the simulator; ``reads`` replaces what registers read."""

    def __init__(self, library, simulator, *, cached=False, interrupts=False, memory=None):
        self.library, self.simulator, self.reads = library, simulator, {}
        simulator.restart(memory or MemoryModel())
        self.interrupts, self.taken = interrupts, 0
        pointer = ctypes.cast(simulator._bytes.ctypes.data, ctypes.c_void_p)
        self.calls = READ(self.read), WRITE(self.write), IDLE(self.idle)
        library.bench_bind(*self.calls, pointer, cached, interrupts)

    def read(self, context, place):
        value = self.simulator.read_register(place)
        return self.reads.get(place, value)

    def write(self, context, place, value):
        self.simulator.write_register(place, value)

    def idle(self, context):
        self.simulator.run(40)
        if self.interrupts and self.simulator.interrupt:
            self.taken += 1
            self.library.bench_interrupt()

    def batch(self, x, limit=FOREVER):
        h = np.zeros((*x.shape[:2], 7), x.dtype)
        status = self.library.bench_batch(_pointer(x), _pointer(h), ctypes.c_uint32(limit))
        return status, h

    def step(self, x, limit=FOREVER):
        h = np.zeros(7, x.dtype)
        row = np.ascontiguousarray(x)
        status = self.library.bench_step(_pointer(row), _pointer(h), ctypes.c_uint32(limit))
        return status, h

    def load(self, stream=False, size=SIZE, address=0):
        return self.library.bench_load(stream, size, address)


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.fixture
def bench(library, simulator):
    """Makes a bench; at its end the bus has kept its rules."""
    made = []

    def make(**options):
        made.append(Bench(library, simulator, **options))
        return made[-1]

    yield make
    assert not simulator.violations, simulator.first_violation


@pytest.fixture(scope="module")
def x(config):
    """Rows that move little, so that delta mode leaves much out."""
    return random_codes(network(config.act_width), SEQUENCES, STEPS, seed=2)


def expected(x, **modes):
    """``h`` of the model."""
    config = replace(TINY, act_width=8 * x.itemsize)
    model = ModelBackend(config)
    return model.run(network(config.act_width), x, modes=LayerModes(mode="delta", **modes)).h


WAYS = [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize(("cached", "interrupts"), WAYS)
def test_a_batch_gives_the_bits_of_the_model(bench, x, cached, interrupts):
    used = bench(cached=cached, interrupts=interrupts, memory=MemoryModel.stalling(0.2, seed=1))
    assert used.library.bench_open() == 0
    assert used.load(address=0x1000, size=SIZE - 0x1000) == 0
    for _ in range(2):
        status, h = used.batch(x)
        assert status == 0
        assert np.array_equal(h, expected(x))
    assert used.taken == (2 if interrupts else 0)
    assert used.library.bench_cycles() > 1000


@pytest.mark.parametrize(("cached", "interrupts"), WAYS)
def test_steps_one_by_one_are_one_run(bench, x, cached, interrupts):
    used = bench(cached=cached, interrupts=interrupts)
    used.library.bench_open()
    assert used.load(stream=True) == 0
    for sequence in range(SEQUENCES):
        used.library.bench_begin()
        rows = [used.step(row) for row in x[sequence]]
        assert [status for status, _ in rows] == [0] * STEPS
        assert np.array_equal([h for _, h in rows], expected(x)[sequence])
    # The first step of a sequence is normal; the last one was not.
    assert used.library.bench_delta_steps() == 2


def test_the_example_of_the_package_runs(bench):
    assert bench(cached=True).library.bench_example() == 0


@pytest.mark.parametrize("cached", [False, True])
def test_thresholds_are_those_of_an_image_with_them(bench, x, cached):
    used = bench(cached=cached)
    used.library.bench_open()
    used.load()
    x_threshold, h_threshold = (3, 2) if x.itemsize == 1 else (9000, 700)
    assert used.library.bench_thresholds(x_threshold, h_threshold) == 0
    wanted = expected(x, x_threshold=x_threshold, h_threshold=h_threshold)
    assert not np.array_equal(wanted, expected(x))
    assert np.array_equal(used.batch(x)[1], wanted)
    used.library.bench_restore()
    assert np.array_equal(used.batch(x)[1], expected(x))


def test_a_word_of_settings_can_be_replaced(bench, x, code):
    used = bench()
    used.library.bench_open()
    used.load()
    # Plan 0 of word 0: normal mode.
    assert used.library.bench_override(0, 0) == 0
    used.batch(x)
    assert used.library.bench_delta_steps() == 0
    assert used.library.bench_override(3, 0) == code["NO_OVERRIDE"]


def test_layers_with_other_settings_keep_them(bench, code):
    used = bench()
    used.library.bench_open()
    used.load()
    used.library.bench_damage(256 + 4 * 33, 0)
    assert used.library.bench_thresholds(1, 1) == code["LAYERS_DIFFER"]


@pytest.mark.parametrize(
    ("place", "value", "name"), [(0, 0, "ABSENT"), (4, 1 << 16, "OTHER_VERSION")]
)
def test_what_is_no_machine_of_the_driver_is_refused(bench, code, place, value, name):
    used = bench()
    used.reads[place] = value
    assert used.library.bench_open() == code[name]


@pytest.mark.parametrize("minor", [4, 5])
def test_a_machine_of_other_values_is_refused(bench, code, config, minor):
    """Its gates could not tell an image of the other kind. Until 0.4 all had 8 bits."""
    used, features = bench(), REGISTERS["features"].addr
    wide = config.act_width == 16
    used.reads |= {REGISTERS["version"].addr: minor, features: 2 * wide}
    assert used.library.bench_open() == (code["OTHER_MACHINE"] if wide and minor < 5 else 0)
    used.reads[features] = 2 * (not wide)
    assert used.library.bench_open() == (0 if not wide and minor < 5 else code["OTHER_MACHINE"])


def test_what_the_machine_was_made_without_is_refused(bench, x, code, config):
    """Its images store states; their steps go on; none chooses by a score."""
    used, features, wide = bench(), REGISTERS["features"].addr, 2 * (config.act_width == 16)
    used.library.bench_open()
    bits = {name: wide | 1 << bit for name, (bit, _) in OPTIONAL.items()}
    for name, wanted in (("scores", 0), ("mode_counters", 0), ("states", code["LACKING"])):
        used.reads[features] = bits[name]
        assert used.load() == wanted
    # Layers that go on have places of their own.
    used.reads[features] = bits["resume"]
    assert used.load(stream=True) == code["LACKING"]
    used.reads[features] = wide
    assert used.load(stream=True) == 0
    used.reads[features] = bits["resume"]
    assert [used.step(x[0, k])[0] for k in range(2)] == [0, code["NO_STREAM"]]


def test_what_the_memory_cannot_hold_is_refused(bench, code):
    used = bench()
    used.library.bench_open()
    assert used.library.bench_load_other() == code["OTHER_MACHINE"]
    assert used.load(size=64) == code["TOO_SMALL"]
    assert used.load(address=8) == code["MISALIGNED"]


def test_nothing_runs_without_a_network(bench, x, code):
    used = bench()
    used.library.bench_open()
    assert used.batch(x)[0] == code["NO_NETWORK"]
    assert used.step(x[0, 0])[0] == code["NO_NETWORK"]
    assert used.library.bench_start(0) == code["NO_NETWORK"]
    assert used.library.bench_poll() == code["NO_NETWORK"]
    assert used.library.bench_thresholds(1, 1) == code["NO_NETWORK"]
    assert not used.library.bench_has_rows(0, 0, 0)


def test_an_image_of_several_steps_takes_no_single_one(bench, x, code):
    used = bench()
    used.library.bench_open()
    used.load()
    assert used.step(x[0, 0])[0] == code["NOT_ONE_STEP"]
    assert used.library.bench_start(1) == code["NO_STREAM"]


def test_rows_are_where_there_are_some(bench):
    used = bench()
    used.library.bench_open()
    used.load()
    assert used.library.bench_has_rows(0, SEQUENCES - 1, STEPS - 1)
    for place in ((1, 0, 0), (0, SEQUENCES, 0), (0, 0, STEPS)):
        assert not used.library.bench_has_rows(*place)


def test_a_running_machine_is_left_alone(bench, x, code):
    used = bench()
    used.library.bench_open()
    used.load()
    assert used.library.bench_start(0) == 0
    assert used.library.bench_poll() == code["RUNNING"]
    assert used.library.bench_start(0) == code["BUSY"]
    assert used.load() == code["BUSY"]
    assert used.batch(x)[0] == code["BUSY"]
    assert used.library.bench_override(0, 0) == code["BUSY"]
    assert used.library.bench_wait(2) == code["TIMEOUT"]
    assert used.library.bench_wait(FOREVER) == 0


@pytest.mark.parametrize("interrupts", [False, True])
def test_a_run_that_takes_too_long_is_ended(bench, x, code, interrupts):
    used = bench(interrupts=interrupts, memory=MemoryModel(latency=200))
    used.library.bench_open()
    used.load(stream=True)
    assert used.step(x[0, 0])[0] == 0
    assert used.step(x[0, 1], limit=2)[0] == code["TIMEOUT"]
    # What comes after it begins anew, and is right.
    assert np.array_equal(used.step(x[0, 0])[1], expected(x)[0, 0])
    assert np.array_equal(used.step(x[0, 1])[1], expected(x)[0, 1])


def test_memory_that_never_answers_is_told_apart(bench, x, code):
    used = bench(memory=MemoryModel(latency=1 << 40))
    used.library.bench_open()
    used.load()
    assert used.batch(x, limit=50)[0] == code["STUCK"]


def test_the_watchdog_ends_a_run_whose_memory_is_too_slow(bench, x):
    used = bench(memory=MemoryModel(latency=2000))
    used.library.bench_open()
    used.load()
    used.library.bench_watchdog(500)
    assert used.batch(x)[0] == Error.TIMEOUT
    # The memory answers in the end, so the machine comes to rest.
    assert used.library.bench_reset() == 0
    used.library.bench_watchdog(0)
    assert np.array_equal(used.batch(x)[1], expected(x))


def test_every_error_of_the_machine_has_its_code(bench, x):
    used = bench()
    used.library.bench_open()
    used.load()
    used.library.bench_damage(0, 0)
    assert used.batch(x)[0] == Error.BAD_DESCRIPTOR
    # The machine is ready for the next run after each.
    assert used.library.bench_load_narrow(64) == 0
    assert used.batch(x)[0] == Error.OUTSIDE
    used.load()
    assert np.array_equal(used.batch(x)[1], expected(x))


@pytest.mark.parametrize(("side", "error"), [("x", Error.READ), ("h", Error.WRITE)])
def test_errors_of_the_memory_are_reported(bench, images, x, side, error):
    text = (images / "net.h").read_text()
    macro = "NET_INPUT_ADDRESS" if side == "x" else "NET_OUTPUT_BASE"
    place = int(re.search(rf"#define {macro} (0x\w+)u", text)[1], 16)
    used = bench(memory=MemoryModel(error_base=place, error_limit=place + 8))
    used.library.bench_open()
    used.load()
    assert used.batch(x)[0] == error
    used.load(address=0x2000, size=SIZE - 0x2000)
    assert np.array_equal(used.batch(x)[1], expected(x))


def test_every_status_has_a_sentence(library, code):
    texts = [library.bench_text(status).decode() for status in code.values()]
    assert len(set(texts)) == len(code) > 15
    assert "does not know" not in " ".join(texts)
    assert "does not know" in library.bench_text(99).decode()
    for error in Error:
        if error:
            assert error.name in library.bench_text(error).decode()


def test_an_image_of_another_width_does_not_compile(package, images, tmp_path):
    text = (images / "net.h").read_text()
    size = re.search(r"#define NET_VALUE_BYTES (\d)u", text)
    (tmp_path / "net.h").write_text(
        text.replace(size[0], f"#define NET_VALUE_BYTES {3 ^ int(size[1])}u")
    )
    (tmp_path / "net.c").write_text(
        '#define NET_ARRAYS\n#include "net.h"\n#include "refrain.h"\n'
        "REFRAIN_NETWORK(network, NET, net);\n"
        "const struct refrain_network *use(void) { return &network; }\n"
    )
    command = [
        "gcc",
        *STRICT,
        "-Wno-unused-const-variable",
        f"-I{package / 'driver'}",
        "-c",
        "net.c",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode
    assert "network_values_fit" in done.stderr


CROSS = {
    "gcc": ("", ""),
    "riscv64-unknown-elf-gcc": ("gcc-riscv64-unknown-elf", "-march=rv32imc -mabi=ilp32"),
    "arm-none-eabi-gcc": ("gcc-arm-none-eabi", "-mcpu=cortex-m4 -mthumb"),
}
"""Debian's package of a compiler, and what it is told."""


@pytest.mark.parametrize(
    "compiler",
    ["gcc", "riscv64-unknown-elf-gcc", pytest.param("arm-none-eabi-gcc", marks=pytest.mark.slow)],
)
def test_the_makefile_builds_the_driver(package, tmp_path, run, compiler):
    copied = shutil.copytree(package, tmp_path / "copied")
    name, arch = CROSS[compiler]
    run(compiler, "--version", folder=copied, package=name)
    options = [f"CROSS={compiler.removesuffix('gcc')}", f"ARCH={arch}"] if arch else []
    said = run("make", "-C", "driver", *options, folder=copied)
    assert "warning" not in said
    assert (copied / "driver" / "build" / "librefrain.a").stat().st_size > 2000
    assert (copied / "driver" / "build" / "example.o").exists()
