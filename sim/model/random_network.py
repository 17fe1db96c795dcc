"""Random integer networks: for tests and for measuring speed, not for answers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.networks.network import (
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    Quantization,
    rows_of,
)

__all__ = ["random_codes", "random_network"]


def random_network(
    sizes: Sequence[int],
    *,
    seed: int = 0,
    bidirectional: bool = False,
    initial: bool = False,
    c_power: int = -11,
    cell_clip: int = 0,
    gain: float = 1.0,
    weight_bits: int = 8,
    activation_bits: int = 8,
    row_scales: bool = False,
    zeros: float = 0.0,
    zero_units: int = 1,
    clustered: bool = False,
) -> IntegerNetwork:
    """Layers of ``sizes[1:]`` hidden units on ``sizes[0]`` inputs.

    Parameters
    ----------
    sizes : ints
        ``I`` of the first layer, then ``H`` of each layer.
    seed : int
        The same seed gives the same network.
    bidirectional : bool
        Each layer has a second direction, which runs backwards.
    initial : bool
        Each direction has a random initial state.
    c_power, cell_clip : int
        Format and clamp of ``c``.
    gain : float
        Typical magnitude of a pre-activation, over that of a trained network.
    weight_bits, activation_bits : int
        Bits of a weight, and of a code of ``x`` or ``h``, 4 to 8 or 16.
    row_scales : bool
        Rows have scales of their own, up to 30 times as large as others of their gate.
    zeros : float
        Share of the groups of weights that are zero, a column of a block each.
    zero_units : int
        Hidden units of a block; the weights of their four gates in a column are a group.
    clustered : bool
        The groups of a block that are zero stand side by side; else they are anywhere.
    """
    rng = np.random.default_rng(seed)
    coarser = 8 - activation_bits
    x = _format(rng.uniform(0.01, 0.05), int(rng.integers(-20, 20)), coarser)
    layers, inputs = [], sizes[0]
    for hidden in sizes[1:]:
        h = _format(rng.uniform(0.006, 0.008), int(rng.integers(-9, 9)), coarser)
        layer = IntegerLayer(
            directions=tuple(
                _direction(
                    *(rng, inputs, hidden, x, h, reverse, initial, c_power, cell_clip, gain),
                    8 - weight_bits,
                )
                for reverse in (False, True)[: 1 + bidirectional]
            )
        )
        if row_scales:
            layer = IntegerLayer(
                directions=tuple(_with_row_scales(each, rng) for each in layer.directions)
            )
        if zeros:
            layer = IntegerLayer(
                directions=tuple(
                    _with_zeros(each, rng, zeros, zero_units, clustered)
                    for each in layer.directions
                )
            )
        layers.append(layer)
        inputs, x = layer.output_size, h
    return IntegerNetwork(layers=tuple(layers))


def random_codes(network: IntegerNetwork, sequences: int, steps: int, seed: int = 0) -> np.ndarray:
    """Codes ``[sequences, steps, I]`` over the whole range of codes."""
    shape = (sequences, steps, network.layers[0].input_size)
    form = network.layers[0].directions[0].x
    return np.random.default_rng(seed).integers(form.low, form.high + 1, shape, form.dtype)


def _format(scale: float, zero_point: int, coarser: int) -> Quantization:
    """A format of ``coarser`` bits less than 8, over about the same range."""
    zero_point = 0 if coarser < 0 else zero_point >> coarser
    return Quantization(
        scale=_single(scale * 2.0**coarser), zero_point=zero_point, bits=8 - coarser
    )


def _direction(rng, inputs, hidden, x, h, reverse, initial, c_power, cell_clip, gain, coarser):
    usual_weight, largest = 42 / 2**coarser, 127 >> coarser

    def weights(columns):
        codes = np.rint(rng.normal(0, usual_weight, (4, hidden, columns)))
        return np.clip(codes, -largest, largest).astype(np.int8)

    def scales(columns, unit):
        # A sum of independent products of 8-bit codes near 42 and 74 has this deviation.
        usual = usual_weight * 74 / 2.0 ** (8 - x.bits) * unit * columns**0.5
        return tuple(_single(gain * rng.uniform(0.5, 2) / usual) for _ in range(4))

    return IntegerLstm(
        W=weights(inputs),
        R=weights(hidden),
        bias=rng.integers(-3000, 3000, (4, hidden), np.int32) << max(x.bits - 8, 0),
        W_scale=scales(inputs, x.scale),
        R_scale=scales(hidden, h.scale),
        x=x,
        h=h,
        c_power=c_power,
        cell_clip=cell_clip,
        h0=rng.integers(h.low, h.high + 1, hidden, h.dtype) if initial else None,
        c0=rng.integers(-(1 << 14), 1 << 14, hidden, np.int16) if initial else None,
        reverse=reverse,
    )


def _with_row_scales(direction: IntegerLstm, rng) -> IntegerLstm:
    """The direction with scales by row about those of its gates."""

    def scales(of_gates):
        factors = rng.uniform(30**-0.5, 30**0.5, (4, direction.hidden_size))
        return (rows_of(of_gates) * factors).astype(np.float32).astype(np.float64)

    return replace(direction, W_scale=scales(direction.W_scale), R_scale=scales(direction.R_scale))


def _with_zeros(direction: IntegerLstm, rng, share: float, units: int, clustered: bool):
    """The direction without that share of the weights of ``W``, and of ``R``."""
    zeroed = {}
    for name in ("W", "R"):
        weights = getattr(direction, name)
        hidden, columns = weights.shape[1:]
        blocks = -(-hidden // units)
        if clustered:
            begins = rng.integers(0, columns, (blocks, 1))
            gone = (np.arange(columns) - begins) % columns < round(share * columns)
        else:
            gone = np.arange(blocks * columns) < round(share * blocks * columns)
            gone = rng.permutation(gone).reshape(blocks, columns)
        zeroed[name] = np.where(np.repeat(gone, units, axis=0)[:hidden], 0, weights)
    return replace(direction, **{k: v.astype(np.int8) for k, v in zeroed.items()})


def _single(scale: float) -> float:
    """The nearest number that a .tflite file can hold."""
    return float(np.float32(scale))
