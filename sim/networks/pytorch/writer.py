"""Files of PyTorch weights with other weights in one of their LSTMs."""

import numpy as np
import safetensors.numpy

from sim.networks.network import FloatLstm, FloatNetwork, NetworkError
from sim.networks.pytorch.modules import Module, choose
from sim.networks.pytorch.reader import Weights

__all__ = ["safetensors_bytes"]


def safetensors_bytes(weights: Weights, network: FloatNetwork, node: str | None = None) -> bytes:
    """The content of a ``.safetensors`` file: all tensors, with the LSTM's replaced.

    Names, shapes and, where NumPy has them, types are those of the tensors that were read.

    Parameters
    ----------
    weights : Weights
        What was read.
    network : FloatNetwork
        Layers in the place of those of the LSTM, of the same sizes.
    node : str or None
        Which LSTM, as of ``Weights.network``.

    Raises
    ------
    NetworkError
        There is no such LSTM, or a tensor beside it cannot be read.
    """
    module = choose(weights.modules, weights.shapes, node)
    arrays = {name: _read(weights, name) for name in weights.shapes}
    for number, layer in enumerate(network.layers):
        for lstm in layer.directions:
            suffix = "" if module.cell else f"_l{number}"
            _replace(arrays, module, suffix + "_reverse" * lstm.reverse, lstm)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return safetensors.numpy.save(contiguous, metadata={"format": "pt"})


def _read(weights: Weights, name: str) -> np.ndarray:
    try:
        return np.asarray(weights.read(name))
    except (TypeError, ValueError) as error:
        raise NetworkError(f"{weights.path}: {name} cannot be read: {error}") from None


def _replace(arrays: dict[str, np.ndarray], module: Module, suffix: str, lstm: FloatLstm) -> None:
    H = lstm.hidden_size
    new = {"weight_ih": lstm.W.reshape(4 * H, -1), "weight_hh": lstm.R.reshape(4 * H, H)}
    other = f"{module.prefix}bias_hh{suffix}"
    if other in arrays:
        # The sum counts, and one of the two stays as it is.
        new["bias_ih"] = lstm.bias.reshape(4 * H) - arrays[other].astype(np.float32)
    for name, array in new.items():
        key = f"{module.prefix}{name}{suffix}"
        arrays[key] = array.astype(arrays[key].dtype)
