"""From a network in floating point and samples to an integer network and what it lost."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.explore.running import initial_states, named_inputs
from sim.model.network import run_network
from sim.networks.float_lstm import run_float
from sim.networks.loader import WEIGHT_FILES, file_kind, load_network
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.quantizer import from_codes, quantize, sqnr, to_codes
from sim.networks.whole import Seen, WholeModel

__all__ = ["float_layers", "load_layers", "quantize_measured"]


def load_layers(
    path: Path, samples: np.ndarray | dict[str, np.ndarray], node: str | None = None
) -> tuple[FloatNetwork, tuple[Seen, ...]]:
    """``float_layers`` of a file: ``node`` is an LSTM node of a model, or an LSTM of weights."""
    if file_kind(path) in WEIGHT_FILES:
        return float_layers(load_network(path, node), samples)
    return float_layers(load_network(path), samples, node)


def float_layers(
    network: WholeModel | FloatNetwork | IntegerNetwork,
    samples: np.ndarray | dict[str, np.ndarray],
    node: str | None = None,
) -> tuple[FloatNetwork, tuple[Seen, ...]]:
    """The LSTM layers to be quantised, and what reaches them of the samples.

    Parameters
    ----------
    network : WholeModel or FloatNetwork
        Where the layers come from.
    samples : array or dict of array
        Inputs of the whole model for an ONNX model, of the first layer otherwise.
    node : str or None
        Which LSTM node of an ONNX model; None where there is one.

    Raises
    ------
    NetworkError
        The node is not there or not named, or the network is not in floating point.
    """
    if isinstance(network, IntegerNetwork):
        raise NetworkError("the network is in integers already")
    if isinstance(network, FloatNetwork):
        if not isinstance(samples, np.ndarray):
            raise NetworkError("the samples must be one array in a .npy file")
        return network, (Seen(x=samples),)
    names = list(network.lstm_layers)
    if node is None and len(names) > 1:
        raise NetworkError(
            f"{network.path} has the LSTM nodes {', '.join(names)}; choose one with --node"
        )
    if node is not None and node not in names:
        raise NetworkError(f"{network.path} has no LSTM node {node}; it has {', '.join(names)}")
    name = node or names[0]
    seen = network.capture(named_inputs(network, samples))
    return FloatNetwork(layers=(network.lstm_layers[name],)), seen[name]


def quantize_measured(
    network: FloatNetwork, samples: Sequence[Seen], percentile: float = 100.0, **bits: int
) -> tuple[IntegerNetwork, dict]:
    """The integer network, and figures: its formats and its signal-to-noise ratio on the samples.

    ``bits`` are ``weight_bits`` and ``activation_bits`` of ``quantize``.

    Raises
    ------
    NetworkError
        The samples are unusable, or the network has no integer form.
    """
    result = quantize(network, samples, percentile, **bits)
    pairs = [_both(network, result, call) for call in samples]
    reference, h = (np.concatenate([y.ravel() for y in part]) for part in zip(*pairs, strict=True))
    layers = [
        {
            "layer": number,
            "inputs": layer.input_size,
            "hidden": lstm.hidden_size,
            "directions": len(layer.directions),
            "code_bits": lstm.h.bits,
            "x_scale": lstm.x.scale,
            "x_zero": lstm.x.zero_point,
            "h_scale": lstm.h.scale,
            "h_zero": lstm.h.zero_point,
            "c_power": lstm.c_power,
        }
        for number, layer in enumerate(result.layers)
        for lstm in layer.directions[:1]
    ]
    return result, {"layers": layers, "sqnr_db": sqnr(reference, h)}


def _both(network: FloatNetwork, integer: IntegerNetwork, call: Seen) -> tuple:
    """Outputs of a network for one call, in floating point and of its integer form."""
    others = [(None, None)] * (len(network.layers) - 1)
    reference, _ = run_float(network, call.x, ((call.h0, call.c0), *others))
    first, last = integer.layers[0].directions, integer.layers[-1].directions[0]
    initial = initial_states(first, len(call.x), call.h0, call.c0)
    if initial is not None:
        initial += [None for layer in integer.layers[1:] for _ in layer.directions]
    h = run_network(integer, to_codes(call.x, first[0].x), initial).h
    return reference, from_codes(h, last.h)
