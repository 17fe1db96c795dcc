"""The command that lists configurations, and prints one as a file."""

from typing import Annotated

import typer

from hw.config import CONFIGS, ConfigError
from sim.cli import printing
from sim.cli.options import Changes, Json
from sim.explore.machine_files import config_text
from sim.explore.machine_values import values_of
from sim.explore.machines import find_config

__all__ = ["configs"]


def configs(
    show: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Print this one as a .toml file, with what each field means, can be and costs.",
        ),
    ] = None,
    changes: Changes = None,
    json: Json = None,
) -> None:
    """List the configurations, or print one as a file."""
    printing.check_json(json)
    if show is not None:
        chosen = find_config(show, changes or ())
        # Not through the console, which would wrap lines.
        typer.echo(config_text(chosen), nl=False)
        printing.write_json(json, {"config": values_of(chosen)})
        return
    if changes:
        raise ConfigError("--set changes a configuration: name one with --show")
    rows = [
        {
            "name": config.name,
            "lanes": config.lanes,
            "bus_bits": config.bus_width,
            "max_input": config.max_input,
            "max_hidden": config.max_hidden,
            "weight_kib": config.weight_words * config.column_bytes / 1024,
            "cell_lanes": config.cell_lanes,
            "clock_mhz": config.clock_mhz,
            "gops": 2 * config.lanes * config.clock_mhz / 1000,
        }
        for config in CONFIGS.values()
    ]
    printing.print_rows(rows)
    printing.write_json(json, rows)
