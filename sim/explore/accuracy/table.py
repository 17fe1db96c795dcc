"""Accuracy as people read it: rows for the terminal, and a page in Markdown."""

from collections.abc import Iterable, Mapping, Sequence

from sim.explore.accuracy.goals import GOALS, goal_rows, goals_of
from sim.explore.accuracy.measuring import METHODS

__all__ = ["accuracy_markdown", "byte_rows", "score_rows", "shown_rows"]

_NONE = "-"
_GATE, _, _ROW, _, _FEW, *_ = (method.name for method in METHODS)
_HEAD = """# Accuracy

This page is for engineers who ask what integers cost. It compares networks in integers with the
same networks in floating point, and puts ONNX Runtime's dynamic quantisation of the same LSTM
weights beside them.
[How the integers are chosen](quantiser.md#what-the-comparison-shows) says what the figures show,
and why some are below ONNX Runtime's.

This command makes the page, ONNX Runtime in the same run:

    refrain workload accuracy {names} --output docs/accuracy.md

`refrain workload accuracy NAME` measures one network. What was measured is kept in the cache and
not measured again while network, data and code stay the same.

- Every figure in dB is a signal-to-noise ratio against floating point, of whole runs: a second
  layer is given what the first one made in integers.
- *Per gate* are the integers that a `.tflite` file holds: one scale for the weights of a gate.
  *Per row* is `--row-scales`, *4 bits* means the bits of a weight, and *16x8* is
  `--activation-bits 16`: weights of 8 bits, `x` and `h` of 16.
- *Exact weights* has weights and gates in floating point, and `x`, `h` and the cell state in the
  formats of *per row*. It is about the most that 8 bits of activations and 16 of the cell state
  allow: where *per row* is near it, these are what limits, and where 16x8 is above it, it is `x`
  and `h`.
- ONNX Runtime is `onnxruntime.quantization.quantize_dynamic` of each LSTM layer, with one scale for
  a direction (*per tensor*) or for each row (*per channel*). It quantises `x` and `h` while it runs
  and needs no calibration; cell states and outputs stay in floating point. Streams run in it as one
  sequence, so `x` has one scale. Everything around the LSTM layers is the same in all columns.
- Refrain is calibrated on *calibration* alone. The other data are not seen before.
- *Reached* says which goal a row reaches: per gate at least ONNX Runtime's per tensor, and per row
  at least its per channel less 3 dB.
"""
_GOALS_HEAD = """## How many figures reach the goals

*Calibration* are the data that Refrain is calibrated on. *Limited otherwise* counts figures where
weights are not what limits: *per row* is at most 1 dB below *exact weights* there, so `x`, `h` or
the cell state limit. The last two columns say what 16x8 gains there over *per row*, and how often
the gain is 20 dB or more.
"""
_RATIOS = """## Signal-to-noise ratios

In dB, against floating point.
"""
_SCORES = """## Metrics of the workloads

On held-out data of the [division for development](workloads.md#for-development), behind ± the
standard error. *Of float* says which of *per gate* and *per row* lose at most one standard error
against floating point. *Of 8 bits* says whether 4 bits lose at most one against *per gate*.
"""
_BYTES = """## Bytes

Weights of one network, and what stands beside them in memory: biases, and with scales of rows
their multipliers and shifts.
"""


def shown_rows(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """A line for each output and LSTM layer of each data set, from rows of ``accuracy_rows``."""
    shown = []
    for name in dict.fromkeys(row["name"] for row in rows):
        own = {row["method"]: row["sets"] for row in rows if row["name"] == name}
        first = next(iter(own.values()))
        for data, figures in first.items():
            for kind, title in (("outputs", "{}"), ("lstm", "LSTM {}")):
                for number, what in enumerate(figures.get(kind, {}), start=1):
                    ratios = {method: sets[data][kind][what] for method, sets in own.items()}
                    label = title.format(what if kind == "outputs" else number)
                    shown.append(
                        {"network": name, "data": data, "of": label}
                        | {method: _decibels(each) for method, each in ratios.items()}
                        | {"reached": _reached(ratios)}
                    )
    return shown


def _decibels(ratio: float | None) -> str:
    return _NONE if ratio is None else f"{ratio:.1f}"


def _reached(ratios: Mapping[str, float | None]) -> str:
    """Which goals the figures of one line reach; nothing where one is missing."""
    kept = {goal: reached for goal, reached in goals_of(ratios).items() if reached is not None}
    return _which([goal for goal in kept if kept[goal]], len(GOALS)) if kept else _NONE


def _which(names: Sequence[str], every: int) -> str:
    return "both" if len(names) == every else ", ".join(names) or "none"


def score_rows(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """A line for each workload: its metric in floating point and with each method."""
    shown = []
    for name in dict.fromkeys(row["name"] for row in rows if row["kind"] == "workload"):
        own = {row["method"]: row["sets"]["held out"] for row in rows if row["name"] == name}
        line = {"workload": name, "float": f"{next(iter(own.values()))['float_score']:.3f}"}
        line |= {k: f"{e['score']:.3f} ± {e['standard_error']:.3f}" for k, e in own.items()}
        shown.append(line | {"of float": _near_float(own), "of 8 bits": _within(own)})
    return shown


def _near_float(own: Mapping[str, Mapping]) -> str:
    """Which integers of 8 bits lose at most a standard error against floating point."""
    known = [name for name in (_GATE, _ROW) if name in own]
    near = [
        name
        for name in known
        if own[name]["float_score"] - own[name]["score"] <= own[name]["standard_error"]
    ]
    return _which(near, 2) if known else _NONE


def _within(own: Mapping[str, Mapping]) -> str:
    """Whether the fewest bits that the table always has lose at most a standard error of int8."""
    if _FEW not in own or _GATE not in own:
        return _NONE
    lost = own[_GATE]["score"] - own[_FEW]["score"]
    return "yes" if lost <= own[_GATE]["standard_error"] else "no"


def byte_rows(rows: Sequence[Mapping]) -> list[dict[str, str]]:
    """A line for each network: bytes of weights and of what is beside them."""
    shown = []
    for name in dict.fromkeys(row["name"] for row in rows):
        own = [r for r in rows if r["name"] == name and r["weight_bytes"] is not None]
        if own:
            pairs = {r["method"]: f"{r['weight_bytes']:,} + {r['parameter_bytes']:,}" for r in own}
            shown.append({"network": name} | pairs)
    return shown


def accuracy_markdown(rows: Sequence[Mapping]) -> str:
    """Rows of ``accuracy_rows`` as a page."""
    names = " ".join(dict.fromkeys(row["name"] for row in rows))
    parts = [_HEAD.format(names=names), _GOALS_HEAD, _table(goal_rows(rows))]
    parts += [_RATIOS, _table(shown_rows(rows))]
    scores = score_rows(rows)
    if scores:
        parts += [_SCORES, _table(scores)]
    parts += [_BYTES, _table(byte_rows(rows))]
    return "\n".join(parts)


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns)]
    lines += [[row.get(name, _NONE) for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
