"""How modes are chosen, in plain Python: what the gates and the model are held to."""

from collections.abc import Iterable, Mapping, Sequence

from hw.modes import DISTANCE_ONE, Middle, Mode, Plan

__all__ = ["choose_modes", "is_near", "row_distance"]


def row_distance(x: Sequence[int], reference: Sequence[int], zero: int) -> tuple[int, int]:
    """``D`` and ``N`` of ``docs/modes.md``; the normalised L1 distance is ``D / N``."""
    pairs = [(int(a), int(b)) for a, b in zip(x, reference, strict=True)]
    distance = sum(abs(a - b) for a, b in pairs)
    return distance, sum(abs(a - zero) + abs(b - zero) for a, b in pairs)


def is_near(score: tuple[int, int], limit: int) -> bool:
    """Whether ``D / N`` is at most ``limit`` parts of ``DISTANCE_ONE``."""
    distance, norm = score
    return distance * DISTANCE_ONE <= limit * norm


def choose_modes(rows: Iterable[Sequence[int]], job: Mapping[str, int]) -> list[Mode]:
    """Mode of each step of one sequence.

    Parameters
    ----------
    rows : sequence of rows of int8 codes
        ``x``, step by step.
    job : mapping
        Descriptor fields by name; those that are missing are zero.
    """
    field = {name: job.get(name, 0) for name in _FIELDS}
    middle = Mode.REDUCED if field["middle"] == Middle.REDUCED else Mode.DELTA
    modes, run, reference = [], 0, None
    for step, x in enumerate(rows):
        score = None if reference is None else row_distance(x, reference, field["x_zero"])
        may_skip = field["skip"] and (field["max_skips"] == 0 or run < field["max_skips"])
        if step == 0 or (field["normal_every"] and step % field["normal_every"] == 0):
            mode = Mode.NORMAL
        elif may_skip and is_near(score, field["skip_distance"]):
            mode = Mode.SKIP
        elif field["plan"] == Plan.MIDDLE or (
            field["plan"] == Plan.SCORED and is_near(score, field["middle_distance"])
        ):
            mode = middle
        else:
            mode = Mode.NORMAL
        run = run + 1 if mode == Mode.SKIP else 0
        if field["previous"] or mode != Mode.SKIP:
            reference = x
        modes.append(mode)
    return modes


_FIELDS = (
    "plan",
    "middle",
    "skip",
    "previous",
    "skip_distance",
    "middle_distance",
    "max_skips",
    "normal_every",
    "x_zero",
)
