"""The model of the scanner of lists by itself; ``tests/sim/rtl`` holds it to the gates."""

import numpy as np

from sim.model.timing.scanning import Scanner, group_hits


def moments(parts, ready=10, takes=lambda there: there):
    """When hits can be had and whether they are null, of parts with such hits by word and group."""
    scanner, found = Scanner(), []

    def issue(there, null):
        found.append((takes(max(there, found[-1][0] + 1 if found else 0)), null))
        return found[-1][0]

    for words in parts:
        scanner.scan(words, ready, issue)
    return found


def test_hits_are_counted_by_block_word_and_group():
    hits = np.zeros((2, 70), bool)
    hits[0, [0, 7, 8, 63, 64]] = hits[1, 69] = True
    assert group_hits(hits) == [
        [[2, 1, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 0]],
        [[0] * 8, [1, 0, 0, 0, 0, 0, 0, 0]],
    ]


def test_the_first_hit_comes_twelve_cycles_behind_the_list():
    assert moments([[[1, 0]]]) == [(22, False)]


def test_there_is_a_hit_in_every_cycle_from_words_that_have_some():
    found = moments([[[1], [3, 8], [1]], [[8, 8, 8]]])
    assert [there for there, _ in found] == list(range(22, 22 + 13 + 24))


def test_a_part_without_hits_becomes_one_that_is_null():
    found = moments([[[0], [0]], [[2]], [[1], [0]]])
    assert [null for _, null in found] == [True, False, False, False]
    # The hit of the last part waits for its end.
    assert len(found) == 4


def test_words_without_hits_take_a_cycle_each():
    (first,), (second, *_) = moments([[[1]]]), moments([[[0]] * 20 + [[1]]])
    assert second[0] - first[0] == 20


def test_a_scanner_runs_ahead_by_its_queues_alone():
    """Hits wait in the queue while nobody takes them, and then come one after the other."""
    stuck = moments([[[8] * 8] * 4], takes=lambda there: max(there, 1000))
    assert [there for there, _ in stuck] == list(range(1000, 1000 + 256))
    scanner, used = Scanner(), iter(range(10**6, 2 * 10**6, 10**3))
    scanner.scan([[8] * 8] * 12, 10, lambda there, null: next(used))
    # Words were asked for no earlier than hits left the queue.
    assert scanner.walk > 10**6
