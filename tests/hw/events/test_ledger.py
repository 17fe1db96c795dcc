"""The account of two event lists against a Python list of lists."""

import random

import pytest

from hw.events.ledger import ListLedger
from hw.modes import Mode


class Model:
    """Every list since the last clear, and how many of them each reader has used."""

    def __init__(self, follow):
        self.follow = follow
        self.clear()

    def clear(self):
        """No list, bank 0 next."""
        self.lists, self.begun, self.done, self.fetched = [], 0, 0, 0

    @property
    def room(self):
        """Whether a bank is free."""
        freed = min(self.done, self.fetched) if self.follow else self.done
        return self.begun - freed < 2

    def view(self, used):
        """What a reader sees that has used so many lists."""
        if used >= len(self.lists):
            return {"ready": 0, "empty": 0, "bank": used % 2}
        empty, last, mode = self.lists[used]
        shown = {"ready": 1, "empty": empty, "mode": mode, "bank": used % 2}
        return shown if empty else shown | {"last": last}

    def choose(self, rng, density):
        """Random pulses that are allowed now."""
        row = {"begin": 0, "complete": 0, "done": 0, "fetched": 0, "follow": self.follow}
        row["clear"] = rng.random() < 0.01
        if self.room and rng.random() < density:
            row["begin"] = 1
        # A list of one event, or of none, is begun and complete at once.
        if self.begun + row["begin"] > len(self.lists) and rng.random() < density:
            row |= {"complete": 1, "complete_empty": rng.randrange(2)}
            row |= {"complete_last": rng.randrange(16), "complete_mode": rng.choice(list(Mode))}
        row["done"] = int(self.done < len(self.lists) and rng.random() < density)
        if not self.follow:
            row["fetched"] = rng.randrange(2)
        elif self.fetched < len(self.lists):
            row["fetched"] = int(rng.random() < rng.choice([density, 0.3]))
        return row

    def step(self, row):
        """Take the pulses of a cycle."""
        self.begun += row["begin"]
        self.done += row["done"]
        self.fetched += row["fetched"]
        if row["complete"]:
            self.lists.append([row[f"complete_{name}"] for name in ("empty", "last", "mode")])
        if row["clear"]:
            self.clear()


@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("follow", [0, 1])
def test_the_account_matches_the_model(play, density, follow):
    def check(view, expected):
        assert {name: view[name] for name in expected} == expected

    def script():
        rng, model = random.Random(density), Model(follow)
        seen = yield {"clear": 1, "follow": follow}
        for _ in range(600):
            room, bank = model.room, len(model.lists) % 2
            current, ahead = model.view(model.done), model.view(model.fetched)
            row = model.choose(rng, density)
            seen = yield row
            assert (seen["room"], seen["bank"]) == (room, bank)
            check(seen["current"], current)
            if follow:
                check(seen["ahead"], ahead)
            model.step(row)

    play(ListLedger(4), script())


def test_outputs_change_in_the_cycle_after_the_pulse(play):
    complete = {"complete": 1, "complete_last": 9, "complete_mode": Mode.DELTA}
    rows = [{"begin": 1}, complete, {"begin": 1}, {}]
    seen = play(ListLedger(4), [row | {"follow": 1} for row in rows])
    assert [row["room"] for row in seen] == [1, 1, 1, 0]
    assert [row["current"]["ready"] for row in seen] == [0, 0, 1, 1]
    assert [row["bank"] for row in seen] == [0, 0, 1, 1]
    view = {"ready": 1, "empty": 0, "last": 9, "single": 0, "mode": Mode.DELTA, "bank": 0}
    assert seen[2]["current"] == seen[2]["ahead"] == view


def test_a_list_that_grows_has_its_mode_and_bank(play):
    delta, reduced = ({"complete_mode": mode} for mode in (Mode.DELTA, Mode.REDUCED))
    rows = [{"begin": 1}, delta, delta, delta | {"complete": 1, "complete_last": 1}]
    rows += [{"begin": 1}, reduced, reduced | {"done": 1}, {}]
    views = [row["current"] for row in play(ListLedger(4), rows)]
    assert [view["mode"] for view in views[2:]] == [Mode.DELTA] * 5 + [Mode.REDUCED]
    assert [view["bank"] for view in views] == [0] * 7 + [1]
    assert [view["ready"] for view in views] == [0] * 4 + [1] * 3 + [0]
