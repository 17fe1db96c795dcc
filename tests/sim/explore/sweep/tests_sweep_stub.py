"""What is measured where only the sweep itself is tested; other processes import it."""

import os
import signal
import time
from pathlib import Path

PLAN = {
    "subject": {"workload": "vowels"},
    "modes": {"mode": "delta", "x_threshold": {"from": 0, "to": 9}, "h_threshold": [0, 1, 2, 3]},
}
COUNT = 40


def stub(subject, point, case=None):
    """Figures that follow from the point."""
    log = os.environ.get("SWEEP_STUB_LOG")
    mode = point.mode
    _kill(mode)
    time.sleep(0.02)
    if log:
        with Path(log).open("a") as file:
            file.write(f"{mode.mode}-{mode.x_threshold}-{mode.h_threshold}\n")
    macs = 1000.0 - 10 * mode.x_threshold - mode.h_threshold
    figures = {"metric": "accuracy", "score": macs / 1000, "standard_error": 0.01}
    figures |= {"lower_is_better": False, "examples": 100, "macs": macs, "bytes": macs}
    figures |= {"dram_read_bytes": macs, "dram_write_bytes": 8.0}
    return {**figures, "cycles": macs, "step_us": macs / 100}


def _kill(mode):
    """End this process at one point, the first time or always, where that is wanted."""
    wanted = os.environ.get("SWEEP_STUB_KILL")
    if wanted and (mode.x_threshold, mode.h_threshold) == (0, 3):
        if wanted != "always":
            if Path(wanted).exists():
                return
            Path(wanted).touch()
        os.kill(os.getpid(), signal.SIGKILL)
