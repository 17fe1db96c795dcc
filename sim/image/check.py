"""Refusals: what a configuration cannot run, each as one sentence."""

from collections.abc import Mapping

import numpy as np

from hw.cell.parameters import CellParameters
from hw.config import Config
from hw.modes import Plan
from sim.networks.check import check_codes
from sim.networks.network import IntegerLstm, IntegerNetwork, NetworkError

__all__ = [
    "check_fit",
    "check_held",
    "check_input",
    "check_lookahead",
    "check_scores",
    "check_states",
    "check_thresholds",
    "largest_sums",
]

ACC_LIMIT = 2**31
EVENT_LIMIT = 255
"""Largest magnitude of an event: a difference of two int8 codes."""
_NARROW_THRESHOLD = 255
"""Largest threshold of machines whose activations have at most 8 bits."""


def largest_sums(weights: np.ndarray, event: int = EVENT_LIMIT) -> np.ndarray:
    """Largest magnitude, int64 ``[4, H]``, that a row's sum of products can reach."""
    return np.abs(weights.astype(np.int64)).sum(axis=2) * event


def check_fit(layer: int, direction: IntegerLstm, cell: CellParameters, config: Config) -> None:
    """Refuse a direction that ``config`` cannot hold or whose sums could overflow."""
    for size, limit, what in (
        (direction.input_size, config.max_input, "inputs"),
        (direction.hidden_size, config.max_hidden, "hidden units"),
    ):
        if size > limit:
            raise NetworkError(
                f"layer {layer} has {size} {what}, and configuration {config.name} holds at "
                f"most {limit}"
            )
    for name, form in (("x", direction.x), ("h", direction.h)):
        if form.bits != config.act_width:
            raise NetworkError(
                f"{name} of layer {layer} has codes of {form.bits} bits, and configuration "
                f"{config.name} takes codes of {config.act_width}: quantise the network with "
                f"--activation-bits {config.act_width}, or make the machine with --activation-bits "
                f"{form.bits}"
            )
    if direction.by_row and not config.row_scales:
        raise NetworkError(
            f"layer {layer} has scales for each row of weights, and configuration {config.name} "
            f"has gates for scales by gate alone; give it those with --row-scales"
        )
    _check_weights(layer, direction, config)
    if not cell.wide:
        _check_sums(layer, direction, cell)


def _check_weights(layer: int, direction: IntegerLstm, config: Config) -> None:
    """Refuse weights that the lanes cannot take."""
    bits = config.multiplier.weight_width
    limit = 2 ** (bits - 1) - 1
    for name, weights in (("W", direction.W), ("R", direction.R)):
        largest = np.abs(weights.astype(np.int64)).max()
        if largest > limit:
            raise NetworkError(
                f"{name} of layer {layer} has weights up to ±{largest}, and those of configuration "
                f"{config.name} have {bits} bits, up to ±{limit}: quantise the network with "
                f"--weight-bits {bits}"
            )


def _check_sums(layer: int, direction: IntegerLstm, cell: CellParameters) -> None:
    """Refuse sums of 8-bit activations that 32 bits do not hold. Wide ones have enough bits."""
    bias = np.abs(direction.bias.astype(np.int64))
    for name, sums, shifts in (
        ("W", largest_sums(direction.W) + bias, cell.rows("x_shift")),
        ("R", largest_sums(direction.R), cell.rows("h_shift")),
    ):
        left = np.maximum(shifts, 0)
        if (sums << left).max() >= ACC_LIMIT:
            raise NetworkError(
                f"{name} of layer {layer} can overflow the 32-bit sums: its scales are too large "
                f"for its weights"
            )


def check_thresholds(layer: int, fields: Mapping[str, int], config: Config) -> None:
    """Refuse thresholds in more codes than ``config`` has bits for."""
    for name in ("x_threshold", "h_threshold"):
        if fields[name] > _NARROW_THRESHOLD and config.act_width <= 8:
            raise NetworkError(
                f"{name} of layer {layer} must be at most {_NARROW_THRESHOLD} for activations of "
                f"{config.act_width} bits, not {fields[name]}"
            )


def check_lookahead(layer: int, lookahead: int, config: Config) -> None:
    """Refuse a lookahead that ``config`` has no gates for."""
    if lookahead > config.lookahead:
        raise NetworkError(
            f"layer {layer} is to look {lookahead} steps ahead, and configuration {config.name} "
            f"looks at most {config.lookahead} ahead"
        )


def check_scores(layer: int, fields: Mapping[str, int], config: Config) -> None:
    """Refuse modes that are chosen by a score where ``config`` has no gates for that."""
    if not config.scores and (fields["skip"] or fields["plan"] == Plan.SCORED):
        raise NetworkError(
            f"layer {layer} skips steps or chooses modes by a score, and configuration "
            f"{config.name} was made without gates for scores: choose mode normal, delta or "
            f"reduced, or make the machine with scores = true"
        )


def check_states(wanted: str, config: Config) -> None:
    """Refuse what needs states from or in memory where ``config`` has no gates for them.

    ``wanted`` begins the sentence.
    """
    if not config.states:
        raise NetworkError(
            f"{wanted}, and configuration {config.name} was made without gates for states in "
            f"memory: make the machine with states = true"
        )


def check_held(layer: int, direction: IntegerLstm, lookahead: int, config: Config) -> None:
    """Refuse a streamed layer with lookahead if the ring cannot hold a block's ``x`` part."""
    if lookahead > 1 and direction.input_size > config.held_words:
        raise NetworkError(
            f"layer {layer} has {direction.input_size} inputs, and with lookahead configuration "
            f"{config.name} can hold streamed weights of at most {config.held_words}"
        )


def check_input(network: IntegerNetwork, x: np.ndarray) -> None:
    """Refuse an input that is no codes ``[sequences, steps, I]`` of at least one step."""
    size = network.layers[0].input_size
    dtype = np.dtype(network.layers[0].directions[0].x.dtype)
    if x.ndim != 3 or x.shape[2] != size:
        raise NetworkError(f"x must be [sequences, steps, {size}], not {list(x.shape)}")
    if x.dtype != dtype:
        raise NetworkError(f"x must be {dtype}, not {x.dtype}")
    if not x.size:
        raise NetworkError(f"x must hold at least one step, not {list(x.shape)}")
    check_codes("x", x, network.layers[0].directions[0].x)
