"""Pages that need nothing else: a template with its styles, scripts and data in it."""

import html
import importlib.metadata
import json
import platform
from collections.abc import Mapping
from pathlib import Path

from plotly.offline import get_plotlyjs

__all__ = ["filled", "versions"]

_FOLDER = Path(__file__).parent


def filled(name: str, title: str, data: Mapping) -> bytes:
    """The page of a template.

    Parameters
    ----------
    name : str
        Of the template and of its script: ``NAME.html`` and ``NAME.js``.
    title : str
        What stands above it.
    data : mapping
        What its script reads, ready for JSON.
    """
    scripts = (_FOLDER / "common.js", _FOLDER / f"{name}.js")
    parts = {
        "TITLE": html.escape(title, quote=False),
        "STYLE": (_FOLDER / "page.css").read_text(),
        # Inside a script element nothing may look like its end.
        "DATA": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        "PLOTLY": get_plotlyjs().replace("</script", "<\\/script"),
        "SCRIPT": "".join(path.read_text() for path in scripts),
    }
    pieces = (_FOLDER / f"{name}.html").read_text().split("@")
    # What stands between two signs is a name, and what is put in its place is never looked at.
    return "".join(parts.get(piece, piece) for piece in pieces).encode()


def versions() -> list[list[str]]:
    """Versions of what made a page, and of Python."""
    version = importlib.metadata.version
    packages = ("refrain", "numpy", "onnxruntime", "plotly")
    found = ", ".join(f"{name} {version(name)}" for name in packages)
    return [["versions", found], ["Python", platform.python_version()]]
