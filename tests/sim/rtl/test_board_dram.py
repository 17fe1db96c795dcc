# amaranth: UnusedElaboratable=no
"""Whole boards whose memory is DRAM: LiteDRAM's controllers and its own models of memories."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from boards.catalogue import BOARDS
from boards.dram.ddr3 import ddr3_settings
from boards.dram.memory import NoPins, dram_memory
from boards.dram.sdram import sdram_settings
from boards.uart.link import SerialTransport
from boards.uart.system import UartSystem
from hw.accelerator import Accelerator
from hw.config import CONFIGS, Config
from sim.explore.boards.backend import BoardBackend
from sim.explore.running import quantize_nodes
from sim.model.backend import ModelBackend
from sim.model.random_network import random_codes, random_network
from sim.networks.onnx_runner import OnnxModel
from sim.networks.quantizer import to_codes
from sim.rtl.board_uart import UartBoard
from sim.workloads import silero

CYCLES = 8
STEPS = 12
"""Frames of the speech demo."""
SMALL = Config(
    name="small",
    lanes=8,
    bus_width=64,
    max_input=16,
    max_hidden=16,
    weight_words=64,
    stream_words=16,
    cell_lanes=1,
    burst_beats=4,
    bursts_in_flight=2,
)


def board(settings, machine, width=64):
    """A whole board around a controller of ``settings`` and a model of its memory."""
    files = {}
    simulated = dataclasses.replace(settings, simulated=True)
    platform = SimpleNamespace(add_file=files.__setitem__)
    memory = dram_memory(simulated, NoPins(), platform, None, width)
    system = UartSystem(machine, memory, CYCLES)
    return UartBoard(system, clock_hz=settings.clock_mhz * 1e6, files=files)


def connected(line):
    return SerialTransport(line, clock_hz=line.clock_hz, baud=line.baud, patience=1e-3)


def assert_equal(found, wanted):
    assert (found.h == wanted.h).all()
    for mine, theirs in zip(found.states, wanted.states, strict=True):
        assert (mine.h == theirs.h).all()
        assert (mine.c == theirs.c).all()


def assert_holds(transport, size):
    """Both ends of the memory hold what is written, and it is as large as it says."""
    assert (transport.memory_base, transport.memory_size) == (0, size)
    rng = np.random.default_rng(0)
    parts = {addr: rng.integers(0, 256, 700).astype(np.uint8) for addr in (5, size - 700)}
    for addr, data in parts.items():
        transport.write_memory(addr, data)
    for addr, data in parts.items():
        assert (transport.read_memory(addr, 700) == data).all()


def assert_runs(machine, config, network):
    for seed in range(2):
        x = random_codes(network, 1, 5, seed)
        assert_equal(machine.run(network, x), ModelBackend(config).run(network, x))


@pytest.fixture(scope="module")
def sdram():
    return board(sdram_settings(60.0), Accelerator(SMALL))


@pytest.mark.parametrize("bit_errors", [0.0, 1e-4])
def test_a_network_runs_from_sdram_whatever_the_errors_of_the_line(sdram, bit_errors):
    sdram.restart(bit_errors=bit_errors, seed=2)
    transport = connected(sdram)
    assert_holds(transport, 32 << 20)
    machine = BoardBackend(SMALL, transport, "board")
    assert_runs(machine, SMALL, random_network((10, 12, 9), seed=1))
    assert bool(transport.repeated) == bool(sdram.wrong_bits) == bool(bit_errors)


def test_the_host_waits_until_the_sdram_was_started(sdram):
    sdram.restart()
    transport = connected(sdram)
    # 30 writes, and the waits behind them: 20,000 loops of a processor for the first.
    assert 82_000 < sdram.cycles < 90_000 + 0.01 * sdram.clock_hz
    assert transport.memory_size == 32 << 20


@pytest.mark.slow
def test_a_network_runs_from_ddr3_that_its_processor_started():
    line = board(ddr3_settings(100.0), Accelerator(SMALL))
    transport = connected(line)
    # The processor has written and read 8 KiB by then.
    assert 1_000_000 < line.cycles < 20_000_000
    assert_holds(transport, 256 << 20)
    machine = BoardBackend(SMALL, transport, "board")
    assert_runs(machine, SMALL, random_network((10, 12, 9), seed=1))


@pytest.mark.slow
def test_wide_buses_reach_ddr3_too():
    config = dataclasses.replace(SMALL, lanes=16, bus_width=128, cell_lanes=4)
    line = board(ddr3_settings(100.0), Accelerator(config), 128)
    transport = connected(line)
    assert_holds(transport, 256 << 20)
    assert_runs(BoardBackend(config, transport, "board"), config, random_network((10, 12), seed=1))


def speech():
    """The speech demo's LSTM, and its first frames."""
    path, samples, _ = silero.load()
    model, inputs = OnnxModel(path), silero.inputs(samples)
    first = {**inputs, "input": inputs["input"][:STEPS]}
    (network,) = quantize_nodes(model, first).values()
    (seen,) = model.capture(first).values()
    return network, to_codes(seen, network.layers[0].directions[0].x)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"), [("ulx3s-85f", sdram_settings), ("arty-a7-35", ddr3_settings)]
)
def test_dram_holds_the_speech_demo(name, settings):
    made = BOARDS[name]
    config = made.fitted(CONFIGS[made.config])
    line = board(settings(made.clock_mhz), Accelerator(config), config.bus_width)
    network, x = speech()
    machine = BoardBackend(config, connected(line), name)
    found, wanted = machine.run(network, x), ModelBackend(config).run(network, x)
    assert_equal(found, wanted)
    assert found.counts == wanted.counts and found.counts.steps == STEPS
    # In one piece, from weights that the blocks of an XC7A35T do not hold.
    assert made.memory_kib < 134 or name == "ulx3s-85f"
