"""Verilog in which the first words of memories are written in loops."""

import re

__all__ = ["with_loops"]

_INITIAL = re.compile(r"^  initial begin\n(.*?)^  end\n", re.M | re.S)
_WORD = re.compile(r"    (\S+) ?\[(\d+)\] = (\d+'[hdb][0-9a-f]+);\n")
_FEW = 4
"""A run of fewer equal words stays as it is."""


def with_loops(verilog: str) -> str:
    """The same Verilog with a loop for each run of equal words in ``initial`` blocks.

    A memory of thousands of zeros takes a line for every word otherwise, and Verilator makes some
    lines of C++ of each.
    """
    return _INITIAL.sub(_shorten, verilog)


def _shorten(block: re.Match) -> str:
    lines, run = [], []
    for line in block[1].splitlines(keepends=True):
        word = _WORD.fullmatch(line)
        if run and not (word and _follows(run, word)):
            lines += _written(run)
            run = []
        if word:
            run.append(word)
        else:
            lines.append(line)
    return "".join(["  initial begin\n", *lines, *_written(run), "  end\n"])


def _follows(run: list[re.Match], word: re.Match) -> bool:
    same = (word[1], word[3]) == (run[0][1], run[0][3])
    return same and int(word[2]) == int(run[0][2]) + len(run)


def _written(run: list[re.Match]) -> list[str]:
    if len(run) < _FEW:
        return [word[0] for word in run]
    memory, first, value = run[0].groups()
    limit = int(first) + len(run)
    space = " " if memory.startswith("\\") else ""
    loop = f"    for (int word = {first}; word < {limit}; word = word + 1)"
    return [f"{loop} {memory}{space}[word] = {value};\n"]
