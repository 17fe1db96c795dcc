"""The walk over blocks against the rule of the descriptor, for every small layer."""

import random

from hw.weights.residency import ResidencyWalk


def test_every_walk_follows_the_rule(play, small, job_of):
    """All numbers of blocks up to 16 with all numbers of resident ones, each walked twice."""
    config = small(max_hidden=32, weight_words=1024)
    rng = random.Random(0)

    def script():
        for blocks in range(1, 17):
            for kept in range(blocks + 1):
                sizes = {"input_size": rng.randint(1, 16), "hidden_size": 2 * blocks}
                base = rng.randrange(1024 - kept * sum(sizes.values()) + 1)
                job = job_of(config, resident_blocks=kept, resident_base=base, **sizes)
                yield {"job": job, "move": 1, "restart": 1}
                yield from walk(job)
                yield {"move": 1, "restart": 1}
                yield from walk(job)

    def walk(job):
        kept, blocks, base = job["resident_blocks"], job["blocks"], job["resident_base"]
        for block in range(blocks):
            resident = (block + 1) * kept // blocks > block * kept // blocks
            while rng.random() < 0.2:
                yield {}
            seen = yield {"move": 1}
            assert (seen["block"], seen["resident"]) == (block, resident)
            assert seen["last"] == (block == blocks - 1)
            if resident:
                assert seen["x_base"] == base and seen["h_base"] == base + job["input_size"]
            base += resident * (job["input_size"] + job["hidden_size"])
        assert base == job["resident_base"] + kept * (job["input_size"] + job["hidden_size"])

    play(ResidencyWalk(config), script())


def test_another_block_is_shown_in_the_cycle_after_move(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=16, resident_blocks=8)
    seen = play(
        ResidencyWalk(config), [{"job": job, "move": 1, "restart": 1}, *[{"move": 1}] * 3, {}, {}]
    )
    assert [row["block"] for row in seen[1:]] == [0, 1, 2, 3, 3]
    assert [row["x_base"] for row in seen[1:]] == [0, 17, 34, 51, 51]


def test_a_base_at_the_end_of_the_memory_does_not_wrap(play, small, job_of):
    config = small()
    sizes = {"input_size": 16, "hidden_size": 16}
    job = job_of(config, resident_blocks=8, resident_base=64, **sizes)
    seen = play(ResidencyWalk(config), [{"job": job, "move": 1, "restart": 1}, {}, {}])
    assert (seen[2]["x_base"], seen[2]["h_base"]) == (64, 80)


def test_a_restart_in_the_middle_begins_at_block_0(play, small, job_of):
    config = small()
    job = job_of(config, hidden_size=16, resident_blocks=3)
    first = [{"job": job, "move": 1, "restart": 1}, *[{"move": 1}] * 4]
    seen = play(ResidencyWalk(config), [*first, *first, {}])
    names = ("block", "resident", "x_base", "h_base")
    walks = [[tuple(row[n] for n in names) for row in seen[at : at + 4]] for at in (1, 6)]
    assert walks[0] == walks[1]
    assert [resident for _, resident, _, _ in walks[1]] == [0, 0, 1, 0]
