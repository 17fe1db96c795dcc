"""The order in which a .tflite network runs: pieces on the host, layers between them.

An operator belongs to the piece that follows the last layer it depends on, so every operator runs
once, and a piece needs only what earlier pieces, earlier layers and the caller have made.
"""

import numpy as np

from sim.networks.network import NetworkError
from sim.networks.tflite.graph import Graph, Piece
from sim.networks.tflite.layers import Placed

__all__ = ["Plan"]


class Plan:
    """Pieces and layers of a network.

    Parameters
    ----------
    graph : Graph
        The network.
    layers : list of Placed
        Its layers, in the order in which they run.

    Members
    -------
    stages : list of pairs
        A ``Piece`` to run and a ``Placed`` to run after it; either may be None.
    host : tuple of str
        The kinds of the operators in the pieces, in their order.
    constants : dict of array
        Outputs of the network that are constants, by tensor.

    Raises
    ------
    NetworkError
        Operators are not in the order of their data, or LiteRT does not take one.
    """

    def __init__(self, graph: Graph, layers: list[Placed]):
        self.layers = layers
        self._graph = graph
        self.constants = {
            index: _constant(graph, index) for index in graph.outputs if not graph.flows(index)
        }
        for layer in layers:
            if not graph.flows(layer.x):
                raise NetworkError(
                    f"x of {layer.name} ({graph.short_name(layer.x)}) is no input of the network "
                    f"and made by no operator; convert the network again"
                )
        segments = self._segments()
        needed = {index for index in graph.outputs if graph.flows(index)}
        self.stages, live = [], []
        for segment, layer in zip(segments[::-1], [None, *layers[::-1]], strict=True):
            if layer is not None:
                needed = (needed - layer.made) | {layer.x}
            numbers, outputs, before = self._live(segment, needed)
            piece = self._piece(numbers, outputs) if numbers else None
            needed, live = before, numbers + live
            self.stages.insert(0, (piece, layer))
        self.host = tuple(graph.kind_name(number) for number in live)

    def forget(self) -> None:
        """Bring what operators on the host keep back to its beginning."""
        for piece, _ in self.stages:
            if piece is not None:
                piece.forget()

    def whole(self) -> Piece:
        """The whole network in LiteRT.

        Raises
        ------
        NetworkError
            LiteRT does not take it.
        """
        outputs = [index for index in self._graph.outputs if index in self._graph.makers]
        return Piece(self._graph, range(len(self._graph.operators)), self._graph.inputs, outputs)

    def takes_one_step(self) -> bool:
        """Whether every layer runs over one step, as in a network that is called step by step."""
        return all(
            not layer.time_major and self._graph.dims(layer.x)[1] == 1 for layer in self.layers
        )

    def _segments(self) -> list[list[int]]:
        """Operators by the number of the layers that must have run before them."""
        graph = self._graph
        turn = {each.number: k for k, layer in enumerate(self.layers) for each in layer.directions}
        made = {index: k + 1 for k, layer in enumerate(self.layers) for index in layer.made}
        levels = dict.fromkeys(graph.inputs, 0)
        segments = [[] for _ in range(len(self.layers) + 1)]
        for number in range(len(graph.operators)):
            taken = [index for index in graph.taken(number) if graph.flows(index)]
            for index in taken:
                if index not in levels:
                    raise NetworkError(
                        f"operator {number} ({graph.kind_name(number)}) takes "
                        f"{graph.short_name(index)} before operator {graph.makers[index]} makes it"
                    )
            level = max((levels[index] for index in taken), default=0)
            if number not in turn and not made.keys() >= set(graph.made(number)):
                segments[level].append(number)
            levels.update({index: made.get(index, level) for index in graph.made(number)})
        return segments

    def _live(self, segment: list[int], needed: set[int]) -> tuple[list[int], set[int], set[int]]:
        """The operators of a segment that count: they, what is needed of them, and before them."""
        graph, live, wanted, outputs = self._graph, [], set(needed), set()
        for number in segment[::-1]:
            made = set(graph.made(number))
            if made & wanted:
                live.insert(0, number)
                outputs |= made & needed
                wanted -= made
                wanted |= {index for index in graph.taken(number) if graph.flows(index)}
        return live, outputs, wanted

    def _piece(self, numbers: list[int], outputs: set[int]) -> Piece:
        graph = self._graph
        made = {index for number in numbers for index in graph.made(number)}
        taken = {i for number in numbers for i in graph.taken(number) if graph.flows(i)}
        return Piece(graph, numbers, sorted(taken - made), sorted(outputs))


def _constant(graph: Graph, index: int) -> np.ndarray:
    values = graph.constant(index)
    if values is None:
        raise NetworkError(f"the output {graph.short_name(index)} is made by no operator")
    return values.reshape([size or 0 for size in graph.dims(index)])
