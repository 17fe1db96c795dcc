"""The generated machine as text, elaborated once for each configuration and source."""

import hashlib
import importlib.metadata
from pathlib import Path

import hw
from boards.cache import default_cache, publish
from hw.accelerator import Accelerator
from hw.config import Config
from hw.verilog import to_rtlil
from sim.rtl.stages import Stages

__all__ = ["machine_rtlil"]

_FILE = "machine.il"


def machine_rtlil(
    config: Config,
    name: str,
    cache: Path | None = None,
    stages: Stages | None = None,
) -> str:
    """RTLIL of the accelerator of ``config``, from the cache if its source has not changed.

    Parameters
    ----------
    config : Config
        The machine.
    name : str
        Name of the top module.
    cache : Path or None
        Folder of the cache; the user's if None.
    stages : Stages or None
        Told what takes time.

    Raises
    ------
    CacheError
        Nothing can be kept there.
    """
    target = (cache or default_cache()) / f"machine-{_key(config, name)}"

    def make(folder: Path):
        if stages is not None:
            stages.begin("elaborating the machine", "elaborated")
        Path(folder, _FILE).write_text(to_rtlil(Accelerator(config), name))

    publish(make, target, "machines")
    return Path(target, _FILE).read_text()


def _key(config: Config, name: str) -> str:
    """Changes with the configuration, with any file of ``hw`` and with Amaranth."""
    content = hashlib.sha256(f"{config!r} {name}".encode())
    content.update(importlib.metadata.version("amaranth").encode())
    root = Path(hw.__file__).parent
    for source in sorted(root.rglob("*.py")):
        content.update(str(source.relative_to(root)).encode())
        content.update(source.read_bytes())
    return content.hexdigest()[:24]
