"""Recurrent modules of PyTorch among the tensors of a file, by the names and shapes of weights."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sim.networks.check import check_float
from sim.networks.network import FloatLayer, FloatLstm, FloatNetwork, NetworkError

__all__ = ["Module", "choose", "find_modules", "read_module"]

# nn.LSTM has weight_ih_l0, nn.LSTMCell weight_ih.
_KEY = re.compile(
    r"(?P<prefix>(?:.*\.)?)weight_(?:ih|hh)(?:(?P<layer>_l\d{1,4})(?P<reverse>_reverse)?)?",
    re.DOTALL,
)
_KINDS = {1: "RNN", 3: "GRU", 4: "LSTM"}
"""Modules by their rows of recurrent weights for each unit."""
_WRAPPERS = re.compile(r"^(?:(?:module|_orig_mod)\.)+")
"""What nn.DataParallel and torch.compile put before every name."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """A recurrent module.

    Members
    -------
    name : str
        What ``--node`` takes: the module's name in the model, empty where the file is its own.
    prefix : str
        What its keys begin with, dot included.
    kind : str
        ``LSTM``, ``GRU`` or ``RNN``; ``cell`` says that it is one step, as ``nn.LSTMCell``.
    layers : tuple of int
        Numbers of its layers.
    directions : int
        1, or 2 for a bidirectional one.
    inputs, hidden : int
        Sizes of the first layer.
    projection : int or None
        ``proj_size``.
    """

    name: str
    prefix: str
    kind: str
    cell: bool
    layers: tuple[int, ...]
    directions: int
    inputs: int
    hidden: int
    projection: int | None

    @property
    def title(self) -> str:
        """``nn.LSTM``, ``nn.GRUCell`` and so on."""
        return f"nn.{self.kind}{'Cell' if self.cell else ''}"

    def refusal(self) -> str | None:
        """Why it cannot run, and what to do; None where it can."""
        where = f"the {self.title} {self.name}".rstrip()
        if self.kind != "LSTM":
            return (
                f"{where} is not supported (its weight_hh has {_rows(self.kind)} for each of "
                f"{self.hidden} units, an LSTM's 4); train an nn.LSTM in its place"
            )
        if self.projection is not None:
            return (
                f"{where} has a projection (proj_size={self.projection}), which is not supported; "
                f"fold it: weight_hh @ weight_hr is the weight_hh of an nn.LSTM without one, whose "
                f"outputs go through a Linear layer with weight_hr"
            )
        return None


def _rows(kind: str) -> str:
    return "3 rows" if kind == "GRU" else "1 row"


def find_modules(shapes: Mapping[str, tuple[int, ...]]) -> list[Module]:
    """The recurrent modules whose weights are among tensors of these names and shapes.

    Names are sorted. Recurrent weights of other shapes are taken for those of an LSTM, so that
    reading says what is wrong with them.
    """
    found: dict[tuple[str, bool], list[re.Match]] = {}
    for match in filter(None, map(_KEY.fullmatch, shapes)):
        found.setdefault((match["prefix"], match["layer"] is None), []).append(match)
    modules = [_module(prefix, cell, shapes, found[prefix, cell]) for prefix, cell in found]
    return sorted(modules, key=lambda module: module.name)


def _module(prefix: str, cell: bool, shapes: Mapping, matches: list[re.Match]) -> Module:
    layers = sorted({0 if cell else int(match["layer"][2:]) for match in matches})
    first = "" if cell else f"_l{layers[0]}"
    recurrent = shapes.get(f"{prefix}weight_hh{first}", (0, 0))
    inputs = shapes.get(f"{prefix}weight_ih{first}", (0, 0))
    projected = shapes.get(f"{prefix}weight_hr{first}")
    hidden = recurrent[-1] if recurrent else 0
    kind = "LSTM"
    if projected is not None and len(projected) == 2:
        hidden = projected[1]
    elif len(recurrent) == 2 and hidden:
        kind = _KINDS.get(recurrent[0] / hidden, "LSTM")
    return Module(
        name=_WRAPPERS.sub("", prefix).rstrip("."),
        prefix=prefix,
        kind=kind,
        cell=cell,
        layers=tuple(layers),
        directions=2 if any(match["reverse"] for match in matches) else 1,
        inputs=inputs[-1] if inputs else 0,
        hidden=hidden,
        projection=None if projected is None else projected[0],
    )


def choose(modules: list[Module], keys: Iterable[str], node: str | None) -> Module:
    """The LSTM to be read: the one that is named, or the only one.

    Parameters
    ----------
    modules : list of Module
        What the file holds.
    keys : iterable of str
        Names of all tensors, for the refusal.
    node : str or None
        A module's name, or parts of it that no other has: ``encoder`` for ``encoder.lstm``; with
        the wrappers' names or without.

    Raises
    ------
    NetworkError
        There is none, or none of that name, or several; it is no LSTM or has a projection.
    """
    if node is not None:
        chosen = _named(modules, node)
    else:
        lstms = [module for module in modules if module.kind == "LSTM"]
        if len(lstms) > 1:
            raise NetworkError(f"it holds several LSTMs; choose one with --node: {_names(lstms)}")
        if not modules:
            some = ", ".join(sorted(keys)[:4])
            raise NetworkError(
                f"it holds no weights of an nn.LSTM, which would be named weight_ih_l0 and "
                f"weight_hh_l0; it holds {some or 'nothing'}"
            )
        chosen = (lstms or modules)[0]
    reason = chosen.refusal()
    if reason is not None:
        raise NetworkError(reason)
    return chosen


def _named(modules: list[Module], node: str) -> Module:
    wanted = _WRAPPERS.sub("", f"{node.rstrip('.')}.").rstrip(".")
    exact = [module for module in modules if module.name == wanted]
    # Whole parts of a name, so ".lstm." is in ".encoder.lstm.".
    part = [module for module in modules if wanted and f".{wanted}." in f".{module.name}."]
    if not exact and len(part) != 1:
        raise NetworkError(
            f"it holds no LSTM named {node!r}; those it holds are: {_names(modules) or 'none'}"
        )
    return (exact or part)[0]


def _names(modules: list[Module]) -> str:
    return ", ".join(module.name or '""' for module in modules)


def read_module(module: Module, keys: Iterable[str], read: Callable) -> FloatNetwork:
    """An LSTM's layers.

    Parameters
    ----------
    module : Module
        One that ``choose`` gave.
    keys : iterable of str
        Names of all tensors.
    read : function
        The array of a tensor by its name.

    Raises
    ------
    NetworkError
        A tensor is missing or has another shape, by name.
    """
    keys = set(keys)
    if module.layers != tuple(range(len(module.layers))):
        numbers = ", ".join(map(str, module.layers))
        raise NetworkError(f"layers {numbers} of {module.prefix or 'it'} are not numbered from 0")
    network = FloatNetwork(layers=tuple(_layer(module, n, keys, read) for n in module.layers))
    check_float(network)
    return network


def _layer(module: Module, number: int, keys: set[str], read: Callable) -> FloatLayer:
    layer = "" if module.cell else f"_l{number}"
    suffixes = ["", "_reverse"][: module.directions]
    return FloatLayer(
        directions=tuple(_direction(module.prefix, f"{layer}{s}", keys, read) for s in suffixes)
    )


def _parts(prefix: str, name: str, keys: set[str]) -> str:
    """What to do where a tensor is stored as the parts that it is computed from."""
    parts = {f"{prefix}{name}_v", f"{prefix}parametrizations.{name}.original0"}
    if not parts & keys:
        return ""
    return (
        ", and what it is computed from is there (weight_norm, say); before saving call "
        f'torch.nn.utils.parametrize.remove_parametrizations(lstm, "{name}")'
    )


def _direction(prefix: str, suffix: str, keys: set[str], read: Callable) -> FloatLstm:
    """One direction; ``suffix`` is such as ``_l0_reverse``."""

    def array(name: str) -> np.ndarray:
        key = f"{prefix}{name}{suffix}"
        if key not in keys:
            raise NetworkError(f"{key} is missing{_parts(prefix, name + suffix, keys)}")
        try:
            return np.asarray(read(key)).astype(np.float32)
        except (TypeError, ValueError) as error:
            raise NetworkError(f"{key} cannot be read: {error}") from None

    W, R = array("weight_ih"), array("weight_hh")
    if R.ndim != 2 or W.ndim != 2 or len(W) != len(R) or 0 in W.shape + R.shape:
        raise NetworkError(
            f"{prefix}weight_ih{suffix} {W.shape} and weight_hh{suffix} {R.shape} do not belong "
            f"together"
        )
    H = R.shape[1]
    if len(R) != 4 * H:
        raise NetworkError(
            f"{prefix}weight_hh{suffix} has {len(R)} rows for {H} units; an LSTM has {4 * H}"
        )
    bias = np.zeros(4 * H, np.float32)
    if f"{prefix}bias_ih{suffix}" in keys:
        biases = [array("bias_ih"), array("bias_hh")]
        for each in biases:
            if each.shape != (4 * H,):
                raise NetworkError(
                    f"the bias of {prefix}{suffix.lstrip('_')} must have {4 * H} values, not the "
                    f"shape {each.shape}"
                )
        bias = biases[0] + biases[1]
    return FloatLstm(
        W=W.reshape(4, H, -1),
        R=R.reshape(4, H, H),
        bias=bias.reshape(4, H),
        reverse=suffix.endswith("_reverse"),
    )
