"""Columns that are events and have weights, one per cycle, from words of 64 columns."""

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.config import Config
from hw.events.layout import column_width
from hw.maps.layout import MAP_COLUMNS, rank_shape, word_number
from hw.select import any_of

__all__ = ["HitPicker", "hit_layout", "hit_word_layout"]

_GROUP = 8
"""Columns that one is picked from in a cycle."""
_GROUPS = MAP_COLUMNS // _GROUP


def hit_word_layout(config: Config) -> data.StructLayout:
    """Layout of the columns of a word that are multiplied.

    Members
    -------
    hits : a bit for each column that is an event and stored.
    stored : a bit for each column that is stored.
    before : place of the first stored word at or behind the word's first column.
    word : number of the word in its part.
    end : it is the last of its part of a block.
    hidden : it is of ``h`` (else of ``x``).
    """
    return data.StructLayout(
        {
            "hits": MAP_COLUMNS,
            "stored": MAP_COLUMNS,
            "before": rank_shape(config),
            "word": word_number(config),
            "end": 1,
            "hidden": 1,
        }
    )


def hit_layout(config: Config) -> data.StructLayout:
    """Layout of a column that is multiplied.

    Members
    -------
    column : its number in its part.
    place : place of its word among those that are stored.
    last : it is the last of its part of a block.
    null : nothing is multiplied: the part of the block has no such column.
    hidden : it is of ``h`` (else of ``x``).
    """
    return data.StructLayout(
        {
            "column": unsigned(column_width(config)),
            "place": rank_shape(config),
            "last": 1,
            "null": 1,
            "hidden": 1,
        }
    )


def _lowest(bits):
    """The lowest bit that is set, alone."""
    return Cat(bits[k] & ~bits[:k].any() for k in range(len(bits)))


def _number(one_hot):
    """Number of the bit that is set."""
    width = (len(one_hot) - 1).bit_length()
    return Cat(
        any_of([one_hot[k] for k in range(len(one_hot)) if k >> bit & 1]) for bit in range(width)
    )


def _ones(bits):
    """How many bits are set."""
    if len(bits) == 1:
        return bits
    half = len(bits) // 2
    return _ones(bits[:half]) + _ones(bits[half:])


class HitPicker(wiring.Component):
    """Takes words apart: first groups of eight columns that have a hit, then their hits.

    The last hit of a part is only known when the rest of the part has been seen, so each hit is
    held until the next one comes or the part ends. A part without any hit becomes a null hit.

    Throughput: a hit per cycle from words that have some, across words and parts; a word without
    any, which must be the last of its part, takes a cycle.
    Latency: a word's first hit is on ``o`` five cycles after the word was taken if it is the last
    of its part, or else if the next hit comes in the cycle behind.

    Parameters
    ----------
    config : Config
        Gives the widths.

    Members
    -------
    i : stream of ``hit_word_layout``
        Words with a hit, or that end a part.
    o : stream of ``hit_layout``
        Hits.
    """

    def __init__(self, config: Config):
        self._config = config
        super().__init__(
            {
                "i": In(stream.Signature(hit_word_layout(config))),
                "o": Out(stream.Signature(hit_layout(config))),
            }
        )

    def elaborate(self, platform):
        """Words, groups, hits, and the hit that is held: each stage goes when the next does."""
        m = Module()
        group = self._groups(m)
        hit = self._hits(m, group)
        placed = self._place(m, hit)
        self._hold(m, placed)
        return m

    def _groups(self, m):
        """The word whose groups are handed on; the group that is."""
        rank = rank_shape(self._config)
        shape = data.StructLayout(
            {
                "hits": _GROUP,
                "stored": _GROUP,
                "before": rank,
                "word": word_number(self._config),
                "number": range(_GROUPS),
                "final": 1,
                "end": 1,
                "hidden": 1,
            }
        )
        word, there, left = Signal(self.i.payload.shape()), Signal(), Signal(_GROUPS)
        group, valid, goes = Signal(shape), Signal(), Signal()
        chosen = Signal(_GROUPS)
        alone = Signal()
        given = self.i.payload
        m.d.comb += [
            chosen.eq(_lowest(left)),
            alone.eq((left & ~chosen) == 0),
            self.i.ready.eq(~there | (goes & alone)),
        ]
        # Stored words in front of each group, told with the word.
        ahead = [Signal(range(MAP_COLUMNS + 1), name=f"ahead_{k}") for k in range(_GROUPS)]
        with m.If(self.i.ready):
            m.d.sync += [
                there.eq(self.i.valid),
                word.eq(given),
                left.eq(Cat(given.hits.word_select(k, _GROUP).any() for k in range(_GROUPS))),
                *(
                    ahead[k].eq(_ones(given.stored[: k * _GROUP]) if k else 0)
                    for k in range(_GROUPS)
                ),
            ]
        with m.Elif(goes):
            m.d.sync += left.eq(left & ~chosen)
        with m.If(goes):
            m.d.sync += valid.eq(there)
        with m.If(goes & there):
            m.d.sync += [
                group.hits.eq(self._of_group(word.hits, chosen)),
                group.stored.eq(self._of_group(word.stored, chosen)),
                group.before.eq(
                    word.before
                    + any_of([ahead[k] & chosen[k].replicate(7) for k in range(_GROUPS)])
                ),
                group.word.eq(word.word),
                group.number.eq(_number(chosen)),
                group.final.eq(alone),
                group.end.eq(word.end),
                group.hidden.eq(word.hidden),
            ]
        self._group_goes = goes
        return group, valid

    def _of_group(self, bits, chosen):
        return any_of(
            [bits.word_select(k, _GROUP) & chosen[k].replicate(_GROUP) for k in range(_GROUPS)]
        )

    def _hits(self, m, found):
        """The group whose hits are handed on, one after the other."""
        given, there = found
        left, begun = Signal(_GROUP), Signal()
        rest, chosen, alone, goes = Signal(_GROUP), Signal(_GROUP), Signal(), Signal()
        shape = data.StructLayout(
            {
                "column": self.o.payload.column.shape(),
                "before": given.before.shape(),
                "under": _GROUP,
                "last": 1,
                "none": 1,
                "hidden": 1,
            }
        )
        hit, valid = Signal(shape), Signal()
        m.d.comb += [
            rest.eq(Mux(begun, left, given.hits)),
            chosen.eq(_lowest(rest)),
            alone.eq((rest & ~chosen) == 0),
            self._group_goes.eq(~there | (goes & alone)),
        ]
        below = Cat(~rest[: k + 1].any() for k in range(_GROUP))
        with m.If(goes):
            m.d.sync += [valid.eq(there), begun.eq(there & ~alone), left.eq(rest & ~chosen)]
        with m.If(goes & there):
            m.d.sync += [
                hit.column.eq(Cat(_number(chosen), given.number, given.word)),
                hit.before.eq(given.before),
                # Stored words of the group in front of the one that is chosen.
                hit.under.eq(given.stored & below),
                hit.last.eq(given.end & given.final & alone),
                hit.none.eq(given.hits == 0),
                hit.hidden.eq(given.hidden),
            ]
        self._hit_goes = goes
        return hit, valid

    def _place(self, m, found):
        """Where the hit's word is."""
        given, there = found
        placed, valid, goes = Signal(self.o.payload.shape()), Signal(), Signal()
        m.d.comb += self._hit_goes.eq(~there | goes)
        with m.If(goes):
            m.d.sync += valid.eq(there)
        with m.If(goes & there):
            m.d.sync += [
                placed.column.eq(given.column),
                placed.place.eq(given.before + _ones(given.under)),
                placed.last.eq(given.last),
                placed.null.eq(given.none),
                placed.hidden.eq(given.hidden),
            ]
        self._place_goes = goes
        return placed, valid

    def _hold(self, m, found):
        """The newest hit, until it is known whether it is the last."""
        given, there = found
        out, holds, ends, goes = self.o, Signal(), Signal(), Signal()
        shown = Signal(out.payload.shape())
        m.d.comb += [
            # What has no hit ends the part of the hit that is held.
            ends.eq(there & given.null & holds & ~shown.last),
            out.payload.eq(shown),
            out.payload.last.eq(shown.last | ends),
            out.valid.eq(holds & (shown.last | there)),
            goes.eq(~holds | (out.valid & out.ready)),
            # Also while a hit is held: the one behind it, or the end, is what it waits for.
            self._place_goes.eq(~there | goes),
        ]
        with m.If(goes):
            m.d.sync += holds.eq(there & ~ends)
            with m.If(there):
                m.d.sync += shown.eq(given)
