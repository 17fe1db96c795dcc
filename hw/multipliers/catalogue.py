"""Multipliers by name, as the command line takes them."""

from collections.abc import Callable
from dataclasses import dataclass

from hw.multipliers.booth import Booth
from hw.multipliers.drum import Drum
from hw.multipliers.dsp_pair import DspPair
from hw.multipliers.exact import BaughWooley, Exact
from hw.multipliers.family import Multiplier
from hw.multipliers.masked import Cut, MaskedArray
from hw.multipliers.mitchell import Mitchell
from hw.multipliers.rounded import RoundedWeights
from hw.multipliers.switched import Switched

__all__ = ["MULTIPLIERS", "Named", "find_multiplier", "multiplier_name"]


@dataclass(frozen=True, kw_only=True)
class Named:
    """A multiplier that the command line knows.

    Members
    -------
    name : str
        Its name.
    numbers : str
        What the numbers after a colon mean; empty where there are none.
    default : tuple of ints
        The numbers where none are given.
    summary : str
        What it is, in a few words.
    make : function of int and ints
        The multiplier, of the weights' width and the numbers.
    read : function of Multiplier
        The numbers of one that ``make`` made; of another, any numbers or None.
    """

    name: str
    summary: str
    make: Callable[..., Multiplier]
    numbers: str = ""
    default: tuple[int, ...] = ()
    read: Callable[[Multiplier], tuple[int, ...] | None] = lambda multiplier: ()


def _cuts(width: int, *cuts: Cut) -> Multiplier:
    return MaskedArray(weight_width=width, cuts=(Cut(), *cuts))


def _truncated(width, *columns):
    return _cuts(width, *(Cut(columns=number) for number in columns))


def _compensated(width, *columns):
    return _cuts(width, *(Cut(columns=k, compensation="variable") for k in columns))


def _constant(width, columns, constant):
    return _cuts(width, Cut(columns=columns, compensation="constant", constant=constant))


def _broken(width, rows, columns):
    return _cuts(width, Cut(rows=rows, columns=columns))


def _perforated(width, first, count):
    return _cuts(width, Cut(perforated=(first, count)))


def _operands(width, value_bits, weight_bits):
    return _cuts(width, Cut(value_bits=value_bits, weight_bits=weight_bits))


def _read_cuts(*names):
    """Reads these fields of each cut behind the first."""

    def read(multiplier):
        if not isinstance(multiplier, MaskedArray):
            return None
        return tuple(getattr(cut, name) for cut in multiplier.cuts[1:] for name in names)

    return read


def _read_perforated(multiplier):
    if not isinstance(multiplier, MaskedArray):
        return None
    return tuple(number for cut in multiplier.cuts[1:] for number in cut.perforated)


def _read_booth(multiplier):
    return multiplier.dropped[1:] if isinstance(multiplier, Booth) else None


def _read_rounded(multiplier):
    return multiplier.bits[1:] if isinstance(multiplier, RoundedWeights) else None


def _read_drum(multiplier):
    inner = multiplier.inner if isinstance(multiplier, Switched) else None
    return (inner.segment,) if isinstance(inner, Drum) else None


def _booth(width, *dropped):
    return Booth(weight_width=width, dropped=(0, *dropped))


def _rounded(method):
    def make(width, *bits):
        return RoundedWeights(weight_width=width, bits=(width, *bits), method=method)

    return make


def _drum(width, segment):
    return Switched(inner=Drum(weight_width=width, segment=segment))


def _mitchell(corrected):
    def make(width):
        return Switched(inner=Mitchell(weight_width=width, corrected=corrected))

    return make


MULTIPLIERS = {
    named.name: named
    for named in (
        Named(
            name="exact",
            summary=Exact.summary,
            make=lambda width: Exact(weight_width=width),
        ),
        Named(
            name="exact-tree",
            summary="the same, written out as gates",
            make=lambda width: Exact(weight_width=width, tree=True),
        ),
        Named(
            name="baugh-wooley",
            summary=BaughWooley.summary,
            make=lambda width: BaughWooley(weight_width=width),
        ),
        Named(
            name="dsp-pair",
            summary=DspPair.summary,
            make=lambda width: DspPair(weight_width=width),
        ),
        Named(
            name="booth",
            summary=Booth.summary,
            make=_booth,
            numbers="digits dropped by each level",
            default=(1, 2),
            read=_read_booth,
        ),
        Named(
            name="truncated",
            summary="columns left out",
            make=_truncated,
            numbers="columns left out by each level",
            default=(4, 5, 6),
            read=_read_cuts("columns"),
        ),
        Named(
            name="compensated",
            summary="columns left out, the highest of them moved up by one",
            make=_compensated,
            numbers="columns left out by each level",
            default=(4, 5, 6),
            read=_read_cuts("columns"),
        ),
        Named(
            name="constant",
            summary="columns left out, and a constant for them",
            make=_constant,
            numbers="columns left out, constant",
            default=(5, 32),
            read=_read_cuts("columns", "constant"),
        ),
        Named(
            name="broken",
            summary="broken array: low rows and columns left out",
            make=_broken,
            numbers="rows left out, columns left out",
            default=(2, 5),
            read=_read_cuts("rows", "columns"),
        ),
        Named(
            name="perforated",
            summary="rows left out",
            make=_perforated,
            numbers="first row, number of rows",
            default=(0, 2),
            read=_read_perforated,
        ),
        Named(
            name="operands",
            summary="low bits of both operands left out",
            make=_operands,
            numbers="bits of the value, bits of the weight",
            default=(2, 2),
            read=_read_cuts("value_bits", "weight_bits"),
        ),
        Named(
            name="rounded",
            summary=RoundedWeights.summary,
            make=_rounded("nearest"),
            numbers="bits of the weights at each level",
            default=(6, 4),
            read=_read_rounded,
        ),
        Named(
            name="centred",
            summary="weights of which only the upper bits are looked at",
            make=_rounded("centre"),
            numbers="bits of the weights at each level",
            default=(6, 4),
            read=_read_rounded,
        ),
        Named(
            name="drum",
            summary=f"DRUM: {Drum.summary}",
            make=_drum,
            numbers="bits of a segment",
            default=(4,),
            read=_read_drum,
        ),
        Named(
            name="mitchell",
            summary="sum of logarithms",
            make=_mitchell(False),
        ),
        Named(
            name="mitchell-corrected",
            summary="sum of logarithms, its mean error corrected",
            make=_mitchell(True),
        ),
    )
}
"""What a configuration and the command line can name."""


def _takes(named: Named, count: int) -> bool:
    """Whether a multiplier can have so many numbers."""
    listed = named.numbers.endswith("level")
    return count == len(named.default) or (listed and count > 0)


def find_multiplier(text: str, weight_width: int = 8) -> Multiplier:
    """The multiplier called ``NAME`` or ``NAME:NUMBERS``.

    Raises
    ------
    ValueError
        There is none of that name, or the numbers do not fit it.
    """
    name, _, given = text.partition(":")
    if name not in MULTIPLIERS:
        raise ValueError(
            f"there is no multiplier {name}; the multipliers are {', '.join(MULTIPLIERS)}"
        )
    named = MULTIPLIERS[name]
    numbers = named.default
    if given:
        try:
            numbers = tuple(int(part) for part in given.split(","))
        except ValueError:
            raise ValueError(f"{text}: {given} is not a list of integers") from None
    if not _takes(named, len(numbers)):
        takes = f"these numbers: {named.numbers}" if named.numbers else "no numbers"
        raise ValueError(f"{name} takes {takes}, not {given}")
    return named.make(weight_width, *numbers)


def multiplier_name(multiplier: Multiplier) -> str | None:
    """``NAME`` or ``NAME:NUMBERS`` for which ``find_multiplier`` gives this multiplier.

    Of one that was imported, the file that it came from; None if it has no name at all.
    """
    for named in MULTIPLIERS.values():
        numbers = named.read(multiplier)
        if numbers is None or not _takes(named, len(numbers)):
            continue
        try:
            made = named.make(multiplier.weight_width, *numbers)
        except ValueError:
            # Numbers of another family's levels.
            continue
        if made == multiplier:
            text = ",".join(map(str, numbers))
            return f"{named.name}:{text}" if text else named.name
    return getattr(multiplier, "origin", None) or None
