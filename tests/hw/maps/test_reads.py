"""The memory of maps and the marks of lists, as two scanners read them."""

import random

from hw.maps.marks import EventMarks
from hw.maps.store import MapStore


def test_both_ports_read_what_was_written(play, small):
    config = small(map_words=4)
    words = [(0x8000_0000_0000_0001, 5), (0xFF, 9), (0, 0), (1 << 63, 12)]
    rows = [
        {"w_en": 1, "w_addr": k, "w_data": mask | before << 64}
        for k, (mask, before) in enumerate(words)
    ]
    rows += [{"r0_en": 1, "r0_addr": k, "r1_en": 1, "r1_addr": 3 - k} for k in range(4)]
    seen = play(MapStore(config), [*rows, {}, {}])[5:]
    for k, row in enumerate(seen[:4]):
        assert tuple(row["r0_word"].values()) == words[k]
        assert tuple(row["r1_word"].values()) == words[3 - k]
    assert tuple(seen[4]["r0_word"].values()) == words[3]


def test_marks_are_those_of_the_list_and_of_none_before(play, small):
    """Two banks in turn; a list has no marks in words that it does not reach."""
    config, rng = small(max_input=200, max_hidden=200, map_words=4), random.Random(0)
    dut, rows, wanted = EventMarks(config, 200), [], []
    for turn in range(8):
        share = (0.5, 0.01, 0.2, 0.9)[turn % 4]
        columns = [k for k in range(200) if rng.random() < share] or [199]
        rows += [
            {"w_en": 1, "w_bank": turn & 1, "w_first": k == 0, "w_column": column}
            for k, column in enumerate(columns)
        ]
        for word in range(4):
            port = f"r{rng.randrange(2)}"
            rows.append({f"{port}_en": 1, f"{port}_bank": turn & 1, f"{port}_word": word})
            marks = sum(1 << column % 64 for column in columns if column // 64 == word)
            wanted.append((len(rows), port, marks))
    seen = play(dut, [*rows, {}])
    for cycle, port, marks in wanted:
        assert seen[cycle][f"{port}_marks"] == marks
