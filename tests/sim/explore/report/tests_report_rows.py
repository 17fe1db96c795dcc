"""Rows of a sweep that nothing measured."""

from sim.explore.machine_values import values_of
from sim.explore.machines import find_config


def rows(count, **changes):
    """So many rows of three sizes of a machine, of two modes."""
    found = []
    machine = values_of(find_config("tiny"))
    widths = {name: machine.pop(name) for name in ("weight_bits", "activation_bits")}
    for number in range(count):
        threshold = number // 6
        mode = "delta" if number // 3 % 2 else "normal"
        lanes = (8, 16, 32)[number % 3]
        macs = 1000 - threshold * 900 / count * 6 - (mode == "delta") * 20
        row = {"key": f"k{number}", "state": "done", "error": None, "seconds": 0.1}
        row |= {"subject": "vowels", **widths, "network_bits": 8, "percentile": None}
        row |= {"multiplier": "exact", "mode": mode, "level": 0, "x_threshold": threshold}
        row |= {"h_threshold": 0, "normal_every": 0, **machine, "config": "tiny", "lanes": lanes}
        row |= {"skip_threshold": None, "delta_threshold": None, "max_skips": 0}
        del row["name"]
        row |= {"metric": "accuracy", "score": 0.98 - (threshold / count) ** 2}
        row |= {"standard_error": 0.007, "lower_is_better": False, "examples": 370}
        row |= {"macs": macs, "bytes": macs, "cycles": macs / lanes, "step_us": macs / lanes / 50}
        row |= {"energy_pj": macs * 160, "lut": None}
        found.append({**row, **changes})
    return found
