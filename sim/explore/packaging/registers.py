"""The register map in the forms that tools read, by way of SystemRDL and PeakRDL."""

import importlib.metadata
import re
import tempfile
from pathlib import Path

from hw.errors import UserError
from sim.explore.packaging.facts import Facts
from sim.explore.packaging.rdl import MAP, rdl_text

__all__ = ["MISSING", "check_tools", "compile_rdl", "register_files"]

MISSING = "refrain package needs {name}, which is not installed: pip install 'refrain[package]'"
_TOOLS = ("systemrdl-compiler", "peakrdl-cheader", "peakrdl-html", "peakrdl-ipxact")
_TOOLS = (*_TOOLS, "peakrdl-markdown", "wavedrom")
_HEADER = f"{MAP}_registers.h"
_KEPT_FONTS = ".woff2"
"""The one format of fonts that every browser of these years reads; others take 6 MB."""
_FONTS = (".eot", ".svg", ".ttf", ".woff", _KEPT_FONTS)


def check_tools():
    """Refuse to begin where a tool is missing.

    Raises
    ------
    UserError
        With what to install.
    """
    for name in _TOOLS:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise UserError(MISSING.format(name=name)) from None


def compile_rdl(path: Path):
    """The register model of a SystemRDL file: the ``AddrmapNode`` of its map."""
    from systemrdl import RDLCompiler

    compiler = RDLCompiler()
    compiler.compile_file(str(path))
    return compiler.elaborate().top


def register_files(facts: Facts) -> dict[str, bytes]:
    """Contents by path in the package: SystemRDL, C header, IP-XACT, Markdown and HTML."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / f"{MAP}.rdl"
        source.write_text(rdl_text(facts.config, facts.head("registers, SystemRDL 2.0.")))
        _export(compile_rdl(source), folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    found = {name: content for name, content in found.items() if _is_wanted(name)}
    found[_HEADER] = facts.comment("registers, C.", "//").encode() + found[_HEADER]
    found["html/index.html"] = _without_time(found["html/index.html"])
    found |= _licences()
    return {f"registers/{name}": content for name, content in found.items()}


def _export(top, folder: Path):
    """Write every form but SystemRDL."""
    from peakrdl_cheader.c_standards import CStandard
    from peakrdl_cheader.exporter import CHeaderExporter
    from peakrdl_html import HTMLExporter
    from peakrdl_ipxact import IPXACTExporter, Standard
    from peakrdl_markdown import MarkdownExporter

    CHeaderExporter().export(top, str(folder / _HEADER), std=CStandard.gnu99)
    naming = {"vendor": MAP, "library": MAP}
    IPXACTExporter(standard=Standard.IEEE_1685_2009, **naming).export(
        top, str(folder / f"{MAP}.xml")
    )
    MarkdownExporter().export(top, str(folder / f"{MAP}.md"))
    HTMLExporter(generate_source_links=False).export(top, str(folder / "html"))


def _is_wanted(name: str) -> bool:
    """Whether a file is of use: no fonts in old formats, and no starters of Windows browsers."""
    path = Path(name)
    if "fonts" in path.parts and path.suffix in _FONTS:
        return path.suffix == _KEPT_FONTS
    return not path.name.startswith("launcher") and not any(p[0] == "." for p in path.parts)


def _without_time(page: bytes) -> bytes:
    """The page without the time at which it was made, which tells browsers of new content."""
    page = re.sub(rb"BUILD_TS = \d+", b"BUILD_TS = 0", page)
    return re.sub(rb"\?ts=\d+", b"?ts=0", page)


def _licences() -> dict[str, bytes]:
    """Licences of what PeakRDL puts beside the pages: scripts, styles and fonts."""
    files = importlib.metadata.files("peakrdl-html") or []
    texts = [file for file in files if file.name.startswith("LICENSE")]
    return {f"html/{file.name}": file.read_binary() for file in texts}
