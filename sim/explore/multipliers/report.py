"""What a multiplier's errors are like, and what they do to a dot product."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from hw.multipliers.behaviour import STEPS_LIMIT
from hw.multipliers.catalogue import MULTIPLIERS
from hw.multipliers.family import Multiplier
from sim.explore.files import arrays_bytes, read_array, write_whole
from sim.explore.multipliers.operands import Histogram, Part, gather, histograms, uniform
from sim.explore.nodes import named_inputs, quantize_nodes
from sim.networks.loader import load_network
from sim.networks.network import FloatNetwork, IntegerNetwork, NetworkError
from sim.networks.quantizer import quantize, to_codes

__all__ = [
    "differing_products",
    "dot_snr_db",
    "error_report",
    "level_reports",
    "multiplier_rows",
    "network_parts",
    "part_operands",
    "relative_errors",
    "write_table",
]


def multiplier_rows() -> list[dict]:
    """The named multipliers, ready for a table."""
    return [
        {
            "name": named.name,
            "summary": named.summary,
            "numbers": named.numbers,
            "default": ",".join(map(str, named.default)),
            "levels": "; ".join(named.make(8, *named.default).levels),
        }
        for named in MULTIPLIERS.values()
    ]


def relative_errors(found: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """Relative errors in percent, over exact products that are not 0.

    Returns
    -------
    dict
        ``bias_percent`` is their mean, ``mared_percent`` the mean of their magnitude,
        ``largest_percent`` and ``least_percent`` the extremes.
    """
    relative = 100 * (found[exact != 0] / exact[exact != 0] - 1)
    return {
        "bias_percent": float(relative.mean()),
        "mared_percent": float(np.abs(relative).mean()),
        "largest_percent": float(relative.max()),
        "least_percent": float(relative.min()),
    }


def error_report(multiplier: Multiplier, level: int) -> dict:
    """Error figures of a level over all 8-bit values and all weights, each pair alike.

    ``nmed`` is the mean absolute error as a share of the largest product, ``error_percent`` the
    share of pairs that are wrong. The properties behind ``in_delta`` are over values of 9 bits.
    """
    found, exact = _grid(multiplier, level)
    error = found - exact
    behaviour = multiplier.behaviour(level)
    return {
        "level": level,
        "name": multiplier.levels[level],
        "mean_error": float(error.mean()),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error.astype(float) ** 2).mean())),
        "nmed": float(np.abs(error).mean() / np.abs(exact).max()),
        "mred_percent": relative_errors(found, exact)["mared_percent"],
        "worst": int(np.abs(error).max()),
        "error_percent": float(100 * (error != 0).mean()),
        "zero_preserving": behaviour.zero_preserving,
        "proportionate": behaviour.proportionate,
        "odd_symmetric": behaviour.odd_symmetric,
        "linear": behaviour.linear,
        "safe_in_delta": behaviour.safe_in_delta(0),
        "safe_with_normal_steps": behaviour.safe_in_delta(STEPS_LIMIT),
        "in_delta": behaviour.in_delta,
    }


def _grid(multiplier: Multiplier, level: int) -> tuple[np.ndarray, np.ndarray]:
    values = np.arange(-128, 128)[:, None]
    weights = np.arange(multiplier.least_weight, multiplier.weight_limit + 1)
    return multiplier.compute(values, weights, level), values * weights


def dot_snr_db(multiplier: Multiplier, level: int, length: int, given: Histogram) -> float | None:
    """Signal-to-noise ratio of dot products of ``length`` independent pairs of operands.

    Power of the exact sum over power of its error, so a mean error counts ``length`` squared.
    None if there is no error. Weights beyond the multiplier's count as its largest.
    """
    limit = multiplier.weight_limit
    weights = np.clip(np.arange(-127, 128), -limit, limit)
    values = np.arange(-255, 256)[:, None]
    exact = (values * weights).astype(float)
    error = multiplier.compute(values, weights, level) - exact
    share = given.values[:, None] * given.weights

    def power(what: np.ndarray) -> float:
        mean = float((share * what).sum())
        square = float((share * what**2).sum())
        return length * square + length * (length - 1) * mean**2

    noise = power(error)
    return None if noise == 0 else float(10 * np.log10(power(exact) / noise))


def level_reports(
    multiplier: Multiplier, levels: list[int], length: int, given: Mapping[str, Histogram]
) -> list[dict]:
    """Error figures of levels, with the SNR of dot products under uniform and given operands.

    Raises
    ------
    NetworkError
        There is no such level.
    """
    operands = {"uniform": uniform(multiplier.weight_limit), **given}
    rows = []
    for level in levels:
        try:
            multiplier.check_level(level)
        except ValueError as error:
            raise NetworkError(str(error)) from None
        snr = {
            f"snr_db_{name}": dot_snr_db(multiplier, level, length, histogram)
            for name, histogram in operands.items()
        }
        rows.append({**error_report(multiplier, level), **snr})
    return rows


def network_parts(network: Path, data: Path, node: str | None = None) -> list[Part]:
    """What the parts of a network multiply when it runs on data.

    ``node`` is the LSTM, where a file of weights holds several.

    Raises
    ------
    NetworkError
        The network or the data cannot be used.
    """
    loaded, given = load_network(network, node), read_array(data)
    if not isinstance(loaded, IntegerNetwork | FloatNetwork):
        inputs = named_inputs(loaded, given)
        seen = loaded.capture(inputs)
        nets = quantize_nodes(loaded, inputs)
        pairs = [(net, call.x) for name, net in nets.items() for call in seen[name]]
    elif isinstance(loaded, IntegerNetwork):
        pairs = [(loaded, given)]
    else:
        pairs = [(quantize(loaded, given), given)]
    parts = []
    for net, x in pairs:
        form = net.layers[0].directions[0].x
        if form.bits > 8:
            raise NetworkError(
                f"{network} has activations of {form.bits} bits, and operands are counted of at "
                f"most 8; quantise the network again without --activation-bits"
            )
        parts += gather(net, x if x.dtype == np.int8 else to_codes(x, form))
    return parts


def part_operands(parts: Sequence[Part], threshold: int) -> dict[str, Histogram]:
    """Operand histograms of a network in normal and in delta mode."""
    return {"normal": histograms(parts, None), "delta": histograms(parts, threshold)}


def write_table(multiplier: Multiplier, level: int, path: Path) -> None:
    """Write a level's products as int32 ``[256, 256]``; row value + 128, column weight + 128."""
    write_whole(path, arrays_bytes({"table": multiplier.table(level)}))


def differing_products(multiplier: Multiplier, level: int, path: Path) -> int:
    """Entries of a table in a file that are not a level's products.

    Raises
    ------
    NetworkError
        The file is no such table.
    """
    wanted = read_array(path)
    if wanted.shape != (256, 256):
        raise NetworkError(f"{path} must be a table [256, 256], not {list(wanted.shape)}")
    return int((multiplier.table(level) != wanted).sum())
