"""Which words are hit in a step of a layer with a map, and where they are."""

import numpy as np

from sim.model.timing.columns import SequenceColumns
from sim.model.timing.layer import LayerTiming
from sim.model.timing.scanning import Scanner, group_hits

__all__ = ["SCAN", "MapTiming"]

SCAN = 9
"""From the turn of a part's first map word to that of its first hit, as a list has turns."""


class MapTiming:
    """The hits of one step at a time.

    Parameters
    ----------
    layer : LayerTiming
        What runs; it has a map.
    columns : SequenceColumns
        Its events.

    Members
    -------
    scanner : Scanner
        When the hits come.
    """

    def __init__(self, layer: LayerTiming, columns: SequenceColumns):
        self.scanner = Scanner()
        self._events = columns.x, columns.h
        self._stored = layer.stored.parts
        streamed = ~np.array(layer.residency())
        # Places of streamed words of a part, block after block.
        self._places = [
            np.cumsum(part & streamed[:, None]).reshape(part.shape) - 1 for part in self._stored
        ]
        self._hits: list[np.ndarray] = []
        self._counts: list[list[int]] = []
        self._words: list[list[list[list[int]]]] = []

    def begin(self, step: int, clock: int):
        """Turn to a step; the one before ended then."""
        if step:
            self.scanner.walk = max(self.scanner.walk, clock + 1)
        self._hits = [
            part & events[step] for part, events in zip(self._stored, self._events, strict=True)
        ]
        self._counts = [part.sum(axis=1).tolist() for part in self._hits]
        self._words = [group_hits(part) for part in self._hits]

    def hits(self, block: int, part: int) -> int:
        """Hits of a part of a block."""
        return self._counts[part][block]

    def words(self, block: int, part: int) -> list[list[int]]:
        """Hits of each group of each map word of a part of a block."""
        return self._words[part][block]

    def runs(self, block: int, part: int) -> list[tuple[int, int]]:
        """(place of the first word, words) of each run of neighbours that are fetched."""
        places = self._places[part][block, self._hits[part][block]]
        begins = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        lengths = np.diff(begins, append=len(places))
        return list(zip(places[begins].tolist(), lengths.tolist(), strict=True))
