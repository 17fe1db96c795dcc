"""Weights of PyTorch ``nn.LSTM`` modules, from .safetensors and state-dict files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import safetensors

from sim.networks.network import FloatNetwork, NetworkError
from sim.networks.paths import cannot_read
from sim.networks.pytorch.archive import read_state_dicts
from sim.networks.pytorch.modules import choose, find_modules, read_module
from sim.networks.wording import reason

__all__ = ["Weights", "open_pt", "open_safetensors", "read_pt", "read_safetensors"]

_KNOWN = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL")
"""Types of safetensors files that NumPy has."""


class Weights:
    """The tensors of a file, and the recurrent modules among them.

    Parameters
    ----------
    path : Path
        Where they are.
    shapes : dict of tuple
        Shapes of the tensors, by name.
    read : function
        The array of a tensor by its name.

    Members
    -------
    modules : list of Module
        By name.
    """

    def __init__(self, path: Path, shapes: Mapping[str, tuple[int, ...]], read: Callable):
        self.path, self.shapes, self.read = path, shapes, read
        self.modules = find_modules(shapes)

    def network(self, node: str | None = None) -> FloatNetwork:
        """The stacked layers of an LSTM: the one named ``node``, or the only one.

        Raises
        ------
        NetworkError
            There is none or several, or it is not supported; the sentence begins with the file.
        """
        try:
            return read_module(choose(self.modules, self.shapes, node), self.shapes, self.read)
        except NetworkError as error:
            raise NetworkError(f"{self.path}: {error}") from None


def open_safetensors(path: str | Path) -> Weights:
    """The tensors of a .safetensors file.

    Raises
    ------
    NetworkError
        No such file, or another kind of file.
    """
    path = Path(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = file.keys()
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
    except OSError as error:
        raise NetworkError(cannot_read(path, error)) from None
    except safetensors.SafetensorError as error:
        raise NetworkError(
            f"{path} is not a safetensors file, or it is damaged ({reason(error)}); in PyTorch "
            f'safetensors.torch.save_file(model.state_dict(), "weights.safetensors") writes one'
        ) from None

    return Weights(path, shapes, lambda name: _read_tensor(path, name))


def _read_tensor(path: Path, name: str) -> np.ndarray:
    """A tensor of a .safetensors file; float32 of the type bfloat16, which NumPy has not."""
    with safetensors.safe_open(path, framework="numpy") as file:
        kind = file.get_slice(name).get_dtype()
        if kind in _KNOWN:
            return file.get_tensor(name)
    if kind != "BF16":
        raise TypeError(f"values of the type {kind} are not read; save it as .float()")
    found = dict(safetensors.deserialize(path.read_bytes()))[name]
    upper = np.frombuffer(found["data"], "<u2").reshape(found["shape"])
    return (upper.astype(np.uint32) << 16).view(np.float32)


def open_pt(path: str | Path) -> Weights:
    """The tensors of a file that ``torch.save`` wrote; nothing in it is executed.

    A checkpoint may hold several state dicts: those with recurrent modules count, and their names
    stand before those of the modules where there are several.

    Raises
    ------
    NetworkError
        No such file, or one that holds something else, with what makes the right file of it.
    """
    path = Path(path)
    states = read_state_dicts(path)
    recurrent = {
        name: state
        for name, state in states.items()
        if find_modules({key: tensor.shape for key, tensor in state.items()})
    }
    chosen = recurrent or states
    tensors = {
        f"{name}.{key}" if len(chosen) > 1 and name else key: tensor
        for name, state in chosen.items()
        for key, tensor in state.items()
    }
    shapes = {key: tensor.shape for key, tensor in tensors.items()}
    return Weights(path, shapes, lambda key: tensors[key].array())


def read_safetensors(path: str | Path, node: str | None = None) -> FloatNetwork:
    """The stacked LSTM layers in a .safetensors file.

    Parameters
    ----------
    path : path
        The file.
    node : str or None
        Which LSTM, where the file holds several: ``encoder`` for ``encoder.weight_ih_l0``.

    Raises
    ------
    NetworkError
        No such file, no LSTM in it, or one that is not supported.
    """
    return open_safetensors(path).network(node)


def read_pt(path: str | Path, node: str | None = None) -> FloatNetwork:
    """The stacked LSTM layers in a state dict or a checkpoint that ``torch.save`` wrote.

    Parameters and errors are those of ``read_safetensors``. PyTorch is not needed.
    """
    return open_pt(path).network(node)
