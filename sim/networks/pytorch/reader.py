"""Weights of PyTorch ``nn.LSTM`` modules, from .safetensors and state-dict files."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import safetensors

from sim.networks.check import check_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError

__all__ = ["read_pt", "read_safetensors"]

# PyTorch's gate order is ours: input, forget, cell, output.
_KEY = re.compile(r"(?P<prefix>(.*\.)?)weight_ih_l(?P<layer>\d+)(?P<reverse>_reverse)?")
_SUFFIXES = ("", "_reverse")


def read_safetensors(path: str | Path, prefix: str | None = None) -> FloatNetwork:
    """The stacked LSTM layers in a .safetensors file.

    Parameters
    ----------
    path : path
        The file.
    prefix : str or None
        Which module's LSTM, where the file holds several: ``encoder`` for
        ``encoder.weight_ih_l0``.

    Raises
    ------
    NetworkError
        No such file, no LSTM in it, or one that is not supported.
    """
    path = Path(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return _network(path, list(file.keys()), file.get_tensor, prefix)
    except OSError as error:
        raise NetworkError(f"{path} cannot be read: {error.strerror or error}") from None
    except safetensors.SafetensorError:
        raise NetworkError(f"{path} is not a safetensors file") from None


def read_pt(path: str | Path, prefix: str | None = None) -> FloatNetwork:
    """The stacked LSTM layers in a state dict that ``torch.save`` wrote; it needs PyTorch.

    Parameters
    ----------
    path : path
        The file. Nothing in it is executed.
    prefix : str or None
        As in ``read_safetensors``.

    Raises
    ------
    NetworkError
        PyTorch is not installed, or as in ``read_safetensors``.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkError(f"{path} cannot be read: No such file or directory")
    try:
        import torch
    except ImportError:
        raise NetworkError(
            f"{path} needs PyTorch to be read, which is not installed; "
            f"save the weights as .safetensors instead"
        ) from None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch and pickle raise whatever the damage leads to.
        raise NetworkError(f"{path} is not a file of PyTorch weights") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict):
        raise NetworkError(f"{path} does not hold a state dict")
    keys = [key for key in state if isinstance(key, str)]
    return _network(path, keys, lambda key: state[key].detach().float().numpy(), prefix)


def _network(path: Path, keys: list[str], read: Callable, prefix: str | None) -> FloatNetwork:
    try:
        prefix = _choose(keys, prefix)
        numbers = sorted(
            {int(m["layer"]) for m in map(_KEY.fullmatch, keys) if m and m["prefix"] == prefix}
        )
        if numbers != list(range(len(numbers))):
            raise NetworkError(f"layers {', '.join(map(str, numbers))} are not numbered from 0")
        network = FloatNetwork(
            layers=tuple(_layer(prefix, number, keys, read) for number in numbers)
        )
        check_float(network)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None
    return network


def _choose(keys: Iterable[str], prefix: str | None) -> str:
    """The prefix of the LSTM's keys, with its dot."""
    found = sorted({m["prefix"] for m in map(_KEY.fullmatch, keys) if m})
    if not found:
        raise NetworkError("it holds no weights of an nn.LSTM")
    if prefix is not None:
        wanted = f"{prefix.rstrip('.')}." if prefix else ""
        if wanted not in found:
            raise NetworkError(f"it holds no LSTM named {prefix!r}")
        return wanted
    if len(found) > 1:
        names = ", ".join(name.rstrip(".") or "(no prefix)" for name in found)
        raise NetworkError(f"it holds several LSTMs, name one of them: {names}")
    return found[0]


def _layer(prefix: str, number: int, keys: list[str], read: Callable) -> FloatLayer:
    suffixes = [s for s in _SUFFIXES if f"{prefix}weight_ih_l{number}{s}" in keys]
    if suffixes[0] == "_reverse":
        raise NetworkError(f"{prefix}weight_ih_l{number} is missing")
    return FloatLayer(
        directions=tuple(_direction(prefix, f"l{number}{s}", keys, read) for s in suffixes)
    )


def _direction(prefix: str, suffix: str, keys: list[str], read: Callable) -> FloatLstm:
    """One direction; ``suffix`` is such as ``l0_reverse``."""
    if f"{prefix}weight_hr_{suffix}" in keys:
        raise NetworkError(f"{prefix}weight_hr_{suffix} is a projection, which is not supported")

    def array(name):
        key = f"{prefix}{name}_{suffix}"
        if key not in keys:
            raise NetworkError(f"{key} is missing")
        try:
            return np.asarray(read(key)).astype(np.float32)
        except (TypeError, ValueError):
            raise NetworkError(f"{key} has a type that NumPy does not know") from None

    W, R = array("weight_ih"), array("weight_hh")
    if R.ndim != 2 or W.ndim != 2 or len(W) != len(R) or 0 in W.shape + R.shape:
        raise NetworkError(
            f"{prefix}weight_ih_{suffix} and weight_hh_{suffix} do not belong together"
        )
    H = R.shape[1]
    if len(R) != 4 * H:
        raise NetworkError(
            f"{prefix}weight_hh_{suffix} has {len(R)} rows for {H} units; an LSTM has {4 * H}"
        )
    bias = np.zeros(4 * H, np.float32)
    if f"{prefix}bias_ih_{suffix}" in keys:
        bias = array("bias_ih") + array("bias_hh")
    if bias.shape != (4 * H,):
        raise NetworkError(f"the bias of {prefix}{suffix} must have {4 * H} values")
    return FloatLstm(
        W=W.reshape(4, H, -1),
        R=R.reshape(4, H, H),
        bias=bias.reshape(4, H),
        reverse=suffix.endswith("_reverse"),
    )
