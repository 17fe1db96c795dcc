"""Bits of weights, chosen layer by layer and part by part within a budget.

Every part of a layer, ``W`` and ``R``, is quantised to the fewest bits alone, and the error that
this adds to the network's output is measured on the samples. Each bit more divides the power of
such an error by four, and errors of different parts are about independent, so their powers add up.
Parts then give bits away in the order of what a byte costs, and the network that was chosen is
quantised and measured as a whole.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, log10

from sim.explore.quantising import Subject, quantize_measured
from sim.explore.written import measure_written
from sim.networks.container import Part
from sim.networks.network import FloatLayer, IntegerNetwork, NetworkError
from sim.networks.quantizer import quantize_layers

__all__ = ["WIDTHS", "Budget", "layer_bytes", "parse_budget", "quantize_within"]

WIDTHS = (8, 6, 4)
"""Bits of a weight that are chosen from, most first: whole planes of the named configurations."""
_PARTS = ("W", "R")
_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+) ?(B|kB|MB|KiB|MiB|dB)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "kib": 2**10, "mib": 2**20}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What weights may take, or how near to floating point the network must stay.

    Members
    -------
    bytes : int or None
        Most bytes of all weights together.
    db : float or None
        Least signal-to-noise ratio of each network on the samples, in dB.
    """

    bytes: int | None = None
    db: float | None = None


def parse_budget(text: str) -> Budget:
    """The budget that is written so: ``120kB``, ``64KiB``, ``123456`` (bytes), ``40dB``.

    Raises
    ------
    NetworkError
        It is none.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise NetworkError(
            f"the budget must be bytes, as 120kB, 64KiB or 123456, or a signal-to-noise ratio, as "
            f"40dB, not {text!r}"
        )
    unit = (found[2] or "").lower()
    if unit == "db":
        return Budget(db=float(found[1]))
    return Budget(bytes=int(float(found[1]) * _UNITS[unit]))


def layer_bytes(layer: FloatLayer, bits: tuple[int, int]) -> int:
    """Bytes of a layer's weights if those of ``W`` and of ``R`` have so many bits."""
    return sum(_part_bytes(layer, part, count) for part, count in zip(_PARTS, bits, strict=True))


def _part_bytes(layer: FloatLayer, part: str, bits: int) -> int:
    return sum(-(-getattr(lstm, part).size * bits // 8) for lstm in layer.directions)


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """A part of a layer, whose bits are chosen.

    Members
    -------
    subject, layer, part : int
        Which network, which of its layers, and which of ``W`` and ``R``.
    bytes : dict of int
        By bits.
    noise : dict of float
        By bits: what they add to the relative power of the error of the network's output.
    """

    subject: int
    layer: int
    part: int
    bytes: dict[int, int]
    noise: dict[int, float]


def quantize_within(
    subjects: Sequence[Subject],
    budget: Budget,
    percentile: float | None = None,
    *,
    activation_bits: int = 8,
    row_scales: bool = False,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[tuple[Part, dict]], list[dict]]:
    """Networks quantised to the bits of weights that a budget allows.

    Parameters
    ----------
    subjects : sequence of Subject
        They share a budget in bytes; each of them keeps to one in dB.
    budget : Budget
        What is to be kept to.
    percentile, activation_bits, row_scales
        As of ``quantize``.
    say, progress
        Told what happens, and how many networks have been measured.

    Returns
    -------
    done : list of (Part, dict)
        As ``quantize_measured`` gives them.
    rows : list of dict
        What was chosen: a row for each part of each layer.

    Raises
    ------
    NetworkError
        No choice keeps to the budget; the sentence has what can be reached.
    """
    how = {"activation_bits": activation_bits, "row_scales": row_scales}
    _check_bytes(subjects, budget)
    say("measuring sensitivities")
    base, units = _measure(subjects, percentile, how, progress)
    chosen = dict.fromkeys(range(len(units)), WIDTHS[0])
    limits = _limits(subjects, budget, base)
    steps = _give(units, chosen, budget, base, limits)

    def quantized(chosen: dict[int, int]) -> list[tuple[Part, dict]]:
        return [
            quantize_measured(subject, percentile, weight_bits=_bits(units, chosen, number), **how)
            for number, subject in enumerate(subjects)
        ]

    say("quantising what was chosen")
    if budget.bytes is None:
        done = _keep_to(limits, units, chosen, steps, quantized)
    else:
        tried = [(quantized(each), each) for each in _with_uniform(units, chosen, budget.bytes)]
        done, chosen = min(tried, key=lambda each: _relative(each[0], base))
    return done, _rows(subjects, units, chosen, base)


def _keep_to(
    limits: Sequence[float],
    units: Sequence[_Unit],
    chosen: dict[int, int],
    steps: list[tuple[int, int]],
    quantized: Callable[[dict[int, int]], list[tuple[Part, dict]]],
) -> list[tuple[Part, dict]]:
    """Quantise, and take steps back in ``chosen`` until no network's error is above its limit."""
    while True:
        done = quantized(chosen)
        short = [k for k, (_, found) in enumerate(done) if _noise(found) > limits[k]]
        back = [step for step in steps if units[step[0]].subject in short]
        if not back:
            return done
        unit, before = back[-1]
        steps.remove(back[-1])
        chosen[unit] = before


def _check_bytes(subjects: Sequence[Subject], budget: Budget) -> None:
    """Refuse a budget that weights of the fewest bits do not fit into."""
    least = sum(
        layer_bytes(layer, (WIDTHS[-1], WIDTHS[-1]))
        for subject in subjects
        for layer in subject.network.layers
    )
    if budget.bytes is not None and least > budget.bytes:
        raise NetworkError(
            f"weights of {WIDTHS[-1]} bits take {least:,} bytes, and the budget is "
            f"{budget.bytes:,}; give a larger one, or a smaller network"
        )


def _measure(subjects, percentile, how, progress) -> tuple[list[float], list[_Unit]]:
    """Errors of the networks with the most bits, and the parts."""
    most, fewest = WIDTHS[0], WIDTHS[-1]
    pairs = [(most, most), (fewest, most), (most, fewest)]
    total = sum(1 + len(pairs[1:]) * len(subject.network.layers) for subject in subjects)
    base, units, done = [], [], 0
    for number, subject in enumerate(subjects):
        layers = subject.network.layers
        variants = quantize_layers(
            subject.network,
            subject.seen,
            percentile,
            weight_bits=[pairs] * len(layers),
            **how,
        )
        best = IntegerNetwork(layers=tuple(each[0] for each in variants))
        base.append(_noise(measure_written(subject.network, best, subject.seen)))
        done += 1
        for k, of_layer in enumerate(variants):
            for part, layer in enumerate(of_layer[1:]):
                changed = replace(best, layers=(*best.layers[:k], layer, *best.layers[k + 1 :]))
                found = _noise(measure_written(subject.network, changed, subject.seen))
                done += 1
                progress(done, total)
                sizes = {bits: _part_bytes(layers[k], _PARTS[part], bits) for bits in WIDTHS}
                noise = _law(max(found - base[-1], 0.0))
                units.append(_Unit(subject=number, layer=k, part=part, bytes=sizes, noise=noise))
    return base, units


def _law(noise: float) -> dict[int, float]:
    """What each width adds if the fewest bits add this: 6 dB a bit, and what is left is no loss."""
    return {
        bits: noise / 4.0 ** (bits - WIDTHS[-1]) if bits < WIDTHS[0] else 0.0 for bits in WIDTHS
    }


def _noise(figures: dict) -> float:
    """Power of the error of the output, relative to that of the output."""
    return 10 ** (-figures["sqnr_db"] / 10)


def _limits(subjects, budget: Budget, base: Sequence[float]) -> list[float]:
    """Largest relative error of each network; refused where the most bits are above it."""
    if budget.db is None:
        return [inf] * len(subjects)
    limit = 10 ** (-budget.db / 10)
    for subject, noise in zip(subjects, base, strict=True):
        if noise > limit:
            raise NetworkError(
                f"{subject.name} reaches {_db(noise):.1f} dB with weights of {WIDTHS[0]} bits, and "
                f"the budget asks for {budget.db:g} dB; give a smaller one, more samples, or "
                f"scales of rows (--row-scales)"
            )
    return [limit] * len(subjects)


def _give(
    units: Sequence[_Unit],
    chosen: dict[int, int],
    budget: Budget,
    base: Sequence[float],
    limits: Sequence[float],
) -> list[tuple[int, int]]:
    """Give bits away in ``chosen``, the cheapest first; (unit, bits before), in this order."""
    steps = []
    while budget.bytes is None or _total(units, chosen) > budget.bytes:
        moves = []
        for number, unit in enumerate(units):
            now = chosen[number]
            noise = base[unit.subject] + sum(
                other.noise[chosen[k]]
                for k, other in enumerate(units)
                if other.subject == unit.subject
            )
            for bits in WIDTHS[WIDTHS.index(now) + 1 :]:
                more = max(unit.noise[bits] - unit.noise[now], 0.0)
                if noise + more <= limits[unit.subject]:
                    # Relative to what the network loses anyway: networks share bytes, not errors.
                    cost = more / base[unit.subject] / (unit.bytes[now] - unit.bytes[bits])
                    moves.append((cost, number, bits))
        if not moves:
            break
        _, number, bits = min(moves)
        steps.append((number, chosen[number]))
        chosen[number] = bits
    if budget.bytes is not None:
        _take_back(units, chosen, budget.bytes, base)
    return steps


def _with_uniform(units, chosen: dict[int, int], most: int) -> Iterator[dict[int, int]]:
    """The choice, and the widest of one width for all parts that fits: the samples decide."""
    yield chosen
    for bits in WIDTHS:
        uniform = dict.fromkeys(chosen, bits)
        if _total(units, uniform) <= most:
            if uniform != chosen:
                yield uniform
            return


def _relative(done: Sequence[tuple[Part, dict]], base: Sequence[float]) -> float:
    """Errors of networks, relative to what each has with the most bits."""
    return sum(_noise(found) / noise for (_, found), noise in zip(done, base, strict=True))


def _take_back(units, chosen: dict[int, int], most: int, base: Sequence[float]) -> None:
    """Spend what is left of the bytes where it helps most."""
    while True:
        left = most - _total(units, chosen)
        moves = [
            (gained / base[unit.subject], number, bits)
            for number, unit in enumerate(units)
            for bits in WIDTHS[: WIDTHS.index(chosen[number])]
            if unit.bytes[bits] - unit.bytes[chosen[number]] <= left
            and (gained := unit.noise[chosen[number]] - unit.noise[bits]) > 0
        ]
        if not moves:
            return
        _, number, bits = max(moves)
        chosen[number] = bits


def _total(units: Sequence[_Unit], chosen: dict[int, int]) -> int:
    return sum(unit.bytes[chosen[number]] for number, unit in enumerate(units))


def _bits(units, chosen: dict[int, int], subject: int) -> list[tuple[int, int]]:
    """Bits of ``W`` and ``R`` of each layer of a network."""
    found = [chosen[number] for number, unit in enumerate(units) if unit.subject == subject]
    return list(zip(found[::2], found[1::2], strict=True))


def _rows(subjects, units, chosen, base) -> list[dict]:
    """A row for each part: what it has, and what the network reaches if it alone has fewer."""
    rows = []
    for number, unit in enumerate(units):
        subject = subjects[unit.subject]
        name = subject.nodes[unit.layer] if subject.nodes else f"layer {unit.layer}"
        fewest = WIDTHS[-1]
        alone = {f"db_if_alone_{fewest}_bits": _db(base[unit.subject] + unit.noise[fewest])}
        bits = chosen[number]
        rows.append(
            {"layer": name, "part": _PARTS[unit.part], "bits": bits}
            | {"bytes": unit.bytes[bits], f"bytes_{WIDTHS[0]}_bits": unit.bytes[WIDTHS[0]]}
            | alone
        )
    return rows


def _db(noise: float) -> float:
    return -10 * log10(noise)
