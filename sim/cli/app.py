"""The commands put together, and errors turned into sentences."""

import sys

import typer

from boards.driver import DeviceError
from boards.errors import BoardError
from hw.config import ConfigError
from sim.cli import boards, commands, multipliers
from sim.cli.run import run as run_network
from sim.cli.sweep import sweep as run_sweep
from sim.cli.tune import tune_network
from sim.cli.workloads import workload
from sim.networks.network import NetworkError
from sim.rtl import SimulationError, ToolError
from sim.workloads.packages import PackageError

__all__ = ["app", "run"]

app = typer.Typer(
    name="refrain",
    help="Generate LSTM accelerators and run networks on them.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    commands.configs,
    commands.quantize,
    run_network,
    commands.verilog,
    commands.demo,
    commands.bench,
    multipliers.multipliers,
    multipliers.multiplier,
    boards.boards,
    boards.build,
    boards.flash,
):
    app.command()(command)
app.command("tune")(tune_network)
app.command("sweep")(run_sweep)
app.add_typer(workload, name="workload")

_REFUSED = 2
# Of the click package, or of the copy of it inside typer: versions differ.
_UsageError = typer.BadParameter.__base__
_SENTENCES = (
    BoardError,
    ConfigError,
    DeviceError,
    NetworkError,
    PackageError,
    SimulationError,
    ToolError,
)


def run(arguments: list[str]) -> int:
    """Exit status of the command line ``refrain ARGUMENTS``."""
    try:
        return app(arguments or ["--help"], standalone_mode=False) or 0
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _UsageError as error:
        sentence = error.format_message()
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except _SENTENCES as error:
        sentence = str(error)
    print(f"refrain: {sentence}", file=sys.stderr)
    return _REFUSED
