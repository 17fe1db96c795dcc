import sys
import time
from threading import Barrier

import pytest

from sim.rtl.programs import Programs, ToolError

PYTHON = sys.executable


def test_the_output_is_given():
    with Programs() as programs:
        assert programs.run([PYTHON, "-c", "print(3)"], "counting") == "3\n"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("a\nx.cpp:3: error: no such thing\nb", "x.cpp:3: error: no such thing"),
        (
            "cc: error: x\nas: y.o: No space left on device",
            "as: y.o: No space left on device",
        ),
        ("killed\n\n", "killed"),
        ("", "it gave no reason"),
    ],
)
def test_a_failure_is_the_line_that_says_why(said, reason):
    program = f"import sys; sys.stderr.write({said!r}); sys.exit(1)"
    with pytest.raises(ToolError) as error, Programs() as programs:
        programs.run([PYTHON, "-c", program], "c++ on it")
    works = "the NumPy model runs everything but RTL without it"
    assert str(error.value) == f"c++ on it failed; {works}: {reason}"


def test_work_is_done_side_by_side():
    # Each waits for the other: one after the other, the barrier would break.
    both = Barrier(2)
    with Programs(cores=2) as programs:
        waiting = [programs.submit(both.wait, 60) for _ in range(2)]
        assert sorted(each.result() for each in waiting) == [0, 1]


def test_an_interruption_leaves_no_program(tmp_path):
    started = tmp_path / "started"
    program = f"open({str(started)!r}, 'w').close(); import time; time.sleep(600)"
    with pytest.raises(KeyboardInterrupt), Programs(cores=1) as programs:
        running = programs.submit(programs.run, [PYTHON, "-c", program], "waiting")
        waiting = programs.submit(programs.run, [PYTHON, "-c", program], "waiting")
        while not started.exists():
            time.sleep(0.01)
        raise KeyboardInterrupt
    # Leaving the context waited for both, and neither took ten minutes.
    with pytest.raises(ToolError, match=r"^waiting failed; "):
        running.result(timeout=0)
    assert waiting.cancelled()


def test_a_program_that_is_begun_too_late_is_not():
    programs = Programs(cores=1)
    with pytest.raises(KeyboardInterrupt), programs:
        raise KeyboardInterrupt
    with pytest.raises(ToolError, match=r"^counting was not begun$"):
        programs.run([PYTHON, "-c", "print(3)"], "counting")
