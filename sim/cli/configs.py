"""The command that lists configurations."""

from hw.config import CONFIGS
from sim.cli import printing
from sim.cli.options import Json

__all__ = ["configs"]


def configs(json: Json = None) -> None:
    """List the configurations that have a name."""
    printing.check_json(json)
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
