"""Column words of fewer beats on the compiled machine, compared with the model."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.image.weights import part_beats
from sim.model.backend import ModelBackend
from sim.model.random_network import random_network
from sim.networks.container import Part, container_bytes, read_container
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, IntegerNetwork
from sim.networks.quantizer import quantize, to_codes
from sim.rtl.backend import RtlBackend
from sim.rtl.memory_model import MemoryModel

TINY = CONFIGS["tiny"]
MACHINES = {
    # Planes of two bits, of four, and of a bit that takes two beats; both forms of a weight.
    "small": CONFIGS["small"],
    "four": replace(TINY, lanes=16, multiplier=find_multiplier("baugh-wooley"), lookahead=4),
    "long": replace(TINY, lanes=128, weight_words=256, multiplier=find_multiplier("dsp-pair")),
    "six": replace(TINY, lanes=64, multiplier=find_multiplier("truncated:3", 6)),
}
FEW = ("small", "four")
"""Those that every run of the tests takes."""
LARGE = ("edge", "chip")


@functools.cache
def machine(name):
    """The compiled backend of a configuration."""
    config = CONFIGS[name] if name in LARGE else replace(MACHINES[name], name=name)
    return RtlBackend(config)


def narrowed(network: IntegerNetwork, bits: int, seed: int) -> IntegerNetwork:
    """The network with weights of at most ``bits`` bits, of fewer in some directions or parts."""
    rng = np.random.default_rng(seed)

    def narrow(direction):
        shifts = [8 - int(each) for each in rng.integers(1, bits + 1, 2)]
        if rng.integers(2):
            shifts[1] = shifts[0]
        return replace(
            direction,
            **{
                name: (np.sign(weights) * (np.abs(weights.astype(np.int16)) >> shift)).astype(
                    np.int8
                )
                for name, weights, shift in zip(
                    "WR", (direction.W, direction.R), shifts, strict=True
                )
            },
            **{
                name: tuple(scale * 2.0**shift for scale in getattr(direction, name))
                for name, shift in zip(("W_scale", "R_scale"), shifts, strict=True)
            },
            bias=direction.bias >> shifts[0],
        )

    return IntegerNetwork(
        layers=tuple(
            replace(layer, directions=tuple(narrow(each) for each in layer.directions))
            for layer in network.layers
        )
    )


def always_agrees(name, drawn, agree, reproducible, examples, largest):
    """Random networks, settings and memories."""
    backend = machine(name)
    config = backend.config

    @reproducible(examples)
    @given(
        case=drawn.networks(largest),
        bits=st.integers(1, config.multiplier.weight_width),
        modes=drawn.layer_modes(),
        lookahead=st.sampled_from([0, config.lookahead]),
        memory=drawn.memories(),
        resident=st.sampled_from([None, False, False]),
        steps=st.integers(1, 9),
    )
    def check(case, bits, modes, lookahead, memory, resident, steps):
        if modes.mode in ("normal", "delta") and lookahead > 1:
            modes = replace(modes, lookahead=lookahead)
        network = narrowed(random_network(**case), bits, case["seed"])
        x = drawn.slow_codes(network, 2, steps, case["seed"])
        backend.restart(memory)
        agree(backend, network, x, modes, resident=resident)

    check()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FEW else pytest.mark.slow) for n in MACHINES]
)
def test_words_of_any_length_give_what_the_model_gives(name, drawn, agree, reproducible):
    always_agrees(name, drawn, agree, reproducible, 25, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_machines_take_words_of_any_length(name, drawn, agree, reproducible):
    always_agrees(name, drawn, agree, reproducible, 40, 90)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("mode", ["normal", "delta"])
def test_short_words_give_the_bits_of_long_ones_for_less_traffic(drawn, mode, resident):
    """The same weights of four bits, alone and beside a weight of ``W`` that needs eight."""
    backend = machine("small")
    narrow = random_network([20, 24], seed=3, weight_bits=4)
    direction = narrow.layers[0].directions[0]
    W = direction.W.copy()
    W[0, 0, 0] = 127
    wide = IntegerNetwork(
        layers=(replace(narrow.layers[0], directions=(replace(direction, W=W),)),)
    )
    x = drawn.slow_codes(narrow, 2, 12, 1)
    zero = direction.x.zero_point
    x[:, :, 0] = zero  # what the large weight is multiplied with
    results = []
    for network in (narrow, wide):
        backend.restart(MemoryModel())
        results.append(
            backend.run(network, x, modes=LayerModes(mode=mode, zero_skip=True), resident=resident)
        )
    short, long = results
    assert np.array_equal(short.h, long.h)
    images = [
        compile_network(network, backend.config, steps=12, sequences=2)
        for network in (narrow, wide)
    ]
    beats = [part_beats(image.placements[0].fields) for image in images]
    assert beats == [(2, 2), (4, 2)]
    x, h = (
        sum(getattr(each, name) for each in short.counts.modes) for name in ("events_x", "events_h")
    )
    assert short.counts.weight_bytes * (4 * x + 2 * h) == long.counts.weight_bytes * 2 * (x + h)
    assert resident or short.counts.weight_bytes > 0
    dense = [each.counts.weight_bytes + each.counts.weight_bytes_avoided for each in results]
    assert dense[0] == dense[1]
    assert resident or short.cycles < 0.9 * long.cycles
    assert short.counts.read_bytes < long.counts.read_bytes


@pytest.mark.parametrize("rows", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_file_with_bits_for_each_part_runs_with_the_bits_of_the_model(agree, rows, tmp_path):
    """As it is read; each part in words as long as its own weights need."""
    rng = np.random.default_rng(5)
    layers = []
    for inputs, hidden in ((9, 12), (12, 10)):
        shapes = (4, hidden, inputs), (4, hidden, hidden), (4, hidden)
        W, R, bias = (rng.normal(0, 0.5, shape).astype(np.float32) for shape in shapes)
        layers.append(FloatLayer(directions=(FloatLstm(W=W, R=R, bias=bias),)))
    x = rng.normal(size=(3, 12, 9)).astype(np.float32)
    bits = [(4, 8), (6, 4)]
    network = FloatNetwork(layers=tuple(layers))
    made = quantize(network, x, weight_bits=bits, row_scales=rows)
    path = tmp_path / "net.refrain"
    path.write_bytes(container_bytes([Part(name="net", network=made)]))
    (part,) = read_container(path)
    config = replace(CONFIGS["small"], name="rows", row_scales=True)
    backend = RtlBackend(config) if rows else machine("small")
    codes = to_codes(x, made.layers[0].directions[0].x)
    for modes in (LayerModes(), LayerModes(mode="delta", x_threshold=1, h_threshold=1)):
        for resident in (True, False):
            backend.restart(MemoryModel.stalling(0.2, seed=1, latency=9))
            result = agree(backend, part.network, codes, modes, resident=resident)
            assert result.weight_bits == (4, 6, 8)
    image = compile_network(part.network, backend.config, steps=1, sequences=1)
    words = [(p.fields["x_word_beats"], p.fields["word_beats"]) for p in image.placements]
    assert words == [(2, 4), (3, 2)]


@pytest.mark.parametrize("name", ["small", "four"])
@pytest.mark.parametrize("resident", [True, False])
def test_time_follows_the_length_of_words(name, resident, drawn, reproducible):
    backend = machine(name)
    model = ModelBackend(backend.config, latency=9 if not resident else 1)

    @reproducible(30)
    @given(
        case=drawn.networks(60),
        bits=st.integers(1, 8),
        modes=drawn.layer_modes(),
        steps=st.integers(1, 12),
    )
    def check(case, bits, modes, steps):
        network = narrowed(random_network(**case), bits, case["seed"])
        x = drawn.slow_codes(network, 2, steps, case["seed"])
        options = {"modes": modes, "resident": None if resident else False}
        backend.restart(MemoryModel(latency=model.latency))
        measured, expected = backend.run(network, x, **options), model.run(network, x, **options)
        assert expected.cycles == pytest.approx(measured.cycles, rel=0.02)

    check()
