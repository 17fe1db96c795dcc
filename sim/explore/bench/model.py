"""Speed of the NumPy model and of its peers on a CPU, one thread each, in one run.

``python -m sim.explore.bench.model`` prints the figures as JSON.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import onnx
import onnxruntime

from sim.model.network import Model
from sim.model.plain import run_plain
from sim.model.random_network import random_codes, random_network
from sim.networks.network import IntegerNetwork
from sim.networks.tflite.writer import write_tflite

__all__ = ["SPEED_CASES", "SpeedCase", "bench_model", "measure_speed", "on_one_thread"]


@dataclass(frozen=True, kw_only=True)
class SpeedCase:
    """One comparison.

    Members
    -------
    inputs, hidden : int
        Size of the LSTM.
    batch, steps : int
        Sequences run at once, and their length.
    cmsis_nn : float
        Steps per second of CMSIS-NN on a host of this class: a figure, not measured here.
    """

    inputs: int
    hidden: int
    batch: int
    steps: int
    cmsis_nn: float


SPEED_CASES = (
    SpeedCase(inputs=64, hidden=128, batch=1, steps=400, cmsis_nn=48e3),
    SpeedCase(inputs=64, hidden=128, batch=128, steps=40, cmsis_nn=48e3),
    SpeedCase(inputs=256, hidden=512, batch=1, steps=100, cmsis_nn=5e3),
    SpeedCase(inputs=256, hidden=512, batch=128, steps=10, cmsis_nn=5e3),
    SpeedCase(inputs=1024, hidden=1024, batch=1, steps=40, cmsis_nn=650),
    SpeedCase(inputs=1024, hidden=1024, batch=128, steps=6, cmsis_nn=650),
)
"""What ``bench_model`` measures."""

_REPEATS = 3
_PLAIN_STEPS = 4
"""Steps of one sequence that the slow runners take: TFLite-Micro and the plain loop."""


def bench_model(cases: tuple[SpeedCase, ...] = SPEED_CASES) -> list[dict]:
    """Figures of all cases: see :func:`measure_speed`."""
    rows = []
    for case in cases:
        numbers = (case.inputs, case.hidden, case.batch, case.steps, case.cmsis_nn)
        rows += on_one_thread(__spec__.name, *map(str, numbers))
    return rows


def on_one_thread(module: str, *arguments: str) -> list[dict]:
    """The JSON that a module prints, run in a process of its own with one thread.

    The threads of BLAS are counted when NumPy is first imported.
    """
    one = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM")}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **one},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def measure_speed(case: SpeedCase) -> dict:
    """Steps per second of CPU time on the same sizes and the same batch, best of some runs.

    ``model`` is ours, ``plain`` is its reference loop (one sequence), ``tflm`` is TFLite-Micro (one
    sequence; None where it is not installed), ``onnxruntime`` and ``onnxruntime_int8`` run floats
    and dynamically quantised weights, ``cmsis_nn`` is the published figure.
    """
    network = random_network([case.inputs, case.hidden])
    x = random_codes(network, case.batch, case.steps)
    few = x[:1, :_PLAIN_STEPS]
    model = Model(network)
    count, slow_count = case.batch * case.steps, few.shape[1]
    with tempfile.TemporaryDirectory() as folder:
        tflm = _tflm_runner(network, few, Path(folder))
        session, quantised = _onnx_runners(case, x, Path(folder))
        return {
            "inputs": case.inputs,
            "hidden": case.hidden,
            "batch": case.batch,
            "model": _rate(lambda: model.run(x), count),
            "plain": _rate(lambda: run_plain(network, few), slow_count),
            "tflm": tflm and _rate(tflm, slow_count),
            "onnxruntime": _rate(session, count),
            "onnxruntime_int8": _rate(quantised, count),
            "cmsis_nn": case.cmsis_nn,
        }


def _rate(run: Callable[[], object], steps: int) -> float:
    """Steps per second of the fastest run; CPU time, so that other processes count little."""
    best = float("inf")
    for _ in range(_REPEATS):
        started = process_time()
        run()
        best = min(best, process_time() - started)
    return steps / best


def _tflm_runner(network: IntegerNetwork, x: np.ndarray, folder: Path) -> Callable | None:
    try:
        from tflite_micro import runtime
    except ImportError:
        return None
    path = folder / "net.tflite"
    write_tflite(network, path, steps=x.shape[1])
    interpreter = runtime.Interpreter.from_file(str(path))
    interpreter.set_input(x, 0)
    return interpreter.invoke


def _onnx_runners(case: SpeedCase, x: np.ndarray, folder: Path) -> list[Callable]:
    """The same LSTM in ONNX Runtime: float32, and int8 weights quantised by its own tool."""
    from onnxruntime.quantization import quantize_dynamic

    exact, quantised = folder / "net.onnx", folder / "net_int8.onnx"
    onnx.save(_onnx_model(case), exact)
    # It advises a preparation that would change nothing in a single node.
    logging.disable(logging.WARNING)
    quantize_dynamic(exact, quantised)
    logging.disable(logging.NOTSET)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    feeds = {"x": x.transpose(1, 0, 2).astype(np.float32)}
    sessions = [
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for path in (exact, quantised)
    ]
    return [lambda session=session: session.run(None, feeds) for session in sessions]


def _onnx_model(case: SpeedCase) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    inputs, hidden = case.inputs, case.hidden
    weights = {
        "W": rng.normal(0, inputs**-0.5, (1, 4 * hidden, inputs)),
        "R": rng.normal(0, hidden**-0.5, (1, 4 * hidden, hidden)),
    }
    tensors = [
        onnx.numpy_helper.from_array(value.astype(np.float32), name)
        for name, value in weights.items()
    ]
    node = onnx.helper.make_node("LSTM", ["x", "W", "R"], ["h"], hidden_size=hidden)
    kind = onnx.TensorProto.FLOAT
    x = onnx.helper.make_tensor_value_info("x", kind, [case.steps, case.batch, inputs])
    h = onnx.helper.make_tensor_value_info("h", kind, [case.steps, 1, case.batch, hidden])
    graph = onnx.helper.make_graph([node], "lstm", [x], [h], tensors)
    opset = onnx.helper.make_opsetid("", 17)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)


def _main(arguments: list[str]) -> None:
    if not arguments:
        rows = bench_model()
    else:
        inputs, hidden, batch, steps = map(int, arguments[:4])
        case = SpeedCase(
            inputs=inputs, hidden=hidden, batch=batch, steps=steps, cmsis_nn=float(arguments[4])
        )
        rows = [measure_speed(case)]
    print(json.dumps(rows))


if __name__ == "__main__":
    _main(sys.argv[1:])
