"""What an ONNX model runs, by the branches that its inputs take: graphs cut at LSTM nodes."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import onnx

from sim.networks.network import FloatLayer, NetworkError
from sim.networks.onnx.chains import find_leaders
from sim.networks.onnx.forms.branches import Branches, Decisions
from sim.networks.onnx.forms.fills import rewrite_fills
from sim.networks.onnx.forms.missing import explain_missing
from sim.networks.onnx.forms.rewriting import rewrite
from sim.networks.onnx.forms.sparse import rewrite_sparse
from sim.networks.onnx.graph import Graph
from sim.networks.onnx.reader import find_lstm_nodes, read_onnx_lstm
from sim.networks.onnx.sound import make_sound
from sim.networks.onnx.walk import identity, is_standard, node_name

__all__ = ["Piece", "Pieces"]


class Piece:
    """A main graph whose LSTM layers are LSTM nodes, cut at them.

    Parameters
    ----------
    model : ModelProto
        The model, rewritten.

    Members
    -------
    graph : Graph
        The graph.
    lstms : dict of NodeProto
        LSTM nodes by name, in their order.
    layers : dict of FloatLayer
        What they hold, by the same names.
    """

    def __init__(self, model: onnx.ModelProto):
        nodes = find_lstm_nodes(model)
        self.graph = Graph(model)
        self.graph.fold(name for node in nodes for name in node.input[1:4])
        self.lstms = dict(zip(_unique_names(nodes), nodes, strict=True))
        arrays = {name: self.graph.constant(name) for name in self.graph.constants}
        self.layers = {name: read_onnx_lstm(node, arrays) for name, node in self.lstms.items()}

    @cached_property
    def sessions(self) -> list:
        """What runs before each LSTM node and at the end, see ``Graph.cut``."""
        return self.graph.cut(list(self.lstms.values()))

    def rename(self, names: Mapping[str, str]) -> None:
        """Call LSTM nodes by other names."""
        self.lstms = {names.get(name, name): node for name, node in self.lstms.items()}
        self.layers = {names.get(name, name): layer for name, layer in self.layers.items()}


class Pieces:
    """All pieces of a model.

    Parameters
    ----------
    model : ModelProto
        The model as it was read.

    Members
    -------
    layers : dict of FloatLayer
        Every LSTM layer, by name: of all branches, of which a run takes some.
    notes : tuple of str
        What was done to the model, as sentences.
    leaders : dict of str
        For a node whose ``X`` is another's ``Y``, rearranged at most, the other's name.
    first : Piece
        One of the pieces, for what all have in common.

    Raises
    ------
    NetworkError
        No LSTM layer, or one that is not supported.
    """

    def __init__(self, model: onnx.ModelProto):
        make_sound(model)
        model, _ = rewrite_sparse(rewrite_fills(model)[0])
        self._branches = Branches(model)
        self._pieces: dict[Decisions, Piece] = {}
        self.layers: dict[str, FloatLayer] = {}
        self.leaders: dict[str, str] = {}
        notes = {}
        leaves = list(self._branches.leaves())
        for decisions, leaf in leaves:
            rewritten, done = rewrite(leaf)
            if len(leaves) == 1 or any(is_standard(n, "LSTM") for n in rewritten.graph.node):
                self._add(decisions, Piece(rewritten))
                notes |= dict.fromkeys(done)
        if not self._pieces:
            raise NetworkError(explain_missing(model))
        self.first = next(iter(self._pieces.values()))
        self.notes = (*notes, *self._conditions())
        if len(leaves) == 1:
            # What ONNX Runtime does not take is refused now; with branches, when they are taken.
            _ = self.first.sessions

    @property
    def graphs(self) -> tuple[tuple[Graph, dict[str, onnx.NodeProto]], ...]:
        """The graph of each piece, and the LSTM nodes in it by name."""
        return tuple((piece.graph, piece.lstms) for piece in self._pieces.values())

    def of(self, values: Mapping[str, np.ndarray]) -> Piece:
        """The piece that runs for some inputs.

        Raises
        ------
        NetworkError
            They take a branch without LSTM layers.
        """
        decisions = self._branches.choose(values)
        if decisions not in self._pieces:
            taken = ", ".join(_decided(decisions))
            raise NetworkError(f"no LSTM layer runs for these inputs: {taken}; give other inputs")
        return self._pieces[decisions]

    def _conditions(self) -> list[str]:
        """A sentence for each layer that some inputs leave out."""
        return [
            f"LSTM node {name} runs where {' and '.join(_decided(decisions))}"
            for name in self.layers
            for decisions, piece in self._pieces.items()
            if name in piece.layers and not all(name in p.layers for p in self._pieces.values())
        ]

    def _add(self, decisions: Decisions, piece: Piece) -> None:
        """Enter a piece; layers of one name that differ get names of their own."""
        names = {}
        for name, layer in piece.layers.items():
            free, number = name, 1
            while free in self.layers and not _same(self.layers[free], layer):
                number += 1
                free = f"{name}_{number}"
            names[name] = free
            self.layers.setdefault(free, layer)
        piece.rename(names)
        self.leaders |= find_leaders(piece.graph.nodes, piece.lstms)
        self._pieces[decisions] = piece


def _decided(decisions: Decisions) -> list[str]:
    branches = {True: "then_branch", False: "else_branch"}
    return [f"If node {name} takes its {branches[taken]}" for name, taken in decisions]


def _same(one: FloatLayer, other: FloatLayer) -> bool:
    pairs = zip(one.directions, other.directions, strict=False)
    return len(one.directions) == len(other.directions) and all(
        a.reverse == b.reverse
        and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("W", "R", "bias"))
        for a, b in pairs
    )


def _unique_names(nodes: list[onnx.NodeProto]) -> list[str]:
    names = [node_name(node) for node in nodes]
    return [
        name if names.count(name) == 1 else identity(node)
        for name, node in zip(names, nodes, strict=True)
    ]
