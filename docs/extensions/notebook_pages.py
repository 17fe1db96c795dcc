"""Sphinx extension: notebooks, Python files with text between, are pages of the site."""

from typing import Any

import jupytext
from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx

__all__ = ["NotebookParser", "setup", "to_markdown"]


def to_markdown(source: str) -> str:
    """A notebook as a page: its text as it is, its code in fenced blocks.

    Parameters
    ----------
    source : str
        A Python file in the percent format of jupytext: cells begin with ``# %%``.
    """
    cells = jupytext.reads(source, fmt="py:percent").cells
    return "\n\n".join(
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```"
        for cell in cells
    )


class NotebookParser(MystParser):
    """Reads a notebook as the Markdown that it stands for."""

    supported = ("jupytext",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Fill ``document`` with the notebook's text and code."""
        super().parse(to_markdown(inputstring), document)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Python files among the pages be notebooks."""
    app.add_source_suffix(".py", "jupytext")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}
