"""Random integer networks: for tests and for measuring speed, not for answers."""

from collections.abc import Sequence

import numpy as np

from sim.networks.network import (
    IntegerLayer,
    IntegerLstm,
    IntegerNetwork,
    Quantization,
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
    """
    rng = np.random.default_rng(seed)
    x = Quantization(scale=_single(rng.uniform(0.01, 0.05)), zero_point=int(rng.integers(-20, 20)))
    layers, inputs = [], sizes[0]
    for hidden in sizes[1:]:
        h = Quantization(
            scale=_single(rng.uniform(0.006, 0.008)), zero_point=int(rng.integers(-9, 9))
        )
        layer = IntegerLayer(
            directions=tuple(
                _direction(rng, inputs, hidden, x, h, reverse, initial, c_power, cell_clip, gain)
                for reverse in (False, True)[: 1 + bidirectional]
            )
        )
        layers.append(layer)
        inputs, x = layer.output_size, h
    return IntegerNetwork(layers=tuple(layers))


def random_codes(network: IntegerNetwork, sequences: int, steps: int, seed: int = 0) -> np.ndarray:
    """int8 ``[sequences, steps, I]`` over the whole range of codes."""
    shape = (sequences, steps, network.layers[0].input_size)
    return np.random.default_rng(seed).integers(-128, 128, shape, np.int8)


def _direction(rng, inputs, hidden, x, h, reverse, initial, c_power, cell_clip, gain):
    def weights(columns):
        codes = np.rint(rng.normal(0, 42, (4, hidden, columns)))
        return np.clip(codes, -127, 127).astype(np.int8)

    def scales(columns, unit):
        # A sum of independent products of codes near 42 and 74 has this deviation.
        usual = 42 * 74 * unit * columns**0.5
        return tuple(_single(gain * rng.uniform(0.5, 2) / usual) for _ in range(4))

    return IntegerLstm(
        W=weights(inputs),
        R=weights(hidden),
        bias=rng.integers(-3000, 3000, (4, hidden), np.int32),
        W_scale=scales(inputs, x.scale),
        R_scale=scales(hidden, h.scale),
        x=x,
        h=h,
        c_power=c_power,
        cell_clip=cell_clip,
        h0=rng.integers(-128, 128, hidden, np.int8) if initial else None,
        c0=rng.integers(-(1 << 14), 1 << 14, hidden, np.int16) if initial else None,
        reverse=reverse,
    )


def _single(scale: float) -> float:
    """The nearest number that a .tflite file can hold."""
    return float(np.float32(scale))
