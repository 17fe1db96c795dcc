"""Which columns were events, from what a run read and wrote: what the model of time is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hw.modes import Middle, Mode, Plan
from sim.image.image import Image, Placement
from sim.model.activity import Activity
from sim.model.kept import Kept
from sim.networks.codes import difference_type

__all__ = ["SequenceColumns", "columns_of"]


@dataclass(frozen=True, kw_only=True)
class SequenceColumns:
    """Events of one sequence of one direction, in running order.

    Members
    -------
    mode : uint8 [steps]
        ``hw.modes.Mode`` of each step.
    x, h : bool [steps, I], bool [steps, H]
        Columns that are events.
    before : int
        Steps that the sequence goes on from.
    recalled : bool [H] or None
        If it goes on: the units of which the first list of ``h`` looks at the kept state; None if
        only at the last one.
    """

    mode: np.ndarray
    x: np.ndarray
    h: np.ndarray
    before: int = 0
    recalled: np.ndarray | None = None


def columns_of(
    image: Image,
    x: np.ndarray,
    layers: Sequence[np.ndarray],
    activity: Sequence[Activity | None],
    kept: Sequence[Kept] | None = None,
) -> list[Iterator[SequenceColumns] | None]:
    """Events of each direction, sequence by sequence; None where all columns are always fetched.

    Parameters
    ----------
    image : Image
        What ran.
    x : codes [sequences, steps, I]
        Its input.
    layers : codes [sequences, steps, sum of H] of each layer
        What each layer gave.
    activity : Activity or None of each direction
        What its steps did.
    kept : Kept of each direction, or None
        What the run went on from, if it did.
    """
    inputs = [x, *layers]
    found, first = [], 0
    for k, (placement, done) in enumerate(zip(image.placements, activity, strict=True)):
        if k and placement.layer != image.placements[k - 1].layer:
            first = 0
        behind = first + placement.direction.hidden_size
        h = layers[placement.layer][:, :, first:behind]
        first = behind
        rows = inputs[placement.layer]
        before = kept[k] if kept else None
        if placement.stored is None and (placement.plain or done is None):
            found.append(None)
            continue
        mode = np.full(rows.shape[:2], Mode.NORMAL, np.uint8) if done is None else done.mode
        found.append(_columns(placement, rows, h, mode, before))
    return found


def _columns(placement: Placement, x, h, mode, kept) -> Iterator[SequenceColumns]:
    fields, direction = placement.fields, placement.direction
    order = slice(None, None, -1 if direction.reverse else 1)
    for k in range(len(x)):
        begin = np.full(direction.hidden_size, direction.h.zero_point, direction.h.dtype)
        x_ref = h_ref = None
        if kept is not None:
            begin, x_ref = kept.state.h[k], kept.trail.x_ref[k]
            h_ref = kept.carried.h_ref[:, k] + direction.h.zero_point
            h_ref = h_ref.astype(direction.h.dtype)
        elif placement.initial is not None:
            begin = placement.initial.h[k]
        modes = mode[k, order]
        before = np.concatenate([begin[None], h[k, order][:-1]])
        x_zero, h_zero = direction.x.zero_point, direction.h.zero_point
        recalled = None
        if kept is not None:
            recalled = _recalled(begin, h_ref, h_zero, modes[0], kept, fields)
        yield SequenceColumns(
            mode=modes,
            x=_go_on(x_ref, x[k, order], x_zero, modes, fields, fields["x_threshold"]),
            h=_go_on(h_ref, before, h_zero, modes, fields, fields["h_threshold"]),
            before=0 if kept is None else kept.trail.steps,
            recalled=recalled,
        )


def _recalled(h, h_ref, zero: int, mode: int, kept: Kept, fields) -> np.ndarray | None:
    """Units that ``hw.events.recall`` names for a first step of this mode."""
    if mode == Mode.SKIP:
        return None
    if mode != Mode.DELTA:
        keeps_references = fields["plan"] != Plan.NORMAL and fields["middle"] == Middle.DELTA
        everyone = keeps_references or not fields["zero_skip"]
        return np.ones(len(h), bool) if everyone else h != zero
    if fields["h_threshold"] < kept.h_threshold:
        return np.ones(len(h), bool)
    return np.abs(h - h_ref.astype(difference_type(h))) > kept.h_threshold


def _go_on(reference: np.ndarray | None, values: np.ndarray, zero: int, mode, *rest) -> np.ndarray:
    """Events as of ``_events``, of steps that go on from a reference if there is one."""
    if reference is None:
        return _events(values, zero, mode, *rest)
    values = np.concatenate([reference[None], values])
    return _events(values, zero, np.concatenate([[Mode.NORMAL], mode]), *rest)[1:]


def _events(
    values: np.ndarray, zero: int, mode: np.ndarray, fields: Mapping[str, int], threshold: int
) -> np.ndarray:
    """Events of codes ``values`` ``[steps, columns]``."""
    fresh = (mode == Mode.NORMAL) | (mode == Mode.REDUCED)
    events = np.zeros(values.shape, bool)
    events[fresh] = values[fresh] != zero if fields["zero_skip"] else True
    events[fresh, -1] = True
    delta = mode == Mode.DELTA
    if not delta.any():
        return events
    if threshold:
        _follow_beyond(values, mode, threshold, events)
        return events
    kept = np.maximum.accumulate(np.where(mode == Mode.SKIP, 0, np.arange(len(mode))))
    steps = np.flatnonzero(delta)
    events[steps] = values[steps] != values[kept[steps - 1]]
    return events


def _follow_beyond(values, mode, threshold: int, events):
    """Events of delta steps whose references stay where values move by ``threshold`` or less."""
    reference = values[0].astype(difference_type(values))
    for step, kind in enumerate(mode.tolist()):
        if kind == Mode.DELTA:
            moved = np.abs(values[step] - reference) > threshold
            events[step] = moved
            np.copyto(reference, values[step], where=moved)
        elif kind != Mode.SKIP:
            reference[...] = values[step]
