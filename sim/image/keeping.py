"""Where directions keep their states in the machine, so that a later run can go on from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hw.config import Config
from hw.descriptor import KEPT_DIRECTIONS
from sim.image.modes import LayerModes
from sim.networks.network import IntegerLstm, IntegerNetwork

__all__ = ["Places", "place_states", "resume_refusal"]


@dataclass(frozen=True, kw_only=True)
class Places:
    """A place for every direction of a network, or why there is none.

    Members
    -------
    fields : tuple of dict
        Descriptor fields of each direction: ``keeper``, ``block_base`` and ``row_base``; zeros
        where they do not have places of their own.
    refusal : str or None
        Why they have none, a sentence; None if they have.
    """

    fields: tuple[dict[str, int], ...]
    refusal: str | None


def place_states(network: IntegerNetwork, config: Config) -> Places:
    """Places of the states of all directions of ``network`` side by side in ``config``."""
    directions = [each for layer in network.layers for each in layer.directions]
    blocks = [config.blocks(each.hidden_size) for each in directions]
    beats = [-(-each.input_size // config.beat_codes) for each in directions]
    refusal = _refusal(network, config, directions, sum(blocks), sum(beats))
    if refusal is not None:
        nothing = {"keeper": 0, "block_base": 0, "row_base": 0}
        return Places(fields=(nothing,) * len(directions), refusal=refusal)
    fields = tuple(
        {"keeper": k, "block_base": sum(blocks[:k]), "row_base": sum(beats[:k])}
        for k in range(len(directions))
    )
    return Places(fields=fields, refusal=None)


def _refusal(
    network: IntegerNetwork,
    config: Config,
    directions: Sequence[IntegerLstm],
    blocks: int,
    beats: int,
) -> str | None:
    """Why a run of the network cannot go on from another one, whatever its options."""
    if not config.resume:
        return (
            f"a resumed run goes on where the one before ended, and configuration {config.name} "
            f"was made without gates for that: run it on whole sequences, without resume, or make "
            f"the machine with resume = true"
        )
    for k, layer in enumerate(network.layers):
        if any(direction.reverse for direction in layer.directions):
            return (
                f"layer {k} runs backward, from the last step of its input, so that a run cannot "
                f"go on where the one before ended; run it on whole sequences, without resume"
            )
    if len(directions) > KEPT_DIRECTIONS:
        return (
            f"the network has {len(directions)} layers, and the machine keeps the states of at "
            f"most {KEPT_DIRECTIONS} from run to run"
        )
    if blocks > config.max_blocks:
        units = config.units_per_block
        return (
            f"a resumed run needs the states of {blocks * units} hidden units (whole blocks of "
            f"{units}) to stay in the machine, and configuration {config.name} has room for "
            f"{config.max_blocks * units}: it takes one with a max_hidden of {blocks * units}"
        )
    if beats > config.row_beats:
        return (
            f"a resumed run needs rows of x of {beats * config.bus_bytes} bytes to stay in the "
            f"machine, and configuration {config.name} has room for "
            f"{config.row_beats * config.bus_bytes}: it takes one with a max_input of "
            f"{beats * config.beat_codes}"
        )
    return None


def resume_refusal(
    places: Places, sequences: int, modes: Sequence[LayerModes], initial: object = None
) -> str | None:
    """Why such a run cannot go on from the one before, a sentence; None if it can."""
    if places.refusal is not None:
        return places.refusal
    if sequences != 1:
        return (
            f"a resumed run must be of one sequence, not {sequences}: the machine keeps one state "
            f"for each layer"
        )
    if initial is not None:
        return (
            "a resumed run begins with the states that the run before left: give it no initial "
            "states, or do not resume"
        )
    for k, layer in enumerate(modes):
        if layer.lookahead > 1:
            return (
                f"layer {k} looks {layer.lookahead} steps ahead, and the groups of a resumed run "
                f"would be others: its lookahead must be 1"
            )
    return None
