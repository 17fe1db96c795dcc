"""The account of lists that wait in a row against a Python list of lists."""

import random

import pytest

from hw.events.queue import GroupLedger, ListQueue
from hw.modes import Mode


def view(found):
    """What a reader may rely on."""
    if not found["empty"]:
        return found
    return {name: value for name, value in found.items() if name not in ("last", "single")}


def random_list(rng):
    """Pulse and members of a list that is complete."""
    found = {"complete_empty": rng.randrange(2), "complete_last": rng.randrange(16)}
    return {"complete": 1, **found, "complete_mode": rng.choice(list(Mode))}


def shown(row, bank):
    """The view of that list."""
    members = {name: row[f"complete_{name}"] for name in ("empty", "last", "mode")}
    return view({"ready": 1, **members, "single": members["last"] == 0, "bank": bank})


@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("banks", [4, 8])
def test_any_list_is_shown_from_the_oldest_on(play, density, banks):
    def script():
        rng = random.Random(density)
        lists, begun, done, place, still = [], 0, 0, 0, 0
        yield {"clear": 1}
        for _ in range(900):
            row = {"place": place, "begin": int(begun - done < banks and rng.random() < density)}
            if begun + row["begin"] > len(lists) and rng.random() < density:
                row |= random_list(rng)
            row["move"] = int(rng.random() < 0.2)
            row["done"] = int(len(lists) > done and rng.random() < 0.3 * density)
            seen = yield row
            assert seen["room"] == (begun - done < banks)
            assert seen["bank"] == len(lists) % banks
            wanted = done + place
            if seen["current"]["ready"]:
                assert still and view(seen["current"]) == shown(lists[wanted], wanted % banks)
            if still >= 2 and wanted < len(lists) - 1:
                assert seen["current"]["ready"]
            still = 0 if row["move"] or row["done"] else still + 1
            begun, done = begun + row["begin"], done + row["done"]
            lists += [row] if "complete" in row else []
            place = rng.randrange(banks // 2) if row["move"] else place

    play(ListQueue(4, banks), script())


@pytest.mark.parametrize("grouped, banks", [(0, 2), (1, 8)])
def test_a_job_has_the_ledger_that_it_needs(play, grouped, banks):
    def script():
        base = {"grouped": grouped, "follow": 0, "fetched": 1}
        yield base
        yield base | {"clear": 1}
        begun = 0
        while (yield base)["room"]:
            yield base | {"begin": 1}
            begun += 1
        assert begun == banks
        end = {"complete": 1, "complete_last": 5, "complete_mode": Mode.REDUCED}
        for _ in range(2):
            yield base | end
        yield base
        for bank in range(2):
            for _ in range(2):
                seen = yield base
            assert seen["current"] == {
                "ready": 1,
                "empty": 0,
                "last": 5,
                "single": 0,
                "mode": Mode.REDUCED,
                "bank": bank,
            }
            yield base | {"done": 1}
        assert not (yield base)["current"]["ready"]
        assert (yield base)["room"]

    play(GroupLedger(4, 8), script())
