"""What an unsafe multiplier does to a network in delta mode, and that it is refused."""

from dataclasses import replace

import numpy as np
import pytest

from hw.config import CONFIGS
from hw.multipliers.catalogue import find_multiplier
from hw.multipliers.imported import Entries, TableMultiplier
from hw.multipliers.masked import Cut, MaskedArray
from hw.multipliers.rounded import RoundedWeights
from hw.multipliers.switched import Switched
from sim.image.compile import compile_network
from sim.image.modes import LayerModes
from sim.model.network import run_network
from sim.model.random_network import random_network
from sim.networks.network import NetworkError
from sim.networks.quantizer import sqnr


def truncated_and_corrected():
    """Two's complement, 6 columns left out, and their mean error added: MAE is the only aim."""
    codes = np.arange(-256, 256)
    weights = np.arange(-128, 128)
    product = np.zeros((512, 256), np.int64)
    for bit in range(8):
        dots = weights >> bit & 1
        kept = codes >> max(6 - bit, 0) << max(6 - bit, 0)
        product += np.outer(kept, dots) * (-(1 << bit) if bit == 7 else 1 << bit)
    exact = np.outer(codes, weights)
    inner = (slice(128, 384), slice(None))
    return Entries.of(product + round((exact - product)[inner].mean()))


UNSAFE = Switched(inner=TableMultiplier(entries=truncated_and_corrected()))
SAFE = MaskedArray(cuts=(Cut(), Cut(columns=5)))


def machine(multiplier):
    """A configuration with this multiplier."""
    return replace(CONFIGS["tiny"], multiplier=multiplier)


@pytest.fixture(scope="module")
def world():
    """A network and input that creeps: 2 sequences of 200 steps."""
    network = random_network([24, 32], seed=3)
    rng = np.random.default_rng(4)
    shape = (2, 200, 24)
    moves = rng.integers(-4, 5, shape) * (rng.random(shape) < 0.3)
    moves[:, 0] += rng.integers(-60, 60, shape[::2])
    return network, np.clip(np.cumsum(moves, axis=1), -128, 127).astype(np.int8)


def signal(world, multiplier, **modes):
    """Signal-to-noise ratio of the second half of ``h`` against exact products, dB."""
    network, x = world
    zero = network.layers[0].directions[0].h.zero_point
    exact = run_network(network, x).h[:, 100:].astype(float) - zero
    found = run_network(network, x, modes=LayerModes(**modes), config=machine(multiplier)).h
    return sqnr(exact, found[:, 100:].astype(float) - zero)


def test_errors_that_gather_ruin_a_delta_network_and_no_direct_one(world):
    direct = signal(world, UNSAFE, mode="reduced", reduced_level=1)
    delta = signal(world, UNSAFE, mode="delta", delta_level=1, unsafe_level=1)
    assert direct > 12 and delta < 0
    # Its mean error does not tell.
    assert UNSAFE.behaviour(1).unbiased and not UNSAFE.safe_in_delta(1, 1)
    assert signal(world, SAFE, mode="delta", delta_level=1, normal_every=64) > delta + 4
    # A normal step now and then ends what has gathered.
    flushed = {"delta_level": 1, "unsafe_level": 1, "normal_every": 4}
    assert signal(world, UNSAFE, mode="delta", **flushed) > delta + 10


def test_the_compiler_refuses_it_by_name(world):
    network, _ = world
    options = {"steps": 1, "sequences": 1}
    modes = LayerModes(mode="delta", delta_level=1)
    with pytest.raises(NetworkError) as caught:
        compile_network(network, machine(UNSAFE), modes=modes, **options)
    assert str(caught.value) == (
        "level 1 (table) of configuration tiny cannot be used in delta mode, it is unsafe, errors "
        "accumulate: f(0, w) is not 0; f(-v, w) is not -f(v, w) (give table as the unsafe level "
        "to use it all the same)"
    )
    for allowed in (1, "table"):
        compile_network(
            network, machine(UNSAFE), modes=replace(modes, unsafe_level=allowed), **options
        )
    with pytest.raises(NetworkError):
        other = replace(modes, unsafe_level="exact")
        compile_network(network, machine(UNSAFE), modes=other, **options)
    reduced = LayerModes(mode="reduced", reduced_level=1)
    compile_network(network, machine(UNSAFE), modes=reduced, **options)


def test_errors_that_cancel_on_average_need_normal_steps(world):
    network, _ = world
    options = {"steps": 1, "sequences": 1}
    modes = LayerModes(mode="delta", delta_level=1, normal_every=64)
    compile_network(network, machine(SAFE), modes=modes, **options)
    for every in (0, 65):
        rare = replace(modes, normal_every=every)
        with pytest.raises(NetworkError) as caught:
            compile_network(network, machine(SAFE), modes=rare, **options)
        assert str(caught.value) == (
            "level 1 (columns < 5) of configuration tiny can be used in delta mode only with a "
            f"normal step at least every 64 steps, and normal_every is {every}: its errors cancel "
            "on average only (give columns < 5 as the unsafe level to use it all the same)"
        )
        named = replace(rare, unsafe_level="columns < 5")
        compile_network(network, machine(SAFE), modes=named, **options)
    linear = machine(RoundedWeights())
    compile_network(network, linear, modes=replace(modes, normal_every=0), **options)


def test_a_constant_for_what_is_left_out_is_refused_whatever_its_mean(world):
    network, _ = world
    modes = LayerModes(mode="delta", delta_level=1, normal_every=1)
    with pytest.raises(NetworkError) as caught:
        compile_network(
            network, machine(find_multiplier("constant")), modes=modes, steps=1, sequences=1
        )
    assert "products of small operands are wrong by more than themselves" in str(caught.value)
