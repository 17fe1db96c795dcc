"""Pareto fronts of a sweep, and the points that are no worse within the standard error."""

from collections.abc import Sequence

__all__ = ["fronts_of", "gain", "pareto", "varied", "within_error"]


def gain(row: dict) -> float:
    """The score, or its negative where less is better."""
    return -row["score"] if row["lower_is_better"] else row["score"]


def _known(rows: Sequence[dict], cost: str) -> list[dict]:
    return [row for row in rows if row.get(cost) is not None]


def pareto(rows: Sequence[dict], cost: str) -> list[dict]:
    """Rows that no other row beats in score and cost, the cheapest first.

    Rows whose cost is not known are on no front.
    """
    front: list[dict] = []
    for row in sorted(_known(rows, cost), key=lambda row: (row[cost], -gain(row))):
        if not front or gain(row) > gain(front[-1]):
            front.append(row)
    return front


def within_error(rows: Sequence[dict], cost: str) -> list[dict]:
    """Rows that no row at the same or a lower cost beats by more than its standard error.

    A row that is beaten by less may be as good: which of the two is better, the examples do not
    say. Rows of the front are among them.
    """
    front = pareto(rows, cost)
    found, best, place = [], None, 0
    for row in sorted(_known(rows, cost), key=lambda row: row[cost]):
        while place < len(front) and front[place][cost] <= row[cost]:
            best, place = front[place], place + 1
        if gain(best) - gain(row) <= (best["standard_error"] or 0.0):
            found.append(row)
    return found


def fronts_of(rows: Sequence[dict], costs: Sequence[str]) -> list[dict]:
    """The rows, with ``front_COST`` (on the front) and ``near_COST`` (no worse within the error).

    Both are 0 or 1, among rows of the same subject.
    """
    marked = [dict(row) for row in rows]
    for subject in dict.fromkeys(row["subject"] for row in rows):
        own = [row for row in marked if row["subject"] == subject]
        for cost in costs:
            chosen = {id(row) for row in pareto(own, cost)}
            near = {id(row) for row in within_error(own, cost)}
            for row in own:
                row[f"front_{cost}"] = int(id(row) in chosen)
                row[f"near_{cost}"] = int(id(row) in near)
    return marked


def varied(rows: Sequence[dict], costs: Sequence[str]) -> list[str]:
    """The costs that differ between rows."""
    return [cost for cost in costs if len({row.get(cost) for row in rows} - {None}) > 1]
