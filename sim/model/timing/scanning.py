"""When the hits of a layer with a map come: events whose column has weights in a block."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from hw.maps.layout import MAP_COLUMNS
from hw.maps.scanner import SCAN_QUEUE, WORD_QUEUE

__all__ = ["Scanner", "group_hits"]

_GROUP = 8
"""Columns of a group, of which one is picked in a cycle."""
_DROP = 2
"""From a word's turn to its being dropped, if it has no hit."""
_QUEUE = 5
"""From a word's turn to its being first in the queue of words."""
_ISSUE = 2
"""From a hit's way into the queue of hits to its being first there."""


def group_hits(hits: np.ndarray) -> list[list[list[int]]]:
    """Hits of each group of each word of each block, of bool ``[blocks, columns]``."""
    blocks, columns = hits.shape
    words = -(-columns // MAP_COLUMNS)
    padded = np.zeros((blocks, words * MAP_COLUMNS), bool)
    padded[:, :columns] = hits
    return padded.reshape(blocks, words, -1, _GROUP).sum(axis=3).tolist()


class Scanner:
    """The recurrence of ``hw.maps.scanner.ListScanner`` and of the picker behind it.

    Each member that is a moment is the last cycle in which something went through that stage. A
    stage takes what is next when it is empty or hands on what it has.

    Members
    -------
    walk : int
        First cycle in which a word can be asked for.
    """

    def __init__(self):
        self.walk = 1
        # When the last words leave: those that may not all be under way.
        self._leaving: list[int] = []
        self._taken = self._group = self._hit = self._placed = self._shown = self._out = 0
        self._open = False
        self._issued: deque[int] = deque(maxlen=SCAN_QUEUE)

    def end_list(self, ready: int):
        """Go past a list without events, which is ready then."""
        self.walk = max(self.walk, ready) + 1

    def scan(self, words: Sequence[Sequence[int]], ready: int, issue: Callable[[int, bool], int]):
        """Go through a part of a block.

        Parameters
        ----------
        words : ints [words, groups]
            Hits of each group.
        ready : int
            When its list is.
        issue : function
            Told of each hit when it can be had, and whether it is none that multiplies; returns
            when it is used.
        """
        self.walk = max(self.walk, ready)
        for number, groups in enumerate(words):
            end = number + 1 == len(words)
            asked = self.walk
            if len(self._leaving) == WORD_QUEUE - 1:
                asked = max(asked, self._leaving[0] + 1)
            self.walk = asked + 1
            hits = [count for count in groups if count]
            if hits or end:
                self._pick(asked, hits or [0], end, issue)
            else:
                self._leave(asked + _DROP)

    def _leave(self, moment: int):
        """A word is no more under way from then on."""
        if len(self._leaving) < WORD_QUEUE - 1:
            heapq.heappush(self._leaving, moment)
        else:
            heapq.heappushpop(self._leaving, moment)

    def _pick(self, asked: int, hits: list[int], end: bool, issue):
        """A word with hits in groups, or one that ends a part."""
        self._taken = max(asked + _QUEUE, self._taken + 1, self._group)
        self._leave(self._taken)
        group, last = self._taken, len(hits) - 1
        for number, count in enumerate(hits):
            group = max(group + 1, self._hit)
            hit, final = group, end and number == last
            for left in range(max(count, 1), 0, -1):
                hit = max(hit + 1, self._placed)
                self._placed = max(hit + 1, self._shown)
                self._show(not count, final and left == 1, issue)
            self._hit = hit
        self._group = group

    def _show(self, null: bool, last: bool, issue):
        """The hit that is held until the next one comes, or its part ends."""
        shown = self._placed + 1
        if self._open:
            shown = max(shown, self._room())
            self._issued.append(issue(shown + _ISSUE, False))
            self._open = False
            if null:
                self._shown = shown
                return
        else:
            shown = max(shown, self._out)
        self._shown = shown
        if last:
            self._out = max(shown + 1, self._room())
            self._issued.append(issue(self._out + _ISSUE, null))
        else:
            self._open = True

    def _room(self) -> int:
        """When there is room in the queue of hits."""
        return self._issued[0] + 1 if len(self._issued) == SCAN_QUEUE else 0
