"""Published networks run as their packages ship them: what runs, how near to floating point it is,
and what exact delta leaves out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hw.config import CONFIGS
from sim.explore.running import Run, make_backend, run_file
from sim.image.modes import LayerModes, Modes
from sim.networks.loader import load_network
from sim.networks.network import FloatLayer, IntegerLayer, NetworkError
from sim.workloads.packages import fetch
from sim.workloads.published.catalogue import Published

__all__ = ["FORMATS", "format_rows", "published_markdown", "published_rows"]

_CONFIG = replace(CONFIGS["edge"], max_input=4096)
"""``edge``, with room for the widest inputs among these networks."""
_DELTA = Modes.of(LayerModes(mode="delta"))
FORMATS = {
    "8 bits, scales of rows": {"row_scales": True},
    "16x8": {"act_width": 16},
    "16x8, scales of rows": {"act_width": 16, "row_scales": True},
}
"""Formats that are measured beside those of ``_CONFIG``: fields of the configuration by name."""


def published_rows(
    networks: Iterable[Published],
    say: Callable[[str], None] = lambda text: None,
    formats: Mapping[str, Mapping] = FORMATS,
) -> list[dict]:
    """A row for each network: its LSTM layers, agreement with floating point, and what delta saves.

    Parameters
    ----------
    networks : iterable of Published
        What is run.
    say : function
        Told what happens.
    formats : dict of dict
        Other formats that are measured, by name: fields of the configuration.

    Members of a row
    ----------------
    network, package, what : str
        Its name here, its package, and what it does.
    lstm : str
        Its LSTM layers.
    agreement : str
        Of its first output with the same network in floating point: signal-to-noise ratio in dB,
        or the share of values that are equal where they are no real numbers.
    lstm_sqnr_db : float or None
        The least ratio of its LSTM layers.
    macs_avoided, exact : float, bool or None
        Share of products that exact delta leaves out, and whether every output keeps its bits.
    formats : dict of dict
        ``agreement`` and ``lstm_sqnr_db`` with other formats, by their names; empty where it does
        not run.
    refused : str
        Why it does not run; empty where it does.
    """
    rows = []
    for each in networks:
        say(f"running {each.name}")
        row = {
            "network": each.name,
            "package": f"{each.member.package} {each.member.version}",
            "what": each.what,
        }
        try:
            row |= _measure(each, formats)
        except NetworkError as error:
            # Columns are the same in every row.
            row |= {"lstm": "", "agreement": "", "lstm_sqnr_db": None, "macs_avoided": None}
            row |= {"exact": None, "formats": {}, "refused": str(error)}
        rows.append(row)
    return rows


_HEAD = """# Published networks

This page is for engineers who ask whether their network will run. It lists networks with LSTM
layers as their packages on PyPI ship them, and what `refrain run FILE --input X` makes of each:
nothing was trained, changed or exported anew.

`refrain workload published NAME` repeats a row: it fetches the file, makes the inputs and runs
both. `refrain workload published --output docs/published.md` makes this page.

*Output* says how near the first output in int8 is to the same network in floating point: a
signal-to-noise ratio, or the share of equal values where the output holds classes. *LSTM* is the
least ratio of its LSTM layers. *Exact delta* is the share of multiply-accumulates that delta mode
leaves out with thresholds of zero, without changing a bit of any output. Networks are quantised on
the inputs that they then run, and one-step networks run as a stream, call by call. The machine is
`edge`, with room for 4,096 inputs, which only `captcha` needs.
"""
_FORMATS_HEAD = """## Scales of rows, and activations of 16 bits

The same files on the same inputs, in other formats: with a scale for each row of weights
(`--row-scales`), and in *16x8*, whose weights have 8 bits and whose `x` and `h` have 16
(`--activation-bits 16`). Each entry is *output* and *LSTM* as above.
[Precision](precision-figures.md#what-16-bits-gain) says what limits which network.
"""
_COLUMNS = ("network", "what", "LSTM layers", "output", "LSTM", "exact delta", "package")


def published_markdown(rows: Iterable[Mapping]) -> str:
    """Rows of ``published_rows`` as a document."""
    rows = list(rows)
    parts = [_HEAD, _table(_COLUMNS, map(_line, rows))]
    others = format_rows(rows)
    if others:
        lines = [[f"`{name}`", *pairs] for name, *pairs in (each.values() for each in others)]
        parts += [_FORMATS_HEAD, _table(others[0], lines)]
    return "\n".join(parts)


def format_rows(rows: Iterable[Mapping]) -> list[dict[str, str]]:
    """A line for each network that runs: output and LSTM in each format, as people read them."""
    lines = []
    for row in rows:
        if not row["refused"]:
            found = {"8 bits": row, **row["formats"]}
            pairs = {name: _pair(figures) for name, figures in found.items()}
            lines.append({"network": row["network"], **pairs})
    return lines


def _pair(figures: Mapping) -> str:
    return f"{figures['agreement']}; {_decibels(figures['lstm_sqnr_db'])}"


def _table(columns: Iterable[str], lines: Iterable[Sequence[str]]) -> str:
    columns = list(columns)
    every = (columns, ["---"] * len(columns), *lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in every)


def _line(row: Mapping) -> list[str]:
    if row["refused"]:
        figures = [f"refused: {row['refused']}", "-", "-", "-"]
    else:
        shown = _decibels(row["lstm_sqnr_db"])
        figures = [row["lstm"], row["agreement"], shown, f"{100 * row['macs_avoided']:.0f} %"]
    return [f"`{row['network']}`", row["what"], *figures, row["package"]]


def _decibels(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1f} dB"


def _measure(published: Published, formats: Mapping[str, Mapping]) -> dict:
    """The figures of a network that runs."""
    network, inputs = load_network(fetch(published.member)), published.make()
    normal = run_file(network, inputs, None, make_backend("model", _CONFIG))
    delta = run_file(network, inputs, None, make_backend("model", _CONFIG), _DELTA)
    same = all(np.array_equal(value, delta.outputs[name]) for name, value in normal.outputs.items())
    # Layers in branches that the inputs do not take are not among them.
    ran = normal.figures.get("lstm_sqnr_db", network.lstm_layers)
    backends = {k: make_backend("model", replace(_CONFIG, **f)) for k, f in formats.items()}
    others = {k: _nearness(run_file(network, inputs, None, b)) for k, b in backends.items()}
    return {
        "lstm": ", ".join(_size(network.lstm_layers[name]) for name in ran),
        **_nearness(normal),
        "macs_avoided": delta.figures["macs_avoided_share"],
        "exact": same,
        "formats": others,
        "refused": "",
    }


def _nearness(done: Run) -> dict:
    """How near a run's first output and the worst of its LSTM layers are to floating point."""
    return {
        "agreement": _agreement(done.figures, next(iter(done.outputs))),
        "lstm_sqnr_db": min(done.figures.get("lstm_sqnr_db", {"": None}).values()),
    }


def _size(layer: FloatLayer | IntegerLayer) -> str:
    """Inputs, units and directions of a layer, such as ``2 x 512 -> 512``."""
    first = layer.directions[0]
    both = "2 x " if len(layer.directions) == 2 else ""
    return f"{both}{first.input_size} -> {first.hidden_size}"


def _agreement(figures: dict, output: str) -> str:
    ratio = figures.get("sqnr_db", {}).get(output)
    if ratio is not None:
        return f"{ratio:.1f} dB"
    equal = figures.get("agreeing_share", {}).get(output)
    return "" if equal is None else f"{100 * equal:.1f} % equal"
