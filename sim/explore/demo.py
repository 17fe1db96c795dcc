"""The demonstration: a speech detector on a labelled conversation, in float, integers and RTL."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from hw.config import Config
from sim.explore.bench.utilisation import LATENCY
from sim.explore.export import write_verilog
from sim.explore.files import write_whole
from sim.explore.machine_values import values_of
from sim.explore.nodes import LstmNodes, quantize_nodes
from sim.explore.picture import speech_picture
from sim.explore.running import make_backend
from sim.explore.traces import Tracer
from sim.image.modes import LayerModes, Modes
from sim.networks.onnx.model import OnnxModel
from sim.networks.quantizer import sqnr
from sim.workloads import silero
from sim.workloads.scores import accuracy, roc_auc

__all__ = ["Demo", "run_demo"]

_CALIBRATION = 0.5
"""Share of the recording, from its start, that the quantiser sees."""

_OUTPUT = "speech_probs"

_MODES = {
    "normal": LayerModes(),
    "exact delta": LayerModes(mode="delta", zero_skip=True),
    "delta, thresholds 6": LayerModes(mode="delta", x_threshold=6, h_threshold=6, zero_skip=True),
}
"""How each run chooses its modes; thresholds of 6 are what tuning on the first half gives."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demonstration found.

    Members
    -------
    figures : dict
        Ready for JSON.
    files : list of Path
        What was written.
    """

    figures: dict
    files: list[Path]

    @property
    def bits_agree(self) -> bool:
        """Whether the RTL's hidden states are the integer model's."""
        return self.figures["bits_that_differ"] == 0


def run_demo(
    config: Config,
    folder: Path,
    say: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Demo:
    """Run everything, and write the Verilog, the picture and the figures into ``folder``.

    Parameters
    ----------
    config : Config
        The accelerator.
    folder : Path
        Made where it does not exist.
    say : function of str
        Told what happens next.
    progress : function of (int, int)
        Told how far the simulation is.

    Raises
    ------
    PackageError, ToolError
        The data cannot be fetched; a tool is missing.
    """
    say("fetching the network and the recording")
    path, samples, turns = silero.load()
    inputs = silero.inputs(samples)
    labels = silero.chunk_labels(turns, len(inputs["input"]))

    say("running in floating point and quantising")
    probabilities = {"float": _run_float(path, inputs)}
    model = OnnxModel(path)
    seen = {**inputs, "input": inputs["input"][: int(len(labels) * _CALIBRATION)]}
    networks = quantize_nodes(model, seen)

    backends = {
        "integer": make_backend("model", config, LATENCY),
        "rtl": make_backend("rtl", config, LATENCY, say, progress),
    }
    runs = _run_modes(model, inputs, networks, backends, say)
    normal, exact = runs["normal"], runs["exact delta"]
    probabilities |= {kind: run.probability for kind, run in normal.items()}
    changed = _bits([(normal["rtl"].nodes, exact["rtl"].nodes)])

    say("writing the Verilog and the picture")
    picture = folder / "speech.png"
    work = {name: run["integer"].work() for name, run in runs.items()}
    write_whole(picture, speech_picture(samples, labels, probabilities, work))
    figures = {
        **_bits((run["integer"].nodes, run["rtl"].nodes) for run in runs.values()),
        "bits_that_exact_delta_changes": changed["bits_that_differ"],
        "scores": _scores(probabilities, labels),
        "sqnr_db": sqnr(probabilities["float"], probabilities["integer"]),
        "modes": [_saved(name, run["rtl"], labels, config) for name, run in runs.items()],
        "rtl": _speed(normal["rtl"].nodes.report(), config),
        "config": values_of(config),
    }
    report = folder / "demo.json"
    write_whole(report, (json.dumps(figures, indent=2) + "\n").encode())
    exported = write_verilog(config, folder, command="refrain demo")
    return Demo(figures=figures, files=[*exported, picture, report])


def _run_float(path: Path, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Speech probabilities by ONNX Runtime alone."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run([_OUTPUT], inputs)[0]


@dataclass(frozen=True, kw_only=True)
class _Nodes:
    """A run of the whole model: what it gave, and what its LSTM nodes did."""

    probability: np.ndarray
    nodes: LstmNodes

    @classmethod
    def of(cls, model: OnnxModel, inputs: dict, networks: dict, backend, modes: LayerModes):
        nodes = LstmNodes(networks, backend, Modes(layers=(modes,)))
        return cls(probability=model.run(inputs, nodes)[_OUTPUT], nodes=nodes)

    def work(self) -> np.ndarray:
        """Share of all products that each step makes."""
        tracer = Tracer(self.nodes.backend)
        self.nodes.trace(tracer)
        (trace,) = tracer.traces
        columns = trace.direction.input_size + trace.direction.hidden_size
        return (trace.activity.events_x + trace.activity.events_h)[0] / columns


def _run_modes(model: OnnxModel, inputs: dict, networks: dict, backends: dict, say) -> dict:
    """A run of each way of choosing modes on each backend, by both their names."""
    runs = {}
    for name, modes in _MODES.items():
        say(f"running in integers and in RTL: {name}")
        runs[name] = {
            kind: _Nodes.of(model, inputs, networks, backend, modes)
            for kind, backend in backends.items()
        }
    return runs


def _bits(pairs: Iterable[tuple[LstmNodes, LstmNodes]]) -> dict[str, int]:
    """How many bits of the hidden states of two runs were compared, and how many differ."""
    compared = differ = 0
    for one, other in pairs:
        for name, results in one.results.items():
            for result, same in zip(results, other.results[name], strict=True):
                wrong = result.h.view(np.uint8) ^ same.h.view(np.uint8)
                compared += 8 * wrong.size
                differ += int(np.unpackbits(wrong).sum())
    return {"bits_compared": compared, "bits_that_differ": differ}


def _saved(name: str, run: _Nodes, labels: np.ndarray, config: Config) -> dict:
    """What a way of choosing modes costs and saves."""
    report = _speed(run.nodes.report(), config)
    return {
        "mode": name,
        "roc_auc": roc_auc(run.probability, labels),
        "macs_skipped_%": 100 * (report["macs_avoided_share"] or 0),
        "cycles_a_step": report["cycles"] / report["steps"],
        "times_real_time": report["times_real_time"],
    }


def _scores(probabilities: dict[str, np.ndarray], labels: np.ndarray) -> list[dict]:
    return [
        {
            "run": name,
            "roc_auc": roc_auc(probability, labels),
            "accuracy": accuracy(probability, labels),
        }
        for name, probability in probabilities.items()
    ]


def _speed(report: dict, config: Config) -> dict:
    """The report, and how often the accelerator could have listened to the recording meanwhile."""
    busy = report["cycles"] / (config.clock_mhz * 1e6)
    return {**report, "times_real_time": report["steps"] * silero.CHUNK_SECONDS / busy}
