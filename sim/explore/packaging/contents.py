"""Every file of a package."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping

from hw.config import Config
from sim.explore.export import verilog_texts
from sim.explore.machine_files import config_text
from sim.explore.machine_values import values_of
from sim.explore.packaging.benches import bench_files
from sim.explore.packaging.constraints import constraint_files
from sim.explore.packaging.datasheet import datasheet
from sim.explore.packaging.driver import driver_files, example_images, image_files
from sim.explore.packaging.facts import Facts, filled
from sim.explore.packaging.fusesoc import core_files
from sim.explore.packaging.ipxact import component_xml
from sim.explore.packaging.pdf import pdf_of
from sim.explore.packaging.registers import check_tools, register_files
from sim.explore.packaging.tools import tool_files

__all__ = ["FORMAT", "LIST", "VERSION", "package_files"]

FORMAT = "refrain package"
VERSION = 1
"""Of the list: a reader of version 1 takes all that have this number."""
LIST = "package.json"
"""The file that lists the others."""


def package_files(config: Config, command: str, *, pdf: bool = False) -> dict[str, bytes]:
    """Contents of every file of a package, by its path; the list of files is the last.

    The same configuration, command and version give the same bytes.

    Parameters
    ----------
    config : Config
        The machine.
    command : str
        What the user typed, for heads of files.
    pdf : bool
        With the data sheet as PDF, whose bytes are the browser's.

    Raises
    ------
    UserError
        A tool is missing.
    """
    check_tools()
    facts = Facts(config=config, command=command, verilog=verilog_texts(config, command=command))
    texts = {f"rtl/{name}": text for name, text in facts.verilog.items()}
    texts |= constraint_files(facts)
    images = example_images(facts)
    texts |= driver_files(facts) | bench_files(facts, images["batch"])
    texts |= core_files(facts) | tool_files(facts)
    texts["doc/datasheet.html"] = datasheet(facts)
    texts |= {"README.md": filled("README.md", facts), "config.toml": config_text(config)}
    contents = {path: text.encode() for path, text in texts.items()}
    contents |= register_files(facts) | image_files(images) | _licence()
    if pdf:
        contents["doc/datasheet.pdf"] = pdf_of(texts["doc/datasheet.html"])
    contents["component.xml"] = component_xml(facts, contents["registers/refrain.xml"])
    contents = dict(sorted(contents.items()))
    return contents | {LIST: _listed(facts, contents)}


def _licence() -> dict[str, bytes]:
    """The licence of all that Refrain generates, as Refrain itself was installed with it."""
    files = importlib.metadata.files("refrain") or []
    return {file.name: file.read_binary() for file in files if file.name == "LICENSE"}


def _listed(facts: Facts, contents: Mapping[str, bytes]) -> bytes:
    """The list: what the package is, and the SHA-256 of each file."""
    listed = {
        "format": FORMAT,
        "version": VERSION,
        "generator": f"Refrain {facts.release}",
        "command": facts.command,
        "top": facts.top,
        "configuration": values_of(facts.config),
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()},
    }
    return (json.dumps(listed, indent=2) + "\n").encode()
