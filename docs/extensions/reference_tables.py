"""Sphinx extension: tables of the reference, made from what the hardware is made from.

``{reference-table} NAME`` in a page stands for the table; :data:`TABLES` has the names.
"""

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from hw import registers
from hw.config import CONFIGS, SETTINGS
from hw.descriptor import FIELDS
from hw.modes import Mode

__all__ = ["TABLES", "ReferenceTable", "setup"]

Table = list[tuple[str, ...]]
"""Rows of text, the first of which heads the columns. What stands between backquotes is code."""


def _registers() -> Table:
    rows = [
        (f"`0x{r.addr:02X}`", f"`{r.name}`", r.access, r.doc) for r in registers.REGISTERS.values()
    ]
    return [("address", "register", "access", "meaning"), *rows]


def _errors() -> Table:
    return [
        ("code", "error", "what happened"),
        *((str(e.value), e.name, e.doc) for e in registers.Error),
    ]


def _counters() -> Table:
    rows = [
        (f"`0x{registers.COUNTER_BASE + 8 * k:03X}`", f"`{name}`", doc)
        for k, (name, doc) in enumerate(registers.COUNTER_DOCS.items())
    ]
    return [("address", "counter", "meaning"), *rows]


def _mode_counters() -> Table:
    rows = [
        (*(f"`0x{_mode_address(mode, k):03X}`" for mode in Mode), f"`{name}`", doc)
        for k, (name, doc) in enumerate(registers.MODE_COUNTER_DOCS.items())
    ]
    return [(*(mode.name.lower() for mode in Mode), "counter", "meaning"), *rows]


def _mode_address(mode: Mode, counter: int) -> int:
    return registers.MODE_COUNTER_BASE + 64 * mode + 8 * counter


def _descriptor() -> Table:
    rows = [
        (
            str(f.word),
            str(f.lsb) if f.width == 1 else f"{f.lsb + f.width - 1}:{f.lsb}",
            f"`{f.name}`",
            f"{f.doc} (signed)" if f.signed else f.doc,
        )
        for f in FIELDS.values()
    ]
    return [("word", "bits", "field", "meaning"), *rows]


def _configurations() -> Table:
    what: dict[str, Callable[[Any], object]] = {
        "lanes": lambda c: c.lanes,
        "bus, bits": lambda c: c.bus_width,
        "largest `I`": lambda c: c.max_input,
        "largest `H`": lambda c: c.max_hidden,
        "resident weights, KiB": lambda c: f"{c.weight_words * c.column_bytes / 1024:g}",
        "words of the ring": lambda c: c.stream_words,
        "rows of the cell unit": lambda c: c.cell_lanes,
        "bits of a sum": lambda c: c.acc_width,
        "stated clock, MHz": lambda c: f"{c.clock_mhz:g}",
    }
    rows = [(name, *(str(value(c)) for c in CONFIGS.values())) for name, value in what.items()]
    return [("", *(f"`{name}`" for name in CONFIGS)), *rows]


def _settings() -> Table:
    rows = [
        (
            f"`{s.name}`",
            s.unit,
            s.allowed,
            "" if s.default is None else f"`{str(s.default).lower()}`",
            s.meaning,
            s.cost,
        )
        for s in SETTINGS.values()
    ]
    return [("field", "unit", "range", "default", "meaning", "cost"), *rows]


TABLES: dict[str, Callable[[], Table]] = {
    "registers": _registers,
    "errors": _errors,
    "counters": _counters,
    "mode-counters": _mode_counters,
    "descriptor": _descriptor,
    "configurations": _configurations,
    "settings": _settings,
}
"""What makes each table, by the name that pages use."""


class ReferenceTable(SphinxDirective):
    """Puts a table of :data:`TABLES` in its place."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table.

        Raises
        ------
        docutils.utils.SystemMessage
            There is no table of this name.
        """
        make = TABLES.get(self.arguments[0])
        if make is None:
            raise self.error(f"{self.arguments[0]!r} must be one of {', '.join(TABLES)}")
        head, *body = make()
        group = nodes.tgroup(cols=len(head))
        group += [nodes.colspec(colwidth=1) for _ in head]
        group += nodes.thead("", _row(head))
        group += nodes.tbody("", *(_row(row) for row in body))
        return [nodes.table("", group)]


def _row(cells: tuple[str, ...]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", _paragraph(cell)) for cell in cells))


def _paragraph(text: str) -> nodes.paragraph:
    paragraph = nodes.paragraph()
    for k, part in enumerate(text.split("`")):
        paragraph += nodes.literal(part, part) if k % 2 else nodes.Text(part)
    return paragraph


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("reference-table", ReferenceTable)
    return {"parallel_read_safe": True}
