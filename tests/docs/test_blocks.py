"""The commands and the Python of the pages that newcomers read run as they stand."""

import re
import shlex
from pathlib import Path

import numpy as np
import onnx
import pytest

from sim.cli import app

ROOT = Path(__file__).parents[2]
INPUTS, UNITS = 3, 8


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the pages name, which is the current one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.2, (32, 20, INPUTS)).cumsum(axis=1).astype(np.float32)
    np.save("x.npy", steps)
    shapes = {"W": (1, 4 * UNITS, INPUTS), "R": (1, 4 * UNITS, UNITS), "B": (1, 8 * UNITS)}
    weights = [
        onnx.numpy_helper.from_array(rng.normal(0, 0.4, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        onnx.helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        onnx.helper.make_node("LSTM", ["t", *shapes], ["y"], hidden_size=UNITS),
        onnx.helper.make_node("Squeeze", ["y", "axes"], ["h"]),
    ]
    weights.append(onnx.numpy_helper.from_array(np.array([1], np.int64), "axes"))
    ends = [
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in (("x", ["n", "t", INPUTS]), ("h", ["t", "n", UNITS]))
    ]
    graph = onnx.helper.make_graph(nodes, "net", *ends, weights)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), "net.onnx")
    return tmp_path


def _commands(page):
    """Lines of a page's blocks that call the command, without what is said beside them."""
    text = (ROOT / page).read_text()
    return [
        shlex.split(line, comments=True) for line in re.findall(r"^    (refrain .+)$", text, re.M)
    ]


def _run(page, simulate):
    done = []
    for _, *arguments in _commands(page):
        if simulate or "rtl" not in arguments:
            assert app.run(arguments) == 0, arguments
            done.append(arguments[0])
    return done


@pytest.mark.parametrize("page", ["README.md"])
def test_the_commands_run(page, folder, capsys):
    done = _run(page, simulate=False)
    assert {"inspect", "run", "tune", "verilog"} <= set(done)
    assert (folder / "settings.json").exists()
    assert (folder / "build" / "edge" / "refrain_edge.v").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md"])
def test_the_commands_run_in_rtl_simulation_too(page, folder, capsys):
    assert len(_run(page, simulate=True)) == len(_commands(page))


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/configurations.md"])
def test_the_python_runs(page, folder, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})
