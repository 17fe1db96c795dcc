"""The account of two event lists against a Python list of lists."""

import random

import pytest

from hw.events.ledger import ListLedger


class Model:
    """Lists begun and complete, oldest first."""

    def __init__(self):
        self.clear()

    def clear(self):
        """No list, bank 0 next."""
        self.begun, self.complete, self.bank = 0, [], 0

    def outputs(self):
        """What the gates must show; ``last`` only where a list is complete."""
        shown = {"room": self.begun < 2, "bank": self.bank, "ready": bool(self.complete)}
        return shown | ({"last": self.complete[0]} if self.complete else {})

    def choose(self, rng, density):
        """Random pulses that are allowed now."""
        row = {"begin": 0, "complete": 0, "done": 0, "clear": rng.random() < 0.01}
        if self.begun < 2 and rng.random() < density:
            row["begin"] = 1
        # A list of one event is begun and complete at once.
        if self.begun + row["begin"] > len(self.complete) and rng.random() < density:
            row |= {"complete": 1, "complete_last": rng.randrange(16)}
        if self.complete and rng.random() < density:
            row["done"] = 1
        return row

    def step(self, row):
        """Take the pulses of a cycle."""
        if row["done"]:
            self.complete.pop(0)
        if row["complete"]:
            self.complete.append(row["complete_last"])
            self.bank ^= 1
        self.begun += row["begin"] - row["done"]
        if row["clear"]:
            self.clear()


@pytest.mark.parametrize("density", [0.2, 0.6, 1.0])
def test_the_account_matches_the_model(play, density):
    def script():
        rng, model = random.Random(density), Model()
        for _ in range(400):
            expected, row = model.outputs(), model.choose(rng, density)
            seen = yield row
            assert {name: seen[name] for name in expected} == expected
            model.step(row)

    play(ListLedger(4), script())


def test_outputs_change_in_the_cycle_after_the_pulse(play):
    seen = play(
        ListLedger(4), [{"begin": 1}, {"complete": 1, "complete_last": 9}, {"begin": 1}, {}]
    )
    assert [row["room"] for row in seen] == [1, 1, 1, 0]
    assert [row["ready"] for row in seen] == [0, 0, 1, 1]
    assert [row["bank"] for row in seen] == [0, 0, 1, 1]
    assert seen[2]["last"] == 9
